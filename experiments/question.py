"""Commands that put a question to a rule: ``saddlescape escape RULE ...``, ``saddlescape saddle RULE ...``.

Two passes: the first finds which rule, landscape and noise are chosen, the second knows exactly the flags of these.
Nothing heavy is imported before a run begins.
"""

from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ..landscapes.checks import whole
from .choices import LANDSCAPE, NOISE, ROOT, RULE, Part, choice, choose, chosen, foreign
from .command import INTERRUPTED, print_members
from .configuration import idle
from .fields import Field, as_text, fields, summary
from .flags import Section, UnknownFlagError, filled, parse
from .output import check_output, notes, tell
from .refusals import InputError, deliberate_refusals, one_of


class Question(NamedTuple):
    """An experiment that has a command of its own; its module has the command's name.

    Parameters
    ----------
    run, experiment
        In its module, the NamedTuple of its flags and the function that runs it.
    landscape, noise
        The default choice.
    """

    run: str
    experiment: str
    landscape: str
    noise: str


QUESTIONS = {
    "escape": Question("EscapeRun", "escape_experiment", "quartic", "isotropic"),
    "saddle": Question("SaddleRun", "saddle_experiment", "saddle", "hessian"),
}


BOUNDS = {
    "trajectories": (1, 10**9),
    "repetitions": (1, 10**6),
    "trials": (2, 10**7),
    "steps": (1, 10**15),
    "max_steps": (1, 10**15),
    "left_truncation": (0, 10**15),
    "record": (1, 10_000),
    "threads": (1, 4096),
    "lanes": (1, 2**20),
}
"""Field of a run -> the least and the most it may be, where it is a number: beyond, neither time nor memory suffice."""


class Output(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for a record of the run: raw results and a manifest.
    plot
        Figure to draw: a .png, .pdf or .svg file.
    quiet
        Do not tell how far the run has come.
    toml
        Run nothing: print the experiment file that says the same.
    """

    json: bool = False
    out: str | None = None
    plot: str | None = None
    quiet: bool = False
    toml: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command of an experiment and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    question = QUESTIONS[name]
    first = tokens[0] if tokens else "--help"
    if first in ("--help", "-h"):
        rules = {rule: summary(choose(RULE, rule).make) for rule in RULE.table}
        return print_members(name, f"{says} saddlescape {name} RULE --help tells the flags of a rule.", rules, "rule")
    if first.startswith("-"):
        raise InputError(f"the rule comes before {first}{one_of(RULE.table)}")
    parts = (
        choose(RULE, first),
        chosen(LANDSCAPE, tokens, question.landscape),
        chosen(NOISE, tokens, question.noise),
    )
    own = fields(run_of(name))
    sections = [
        Section("Run", "", [*(choice(part) for part in parts[1:]), *own]),
        *(Section(f"{part.kind.word.capitalize()} {part.name}", summary(part.make), part.fields) for part in parts),
        Section("Output", "", fields(Output)),
    ]
    try:
        given = parse(f"saddlescape {name} {first}", f"{says} Rule: {first}.", sections, tokens[1:])
    except UnknownFlagError as error:
        raise _foreign(error.flag, name, parts) or error from None
    return 0 if given is None else _run(name, parts, given)


def check_run(run: Any) -> None:
    """Refuse, before anything is imported or allocated, numbers that no machine could carry out.

    Raises
    ------
    ValueError
        With the bound.
    """
    for name, (least, most) in BOUNDS.items():
        value = getattr(run, name, None)
        if isinstance(value, int):
            whole(name, value, least)
            if value > most:
                raise ValueError(f"{name}={value} must be at most {most}: neither time nor memory would suffice")


def check_given(run: Any, given: Collection[str]) -> None:
    """Refuse what was given for fields that do nothing beside the others of a run.

    Raises
    ------
    ValueError
        With the field.
    """
    for name in given:
        if name in (useless := idle(run)):
            raise ValueError(f"{name}={as_text(getattr(run, name))} {useless[name]}")


def _run(name: str, parts: tuple[Part, Part, Part], given: dict[str, Any]) -> int:
    from .configuration import Configuration

    def of(owned: Sequence[Field]) -> dict[str, Any]:
        return {field.name: given[field.name] for field in owned if field.name in given}

    run = run_of(name)
    rule, landscape, noise = (of(part.fields) for part in parts)
    asked = Configuration(name, parts, (rule, landscape, noise), filled(run, given))
    with deliberate_refusals():
        check_given(asked.run, [field.name for field in fields(run) if field.name in given])
    return carry_out(asked, filled(Output, given))


def carry_out(asked: Any, output: Output) -> int:
    """Run a configuration, tell and write its result, and return the exit code.

    Parameters
    ----------
    asked
        Configuration.
    output
        Where its results go.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    check_output(output.out, output.plot)
    with deliberate_refusals():
        check_run(asked.run)
        asked.build()  # before anything heavy is imported
    if output.toml:
        from .files.text import to_text

        print(to_text(asked), end="")
        return 0

    from .progress import progress

    module = _module(asked.question)
    with deliberate_refusals():
        counted = module.counted(asked) if hasattr(module, "counted") else "trajectories"
    with progress(quiet=output.quiet, of=counted) as report, deliberate_refusals():
        result = getattr(module, QUESTIONS[asked.question].experiment)(asked, progress=report)
    tell(result, "table", json=output.json)
    if output.out is not None or output.plot is not None:
        _write(result, output, _module(f"figures.{asked.question}"))
    return INTERRUPTED if result.interrupted else 0


def _write(result: Any, output: Output, figure: Any) -> None:
    """Write the record and the figure, and say where."""
    from .figures.style import write
    from .record import RecordError, save

    said = []
    try:
        if output.out is not None:
            saved = save(Path(output.out), result)
            said.append(f"record  {saved.path}" + ("" if saved.new else "  (there already, the same)"))
        if output.plot is not None:
            write(figure.draw(result), Path(output.plot))
            said.append(f"figure  {output.plot}")
    except RecordError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
    finally:
        for note in said:
            print(note, file=notes(json=output.json))


def _foreign(flag: str, name: str, parts: tuple[Part, Part, Part]) -> InputError | None:
    """Say to whom a flag belongs that is not one of ours."""
    for other in QUESTIONS:
        if flag in {field.flag for field in fields(run_of(other))}:
            return InputError(f"{flag} belongs to saddlescape {other}, not to {name}")
    return foreign(flag, parts)


def run_of(name: str) -> Any:
    """Return the NamedTuple of an experiment's flags."""
    return getattr(_module(name), QUESTIONS[name].run)


def _module(name: str) -> Any:
    return import_module(f"{ROOT}.experiments.{name}")
