"""``saddlescape export DIR FILE``: the command."""

from pathlib import Path
from typing import NamedTuple

from .fields import fields
from .flags import Section, filled, parse
from .refusals import InputError


class ExportRun(NamedTuple):
    """What is written.

    Parameters
    ----------
    trajectories
        A row for each trajectory of an escape in place of one for each setting; for .parquet and .csv.
    """

    trajectories: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it: a folder, a file and flags.

    Raises
    ------
    InputError
        Where there is no sweep in the folder, or the file cannot be written.
    """
    sections = [Section("Export", "", fields(ExportRun))]
    title = f"saddlescape {name} DIR FILE"
    told = f"{says} The suffix of the file decides: .nc, .parquet or .csv; one that is there is replaced."
    names = tokens[: next((k for k, token in enumerate(tokens) if token.startswith("-")), len(tokens))]
    if not tokens or (not names and tokens[0] in ("--help", "-h")):
        parse(title, told, sections, ["--help"])
        return 0
    if len(names) != 2:
        raise InputError(f"the folder and the file come first: {title}")
    given = parse(title, told, sections, tokens[2:])
    return 0 if given is None else _run(Path(names[0]), Path(names[1]), filled(ExportRun, given))


def _run(folder: Path, path: Path, run: ExportRun) -> int:
    from .record import obstacle
    from .sweep.export import check_suffix, export
    from .sweep.reading import load

    check_suffix(path, trajectories=run.trajectories)
    reason = f"{path} is a folder" if path.is_dir() else obstacle(path.parent)
    if reason:
        raise InputError(f"{path}: {reason}")
    sweep = load(folder)
    try:
        export(sweep, path, trajectories=run.trajectories)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"written {path}")
    return 0
