"""``saddlescape plot NAME``: the command."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from .choices import Part, choice, chosen, foreign
from .command import print_members
from .fields import Field, fields, summary
from .figures import FIGURES
from .figures.interface import Choice
from .flags import Section, UnknownFlagError, filled, parse
from .output import check_output, notes
from .refusals import InputError, deliberate_refusals, listed, nearest, one_of


class PlotOutput(NamedTuple):
    """Where a figure goes.

    Parameters
    ----------
    out
        Folder for the figure and its data.
    format
        Kinds of file, separated by commas: png, pdf, svg; gif, mp4 of an animation. The usual one if left out.
    dpi
        Dots per inch of png, gif and mp4: 150 if left out, 80 of an animation.
    json
        Print the data as one JSON object and write nothing.
    quiet
        Do not tell how far the run has come.
    """

    out: str = "."
    format: str | None = None
    dpi: float | None = None
    json: bool = False
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    first = tokens[0] if tokens else "--help"
    if first in ("--help", "-h"):
        told = f"{says} The .json file with a figure's data, in place of a name, draws it again without a run."
        return print_members(name, told, {each: f"{said}." for each, (said, _) in FIGURES.items()}, "figure")
    if first.endswith(".json"):
        return _again(first, says, tokens[1:])
    if first not in FIGURES:
        raise InputError(f"there is no figure {first!r}{nearest(first, FIGURES, one_of(FIGURES))}")
    return _figure(name, first, tokens[1:])


def _figure(command: str, name: str, tokens: list[str]) -> int:
    from .plot import KINDS, Chosen, computed, module_of
    from .progress import shares

    module = module_of(name)
    parts = {word: chosen(KINDS[word], tokens, module.PARTS[word].name) for word in KINDS if word in module.PARTS}
    sections = [
        Section("Figure", "", [*(choice(part) for part in parts.values()), *fields(module.Options)]),
        *(
            Section(f"{word.capitalize()} {part.name}", summary(part.make), _own_fields(part, module.PARTS[word]))
            for word, part in parts.items()
        ),
        Section("Output", "", fields(PlotOutput)),
    ]
    try:
        given = parse(f"saddlescape {command} {name}", f"{FIGURES[name][0]}.", sections, tokens)
    except UnknownFlagError as error:
        raise foreign(error.flag, list(parts.values())) or error from None
    if given is None:
        return 0
    output = filled(PlotOutput, given)
    suffixes = _checked(name, output)
    made = {}
    with deliberate_refusals():
        for word, part in parts.items():
            values = {field.name: given[field.name] for field in part.fields if field.name in given}
            if part.name == module.PARTS[word].name:
                values = module.PARTS[word].values | values
            made[word] = Chosen(part, values, part.build(values))
    with shares(quiet=output.quiet) as report, deliberate_refusals():
        plot = computed(name, filled(module.Options, given), made, report)
    _deliver(plot, output, suffixes)
    return 0


def _own_fields(part: Part, usual: Choice) -> list[Field]:
    """Return the fields of a part with the defaults that the figure gives them."""
    given = usual.values if part.name == usual.name else {}
    return [field._replace(default=given.get(field.name, field.default)) for field in part.fields]


def _again(path: str, says: str, tokens: list[str]) -> int:
    from .plot import redrawn

    given = parse("saddlescape plot FILE.json", says, [Section("Output", "", fields(PlotOutput))], tokens)
    if given is None:
        return 0
    output = filled(PlotOutput, given)
    try:
        with deliberate_refusals():
            plot = redrawn(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    _deliver(plot, output, _checked(plot.name, output))
    return 0


def _checked(name: str, output: PlotOutput) -> list[str]:
    """Return the suffixes of the files to write, or refuse, before the run, what could not be written after it."""
    from .plot import formats

    check_output(output.out)
    if output.dpi is not None and not 10.0 <= output.dpi <= 1200.0:
        raise InputError(f"--dpi={output.dpi:g} must lie in [10, 1200]")
    known = [suffix[1:] for suffix in formats(name)]
    words = known[:1] if output.format is None else listed("--format", output.format, known, "format")
    if "mp4" in words:
        from .figures.movie import encoder

        with deliberate_refusals():
            encoder()
    return [f".{word}" for word in words]


def _deliver(plot: Any, output: PlotOutput, suffixes: list[str]) -> None:
    """Print the caption, or the data, and write the files; what was written before a failure is told too."""
    if output.json:
        from json import dumps

        print(dumps(plot.as_json(), allow_nan=False))
        sys.stdout.flush()
        return
    import textwrap

    print(textwrap.fill(plot.caption, 80))
    stem = Path(output.out) / plot.name
    to = notes(json=False)
    try:
        for suffix in (*suffixes, ".json"):
            plot.save(stem.with_suffix(suffix), output.dpi)
            print(f"written {stem.with_suffix(suffix)}", file=to)
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
