"""Command ``saddlescape merge OUT DIR ...``."""

import sys
from pathlib import Path
from typing import NamedTuple

from .fields import fields
from .flags import Section, filled, parse
from .refusals import InputError


class MergeRun(NamedTuple):
    """Folders of one sweep put together.

    Parameters
    ----------
    json
        Print one JSON object.
    """

    json: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it: the folder to make, folders to take from, and flags.

    Raises
    ------
    InputError
        Where a folder is none of the sweep or nothing can be written.
    """
    count = next((k for k, token in enumerate(tokens) if token.startswith("-")), len(tokens))
    title = f"saddlescape {name} OUT DIR [DIR ...]"
    flags = tokens[count:]
    if count < 2 and flags[:1] not in (["--help"], ["-h"]):
        if tokens:
            raise InputError(f"a folder to make and at least one to take from are needed: {title}")
        flags = ["--help"]
    given = parse(title, says, [Section("Merge", "", fields(MergeRun))], flags)
    return 0 if given is None else _run([Path(token) for token in tokens[:count]], filled(MergeRun, given))


def _run(folders: list[Path], run: MergeRun) -> int:
    from .sweep.merging import merge
    from .sweep.stopping import digest_of
    from .sweep.wording import counted

    found = merge(folders[0], folders[1:])
    for line in found.damaged:
        print(f"saddlescape: {line}", file=sys.stderr)
    digest = digest_of(found.store, found.manifest)
    told = {
        "folder": str(folders[0]),
        "shards": found.shards,
        "known": found.known,
        "damaged": len(found.damaged),
        "complete": digest is not None,
        "digest": digest,
    }
    if run.json:
        from json import dumps

        print(dumps(told, allow_nan=False))
    else:
        known = f", {found.known:,} were there already" if found.known else ""
        print(f"{counted(found.shards, 'shard')} copied to {folders[0]}{known}")
        if digest is None:
            print("units are missing: run the parts that are not finished, or the sweep itself in this folder")
        else:
            print(
                f"complete: {counted(len(found.manifest.settings), 'setting')}; digest {digest[:16]}  (first 16 of 64)"
            )
    sys.stdout.flush()
    return 0
