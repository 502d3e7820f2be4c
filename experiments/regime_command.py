"""``saddlescape regime STATEMENT``: the command."""

from pathlib import Path
from typing import NamedTuple

from .command import print_members
from .fields import fields
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .refusals import InputError, deliberate_refusals, nearest, one_of


class RegimeRun(NamedTuple):
    """A statement's closed forms over what is exact, on planes of dimensionless numbers.

    Parameters
    ----------
    tolerance
        Relative error that the bounds allow, in (0, 1).
    points
        Values along each axis; each plane's own number if left out.
    """

    tolerance: float = 0.1
    points: int | None = None


class RegimeOutput(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for regime-STATEMENT.json, .png and .pdf; those of an earlier run are replaced.
    plot
        Figure to draw: a .png, .pdf or .svg file.
    quiet
        Do not tell how far the scan has come.
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
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    from ..theory.statements import STATEMENTS

    first = tokens[0] if tokens else "--help"
    if first in ("--help", "-h"):
        told = f"{says} Closed forms over what is exact, on planes of dimensionless numbers."
        return print_members(name, told, STATEMENTS, "statement")
    if first not in STATEMENTS:
        raise InputError(f"there is no statement {first!r}{nearest(first, STATEMENTS, one_of(STATEMENTS))}")
    sections = [Section("Run", "", fields(RegimeRun)), Section("Output", "", fields(RegimeOutput))]
    given = parse(f"saddlescape {name} {first}", f"{STATEMENTS[first]}: where, and how far off?", sections, tokens[1:])
    return 0 if given is None else _run(first, filled(RegimeRun, given), filled(RegimeOutput, given))


def _run(statement: str, run: RegimeRun, output: RegimeOutput) -> int:
    from .progress import shares
    from .regime import regime_experiment

    check_output(output.out, output.plot)
    with shares(quiet=output.quiet) as report, deliberate_refusals():
        result = regime_experiment(statement, tolerance=run.tolerance, points=run.points, report=report)
    tell(result, "regime_table", json=output.json)
    if output.out is not None or output.plot is not None:
        from .figures.regime import data_of, draw

        figures = [] if output.plot is None else [Path(output.plot)]
        stem = None if output.out is None else Path(output.out) / f"regime-{result.statement}"
        if stem is not None:
            figures += [stem.with_suffix(".png"), stem.with_suffix(".pdf")]
        numbers = None if stem is None else stem.with_suffix(".json")
        write_files(result, numbers, notes(json=output.json), lambda each: draw(data_of(each)), figures)
    return 0
