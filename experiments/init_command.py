"""Command ``saddlescape init``: an experiment file to begin with, every line explained."""

from pathlib import Path

from .choices import LANDSCAPE, NOISE, RULE, choose
from .command import COMMANDS
from .fields import Field, fields
from .files.experiment import SweepPlan
from .files.text import commented, told
from .files.toml_values import key_of, toml
from .flags import Section, parse
from .question import QUESTIONS, run_of
from .refusals import InputError

FILE = "experiment.toml"
RULES = {"sgd": {}, "momentum": {"beta1": 0.9, "beta3": 0.1}}
"""The rules of the example: the second averages its gradients, so that both go equally far in a step."""
SURFACE, GRADIENT_NOISE = "piecewise-quadratic", "hessian"


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Write the example and return the exit code; the arguments are those of ``question.answer``.

    Raises
    ------
    InputError
        Where there is such a file already, or it cannot be written.
    """
    path = tokens[0] if tokens and (tokens[0] == "-" or not tokens[0].startswith("-")) else None
    rest = tokens if path is None else tokens[1:]
    section = Section("Options", "", [])
    help_says = f"{says} FILE is {FILE} if none is given; - prints it."
    if parse(f"saddlescape {name} [FILE]", help_says, [section], rest) is None:
        return 0
    path = path or FILE
    if path == "-":
        print(example("FILE.toml"), end="")
        return 0
    try:
        with Path(path).open("x", encoding="utf-8", newline="\n") as file:
            file.write(example(path))
    except FileExistsError:
        raise InputError(f"{path} is there already; it is left as it is") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None
    print(f"written {path}; saddlescape sweep {path} --out DIR runs it")
    return 0


def example(path: str) -> str:
    """Return the example; a line that begins with # and no blank after it is an alternative, switched off."""
    rule = _known(choose(RULE, "sgd").fields) | _known(choose(RULE, "momentum").fields)
    landscape, noise = _known(choose(LANDSCAPE, SURFACE).fields), _known(choose(NOISE, GRADIENT_NOISE).fields)
    run, plan = _known(fields(run_of("escape"))), _known(fields(SweepPlan))
    questions = [f"{name}: {COMMANDS[name][0]}" for name in QUESTIONS]
    lines = [
        "# How long two rules take to leave a minimum, over learning rate and batch size: seconds of work.",
        "#",
        f"#   saddlescape sweep {path} --out results     stopped, the same line goes on where it was",
        "#   saddlescape summary results",
        "#",
        *told(
            "Keys are the flags of the command line with underscores for dashes; saddlescape escape RULE --help tells "
            "all of them. A # with a blank after it explains; one without switches a line off."
        ),
        "",
        *told(" ".join(questions)),
        'question = "escape"',
        "",
        "[rule]",
        *told(f"One of {', '.join(RULE.table)}: named below. What stands here holds for all of them."),
        _line(rule, "weight_decay", 0.0, off="#"),
        "",
        "[landscape]",
        *told(f"One of {', '.join(LANDSCAPE.table)}."),
        f"name = {toml(SURFACE)}",
        _line(landscape, "curvature_saddle", 1.0),
        _line(landscape, "transverse_min", [1.0, 2.0], off="#"),
        *told('An array may be the name of a .npy file too, "curvatures.npy"; rows are arrays in an array.'),
        "",
        "[noise]",
        *told(f"One of {', '.join(NOISE.table)}."),
        f"name = {toml(GRADIENT_NOISE)}",
        _line(noise, "floor", 0.01, off="#"),
        "",
        "[run]",
        _line(run, "trajectories", 1000),
        _line(run, "seed", 0),
        _line(run, "max_steps", 100_000, off="#"),
        _line(run, "method", "auto", off="#"),
        "",
        "[axes]",
        *told(
            "Each entry is an axis; all combinations are run, those of the last axis next to one another. An axis over "
            "a rule's field is written in quotes where whole rules are varied too."
        ),
        commented('"rule.lr" = [0.05, 0.07, 0.1]', "A list."),
        commented("noise.batch_size = { from = 0.4, to = 0.8, count = 3 }", "A range, both ends included."),
        commented("#landscape.barrier = { from = 0.2, to = 0.3, step = 0.05 }", "A range by steps."),
        commented('#landscape.curvature_min = { from = 1.0, to = 4.0, count = 3, spacing = "log" }', "By factors."),
        commented('#run.momentum = ["rest", "thermal"]', "Words."),
        commented("#run.origin = [[-1.5], [-1.4]]", "A list of arrays."),
        "",
        *told(
            "An axis over whole tables: each is laid over [rule]. [[axes.landscape]] and [[axes.noise]] do the same."
        ),
        *(
            line
            for name, values in RULES.items()
            for line in (
                "[[axes.rule]]",
                f"name = {toml(name)}",
                *(_line(rule, key, value) for key, value in values.items()),
                "",
            )
        ),
        *told("Fields that change together are one axis."),
        "#[[zip]]",
        "#landscape.curvature_far = [1.0, 4.0]",
        "#run.left_truncation = [0, 100]",
        "",
        *told("How far to go: without this, all trajectories of each setting are run."),
        "#[sweep]",
        _line(plan, "target", 0.05, off="#"),
        _line(plan, "most_trajectories", 20_000, off="#"),
        _line(plan, "most_repetitions", 200, off="#"),
        _line(plan, "unit", 512, off="#"),
        _line(plan, "exact", True, off="#"),
    ]
    return "\n".join(lines) + "\n"


def _known(owned: list[Field]) -> dict[str, Field]:
    return {key_of(field.name): field for field in owned}


def _line(known: dict[str, Field], key: str, value: object, off: str = "") -> str:
    """Return the line that gives a field a value, with what the class says of it; ``off`` stands in front."""
    return commented(f"{off}{key} = {toml(value)}", known[key].doc)
