"""``saddlescape summary DIR``: the command."""

from pathlib import Path
from typing import NamedTuple

from .fields import fields
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .refusals import InputError, deliberate_refusals

REPEATED = "--where"
SORT = "--sort"


class SummaryRun(NamedTuple):
    """Which settings are told, and what of them.

    Parameters
    ----------
    sort
        Column to sort by, with a minus sign before it from the largest to the smallest; the file's order if left out.
    where
        Conditions NAME=VALUE with commas between them, also !=, <, <=, >, >=; can be given several times.
    columns
        Columns in place of the usual ones, with commas between them: quantities as in --json, or fields as rule.lr.
    rows
        Rows of the table at most; 0 for all. A figure has every setting that --where leaves.
    """

    sort: str | None = None
    where: str | None = None
    columns: str | None = None
    rows: int = 200


class SummaryOutput(NamedTuple):
    """Where the summary goes.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    plot
        Figure to draw of the settings that are told: a .png, .pdf or .svg file.
    x
        Axis of the sweep that the figure is drawn against; the first with numbers if left out.
    """

    json: bool = False
    plot: str | None = None
    x: str | None = None


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it: a folder and flags.

    Raises
    ------
    InputError
        Where there is no sweep in the folder, or a flag is bad.
    """
    sections = [Section("Table", "", fields(SummaryRun)), Section("Output", "", fields(SummaryOutput))]
    title = f"saddlescape {name} DIR"
    if not tokens or tokens[0].startswith("-"):
        if tokens and tokens[0] not in ("--help", "-h"):
            raise InputError(f"the folder comes before {tokens[0]}: {title}")
        parse(title, says, sections, ["--help"])
        return 0
    given = parse(title, says, sections, joined(tokens[1:]))
    return 0 if given is None else _run(Path(tokens[0]), filled(SummaryRun, given), filled(SummaryOutput, given))


def joined(tokens: list[str]) -> list[str]:
    """Return the tokens with all conditions in one flag, and a minus sign kept with the column that it is for."""
    others: list[str] = []
    conditions: list[str] = []
    rest = iter(tokens)
    for token in rest:
        flag, equals, value = token.partition("=")
        if flag == REPEATED and (equals or (value := next(rest, ""))):
            conditions.append(value)
        elif token == SORT:
            others.append(f"{SORT}={next(rest, '')}")
        else:
            others.append(token)
    return others + ([f"{REPEATED}={','.join(conditions)}"] if conditions else [])


def _run(folder: Path, run: SummaryRun, output: SummaryOutput) -> int:
    check_output(None, output.plot)
    if run.rows < 0:
        raise InputError(f"--rows={run.rows} must be at least 0")
    if output.x is not None and output.plot is None:
        raise InputError(f"--x={output.x} goes with --plot: it is the figure's axis")

    from .sweep.reading import load
    from .sweep.summary import summary

    sweep = load(folder)
    columns = () if run.columns is None else tuple(part.strip() for part in run.columns.split(","))
    with deliberate_refusals():
        result = summary(sweep, run.where, run.sort, columns, run.rows)
    figure = None
    if output.plot is not None:
        from .figures.sweep import draw

        if not result.places:
            raise InputError(f"--where={run.where} leaves no setting to draw with --plot={output.plot}")
        figure = draw(sweep, output.x, result.places)
    tell(result, "sweep.summary_table", json=output.json)
    if output.plot is not None:
        write_files(result, None, notes(json=output.json), lambda _: figure, [Path(output.plot)])
    return 0
