"""The folder of a sweep: what is to be run, and what was found, in shards that are written once and never changed.

``sweep.json`` says what is to be run. A shard is two files, NAME.npz with the raw results of some units and NAME.json,
its manifest, written last: where there is one, the shard is whole. NAME is a digest of the results, so that several
processes can write to one folder and shards of other folders can be laid beside them.
"""

import contextlib
import hashlib
import io
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ... import __version__
from ..files.experiment import Axis, Experiment, SweepPlan
from ..record import PART, atomic
from ..refusals import InputError
from .amounts import AMOUNTS, TRAJECTORIES, amount_of, with_methods
from .pieces import Piece, cover
from .unit import Done, Unit, grain_of, setting_key
from .wording import counted

FORMAT = 1
SWEEP = "sweep.json"
SHARDS = "shards"
DAMAGED = ".damaged"
"""Suffix of the files of a shard that was found not to be what its manifest describes."""
EVERY = 1.0
"""Seconds that a finished unit waits, at most, for others to share its shard: what a crash can lose."""
LEFT_OVER = 3600.0
"""Seconds after which a file that is not whole is taken for left over."""
MOST_BYTES = 2**25
"""Raw results that make a shard without waiting."""
MOST_BYTES_OPEN = 2**29
"""Raw results that are kept in memory while they are read."""

Arrays = dict[str, npt.NDArray[Any]]


class StoredSetting(NamedTuple):
    """A setting as the folder knows it.

    Parameters
    ----------
    key
        Digest of what its raw results depend on.
    place
        Its position on each axis.
    described
        Its configuration as plain values.
    unit
        Trajectories, or repetitions, in a unit of it; 0 as long as that is not settled.
    cost
        Steps times dimension that one of them is expected to take.
    expected
        How many it is expected to need; with a target, they are added until they are enough.
    """

    key: str
    place: tuple[int, ...]
    described: dict[str, Any]
    unit: int = 0
    cost: float = 1.0
    expected: int = 0

    @property
    def amount(self) -> str:
        """What it is counted in: trajectories, or repetitions where it is split."""
        return amount_of(self.described["run"])

    @property
    def trajectories(self) -> int:
        """Trajectories, or repetitions, that its run asks for."""
        return int(self.described["run"][self.amount])


class Manifest(NamedTuple):
    """What a folder was made for.

    Parameters
    ----------
    name, text
        Of the experiment file.
    question
        Name of the experiment.
    axes
        What is varied.
    plan
        How far it goes.
    settings
        All of them, in the order of the file.
    version
        Of the program.
    """

    name: str
    text: str
    question: str
    axes: tuple[Axis, ...]
    plan: SweepPlan
    settings: tuple[StoredSetting, ...]
    version: str = __version__

    def settled(self, before: "Manifest") -> "Manifest":
        """Return it with the unit sizes and costs of the settings that were there before."""
        return self._sized({each.key: (each.unit, each.cost, each.expected) for each in before.settings})

    def planned(self, units: Sequence[int], costs: Sequence[float], expected: Sequence[int]) -> "Manifest":
        """Return it with unit sizes and costs for the settings that have none yet."""
        sizes: dict[str, tuple[int, float, int]] = {}
        for each, found in zip(self.settings, zip(units, costs, expected, strict=True), strict=True):
            if not each.unit:
                sizes.setdefault(each.key, found)
        return self._sized(sizes)

    def _sized(self, sizes: dict[str, tuple[int, float, int]]) -> "Manifest":
        settings = []
        for each in self.settings:
            unit, cost, expected = sizes.get(each.key, (each.unit, each.cost, each.expected))
            settings.append(each._replace(unit=unit, cost=cost, expected=expected))
        return self._replace(settings=tuple(settings))


class Held(NamedTuple):
    """A finished unit and where its results lie.

    Parameters
    ----------
    unit
        Which.
    seconds, steps
        As in Done.
    shard
        Name of its shard.
    offsets
        Name of an array -> where it begins in the shard's.
    shapes
        Name of an array -> its shape.
    """

    unit: Unit
    seconds: float
    steps: int
    shard: str
    offsets: dict[str, int]
    shapes: dict[str, tuple[int, ...]]


class Change(NamedTuple):
    """How a file differs from what its folder was made for.

    Parameters
    ----------
    added
        Settings that are new.
    extended
        Settings with more trajectories, or repetitions, than before.
    dropped
        Settings that are no longer in the file.
    shortened
        Settings with fewer trajectories, or repetitions, than before.
    plan
        Whether the plan changed.
    amount
        What those with more or fewer are counted in.
    """

    added: int
    extended: int
    dropped: int
    shortened: int
    plan: bool
    amount: str = TRAJECTORIES

    @property
    def appends(self) -> bool:
        """Whether all that was asked for before is still asked for."""
        return not self.dropped and not self.shortened

    def __bool__(self) -> bool:
        return any(tuple(self)[:-1])

    def __str__(self) -> str:
        more = {"added": self.added, f"with more {self.amount}": self.extended}
        return ", ".join([*_counted(more), *([self.taken] if not self.appends else []), *(["[sweep]"] * self.plan)])

    @property
    def taken(self) -> str:
        """What is no longer asked for."""
        less = {"no longer in it": self.dropped, f"with fewer {self.amount}": self.shortened}
        return ", ".join(_counted(less))


def _counted(told: dict[str, int]) -> list[str]:
    return [f"{counted(count, 'setting')} {what}" for what, count in told.items() if count]


def manifest_of(experiment: Experiment, unit_sizes: Sequence[int] | None = None) -> Manifest:
    """Return what a folder for this experiment is made for, methods settled; unit sizes may be settled later."""
    experiment, settings = with_methods(experiment), []
    for number, setting in enumerate(experiment.settings):
        described = setting.configuration.described(*setting.configuration.build())
        size = 0 if unit_sizes is None else unit_sizes[number]
        settings.append(StoredSetting(setting_key(described, __version__), setting.place, described, size))
    return Manifest(
        experiment.name, experiment.text, experiment.question, experiment.axes, experiment.plan, tuple(settings)
    )


def change(before: Manifest, after: Manifest) -> Change:
    """Say how what is asked for now differs from what was asked for before."""
    old, new = _most_trajectories(before), _most_trajectories(after)
    both = old.keys() & new.keys()
    changed = {each.amount for each in after.settings if each.key in both and new[each.key] != old[each.key]}
    return Change(
        added=len(new.keys() - old.keys()),
        extended=sum(new[key] > old[key] for key in both),
        dropped=len(old.keys() - new.keys()),
        shortened=sum(new[key] < old[key] for key in both),
        plan=before.plan._replace(unit=None) != after.plan._replace(unit=None),
        amount=" or ".join(amount for amount in AMOUNTS if amount in changed),
    )


def _most_trajectories(manifest: Manifest) -> dict[str, int]:
    most: dict[str, int] = {}
    for each in manifest.settings:
        most[each.key] = max(most.get(each.key, 0), each.trajectories)
    return most


def read_manifest(folder: Path) -> Manifest | None:
    """Return what a folder was made for, or None where it is no folder of a sweep.

    Raises
    ------
    InputError
        Where ``sweep.json`` cannot be read.
    """
    path = folder / SWEEP
    damaged = InputError(
        f"{path} is not the manifest of a sweep, or was changed after it was written: without it the same sweep can be "
        "begun again here, and keeps what is finished"
    )
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        form = told["format"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    if form != FORMAT:
        raise InputError(f"{path} has format {form}, not {FORMAT}: it is of another version")
    try:
        return _restored(told)
    except (ValueError, KeyError, TypeError):
        raise damaged from None


def _restored(told: dict[str, Any]) -> Manifest:
    axes = tuple(
        Axis(tuple(each["names"]), tuple(map(tuple, each["values"])), tuple(each["labels"])) for each in told["axes"]
    )
    settings = tuple(StoredSetting(**each | {"place": tuple(each["place"])}) for each in told["settings"])
    plan = SweepPlan(**told["plan"])
    return Manifest(told["name"], told["text"], told["question"], axes, plan, settings, told["version"])


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what a folder is made for; the same content is left as it is.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    told = {
        "format": FORMAT,
        **{name: value for name, value in manifest._asdict().items() if name != "settings"},
        "axes": [axis._asdict() for axis in manifest.axes],
        "plan": manifest.plan._asdict(),
    }
    head = ",\n".join(f" {json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in told.items())
    lines = ",\n".join(f"  {json.dumps(setting._asdict(), allow_nan=False)}" for setting in manifest.settings)
    raw = f'{{\n{head},\n "settings": [\n{lines}\n ]\n}}\n'.encode()
    path = folder / SWEEP
    if not path.exists() or path.read_bytes() != raw:
        with atomic(path) as file:
            file.write(raw)


class Store:
    """The shards of a folder.

    Parameters
    ----------
    folder
        Of the sweep.
    verify
        Whether to compare the results of each shard with its manifest; those that differ are set aside, to be run
        again. Without it that is found when they are read.
    set_aside
        Whether shards that are not whole are set aside. Without it nothing in the folder is touched: they are left out,
        and one that turns out so while it is read is forgotten.

    Attributes
    ----------
    damaged : list[str]
        What was set aside or left out, a line for each.
    """

    def __init__(self, folder: Path, *, verify: bool = True, set_aside: bool = True) -> None:
        self.folder = folder
        self.damaged: list[str] = []
        self._set_aside = set_aside
        self._shards: dict[str, list[Unit]] = {}
        self._held: dict[str, list[Held]] = {}
        self._pending: list[Done] = []
        self._bytes = 0
        self._since = 0.0
        self._open: dict[str, Arrays] = {}
        self._bytes_open = 0
        for path in sorted((folder / SHARDS).glob("*.json")):
            self._take(path, verify=verify)

    def sweep_out(self) -> None:
        """Take away what processes that were killed have left half written: files an hour old that nobody finishes."""
        whole = {f"{name}.npz" for name in self._shards}
        there = [
            *self.folder.glob(f".{SWEEP}.*{PART}"),
            *(self.folder / SHARDS).glob("*"),
            *(self.folder / SHARDS).glob(f".*{PART}"),
        ]
        for path in there:
            half = path.name.endswith(PART) or (path.suffix == ".npz" and path.name not in whole)
            with contextlib.suppress(OSError):
                if half and time.time() - path.stat().st_mtime > LEFT_OVER:
                    path.unlink()

    def units(self, key: str) -> Sequence[Held]:
        """Return the finished units of a setting that are on disk."""
        return self._held.get(key, ())

    def all_units(self) -> Iterator[Held]:
        """Yield every finished unit that is on disk."""
        for held in self._held.values():
            yield from held

    def shards(self) -> dict[str, list[Unit]]:
        """Return the name of each shard and the units in it."""
        return self._shards

    def add(self, done: Done) -> None:
        """Take a finished unit; it is on disk after the next flush."""
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(done)
        self._bytes += sum(array.nbytes for array in done.arrays.values())

    def due(self) -> bool:
        """Say whether what is waiting should be written now."""
        return bool(self._pending) and (self._bytes >= MOST_BYTES or time.monotonic() - self._since >= EVERY)

    def flush(self) -> None:
        """Write what is waiting as one shard.

        Raises
        ------
        OSError
            Where it cannot be written: it waits on.
        """
        if not self._pending:
            return
        names = sorted({name for done in self._pending for name in done.arrays})
        offsets = dict.fromkeys(names, 0)
        held = []
        for done in self._pending:
            shapes = {name: array.shape for name, array in done.arrays.items()}
            held.append(Held(done.unit, done.seconds, done.steps, "", {name: offsets[name] for name in shapes}, shapes))
            for name, array in done.arrays.items():
                offsets[name] += array.size
        joined: dict[str, Any] = {
            name: np.concatenate([done.arrays[name].ravel() for done in self._pending if name in done.arrays])
            for name in names
        }
        file = io.BytesIO()
        np.savez(file, **joined)
        raw = file.getvalue()
        sha256 = hashlib.sha256(raw).hexdigest()
        name = _name(sha256, [each.unit for each in held])
        shards = self.folder / SHARDS
        shards.mkdir(exist_ok=True)
        with atomic(shards / f"{name}.npz") as results:
            results.write(raw)
        units = [[*each.unit, round(each.seconds, 6), each.steps, each.shapes] for each in held]
        told = {"format": FORMAT, "sha256": sha256, "units": units}
        with atomic(shards / f"{name}.json") as manifest:
            manifest.write(_sealed(told))
        self._pending, self._bytes = [], 0
        for each in held:
            self._file(each._replace(shard=name))

    @property
    def waiting(self) -> int:
        """Finished units that are not on disk yet."""
        return len(self._pending)

    def results(self, key: str, question: str, trajectories: int) -> tuple[list[Arrays], list[tuple[int, int]], float]:
        """Return the raw results of trajectories [0, N) in order, the ranges that are missing, and the seconds taken.

        Parameters
        ----------
        key, question
            Of the setting.
        trajectories
            N.

        Raises
        ------
        InputError
            Where a shard cannot be read or was changed; DamagedShardError where it is forgotten for that.
        """
        held = [each for each in self.units(key) if each.unit.stop > each.unit.start]
        pieces, missing = cover([(each.unit.start, each.unit.stop) for each in held], trajectories, grain_of(question))
        found = [self._rows(held[piece.source], piece) for piece in pieces]
        return found, missing, sum(held[k].seconds for k in {piece.source for piece in pieces})

    def missing(
        self, key: str, question: str, trajectories: int, queued: Sequence[tuple[int, int]] = ()
    ) -> list[tuple[int, int]]:
        """Return the ranges of [0, N) that are neither on disk nor queued."""
        held = [(each.unit.start, each.unit.stop) for each in self.units(key) if each.unit.stop > each.unit.start]
        return cover([*held, *queued], trajectories, grain_of(question))[1]

    def note(self, key: str, name: str) -> bytes | None:
        """Return what a unit of no trajectories found, or None where there is none."""
        for held in self.units(key):
            if held.unit.start == held.unit.stop and name in held.shapes:
                return bytes(self._rows(held, Piece(0, 0, held.shapes[name][0]))[name])
        return None

    def _rows(self, held: Held, piece: Piece) -> Arrays:
        shard = self._arrays(held.shard)
        found = {}
        for name, shape in held.shapes.items():
            begin, size = held.offsets[name], math.prod(shape)
            found[name] = shard[name][begin : begin + size].reshape(shape)[piece.start : piece.stop]
        return found

    def _arrays(self, shard: str) -> Arrays:
        if shard not in self._open:
            path = self.folder / SHARDS / f"{shard}.json"
            try:
                _, raw = _read(path)
            except _DamagedError as error:
                if self._set_aside:
                    raise InputError(f"{path}: {error}; sweep again to redo it") from None
                self._forget(shard, f"{path}: {error}; it is left out")
                raise DamagedShardError(self.damaged[-1]) from None
            with np.load(io.BytesIO(raw), allow_pickle=False) as content:
                arrays = {name: content[name] for name in content.files}
            while self._open and self._bytes_open > MOST_BYTES_OPEN:
                oldest = self._open.pop(next(iter(self._open)))
                self._bytes_open -= sum(array.nbytes for array in oldest.values())
            self._open[shard] = arrays
            self._bytes_open += sum(array.nbytes for array in arrays.values())
        return self._open[shard]

    def _forget(self, shard: str, told: str) -> None:
        self.damaged.append(told)
        for key in {unit.setting for unit in self._shards.pop(shard)}:
            self._held[key] = [held for held in self._held[key] if held.shard != shard]

    def _take(self, path: Path, *, verify: bool) -> None:
        """Learn what a shard holds, or set it aside where it is not whole."""
        try:
            told = _read(path)[0] if verify else _manifest(path)
        except _DamagedError as error:
            for each in (path, path.with_suffix(".npz")) if self._set_aside else ():
                with contextlib.suppress(FileNotFoundError):
                    each.replace(each.with_name(each.name + DAMAGED))
            what = "it is set aside and its units are run again" if self._set_aside else "it is left out"
            self.damaged.append(f"{path}: {error}; {what}")
            return
        offsets: dict[str, int] = {}
        for setting, start, stop, seconds, steps, shapes in told["units"]:
            unit = Unit(setting, start, stop)
            held = Held(unit, seconds, steps, path.stem, {}, {name: tuple(shape) for name, shape in shapes.items()})
            for name, shape in held.shapes.items():
                held.offsets[name] = offsets.get(name, 0)
                offsets[name] = held.offsets[name] + math.prod(shape)
            self._file(held)

    def _file(self, held: Held) -> None:
        self._held.setdefault(held.unit.setting, []).append(held)
        self._shards.setdefault(held.shard, []).append(held.unit)


class DamagedShardError(InputError):
    """A shard that was counted on is not what its manifest describes; the store has forgotten it."""


class _DamagedError(Exception):
    """A shard is not what its manifest describes."""


def _manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a shard, compared with its seal."""
    try:
        return _unsealed(path.read_bytes())
    except FileNotFoundError:
        raise _DamagedError("it is gone since the folder was listed") from None


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the manifest of a shard and its results, each compared with what it should be."""
    told, raw = _unsealed(_bytes(path)), _bytes(path.with_suffix(".npz"))
    if hashlib.sha256(raw).hexdigest() != told["sha256"]:
        raise _DamagedError("its results were changed or cut off")
    return told, raw


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _DamagedError(f"{path.name} is missing") from None
    except IsADirectoryError:
        raise _DamagedError(f"{path.name} is a folder") from None


def _name(sha256: str, units: Sequence[Unit]) -> str:
    """Return the name of a shard; results alone will not do, for those of two units can be the same."""
    return hashlib.sha256(f"{sha256} {units}".encode()).hexdigest()[:24]


def _sealed(told: dict[str, Any]) -> bytes:
    """Return a manifest with a digest of itself."""
    return (json.dumps(told | {"seal": _seal(told)}, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _unsealed(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
        seal = told.pop("seal")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise _DamagedError("it is not a whole manifest") from None
    if seal != _seal(told):
        raise _DamagedError("it was changed after it was written")
    return dict(told)


def _seal(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, separators=(",", ":"), sort_keys=True).encode()).hexdigest()
