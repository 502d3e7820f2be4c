"""Put folders of one sweep together: the parts of a job array that ran on machines without a common disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..record import atomic, obstacle
from ..refusals import InputError
from .store import SHARDS, Manifest, Store, change, read_manifest, write_manifest


class Merged(NamedTuple):
    """What a merge did.

    Parameters
    ----------
    manifest
        Of the sweep.
    store
        The folder it is in now.
    shards, known
        Shards that were copied, and those of which every unit was there already.
    damaged
        Shards that were left out, a line for each.
    """

    manifest: Manifest
    store: Store
    shards: int
    known: int
    damaged: list[str]


def merge(out: Path, folders: Sequence[Path]) -> Merged:
    """Copy what other folders of the same sweep hold into one; they are left as they are.

    Parameters
    ----------
    out
        Made where missing; may hold a part already.
    folders
        Of the same sweep.

    Raises
    ------
    InputError
        Where a folder is none of a sweep, or of another one, or nothing can be written.
    """
    manifests = [_manifest(folder) for folder in folders]
    there = read_manifest(out)
    first = manifests[0] if there is None else there
    for folder, each in zip(folders, manifests, strict=True):
        if each.version != first.version:
            raise InputError(f"{folder} was made by saddlescape {each.version}, the others by {first.version}")
        if differs := change(first, each):
            raise InputError(f"{folder} is of another sweep than {folders[0] if there is None else out}: {differs}")
    reason = obstacle(out)
    if reason:
        raise InputError(f"{out}: {reason}")
    damaged: list[str] = []
    copied = known = 0
    try:
        (out / SHARDS).mkdir(parents=True, exist_ok=True)
        write_manifest(out, first)
        store = Store(out)
        held = {unit.unit for unit in store.all_units()}
        for folder in folders:
            if folder.resolve() == out.resolve():
                continue
            source = Store(folder, set_aside=False)
            damaged += source.damaged
            for name, units in source.shards().items():
                if held.issuperset(units):
                    known += 1
                    continue
                for suffix in (".npz", ".json"):
                    with atomic(out / SHARDS / f"{name}{suffix}") as file:
                        file.write((folder / SHARDS / f"{name}{suffix}").read_bytes())
                held.update(units)
                copied += 1
        return Merged(first, Store(out), copied, known, damaged + store.damaged)
    except OSError as error:
        raise InputError(
            f"cannot read or write {error.filename or out}: {error.strerror}; merge again once it can"
        ) from None


def _manifest(folder: Path) -> Manifest:
    found = read_manifest(folder)
    if found is None:
        raise InputError(f"{folder} is no folder of a sweep: it has no sweep.json")
    return found
