"""The regime planes: one module a statement, whose ``planes()`` lists where its closed forms are compared."""

from importlib import import_module

from ..statements import STATEMENTS
from .plane import Plane


def planes(statement: str) -> tuple[Plane, ...]:
    """Return the planes of a statement.

    Raises
    ------
    ValueError
        Where there is no such statement.
    """
    if statement not in STATEMENTS:
        raise ValueError(f"statement={statement!r} must be one of {', '.join(STATEMENTS)}")
    return import_module(f".{statement.replace('-', '_')}", __package__).planes()  # type: ignore[no-any-return]
