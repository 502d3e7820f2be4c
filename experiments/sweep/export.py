"""A sweep in the formats of other programs: NetCDF by xarray, Parquet by pyarrow, CSV."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...dynamics.outcomes import CENSORED, DIVERGED, ESCAPED
from ..record import atomic
from ..refusals import InputError
from .amounts import REPETITIONS, amount_of
from .quantities import DIRECTION, STAGE, STEP
from .reading import Array, Setting, Sweep, as_column

OUTCOMES = {CENSORED: "censored", ESCAPED: "escaped", DIVERGED: "diverged"}
BATCH = 2**17
"""Trajectories that are written at once."""


def export(sweep: Sweep, path: Path, *, trajectories: bool = False) -> None:
    """Write a sweep to a file, whole or not at all; one that is there is replaced.

    Parameters
    ----------
    sweep
        As it was read.
    path
        Its suffix says how: .nc, .parquet or .csv.
    trajectories
        Whether to write a row for each trajectory of an escape in place of one for each setting; .parquet and .csv. A
        setting that is split has none.

    Raises
    ------
    InputError
        Where there is no such format, a package is missing, or there are no trajectories to tell of.
    OSError
        Where it cannot be written.
    """
    suffix = check_suffix(path, trajectories=trajectories)
    if trajectories and sweep.question != "escape":
        raise InputError(f"a sweep of {sweep.question} keeps sums over its trajectories, not each: leave them out")
    if trajectories and all(map(_is_split, sweep.settings)):
        raise InputError("splitting keeps counts of its repetitions, no trajectories: leave them out")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".nc":
        _netcdf(sweep, path)
    else:
        write = _csv if suffix == ".csv" else _parquet
        write(sweep, path, _lives(sweep) if trajectories else iter([columns(sweep)]))


def _is_split(setting: Setting) -> bool:
    return amount_of(setting.described["run"]) == REPETITIONS


def check_suffix(path: Path, *, trajectories: bool) -> str:
    """Return the suffix of a file that can be written, or raise InputError."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{path} must end in {', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}")
    if trajectories and suffix == ".nc":
        raise InputError(f"{path}: trajectories go to .parquet or .csv, a row each")
    for package in FORMATS[suffix]:
        needed(package, suffix)
    return suffix


FORMATS: Mapping[str, tuple[str, ...]] = {".nc": ("xarray", "h5netcdf", "h5py"), ".parquet": ("pyarrow",), ".csv": ()}
"""Suffix -> packages that it needs."""


def needed(package: str, what: str) -> Any:
    """Return a package of the extra ``export``.

    Raises
    ------
    InputError
        Where it is not installed.
    """
    try:
        return import_module(package)
    except ImportError:
        raise InputError(f"{what} needs {package}: pip install 'saddlescape[export]'") from None


def attributes(sweep: Sweep) -> dict[str, str]:
    """Return what a file says of the whole sweep."""
    return {
        "title": f"saddlescape sweep {sweep.name}",
        "question": sweep.question,
        "file": sweep.name,
        "text": sweep.text,
        "plan": json.dumps(sweep.plan._asdict()),
        "digest": sweep.digest() or "",
        "complete": "yes" if sweep.complete else "no",
        "version": sweep.version,
    }


def dataset(sweep: Sweep) -> Any:
    """Return an xarray Dataset: quantities along the axes of the sweep, with what each is and in what unit.

    What splitting tells of each stage is NaN beyond the stages of a setting; it is left out where nothing is split.

    Raises
    ------
    InputError
        Where xarray is not installed.
    """
    xarray = needed("xarray", "to_xarray")
    coords: dict[str, Any] = {}
    for axis in sweep.axes.values():
        coords[axis.name] = (axis.name, words(axis.values), {"long_name": axis.name})
        for name, column in axis.varying.items():
            if name != axis.name:
                coords[name] = (axis.name, words(as_column(column)), {"long_name": name})
    found: dict[str, Any] = {}
    for name, quantity in sweep.quantities.items():
        told = sweep.array(name)
        if STAGE in told.dims and not told.values.size:
            continue
        about = {"long_name": quantity.says} | ({"units": quantity.unit} if quantity.unit else {})
        values = words(told.values)
        for dim in quantity.dims:
            coords.setdefault(dim, (dim, told.coords[dim], {"long_name": _DIMS[dim]}))
        found[name] = (told.dims, values, about)
    return xarray.Dataset(found, coords, attributes(sweep))


_DIMS = {STEP: "recorded step", DIRECTION: "eigen-direction", STAGE: "stage of a splitting"}


def columns(sweep: Sweep) -> dict[str, Array]:
    """Return a tidy table: the number of each setting, what is varied, and all quantities."""
    numbers = np.array([setting.number for setting in sweep.settings], dtype=np.int64)
    return {"setting": numbers} | sweep.table()


def words(values: Array) -> Array:
    """Return an array as libraries take it: words as words of one type."""
    return np.asarray(values.astype(str)) if values.dtype == object else values


def _lives(sweep: Sweep) -> Iterator[dict[str, Array]]:
    """Yield the trajectories of each setting that has any, some at a time, as columns."""
    varied = sweep.varied()
    for place, setting in enumerate(sweep.settings):
        if not _is_split(setting):
            yield from _lives_of(setting, {name: values[place] for name, values in varied.items()})


def _lives_of(setting: Setting, coordinates: Mapping[str, Any]) -> Iterator[dict[str, Array]]:
    times = setting.result
    if times is None:
        return
    for begin in range(0, times.trajectories, BATCH):
        steps, outcome = times.steps[begin : begin + BATCH], times.outcome[begin : begin + BATCH]
        known = np.array([OUTCOMES[code] for code in sorted(OUTCOMES)], dtype=object)
        count = len(steps)
        yield {
            "setting": np.full(count, setting.number, dtype=np.int64),
            **{name: as_column((value,) * count) for name, value in coordinates.items()},
            "trajectory": np.arange(begin, begin + count, dtype=np.int64),
            "steps": steps,
            "outcome": known[np.searchsorted(sorted(OUTCOMES), outcome)],
        }


def _netcdf(sweep: Sweep, path: Path) -> None:
    found = dataset(sweep)
    with beside(path) as temporary:
        found.to_netcdf(temporary, engine="h5netcdf")


def _csv(sweep: Sweep, path: Path, batches: Iterator[dict[str, Array]]) -> None:
    with atomic(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text)
        for k, batch in enumerate(batches):
            if k == 0:
                writer.writerow(batch)
            writer.writerows(zip(*(_cells(values) for values in batch.values()), strict=True))
        text.flush()
        text.detach()


def _cells(values: Array) -> list[Any]:
    """Return a column as the texts that a reader turns into the same bits; an empty cell where nothing is known."""
    if values.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in values.tolist()]
    if values.dtype == bool:
        return ["true" if value else "false" for value in values.tolist()]
    return list(values.tolist())


def _parquet(sweep: Sweep, path: Path, batches: Iterator[dict[str, Array]]) -> None:
    pyarrow, parquet = needed("pyarrow", ".parquet"), needed("pyarrow.parquet", ".parquet")
    about = {key.encode(): value.encode() for key, value in attributes(sweep).items()}
    make: Callable[..., Any] = pyarrow.table
    with beside(path) as temporary:
        writer: Any = None
        try:
            for batch in batches:
                table = make({name: words(values) for name, values in batch.items()})
                if writer is None:
                    schema = pyarrow.schema([_told(sweep, field) for field in table.schema], metadata=about)
                    writer = parquet.ParquetWriter(temporary, schema)
                writer.write_table(table.cast(writer.schema))
            if writer is None:
                writer = parquet.ParquetWriter(temporary, pyarrow.schema([], metadata=about))
        finally:
            if writer is not None:
                writer.close()


def _told(sweep: Sweep, field: Any) -> Any:
    quantity = sweep.quantities.get(field.name)
    if quantity is None:
        return field
    return field.with_metadata({b"long_name": quantity.says.encode(), b"units": quantity.unit.encode()})


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a file beside another to write to, which takes its place whole, on disk, or not at all."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
