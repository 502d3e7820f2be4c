"""The landscapes, noises and rules that a name can choose."""

from importlib import import_module
from typing import Any, NamedTuple

from ..dynamics import RULES
from ..landscapes import LANDSCAPES, NOISES
from .fields import Field, fields
from .refusals import InputError, nearest, one_of

ROOT = __name__.partition(".")[0]


class Kind(NamedTuple):
    """A table of names to choose from.

    Parameters
    ----------
    word
        What its members are called.
    floor
        Folder that holds their modules.
    table
        Name -> (module, class).
    """

    word: str
    floor: str
    table: dict[str, tuple[str, str]]

    def load(self, name: str) -> Any:
        """Return the class, or the function that makes one; InputError with the nearest name where there is none."""
        if name not in self.table:
            raise InputError(f"there is no {self.word} {name!r}{nearest(name, self.table, one_of(self.table))}")
        module, attribute = self.table[name]
        return getattr(import_module(f"{ROOT}.{self.floor}.{module}"), attribute)


RULE = Kind("rule", "dynamics", RULES)
LANDSCAPE = Kind("landscape", "landscapes", LANDSCAPES)
NOISE = Kind("noise", "landscapes", NOISES)


class Part(NamedTuple):
    """One chosen member of a table and its fields.

    Parameters
    ----------
    kind
        Its table.
    name
        Its name there.
    make
        The class, or the function that makes one.
    """

    kind: Kind
    name: str
    make: Any

    @property
    def fields(self) -> list[Field]:
        """What can be set."""
        return fields(self.make)

    def build(self, values: dict[str, Any]) -> Any:
        """Return it with these values, checked; ValueError or TypeError where they are out of bounds."""
        return self.make(**values).check()

    def describe(self, built: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Return its name and all its fields, resolved where the object itself says what they are."""
        own = getattr(built, "_fields", ())
        given = {field.name: values.get(field.name, field.default) for field in self.fields}
        # A word stays the word that was given, whatever number it was resolved to.
        resolved = {name: getattr(built, name) for name in given if name in own and not isinstance(given[name], str)}
        return {"name": self.name} | given | resolved


def choose(kind: Kind, name: str) -> Part:
    """Return the member of that name."""
    return Part(kind, name, kind.load(name))


def owners(flag: str) -> list[Part]:
    """Return every landscape, noise and rule that has this flag."""
    parts = [choose(kind, name) for kind in (LANDSCAPE, NOISE, RULE) for name in kind.table]
    return [part for part in parts if flag in {field.flag for field in part.fields}]
