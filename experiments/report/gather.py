"""What lies in a folder, read kind by kind; what cannot be read is told in a line and never a traceback."""

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from ..sweep.store import SHARDS, SWEEP
from . import KINDS, RECORD
from .interface import Problem, Source
from .page import Entry, Report, rendered, slug, unused

BESIDE = (".npz", ".png", ".pdf", ".svg", ".gif", ".mp4")
"""Files that belong to a result where their name is that of its JSON file."""


def gather(
    folder: Path, title: str, without: Path | None = None, report: Callable[[float, str], None] | None = None
) -> Report:
    """Return all that lies in a folder and those below it.

    Parameters
    ----------
    folder
        The folder.
    title
        Of the page.
    without
        A file that is not looked at: the page itself.
    report
        Called with the share that is done and what is under way.
    """
    entries: list[tuple[int, Entry]] = []
    taken: set[str] = set()
    problems: list[Problem] = []
    used: set[Path] = set()
    files = [path for path in listed(folder) if without is None or path.absolute() != without.absolute()]
    sources = [path for path in files if path.suffix == ".json"]
    for done, path in enumerate(sources):
        name = path.relative_to(folder).as_posix()
        if report is not None:
            report(done / len(sources), name)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            problems.append(Problem(name, "it is no whole JSON file: it was torn or changed"))
            used |= _beside(path)
            continue
        place = kind_of(told)
        if place is None:
            continue
        used |= _beside(path)
        module = import_module(f".{KINDS[place].module}", __package__)
        try:
            section, at = module.section(Source(path, name, told)), unused(slug(name), taken)
            entries.append((place, Entry(at, section, rendered(section, at))))
            taken.add(at)
        except Exception as error:  # what others wrote may be broken in any way
            problems.append(Problem(name, _reason(error, folder)))
    for path in files:
        if path.suffix == ".npz" and path not in used:
            problems.append(
                Problem(
                    path.relative_to(folder).as_posix(),
                    "its manifest is missing: the record was never finished, or was torn apart",
                )
            )
            used.add(path)
    ordered = sorted(entries, key=lambda each: each[0])
    ignored = sum(path not in used for path in files)
    return Report(title, tuple(entry for _, entry in ordered), tuple(problems), ignored)


def listed(folder: Path) -> list[Path]:
    """Return the files of a folder and those below it, sorted; links to folders are not followed.

    The shards of a sweep are left out: they are read with its ``sweep.json``.
    """
    found = []
    for at, below, names in os.walk(folder):
        if SWEEP in names and SHARDS in below:
            below.remove(SHARDS)
        found += [Path(at) / name for name in names]
    return sorted(found)


def kind_of(told: Any) -> int | None:
    """Return the place in KINDS of what a JSON file holds, or None."""
    if not isinstance(told, dict):
        return None
    for place, kind in enumerate(KINDS):
        if kind.keys <= told.keys() and (kind.keys != RECORD or _question(told) == kind.question):
            return place
    return None


def _question(told: dict[str, Any]) -> Any:
    configuration = told["configuration"]
    return configuration.get("question") if isinstance(configuration, dict) else None


def _beside(path: Path) -> set[Path]:
    return {path, *(path.with_suffix(suffix) for suffix in BESIDE)}


def _reason(error: Exception, folder: Path) -> str:
    """Return why a file could not be shown, in a line."""
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}: it was torn or changed, or written by another version"
    text = " ".join(str(error).split()).replace(f"{folder}{os.sep}", "")
    return text or type(error).__name__
