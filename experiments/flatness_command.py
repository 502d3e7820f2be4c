"""``saddlescape flatness [RULE ...]``: the command."""

from pathlib import Path
from typing import NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .flags import Section, filled, parse
from .flatness import CHOICES, FlatnessRun
from .output import check_output, notes, tell, write_files
from .refusals import deliberate_refusals, leading_names


class FlatnessOutput(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for flatness.json, flatness.png and flatness.pdf; those of an earlier run are replaced.
    plot
        Figure to draw: a .png, .pdf or .svg file.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    out: str | None = None
    plot: str | None = None
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it: rules, all if there is none, and flags.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    rules, flags = leading_names(tokens, CHOICES, "rule")
    sections = [Section("Run", "", fields(FlatnessRun)), Section("Output", "", fields(FlatnessOutput))]
    known = f"Rules, all if none is named: {', '.join(CHOICES)}."
    given = parse(f"saddlescape {name} [RULE ...]", f"{says} {known}", sections, flags)
    if given is None:
        return 0
    return _run(rules or list(CHOICES), filled(FlatnessRun, given), filled(FlatnessOutput, given))


def _run(rules: list[str], run: FlatnessRun, output: FlatnessOutput) -> int:
    from .flatness import flatness_experiment
    from .progress import progress

    check_output(output.out, output.plot)
    with progress(quiet=output.quiet, of="ensembles") as report, deliberate_refusals():
        result = flatness_experiment(rules, run, report)
    tell(result, "flatness_table", json=output.json)
    if output.out is not None or output.plot is not None:
        from .figures.flatness import data_of, draw

        figures = [] if output.plot is None else [Path(output.plot)]
        stem = None if output.out is None else Path(output.out) / "flatness"
        if stem is not None:
            figures += [stem.with_suffix(".png"), stem.with_suffix(".pdf")]
        numbers = None if stem is None else stem.with_suffix(".json")
        drawn = figures if any(series.fits for series in result.series) else []
        write_files(result, numbers, notes(json=output.json), lambda each: draw(data_of(each)), drawn)
    return INTERRUPTED if result.interrupted else 0
