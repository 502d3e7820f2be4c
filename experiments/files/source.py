"""The text of an experiment file, its content as tables, and where each thing stands in it."""

import re
import sys
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from ..refusals import InputError
from .places import Path as Way
from .places import places
from .toml_values import called, shown, toml, toml_key

LARGEST = 10_000_000
"""Bytes of a file."""
LONGEST = 1000
"""Characters of a message."""
TABLES = ("rule", "landscape", "noise", "run")
"""Tables of one setting."""
QUESTION = "question"
TOP = (QUESTION, *TABLES, "axes", "zip", "sweep")


class Source:
    """What a file says.

    Parameters
    ----------
    name
        Of the file, for messages.
    text
        All of it.
    content
        The same as tables.
    folder
        Where the path of a .npy file starts; the working directory if left out.
    """

    def __init__(self, name: str, text: str, content: dict[str, Any], folder: Path | None = None) -> None:
        self.name = name
        self.text = text
        self.content = content
        self.folder = folder

    @cached_property
    def lines(self) -> dict[Way, int]:
        """Line of each table, key and value."""
        return places(self.text)

    @property
    def is_sweep(self) -> bool:
        """Whether it asks for more than one plain run."""
        return any(key in self.content for key in ("axes", "zip", "sweep"))

    def refusal(self, way: Way, message: str) -> InputError:
        """Return an error in one line with the place of what is wrong, or of the closest thing around it."""
        known = (self.lines.get(way[:k]) for k in range(len(way), 0, -1))
        line = next((line for line in known if line is not None), None)
        return one_line(f"{self.name}{'' if line is None else f':{line}'}: {message}")


def one_line(message: str) -> InputError:
    """Return an error whose message holds no line break and nothing else that is not printed, and is not too long."""
    text = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in message)
    return InputError(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")


def opened(path: Path | str) -> Source:
    """Read a file.

    Raises
    ------
    InputError
        Where there is none, or it is no TOML.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise one_line(f"{path} is a folder, not an experiment file")
        if path.exists() and not path.is_file():
            raise one_line(f"{path} is not a file")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise one_line(f"{path}: {error.strerror or error}") from None
    except InputError:
        raise
    except ValueError as error:  # a name with a zero byte
        raise one_line(f"{path}: {error}") from None
    if len(raw) > LARGEST:
        raise one_line(
            f"{path} has more than {LARGEST // 10**6} MB: an experiment file is far smaller; keep arrays in .npy files"
        )
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise one_line(
            f"{path}:{line}: it is not text in UTF-8: byte {error.start} is {raw[error.start]:#04x}"
        ) from None
    return parsed(text, str(path), path.parent)


def parsed(text: str, name: str, folder: Path | None = None) -> Source:
    """Return what a text says; InputError where it is no TOML."""
    if len(text) > LARGEST:
        raise one_line(f"{name} has more than {LARGEST // 10**6} MB: an experiment file is far smaller")
    try:
        content = tomllib.loads(text + "\n")  # with a last line that ends, tomllib tells where it was
    except RecursionError:
        raise one_line(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise _syntax(name, text, str(error)) from None
    return Source(name, text, content, folder)


def from_mapping(mapping: dict[str, Any], name: str) -> Source:
    """Return the same of tables given as Python dicts; their text is written from them.

    Raises
    ------
    InputError
        Where there is something in them that a file cannot hold.
    """
    try:
        content = _plain(mapping)
        text = "".join(_written(content))
    except RecursionError:
        raise one_line(f"{name} is nested too deeply") from None
    except TypeError as error:
        raise one_line(f"{name}: {error}") from None
    return _Mapping(name, text, content)


class _Mapping(Source):
    """Given as dicts: there are no lines to tell."""

    @cached_property
    def lines(self) -> dict[Way, int]:
        return {}


def _plain(value: Any) -> Any:
    """Return a value of Python as tomllib would give it; None is left out."""
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return _plain(value.tolist())
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{shown(key)} is no name of a table or a field, but {called(key)}")
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple | range):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    toml(value)
    return value


def _written(content: dict[str, Any]) -> list[str]:
    lines = [f"{toml_key(key)} = {toml(item)}\n" for key, item in content.items() if not isinstance(item, dict)]
    for key, item in content.items():
        if isinstance(item, dict):
            lines += [f"[{toml_key(key)}]\n", *(f"{toml_key(each)} = {toml(value)}\n" for each, value in item.items())]
    return lines


def _syntax(name: str, text: str, said: str) -> InputError:
    """Say what tomllib said, its line in front."""
    found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", said, re.DOTALL)
    if found is None and "integer string conversion" in said:
        return one_line(f"{name}: it holds a number of more than {sys.get_int_max_str_digits()} digits")
    if found is None:
        return one_line(f"{name}:{text.count(chr(10)) + 1}: {said.removesuffix(' (at end of document)')} at the end")
    what, line, column = found[1], int(found[2]), int(found[3])
    there = text.replace("\r\n", "\n").split("\n")[line - 1].strip()
    hint = ""
    if what.startswith("Cannot") and there.startswith(("[[axes.", "[axes.")):
        hint = '; beside an axis over whole tables, write an axis over one field in quotes: "rule.lr" = [...]'
    return one_line(f"{name}:{line}: {what} (column {column}: {shown(there)}){hint}")
