"""The landscapes, noises and rules that a name can choose."""

from collections.abc import Sequence
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


def chosen(kind: Kind, tokens: Sequence[str], default: str) -> Part:
    """Find --rule, --landscape or --noise among the tokens, before the flags of what it chooses are known."""
    flag = f"--{kind.word}"
    name = default
    for k, token in enumerate(tokens):
        if token.startswith(flag + "="):
            name = token.partition("=")[2]
        elif token == flag:
            if k + 1 == len(tokens) or tokens[k + 1].startswith("-"):
                raise InputError(f"{flag} needs a value{one_of(kind.table)}")
            name = tokens[k + 1]
    return choose(kind, name)


def choice(part: Part) -> Field:
    """Return the flag that chose a part."""
    return Field(part.kind.word, (str,), part.name, f"One of {', '.join(part.kind.table)}.")


def foreign(flag: str, parts: Sequence[Part]) -> InputError | None:
    """Say to whom a flag belongs that none of these parts has; None where it is nobody's."""
    for kind in {part.kind.word: part.kind for part in owners(flag)}.values():
        here = next((part.name for part in parts if part.kind == kind), None)
        if here is not None:
            found = [part.name for part in owners(flag) if part.kind == kind]
            return InputError(f"{flag} belongs to {' and '.join(found)}, not to {here}")
    return None
