"""Settings of an experiment file: each variant of a table is read, built and checked once, and they are combined."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple

from ..choices import LANDSCAPE, NOISE, ROOT, RULE, Kind, Part, choose, owners
from ..configuration import NOT_RESULTS, Configuration, idle
from ..fields import REQUIRED, Field, fields, plain
from ..question import QUESTIONS, check_run, run_of
from ..refusals import InputError, deliberate_refusals, nearest, one_of
from .axes import Bundle, at
from .places import Path as Way
from .source import TABLES, Source
from .sweep_plan import SweepPlan, check_most
from .toml_values import called, key_of, keys, shown, shown_key, value_of

KINDS = {kind.word: kind for kind in (RULE, LANDSCAPE, NOISE)}
LEADING_NAME = re.compile(r"[A-Za-z_]\w*(?=[=\s])")


def check_setting(configuration: Configuration, landscape: Any, noise: Any, rule: Any) -> None:
    """Refuse, before anything runs, what the run of a setting would refuse.

    Parameters
    ----------
    configuration
        The setting.
    landscape, noise, rule
        Its parts, checked.

    Raises
    ------
    ValueError, TypeError
        As the run does.
    """
    check_run(configuration.run)
    import_module(f"{ROOT}.experiments.{configuration.question}").ensemble(landscape, noise, rule, configuration.run)


class _Given(NamedTuple):
    """A value and where it stands."""

    value: Any
    way: Way


class _Column(NamedTuple):
    """One table in all its variants.

    Parameters
    ----------
    axes
        Numbers of the axes that vary it.
    cells
        Position on these -> what the table is there.
    """

    axes: tuple[int, ...]
    cells: dict[tuple[int, ...], "_Cell"]


class _Cell(NamedTuple):
    """One variant of a table.

    Parameters
    ----------
    part
        The chosen rule, landscape or noise; None for the run.
    values
        What is given for its fields.
    built
        The checked object, or what to do.
    number
        The same for variants that come to the same, defaults filled in.
    """

    part: Part | None
    values: dict[str, Any]
    built: Any
    number: int


class Assembly:
    """Puts settings together: each variant of a table is read, built and checked once."""

    def __init__(self, source: Source, question: str, found: Sequence[Bundle]) -> None:
        self.source = source
        self.question = question
        self.bundles = found
        self.run = run_of(question)
        self.read: dict[tuple[str, str, int], Any] = {}

    def settings(self, plan: SweepPlan) -> Iterator[tuple[tuple[int, ...], Configuration]]:
        """Yield the place and the configuration of each setting, the last axis fastest."""
        columns = [self.column(word) for word in TABLES]
        seen: dict[tuple[int, ...], tuple[int, ...]] = {}
        for place in product(*(range(len(each)) for each in self.bundles)):
            cells = [column.cells[tuple(place[k] for k in column.axes)] for column in columns]
            rule, landscape, noise, run = cells
            parts: Any = (rule.part, landscape.part, noise.part)
            asked = Configuration(self.question, parts, (rule.values, landscape.values, noise.values), run.built)
            try:
                with deliberate_refusals():
                    check_setting(asked, landscape.built, noise.built, rule.built)
                check_most(plan, run.built)
            except InputError as error:
                raise self.refusal(
                    str(error), place, {"sweep": SweepPlan} | dict(zip(TABLES, (*parts, None), strict=True))
                ) from None
            twin = seen.setdefault(tuple(cell.number for cell in cells), place)
            if twin is not place:
                raise self.repeated(twin, place)
            yield place, asked

    def repeated(self, first: tuple[int, ...], second: tuple[int, ...]) -> InputError:
        """Return an error about two settings that are the same run."""
        apart = next(k for k in range(len(first)) if first[k] != second[k])
        track = self.bundles[apart].tracks[0]
        told = f"{at(self.bundles, first)} and {at(self.bundles, second)} are the same run"
        if track.key in NOT_RESULTS:
            told += f": no result depends on {track.name}"
        return self.source.refusal(track.way_to(second[apart]), told)

    def column(self, word: str) -> _Column:
        """Return a table in all its variants."""
        axes = tuple(k for k, each in enumerate(self.bundles) if any(track.table == word for track in each.tracks))
        numbers: dict[str, int] = {}
        cells = {}
        for place in product(*(range(len(self.bundles[k])) for k in axes)):
            cells[place] = self.cell(word, dict(zip(axes, place, strict=True)), numbers)
        self.check_given(word, axes, list(cells.values()), list(cells))
        return _Column(axes, cells)

    def check_given(
        self, word: str, axes: Sequence[int], cells: Sequence[_Cell], places: Sequence[tuple[int, ...]]
    ) -> None:
        """Refuse what is given for a field of the run that does nothing in any variant in which it is given."""
        useful = {name for cell in cells for name in cell.values if name not in idle(cell.built)}
        for cell, place in zip(cells, places, strict=True):
            for name in cell.values:
                if name not in useful:
                    told = f"{name}={shown(cell.values[name])} {idle(cell.built)[name]}"
                    raise self.refusal(told, dict(zip(axes, place, strict=True)), {word: None})

    def given(self, word: str, place: dict[int, int]) -> dict[str, _Given]:
        """Return what a table holds at a place: whole tables lie over it, and fields that are varied over these."""
        found = {key: _Given(value, (word, key)) for key, value in self.source.content.get(word, {}).items()}
        tracks = [(track, k) for each, k in place.items() for track in self.bundles[each].tracks if track.table == word]
        for track, k in sorted(tracks, key=lambda each: bool(each[0].key)):
            if track.key:
                found[track.key] = _Given(track.values[k], track.way_to(k))
            else:
                found |= {key: _Given(value, (*track.way_to(k), key)) for key, value in track.values[k].items()}
        return found

    def cell(self, word: str, place: dict[int, int], numbers: dict[str, int]) -> _Cell:
        """Return a table at a place, built and checked; equal ones have one number."""
        given = self.given(word, place)
        part = self.part(word, given, place) if word in KINDS else None
        known = keys(fields(self.run) if part is None else part.fields)
        here = {word: part}
        values = {}
        for key, (value, way) in given.items():
            if key == "name" and part is not None:
                continue
            if key not in known:
                raise self.refused(way, self.unknown(word, key, part, known), place)
            try:
                values[known[key].name] = self.value(known[key], f"{word}.{key}", value)
            except InputError as error:
                raise self.refused(way, str(error), place) from None
        for key, field in known.items():
            if field.default is REQUIRED and field.name not in values:
                raise self.refused((word,), f"{word}.{key} is required: it has no default", place)
        if part is None:
            run = self.run(**values)
            left_out = {*NOT_RESULTS, *idle(run)}
            told: Any = {name: value for name, value in run._asdict().items() if name not in left_out}
            return _Cell(None, values, run, numbers.setdefault(repr(plain(told)), len(numbers)))
        try:
            with deliberate_refusals():
                built = part.build(values)
        except InputError as error:
            raise self.refusal(str(error), place, here) from None
        told = repr(plain(part.describe(built, values)))
        return _Cell(part, values, built, numbers.setdefault(told, len(numbers)))

    def part(self, word: str, given: dict[str, _Given], place: dict[int, int]) -> Part:
        """Return the rule, landscape or noise that a table names."""
        kind = KINDS[word]
        default = "" if kind is RULE else getattr(QUESTIONS[self.question], word)
        named = given.get("name", _Given(default, (word,)))
        name, way = named.value, named.way
        if name == "" and "name" not in given:
            raise self.refused(way, f"{word}.name is required{one_of(kind.table)}", place)
        if not isinstance(name, str):
            raise self.refused(way, f"{word}.name={shown(name)} must be a text, not {called(name)}", place)
        try:
            return choose(kind, name)
        except InputError as error:
            raise self.refused(way, f"{word}.name={shown(name)}: {error}", place) from None

    def value(self, field: Field, name: str, value: Any) -> Any:
        """Return what a field is given; arrays are read once, however many settings share them."""
        if not isinstance(value, list | str):
            return value_of(field, name, value, self.source.folder)
        key = (name, repr(field.kinds), id(value))
        if key not in self.read:
            self.read[key] = value_of(field, name, value, self.source.folder)
        return self.read[key]

    def unknown(self, word: str, key: str, part: Part | None, known: dict[str, Field]) -> str:
        """Say whose a key is that does not belong to what the table holds."""
        dotted = f"{word}.{shown_key(key)}"
        if part is not None and key in fields_of(self.question)[word]:
            its = [each.name for each in owners(flag_of_key(key)) if each.kind == part.kind]
            return f"{dotted} belongs to {' and '.join(its)}, not to {part.name}"
        if part is None:
            for other in QUESTIONS:
                if key in keys(fields(run_of(other))):
                    return f'{dotted} belongs to question "{other}", not to "{self.question}"'
        others = [table for table in TABLES if table != word and key in fields_of(self.question)[table]]
        if others:
            return f"{dotted}: {key} is a field of [{others[0]}], not of [{word}]"
        if key in keys(fields(SweepPlan)):
            return f"{dotted}: {key} is a field of [sweep], not of [{word}]"
        names = [*(["name"] if part is not None else []), *known]
        return f"there is no {dotted}{nearest(key, names, one_of(names))}"

    def refusal(self, message: str, place: Any, parts: dict[str, Any]) -> InputError:
        """Return an error at the field that a message begins with."""
        positions = place if isinstance(place, dict) else dict(enumerate(place))
        found = LEADING_NAME.match(message)
        way: Way = (next(iter(parts)),) if len(parts) == 1 else ()
        for word, part in parts.items() if found else ():
            owner = part.fields if isinstance(part, Part) else fields(self.run if part is None else part)
            if found and found[0] in {field.name for field in owner}:
                key = key_of(found[0])
                message = f"{word}.{key}{message[found.end() :]}"
                way = self.way_to(word, key, positions)
                break
        return self.refused(way, message, positions)

    def way_to(self, word: str, key: str, place: dict[int, int]) -> Way:
        """Return where a field has its value at a place."""
        if word == "sweep":
            return (word, key)
        given = self.given(word, place)
        return given[key].way if key in given else (word,)

    def refused(self, way: Way, message: str, place: Any) -> InputError:
        """Return an error that says at which setting."""
        axes = sorted(place)
        if axes:
            message += f" (at {at([self.bundles[k] for k in axes], [place[k] for k in axes])})"
        return self.source.refusal(way, message)


def flag_of_key(key: str) -> str:
    """Return the flag that a key of a file would have."""
    return "--" + key.replace("_", "-")


@lru_cache
def fields_of(question: str) -> dict[str, dict[str, Field]]:
    """Return, for each table, the fields of whatever it may hold."""
    found = {}
    for word, kind in KINDS.items():
        found[word] = {"name": Field("name", (str,), REQUIRED, f"One of {', '.join(kind.table)}.")} | _all_fields(kind)
    return found | {"run": keys(fields(run_of(question)))}


def _all_fields(kind: Kind) -> dict[str, Field]:
    return {key: field for name in reversed(kind.table) for key, field in keys(choose(kind, name).fields).items()}
