"""A configuration as the text of an experiment file."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..configuration import Configuration
from ..fields import Field, fields, summary
from .toml_values import key_of, toml

WIDTH = 120
REFERENCE = re.compile(r" \[\d+\]_")
ARRAY_WIDTH = 100
"""Characters of an array that is written in one line."""


def to_text(configuration: Configuration) -> str:
    """Return the experiment file of a configuration: reading it gives the same configuration.

    What was given stands in it as a value; what was left out, as a comment with its default and what it means.
    """
    return "\n".join(_lines(configuration)) + "\n"


def _lines(asked: Configuration) -> Iterator[str]:
    yield "# saddlescape run FILE.toml runs this; in lines that begin with #, what was left out and its default."
    yield ""
    yield f"question = {toml(asked.question)}"
    for part, given in zip(asked.parts, asked.values, strict=True):
        yield ""
        yield f"[{part.kind.word}]"
        yield from told(REFERENCE.sub("", summary(part.make)))
        yield f"name = {toml(part.name)}"
        values = {name: value for name, value in given.items() if value is not None}
        yield from _entries(part.fields, values)
    yield ""
    yield "[run]"
    owned = fields(type(asked.run))
    yield from _entries(
        owned, {each.name: value for each in owned if _is_given(value := getattr(asked.run, each.name), each)}
    )


def _is_given(value: Any, field: Field) -> bool:
    return value is not None and (isinstance(value, np.ndarray) or value != field.default)


def _entries(owned: list[Field], values: dict[str, Any]) -> Iterator[str]:
    for field in owned:
        if field.name in values:
            yield from entry(field, values[field.name])
        else:
            yield default(field)


def entry(field: Field, value: Any) -> Iterator[str]:
    """Yield the lines that give a field a value."""
    text = toml(value)
    if len(text) > ARRAY_WIDTH and isinstance(value, np.ndarray | list | tuple):
        yield from told(field.doc)
        yield f"{key_of(field.name)} = ["
        for each in value:
            yield from textwrap.wrap(toml(each) + ",", WIDTH - 4, initial_indent="  ", subsequent_indent="  ")
        yield "]"
        return
    yield commented(f"{key_of(field.name)} = {text}", field.doc)


def default(field: Field) -> str:
    """Return the comment that tells a field's default."""
    key = key_of(field.name)
    if field.default is None or field.default == ():
        return commented(f"# {key}", field.doc)
    return commented(f"# {key} = {toml(field.default)}", field.doc)


def commented(line: str, doc: str) -> str:
    """Return a line with what it means behind it, shortened where it would be too long."""
    room = WIDTH - max(len(line), 30) - 4
    meaning = doc if len(doc) <= room else doc[: max(room - 3, 0)].rsplit(" ", 1)[0].rstrip(",;:") + "..."
    return f"{line:<30}  # {meaning}" if doc and room > 20 else line


def told(doc: str) -> list[str]:
    """Return a sentence as comment lines."""
    return textwrap.wrap(doc, WIDTH, initial_indent="# ", subsequent_indent="# ")
