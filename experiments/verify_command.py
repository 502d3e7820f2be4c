"""``saddlescape verify [STATEMENT ...]``: the command."""

from pathlib import Path
from typing import NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .refusals import InputError, deliberate_refusals, leading_names

CONTRADICTED = 3
"""Exit code where a simulation contradicts what is exact for its own iteration."""


class VerifyRun(NamedTuple):
    """Each statement measured inside and outside its regime, against every reference there is.

    Parameters
    ----------
    quick
        Fewer settings and trajectories.
    seed
        Seed of the random streams, in [0, 2^64 - 1000).
    """

    quick: bool = False
    seed: int = 0


class VerifyOutput(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for verify.json.
    plot
        Figure of every measurement over every prediction: a .png, .pdf or .svg file.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    out: str | None = None
    plot: str | None = None
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code: 3 where a simulation contradicts the exact iteration, else 0.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it: statements, all if there is none, and flags.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    from ..theory.statements import STATEMENTS

    statements, flags = leading_names(tokens, STATEMENTS, "statement")
    sections = [Section("Run", "", fields(VerifyRun)), Section("Output", "", fields(VerifyOutput))]
    known = f"Statements, all if none is named: {', '.join(STATEMENTS)}."
    given = parse(f"saddlescape {name} [STATEMENT ...]", f"{says} {known}", sections, flags)
    if given is None:
        return 0
    return _run(statements, filled(VerifyRun, given), filled(VerifyOutput, given))


def _run(statements: list[str], run: VerifyRun, output: VerifyOutput) -> int:
    from .progress import shares
    from .verify import SEEDS, verify

    if not 0 <= run.seed < SEEDS:
        raise InputError(f"--seed={run.seed} must lie in [0, 2^64 - 1000): each setting takes the next one")
    check_output(output.out, output.plot)
    with shares(quiet=output.quiet) as report, deliberate_refusals():
        found = verify(statements or None, quick=run.quick, seed=run.seed, report=report)
    tell(found, "verify_table", json=output.json)
    if output.out is not None or output.plot is not None:
        from .figures.verify import draw, ratios_of

        numbers = None if output.out is None else Path(output.out) / "verify.json"
        figures = [] if output.plot is None or not found.rows else [Path(output.plot)]
        write_files(
            found, numbers, notes(json=output.json), lambda each: draw(ratios_of(each.as_json()["rows"])), figures
        )
    if found.interrupted:
        return INTERRUPTED
    return CONTRADICTED if found.contradictions else 0
