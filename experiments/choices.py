"""The landscapes, noises and rules that a name can choose."""

from importlib import import_module
from typing import Any, NamedTuple

from ..dynamics import RULES
from ..landscapes import LANDSCAPES, NOISES
from .fields import Field, Refusal, fields, nearest

ROOT = __package__.rpartition(".")[0]


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
        """Return the class, or the function that makes one; Refusal with the nearest name where there is none."""
        if name not in self.table:
            near = nearest(name, self.table) or f"; one of {', '.join(self.table)}"
            raise Refusal(f"there is no {self.word} {name!r}{near}")
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
        return {"name": self.name} | {name: getattr(built, name) if name in own else given[name] for name in given}


def choose(kind: Kind, name: str) -> Part:
    """Return the member of that name."""
    return Part(kind, name, kind.load(name))


def owners(flag: str) -> list[Part]:
    """Return every landscape, noise and rule that has this flag."""
    parts = [choose(kind, name) for kind in (LANDSCAPE, NOISE, RULE) for name in kind.table]
    return [part for part in parts if flag in {field.flag for field in part.fields}]
