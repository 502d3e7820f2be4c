"""Records on disk: what a run found and all that it was made of, written once and never changed.

A record is two files, NAME.npz with the raw results and NAME.json, its manifest. NAME ends in a digest of the whole
configuration, so two different runs never meet. The manifest is written last: where there is one, the record is whole.
"""

import hashlib
import io
import json
import os
import platform
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from .configuration import command_line, key

FORMAT = 1
PART = ".part"
"""Suffix of a file that is being written."""


class RecordError(Exception):
    """A record that is missing a part, was changed, or would have to be changed."""


class Record(NamedTuple):
    """A record read back.

    Parameters
    ----------
    manifest
        Configuration, result, versions and digests.
    arrays
        Name -> array of raw results.
    """

    manifest: dict[str, Any]
    arrays: dict[str, Any]


class Saved(NamedTuple):
    """Where a record lies.

    Parameters
    ----------
    path
        Its manifest.
    new
        False where an identical one was there already.
    """

    path: Path
    new: bool


def save(folder: Path, result: Any) -> Saved:
    """Write the record of a result, or leave an identical one as it is.

    Parameters
    ----------
    folder
        Created where missing.
    result
        EscapeResult or SaddleResult.

    Raises
    ------
    RecordError
        Where a record of the same configuration holds other results: it is left as it is.
    OSError
        Where the folder cannot be written.
    """
    told = result.as_json()
    name = record_name(result.configuration, told["digest"] if result.interrupted else "")
    raw = _packed(result.arrays())
    sha256 = hashlib.sha256(raw).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    manifest, results = folder / f"{name}.json", folder / f"{name}.npz"
    if manifest.exists():
        if load(manifest).manifest["sha256"] != sha256:
            raise RecordError(f"{manifest} holds other results of the same configuration; it is left as it is")
        return Saved(manifest, new=False)
    with atomic(results) as file:
        file.write(raw)
    content = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "python": platform.python_version(),
        **{package: version_of(package) for package in ("numpy", "numba", "scipy")},
        "command": shlex.join(command_line(result.configuration)),
        "seed": told["seed"],
        "digest": told["digest"],
        "results": results.name,
        "sha256": sha256,
        "configuration": result.configuration,
        "summary": {name: value for name, value in told.items() if name != "configuration"},
    }
    with atomic(manifest) as file:
        file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    return Saved(manifest, new=True)


def load(path: Path | str) -> Record:
    """Read a record by its manifest (or its .npz) and verify the raw results.

    Raises
    ------
    RecordError
        Where a part is missing or was changed.
    """
    manifest_path = Path(path).with_suffix(".json")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        results, sha256 = manifest_path.with_name(manifest["results"]), manifest["sha256"]
        raw = results.read_bytes()
    except FileNotFoundError as error:
        raise RecordError(f"{error.filename} is missing: the record was never finished, or was torn apart") from None
    except (ValueError, KeyError, TypeError):
        raise RecordError(f"{manifest_path} is not a manifest") from None
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise RecordError(f"{results} is not what its manifest describes: it was changed after it was written")
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return Record(manifest, {name: arrays[name] for name in arrays.files})


def record_name(configuration: dict[str, Any], part: str = "") -> str:
    """Return the name of a configuration's record; part is the digest of what an interrupted run had found."""
    words = [configuration["question"], *(configuration[kind]["name"] for kind in ("rule", "landscape", "noise"))]
    return "-".join([*words, key(configuration, __version__), *(["interrupted", part[:16]] if part else [])])


@contextmanager
def atomic(path: Path) -> Iterator[Any]:
    """Open a file that appears under its name whole, on disk, or not at all."""
    # Processes on two machines that write to one folder may have the same number.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}{PART}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def obstacle(folder: Path) -> str:
    """Return why nothing can be written in a folder, made where missing; "" where nothing is in the way."""
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        return f"{there} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"{there} is not writable: {error.strerror}"


def _packed(arrays: dict[str, Any]) -> bytes:
    """Return the bytes of a .npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
