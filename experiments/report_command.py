"""``saddlescape report DIR``: the command."""

import sys
from pathlib import Path
from typing import NamedTuple

from .fields import fields
from .flags import Section, filled, parse
from .refusals import InputError

PAGE = "report.html"


class ReportRun(NamedTuple):
    """A folder of results as one page.

    Parameters
    ----------
    out
        The page, DIR/report.html if left out; one of an earlier report is replaced.
    title
        Of the page; the name of the folder if left out.
    json
        Print the verdicts as one JSON object in place of a line each.
    quiet
        Do not tell how far the report has come.
    """

    out: str | None = None
    title: str | None = None
    json: bool = False
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code, 0 whatever the verdicts.

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
        Where there is no such folder, nothing in it, or the page cannot be written.
    """
    sections = [Section("Report", "", fields(ReportRun))]
    title = f"saddlescape {name} DIR"
    if not tokens or tokens[0].startswith("-"):
        if tokens and tokens[0] not in ("--help", "-h"):
            raise InputError(f"the folder comes before {tokens[0]}: {title}")
        parse(title, says, sections, ["--help"])
        return 0
    given = parse(title, says, sections, tokens[1:])
    return 0 if given is None else _run(Path(tokens[0]), filled(ReportRun, given))


def _run(folder: Path, run: ReportRun) -> int:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    out = folder / PAGE if run.out is None else Path(run.out)
    _check(out)

    from .progress import shares
    from .record import atomic
    from .report.gather import gather
    from .report.page import page

    with shares(quiet=run.quiet) as report:
        found = gather(folder, run.title or f"Results in {folder.resolve().name}", out, report)
    for problem in found.problems:
        print(f"saddlescape: {folder / problem.name}: {problem.says}", file=sys.stderr)
    if not found.entries and not found.problems:
        raise InputError(f"{folder} holds no result: nothing that a command wrote with --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic(out) as file:
            file.write(page(found).encode())
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    _tell(found, out, json=run.json)
    return 0


def _check(out: Path) -> None:
    """Refuse, before anything is read, a page that could not be written."""
    from .record import obstacle

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out={out} must end in .html")
    reason = f"{out} is a folder" if out.is_dir() else obstacle(out.parent)
    if reason:
        raise InputError(f"--out={out}: {reason}")


def _tell(found: object, out: Path, *, json: bool) -> None:
    told = found.as_json()  # type: ignore[attr-defined]
    if json:
        from json import dumps

        print(dumps(told | {"page": str(out)}, allow_nan=False))
    else:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in told["counts"].items() if count)
        print(f"{len(told['results'])} results; verdicts: {counts or 'none'}")
        print(f"written {out}")
    sys.stdout.flush()
