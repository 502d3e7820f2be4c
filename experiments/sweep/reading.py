"""Reading the folder of a sweep: labelled arrays, a table, and the result of each setting. Nothing in it is changed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..fields import as_text
from ..files.axes import Axis
from ..refusals import InputError, nearest, one_of
from . import quantities
from .amounts import counted_up
from .quantities import DIRECTION, QUANTITIES, STAGE, STEP, Quantity, Row
from .stopping import TOO_FEW, Extent, combined, extent, result_of
from .store import SHARDS, SWEEP, DamagedShardError, Manifest, Store, StoredSetting, read_manifest
from .unit import REFERENCES, module_of

if TYPE_CHECKING:
    from ..files.sweep_plan import SweepPlan

MOST_SOLVED = 300
"""Settings of a saddle whose exact references are solved when they are read: milliseconds each."""
CLOSE = 1e-9
"""Relative difference within which a number is that of an axis."""

Array = npt.NDArray[Any]


class Dimension(NamedTuple):
    """One axis of a sweep.

    Parameters
    ----------
    name
        Of its first field, as in "rule.lr"; "rule" where whole tables are varied.
    labels
        What tables and plots call each position.
    fields
        Name -> value at each position: of the field itself, of all that change together, or of the tables' keys.
    """

    name: str
    labels: tuple[Any, ...]
    fields: dict[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def values(self) -> Array:
        """The coordinate along it: values of its first field, or labels where these are no plain values."""
        own = self.fields.get(self.name)
        return as_column(self.labels if own is None else own)

    @property
    def varying(self) -> dict[str, tuple[Any, ...]]:
        """Those of its fields that change along it."""
        return {name: values for name, values in self.fields.items() if len(set(map(str, values))) > 1}

    def position(self, wanted: Any) -> int:
        """Return where on it a value lies.

        Raises
        ------
        InputError
            Where it does not.
        """
        for values in (self.values.tolist(), self.labels, *self.fields.values()):
            found = [k for k, value in enumerate(values) if is_same(value, wanted)]
            if len(found) == 1:
                return found[0]
        there = ", ".join(str(value) for value in self.values.tolist())
        raise InputError(f"{self.name}={wanted} is not on its axis: {there}")

    def only(self, positions: Sequence[int]) -> "Dimension":
        """Return it with these positions alone."""

        def kept(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[k] for k in positions)

        return Dimension(self.name, kept(self.labels), {name: kept(values) for name, values in self.fields.items()})


class Labelled(NamedTuple):
    """A quantity of every setting.

    Parameters
    ----------
    values
        An array with an axis for each of dims; NaN, 0 or "" where there is nothing yet.
    dims
        What its axes are.
    coords
        Name of a dimension -> coordinates along it.
    unit, says
        In what it is told, and what it is.
    """

    values: Array
    dims: tuple[str, ...]
    coords: dict[str, Array]
    unit: str
    says: str


class Setting:
    """A setting of a sweep, read when asked.

    Attributes
    ----------
    number
        Its place in the order of the file.
    coordinates : dict[str, Any]
        Name of each field that an axis varies -> its value.
    described : dict[str, Any]
        Its whole configuration as plain values.
    """

    def __init__(self, reader: "Reader", number: int, coordinates: dict[str, Any]) -> None:
        self._reader = reader
        self.number = number
        self.coordinates = coordinates
        self.described = reader.manifest.settings[number].described

    def __repr__(self) -> str:
        at = ", ".join(f"{name}={value}" for name, value in self.coordinates.items())
        return f"<setting {self.number}{': ' * bool(at)}{at}>"

    @property
    def complete(self) -> bool:
        """Whether nothing is left to run."""
        return self._reader.row(self.number).complete

    @property
    def result(self) -> Any:
        """EscapeTimes, RareEscapes or SaddleSpread of numbers [0, N) as far as they are there; None where none are.

        Raises
        ------
        InputError
            Where they do not make a result: all diverged, or another version of the program wrote them.
        """
        _, result, problem = self._reader.result(self.number)
        if problem:
            raise InputError(problem)
        return result

    @property
    def verdict(self) -> Any:
        """Verdict against exact_discrete, where complete and solved; the chance of a false alarm is that of a sweep."""
        return self._reader.row(self.number).verdict

    def values(self, *, closed: bool = True) -> dict[str, Any]:
        """Return name -> value of every quantity that is known, with closed forms or without."""
        return self._reader.values(self.number, closed=closed)


class Sweep:
    """A sweep as it lies in its folder at the moment it is loaded, under way or finished.

    ``sweep["mean"]`` is a labelled array, ``sweep.table()`` a dict of columns, ``sweep[2]`` or ``sweep[0, 2]`` the
    EscapeTimes, RareEscapes or SaddleSpread of a setting, ``sweep.select(**{"rule.lr": 0.05})`` a part of it.

    Attributes
    ----------
    axes : dict[str, Dimension]
        Name -> what is varied along it, in order.
    settings : tuple[Setting, ...]
        All settings in the order of the file.
    places : list[tuple[int, ...]]
        Where each of them lies on the axes.
    """

    def __init__(self, reader: "Reader", axes: Sequence[Dimension], grid: npt.NDArray[np.int64]) -> None:
        self._reader = reader
        self.axes = {axis.name: axis for axis in axes}
        self._grid = grid
        self.places = [tuple(map(int, place)) for place in np.argwhere(grid >= 0)]
        self._numbers = [int(grid[place]) for place in self.places]
        self.settings = tuple(
            Setting(reader, number, self._coordinates(place))
            for number, place in zip(self._numbers, self.places, strict=True)
        )

    def __len__(self) -> int:
        return len(self.settings)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}: {len(axis)}" for name, axis in self.axes.items())
        return f"<Sweep {self.name!r}, {self.question}: {len(self)} settings ({told or 'no axis'})>"

    def __getitem__(self, what: Any) -> Any:
        if isinstance(what, str):
            return self.array(what)
        if isinstance(what, tuple):
            return Setting(self._reader, int(self._grid[what]), {}).result
        return self.settings[what].result

    @property
    def manifest(self) -> Manifest:
        """What the folder was made for."""
        return self._reader.manifest

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._reader.store.folder

    @property
    def name(self) -> str:
        """Name of the experiment file."""
        return self.manifest.name

    @property
    def text(self) -> str:
        """What the experiment file says."""
        return self.manifest.text

    @property
    def question(self) -> str:
        """What was asked, "escape" or "saddle"."""
        return self.manifest.question

    @property
    def version(self) -> str:
        """Version of the program that ran it."""
        return self.manifest.version

    @property
    def plan(self) -> "SweepPlan":
        """How far it goes."""
        return self.manifest.plan

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions on each axis."""
        return self._grid.shape

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> what can be asked of each setting."""
        return QUANTITIES[self.question]

    @property
    def damaged(self) -> tuple[str, ...]:
        """Shards that were found not to be whole so far, a line for each; their units count as missing."""
        return tuple(self._reader.store.damaged)

    @property
    def complete(self) -> bool:
        """Whether every setting is complete."""
        return all(row.complete for row in self.rows())

    @property
    def units(self) -> int:
        """Finished units on disk."""
        keys = dict.fromkeys(self.manifest.settings[number].key for number in self._numbers)
        return sum(len(self._reader.store.units(key)) for key in keys)

    def missing(self) -> int:
        """Return how many trajectories, or repetitions, are known to be missing."""
        return sum(self.lacking().values())

    def lacking(self) -> dict[str, int]:
        """Return how many of each are known to be missing, of those that settings are counted in."""
        settings = self.manifest.settings
        return counted_up((settings[number].amount, self._reader.missing(number)) for number in self._numbers)

    def unsolved(self) -> int:
        """Return of how many settings the exact references were asked for and are not there."""
        if not self.plan.exact:
            return 0
        units = (self._reader.store.units(self.manifest.settings[number].key) for number in self._numbers)
        return sum(not any(each.unit.start == each.unit.stop for each in held) for held in units)

    def effort(self) -> tuple[int, float]:
        """Return the trajectory-steps that were taken and the seconds that they took one worker, by what is on disk."""
        keys = dict.fromkeys(self.manifest.settings[number].key for number in self._numbers)
        held = [each for key in keys for each in self._reader.store.units(key)]
        return sum(each.steps for each in held), sum(each.seconds for each in held)

    def rows(self) -> list[Row]:
        """Return what is known of each setting without closed forms; each shard is read once."""
        return self._reader.rows(self._numbers)

    def digest(self) -> str | None:
        """Return the SHA-256 over the key and the digest of the result of every setting; None where one lacks."""
        return combined(
            (self.manifest.settings[number].key, row.values.get("digest"))
            for number, row in zip(self._numbers, self.rows(), strict=True)
        )

    def array(self, name: str) -> Labelled:
        """Return a quantity of every setting.

        Parameters
        ----------
        name
            One of ``quantities``. A closed form of an escape takes about 12 ms a setting, once, where the sweep did not
            solve the exact references with it.

        Raises
        ------
        InputError
            Where there is no such quantity.
        """
        quantity = self._quantity(name)
        rows = [each.values(closed=quantity.closed) for each in self.settings]
        coords = {axis.name: axis.values for axis in self.axes.values()}
        sizes = self._sizes() if quantity.dims else {}
        shape = tuple(sizes[dim] for dim in quantity.dims)
        kind = object if quantity.kind is str else quantity.kind
        values: Array = np.full((*self.shape, *shape), quantity.nothing, kind)
        for place, row in zip(self.places, rows, strict=True):
            value = row.get(name)
            if value is None:
                continue
            part: tuple[Any, ...] = (*place, *(slice(size) for size in np.shape(value)))
            values[part] = value
        for dim in quantity.dims:
            coords[dim] = self._common(dim)
        return Labelled(values, self.dims + quantity.dims, coords, quantity.unit, quantity.says)

    def table(self, names: Iterable[str] | None = None) -> dict[str, Array]:
        """Return columns, a row for each setting: what is varied, and quantities.

        Parameters
        ----------
        names
            Quantities, all if left out. Of those with a value for each step and direction of a saddle, the one at the
            last step along the lowest curvature; those with one for each stage of a splitting are no columns.

        Raises
        ------
        InputError
            Where one is no column.
        """
        columns = [name for name, quantity in self.quantities.items() if STAGE not in quantity.dims]
        wanted = columns if names is None else list(names)
        closed = any(self._quantity(name).closed for name in wanted)
        found = {name: as_column(values) for name, values in self.varied().items()}
        self.rows()
        rows = [self.last(each.values(closed=closed)) for each in self.settings]
        for name in wanted:
            quantity = self._quantity(name)
            if name not in columns:
                raise InputError(f'{name} has a value for each stage: sweep["{name}"] tells them, a table does not')
            cells = [row.get(name) for row in rows]
            cells = [quantity.nothing if cell is None else cell for cell in cells]
            found[name] = np.array(cells, dtype=object if quantity.kind is str else quantity.kind)
        return found

    def varied(self) -> dict[str, list[Any]]:
        """Return the name of each field that is varied -> its value in each setting; of whole tables the label too."""
        found: dict[str, list[Any]] = {}
        for k, axis in enumerate(self.axes.values()):
            columns = {name: values for name, values in axis.fields.items() if len(axis) == 1} | axis.varying
            if axis.name not in axis.fields:
                columns = {axis.name: axis.labels} | columns
            for name, values in columns.items():
                found[name] = [values[place[k]] for place in self.places]
        return found

    def select(self, **wanted: Any) -> "Sweep":
        """Return the part of a sweep at these positions.

        Parameters
        ----------
        **wanted
            Name of an axis -> a value of it, and the axis is gone; or a list of its values, and it has only these.

        Raises
        ------
        InputError
            Where there is no such axis or no such value on it.
        """
        index: list[Any] = [slice(None)] * len(self.axes)
        axes: list[Dimension | None] = list(self.axes.values())
        for name, values in wanted.items():
            place = self._axis(name)
            axis = list(self.axes.values())[place]
            if isinstance(values, list | tuple | np.ndarray):
                index[place] = [axis.position(value) for value in values]
                axes[place] = axis.only(index[place])
            else:
                index[place] = axis.position(values)
                axes[place] = None
        grid = self._grid
        for place in reversed(range(len(index))):
            grid = grid[(slice(None),) * place + (index[place],)]
        return Sweep(self._reader, [axis for axis in axes if axis is not None], np.asarray(grid))

    def to_xarray(self) -> Any:
        """Return an xarray Dataset; needs saddlescape[export].

        Raises
        ------
        InputError
            Where xarray is not installed.
        """
        from .export import dataset

        return dataset(self)

    def _axis(self, name: str) -> int:
        for place, axis in enumerate(self.axes.values()):
            if name == axis.name or name in axis.fields:
                return place
        known = [*self.axes, *(name for axis in self.axes.values() for name in axis.fields)]
        hint = nearest(name, known, one_of(self.axes)) if known else "; nothing is varied"
        raise InputError(f"there is no axis {name!r}{hint}")

    def _quantity(self, name: str) -> Quantity:
        if name not in self.quantities:
            raise InputError(f"there is no quantity {name!r}{nearest(name, self.quantities, one_of(self.quantities))}")
        return self.quantities[name]

    def _coordinates(self, place: tuple[int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for k, axis in zip(place, self.axes.values(), strict=True):
            if axis.name not in axis.fields:
                found[axis.name] = axis.labels[k]
            found |= {name: values[k] for name, values in axis.fields.items()}
        return found

    def _sizes(self) -> dict[str, int]:
        """Return how many steps and directions, or stages, there are at most."""
        dims, told = ((STEP, DIRECTION), "variance") if self.question == "saddle" else ((STAGE,), "chance")
        shapes = [row.values[told].shape for row in self.rows() if told in row.values]
        return dict(zip(dims, np.max(shapes, axis=0).tolist() if shapes else [0] * len(dims), strict=True))

    def _common(self, dim: str) -> Array:
        """Return the recorded steps where all settings have the same, or places from 0."""
        size = self._sizes()[dim]
        if dim == STEP:
            told = {tuple(row.values["steps"].tolist()) for row in self.rows() if "steps" in row.values}
            if len(told) == 1:
                return np.array(told.pop(), dtype=np.int64)
        return np.arange(size)

    def axis(self, name: str) -> Dimension:
        """Return an axis by its name, or by that of one of its fields; InputError where there is none."""
        return list(self.axes.values())[self._axis(name)]

    def last(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values at the last step along the lowest curvature where there are several."""
        if self.question != "saddle" or "curvature" not in values:
            return {name: value for name, value in values.items() if np.ndim(value) == 0}
        lowest = int(np.argmin(values["curvature"]))
        at = {(STEP, DIRECTION): (-1, lowest), (DIRECTION,): (lowest,), (STEP,): (-1,), (): ()}
        return {
            name: np.asarray(value)[at[self.quantities[name].dims]] if np.ndim(value) else value
            for name, value in values.items()
        }


class Reader:
    """What was read from a folder so far.

    Parameters
    ----------
    store
        Its shards; it sets nothing aside.
    manifest
        What the folder was made for.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store, self.manifest = store, manifest
        self._rows: dict[int, Row] = {}
        self._closed: dict[int, dict[str, Any]] = {}

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """Return what is known of these settings; those whose results lie together are read together."""
        for number in self._together([number for number in numbers if number not in self._rows]):
            self.row(number)
        return [self._rows[number] for number in numbers]

    def row(self, number: int) -> Row:
        """Return what is known of a setting."""
        if number not in self._rows:
            there, result, problem = self.result(number)
            setting = self.manifest.settings[number]
            self._rows[number] = quantities.measured(
                setting.described, there, result, problem, self._solved(setting), len(self.manifest.settings)
            )
        return self._rows[number]

    def values(self, number: int, *, closed: bool) -> dict[str, Any]:
        """Return the quantities of a setting, those of the closed forms too where asked."""
        values = self.row(number).values
        if closed and not any(name in values for name in quantities.CLOSED):
            if number not in self._closed:
                try:
                    self._closed[number] = quantities.closed_forms(self.manifest.settings[number].described)
                except (ValueError, TypeError, InputError):
                    self._closed[number] = {}
            values = values | self._closed[number]
        return quantities.with_ratios(values, self.manifest.question)

    def result(self, number: int) -> tuple[Extent, Any, str]:
        """Return how far a setting is, its result so far (None where there is none), and why there is none."""
        setting = self.manifest.settings[number]
        while True:
            try:
                there = self._extent(setting)
                if there.done == 0:
                    return there, None, ""
                result = result_of(self.store, self.manifest, setting, there.done)
                return there, result, TOO_FEW if result is None else ""
            except DamagedShardError:  # the store has forgotten it: what it held is missing
                continue
            except (ValueError, TypeError, KeyError, InputError) as error:
                missing = self.store.missing(setting.key, self.manifest.question, setting.trajectories)
                wanted = setting.trajectories
                told = f"no {error}" if isinstance(error, KeyError) else str(error)
                return Extent(missing[0][0] if missing else wanted, wanted), None, told

    def missing(self, number: int) -> int:
        """Return how many of the wanted trajectories, or repetitions, of a setting are not there."""
        setting, wanted = self.manifest.settings[number], self.row(number).values["wanted"]
        ranges = self.store.missing(setting.key, self.manifest.question, wanted)
        return sum(stop - start for start, stop in ranges)

    def _extent(self, setting: StoredSetting) -> Extent:
        """Return how far a setting is, with the trajectories that are there before the first that is missing."""
        there = extent(self.store, self.manifest, setting)
        if there.complete:
            return there
        missing = self.store.missing(setting.key, self.manifest.question, there.wanted)
        return Extent(max(there.done, missing[0][0]), there.wanted)

    def _solved(self, setting: StoredSetting) -> dict[str, Any] | None:
        while True:
            try:
                note = self.store.note(setting.key, REFERENCES)
                break
            except DamagedShardError:
                continue
        if note is None and self.manifest.question == "saddle" and len(self.manifest.settings) <= MOST_SOLVED:
            return dict(module_of(setting.described).solved(setting.described))
        return quantities.parsed(note)

    def _together(self, numbers: Sequence[int]) -> list[int]:
        """Return settings in the order in which their first units were written, so that few shards are open."""
        when: dict[str, float] = {}

        def written(number: int) -> float:
            held = self.store.units(self.manifest.settings[number].key)
            if not held:
                return 0.0
            shard = held[0].shard
            if shard not in when:
                try:
                    when[shard] = (self.store.folder / SHARDS / f"{shard}.json").stat().st_mtime
                except OSError:
                    when[shard] = 0.0
            return when[shard]

        return sorted(numbers, key=written)


def load(folder: Path | str) -> Sweep:
    """Return the sweep that lies in a folder, under way or finished; nothing there is changed.

    Parameters
    ----------
    folder
        What ``saddlescape sweep --out`` was given.

    Raises
    ------
    InputError
        In one line, where there is no sweep or it cannot be read.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest is None:
        here = folder.is_dir()
        raise InputError(f"{folder} holds no sweep: {SWEEP} is missing" if here else f"there is no folder {folder}")
    try:
        store = Store(folder, verify=False, set_aside=False)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from None
    shape = tuple(len(axis.labels) for axis in manifest.axes)
    grid = np.full(shape, -1, dtype=np.int64)
    for number, setting in enumerate(manifest.settings):
        grid[setting.place] = number
    axes = [_dimension(axis, k, manifest) for k, axis in enumerate(manifest.axes)]
    return Sweep(Reader(store, manifest), axes, grid)


def _dimension(axis: Axis, k: int, manifest: Manifest) -> Dimension:
    fields: dict[str, tuple[Any, ...]] = {}
    for j, name in enumerate(axis.names):
        column = [values[j] for values in axis.values]
        if "." in name:
            fields[name] = tuple(plain_value(value) for value in column)
        else:
            # A table leaves out what it has from the base or by default: what was run is told by the settings.
            found = {setting.place[k]: setting.described[name] for setting in reversed(manifest.settings)}
            keys = dict.fromkeys(key for table in column for key in table)
            for key in keys:
                told = tuple(plain_value(found.get(at, {}).get(key)) for at in range(len(column)))
                fields[f"{name}.{key}"] = told
    return Dimension(axis.names[0], axis.labels, fields)


def plain_value(value: Any) -> Any:
    """Return a value of a field as a cell can hold it: an array as the text that a flag would have."""
    if not isinstance(value, list):
        return value
    try:
        return as_text(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        return str(value)


def is_same(value: Any, wanted: Any) -> bool:
    """Say whether two values are one, numbers to rounding."""
    if isinstance(value, bool) or isinstance(wanted, bool) or isinstance(value, str) or isinstance(wanted, str):
        return bool(str(value) == str(wanted))
    if value is None or wanted is None:
        return value is wanted
    return bool(abs(value - wanted) <= CLOSE * max(abs(value), abs(wanted)))


def as_column(values: Sequence[Any]) -> Array:
    """Return values as an array of whole numbers, of numbers (NaN for none), of truths, or of words."""
    kinds = {type(value) for value in values}
    if kinds == {int}:
        return np.array(values, dtype=np.int64)
    if kinds == {bool}:
        return np.array(values, dtype=bool)
    if kinds <= {int, float, type(None)} and kinds != {type(None)}:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array(["" if value is None else str(value) for value in values], dtype=object)


def configured(described: Mapping[str, Any], name: str) -> Any:
    """Return a field of a configuration by its dotted name, plain; KeyError where there is none."""
    table, _, key = name.partition(".")
    part = described[table]
    return plain_value(part[key]) if key else part["name"]
