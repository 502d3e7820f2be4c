"""What an experiment file varies: each axis a list, a range, several fields together, or whole tables."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..fields import Field, as_text
from ..refusals import InputError, nearest, one_of
from .places import Path as Way
from .ranges import is_range, numbers
from .source import TABLES, TOP, Source
from .toml_values import called, shown

MOST_SETTINGS = 1_000_000
"""Settings of a file; more are refused before they are made."""
LONGEST_LABEL = 40


class Axis(NamedTuple):
    """What is varied, alone or together.

    Parameters
    ----------
    names
        Dotted names of what changes together, as in ("rule.lr",) or ("rule.lr", "run.max_steps"); ("rule",) for whole
        tables.
    values
        For each position on the axis, the value of each name, plain as in the file; a whole table is a dict.
    labels
        For each position, what tables and plots call it: the value itself where a single name has plain values,
        else a short text.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    labels: tuple[Any, ...]


class Track(NamedTuple):
    """One name of an axis, with where its values stand.

    Parameters
    ----------
    name
        Dotted.
    values
        One for each position.
    way
        Where they stand in the file.
    listed
        Whether each has a place of its own there.
    """

    name: str
    values: Sequence[Any]
    way: Way
    listed: bool

    @property
    def table(self) -> str:
        """The table it changes."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """The key it changes there; "" for the whole table."""
        return self.name.partition(".")[2]

    def way_to(self, position: int) -> Way:
        """Return where a value stands."""
        return (*self.way, position) if self.listed else self.way

    def touches(self, table: str, key: str) -> bool:
        """Say whether it gives this field a value anywhere."""
        if self.table != table:
            return False
        return self.key == key or (not self.key and any(key in value for value in self.values))


class Bundle(NamedTuple):
    """An axis as it is read: the names that change together."""

    tracks: tuple[Track, ...]

    def __len__(self) -> int:
        return len(self.tracks[0].values)

    def axis(self) -> Axis:
        """Return it without its places."""
        names = tuple(track.name for track in self.tracks)
        values = tuple(zip(*(track.values for track in self.tracks), strict=True))
        return Axis(names, values, labels(names, values))


def bundles(source: Source, fields_of: dict[str, dict[str, Field]]) -> list[Bundle]:
    """Return the axes of a file in the order in which they stand there.

    Parameters
    ----------
    source
        The file.
    fields_of
        Table -> key -> one field of that name in whatever the table may hold.

    Raises
    ------
    InputError
        Where one is no axis, two have the same field, or there are too many settings.
    """
    found = []
    for name, way, value in _entries(source, "axes", source.content.get("axes", {}), ("axes",)):
        found.append(Bundle((_track(source, name, way, value, fields_of),)))
    zips = source.content.get("zip", [])
    if not isinstance(zips, list) or not all(isinstance(each, dict) for each in zips):
        raise source.refusal(("zip",), "zip is a list of tables: write [[zip]] above the fields that change together")
    for k, each in enumerate(zips):
        there: Way = ("zip", k)
        tracks = tuple(_track(source, *entry, fields_of) for entry in _entries(source, "zip", each, there))
        if not tracks:
            raise source.refusal(there, "[[zip]] is empty: it holds the fields that change together")
        for track in tracks[1:]:
            if len(track.values) != len(tracks[0].values):
                raise source.refusal(
                    track.way,
                    f"{track.name} has {len(track.values)} values and {tracks[0].name} {len(tracks[0].values)}: "
                    "what changes together has as many",
                )
        found.append(Bundle(tracks))
    _check_apart(source, found)
    settings = prod(map(len, found))
    if settings > MOST_SETTINGS:
        told = " x ".join(str(len(each)) for each in found)
        raise source.refusal(
            found[-1].tracks[0].way, f"the axes have {told} = {settings:,} settings; at most {MOST_SETTINGS:,} are run"
        )
    return sorted(found, key=lambda each: source.lines.get(each.tracks[0].way, 0))


def _entries(source: Source, word: str, table: Any, way: Way) -> Iterator[tuple[str, Way, Any]]:
    """Yield the dotted name, place and value of each entry of [axes] or [[zip]]."""
    if not isinstance(table, dict):
        raise source.refusal(way, f"[{word}] is a table, not {called(table)}")
    for key, value in table.items():
        if key in TABLES and isinstance(value, dict):
            for inner, each in value.items():
                yield f"{key}.{inner}", (*way, key, inner), each
        else:
            yield key, (*way, key), value


def _track(source: Source, name: str, way: Way, value: Any, fields_of: dict[str, dict[str, Field]]) -> Track:
    table, _, key = name.partition(".")
    if table not in TABLES:
        raise source.refusal(way, f"{_stray(name, fields_of)}")
    if not key:
        return Track(name, _whole_tables(source, name, way, value), way, listed=True)
    field = fields_of[table].get(key)
    if isinstance(value, dict):
        if not is_range(value):
            raise source.refusal(
                way, f"{name} is a list of values or a range {{ from, to, count }} or {{ from, to, step }}, not a table"
            )
        return Track(name, _range(source, name, way, value, field), way, listed=False)
    if not isinstance(value, list):
        raise source.refusal(
            way,
            f"{name}={shown(value)} is one value: an axis has a list or a range; a single value stands in [{table}]",
        )
    _check_size(source, name, way, value)
    for k, each in enumerate(value):
        if isinstance(each, dict):
            raise source.refusal((*way, k), f"{name}[{k}] is a table; for whole tables write [[axes.{table}]]")
        if field is not None and _needs_list(field) and not isinstance(each, list | str):
            raise source.refusal(
                (*way, k), f"{name}[{k}]={shown(each)} must be an array: this axis is a list of arrays, [[...], [...]]"
            )
    return Track(name, value, way, listed=True)


def _stray(name: str, fields_of: dict[str, dict[str, Field]]) -> str:
    owner = next((table for table in TABLES if name in fields_of[table]), None)
    if owner is not None:
        return f"{name} stands in no table: write {owner}.{name}"
    known = [*TABLES, *(f"{table}.{key}" for table in TABLES for key in fields_of[table])]
    if name in TOP:
        return f"{name} cannot be varied: a file has one"
    return f"there is no {shown(name)} to vary{nearest(name, known, one_of([f'{table}.KEY' for table in TABLES]))}"


def _whole_tables(source: Source, name: str, way: Way, value: Any) -> list[dict[str, Any]]:
    if name == "run":
        raise source.refusal(way, "run is varied field by field: write run.KEY, or several of them in [[zip]]")
    if not isinstance(value, list):
        raise source.refusal(way, f"{name} is varied by a list of tables, [[axes.{name}]], not by {called(value)}")
    _check_size(source, name, way, value)
    for k, each in enumerate(value):
        if not isinstance(each, dict):
            hint = f"; for names alone write {name}.name = [...]" if isinstance(each, str) else ""
            raise source.refusal((*way, k), f"{name}[{k}]={shown(each)} must be a table{hint}")
    return value


def _range(source: Source, name: str, way: Way, value: dict[str, Any], field: Field | None) -> Sequence[Any]:
    kinds = set() if field is None else set(field.kinds)
    if field is not None and (field.choices or bool in kinds or kinds == {str} or _needs_list(field)):
        raise source.refusal(way, f"{name} has no range: write a list of its values")
    # A field that takes whole numbers and others alike has whole ones where the range has no others.
    ints = all(type(value[key]) is int for key in ("from", "to", "step", "count") if key in value)
    if ints and {"from", "to", "count"} <= set(value) and value["count"] > 1:
        ints = (value["to"] - value["from"]) % (value["count"] - 1) == 0
    wholes = float not in kinds and (int in kinds or ints)
    try:
        return numbers(name, value, MOST_SETTINGS, wholes=wholes)
    except InputError as error:
        raise source.refusal(way, str(error)) from None


def _needs_list(field: Field) -> bool:
    """Say whether a field is an array and a number alone would be a mistake."""
    return field.takes_array and int not in field.kinds and (Any not in field.kinds or isinstance(field.default, tuple))


def _check_size(source: Source, name: str, way: Way, value: list[Any]) -> None:
    if not value:
        raise source.refusal(way, f"{name} is empty: an axis has one value or more")
    if len(value) > MOST_SETTINGS:
        raise source.refusal(way, f"{name} has {len(value):,} values; at most {MOST_SETTINGS:,} are run")


def _check_apart(source: Source, found: list[Bundle]) -> None:
    """Refuse a field that two axes, or a table and an axis, would both set: which of them wins would be unclear."""
    seen: dict[str, Track] = {}
    for track in (track for each in found for track in each.tracks):
        names = [track.name]
        if not track.key:
            names += sorted({f"{track.table}.{key}" for value in track.values for key in value})
        for name in names:
            other = seen.setdefault(name, track)
            if other is not track:
                raise source.refusal(track.way, f"{name} is varied twice: an axis over it stands{_at(source, other)}")
        base = source.content.get(track.table, {})
        if track.key and track.key in base:
            where = _at(source, Track(track.name, [], (track.table, track.key), listed=False))
            raise source.refusal(
                track.way, f"{track.name} is varied here and has a value{where}: leave one of the two out"
            )


def _at(source: Source, track: Track) -> str:
    line = source.lines.get(track.way)
    return f" in {'.'.join(map(str, track.way))}" if line is None else f" in line {line}"


def labels(names: tuple[str, ...], values: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    """Return what tables and plots call each position of an axis."""
    if len(names) == 1 and "." in names[0]:
        return tuple(_short(value[0]) for value in values)
    texts = [" ".join(_told(name, each) for name, each in zip(names, value, strict=True)) for value in values]
    if len(set(texts)) < len(texts):
        texts = [
            " ".join(_told(name, each, full=True) for name, each in zip(names, value, strict=True)) for value in values
        ]
    return tuple(texts)


def _told(name: str, value: Any, *, full: bool = False) -> str:
    if not isinstance(value, dict):
        return f"{name.partition('.')[2]}={_short(value)}"
    others = [f"{key}={_short(each)}" for key, each in value.items() if key != "name" and (full or "name" not in value)]
    first = [str(_short(value["name"]))] if "name" in value else []
    return " ".join(first + others) or "as it stands"


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return shown(value)
    if not isinstance(value, list):
        return value
    try:
        text = as_text(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        text = shown(value)
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 3] + "..."


def at(found: Sequence[Bundle], position: Sequence[int]) -> str:
    """Return where on the axes a setting lies, for a message."""
    told = []
    for each, k in zip(found, position, strict=True):
        for track in each.tracks:
            value = track.values[k]
            told.append(f"{track.name}={_told(track.name, value) if isinstance(value, dict) else shown(value)}")
    return ", ".join(told)
