"""Where each key of a TOML text stands: the lines that tomllib does not tell.

The text has been read by tomllib before, so that it is known to be TOML; here it is only walked through.
"""

import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Way to a value: keys, and numbers within arrays."""

BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
GAP = re.compile(r"[ \t]*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Up to a value's end, or to what may hide one.
BARE_VALUE = re.compile(r"[^,\]}#\n]*")
FLAT_ARRAY = re.compile(r"[^\[\]{}#\"']*\]")
STRINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:[^\\]|\\.)*?"{3,5}(?!")',
        r"'''.*?'{3,5}(?!')",
        r'"(?:[^"\\\n]|\\.)*"',
        r"'[^'\n]*'",
    )
)
MANY = 1000
"""A flat array with more characters is passed over: its numbers have the array's own line."""


def places(text: str) -> dict[Path, int]:
    """Return the line of each table, key and value, counted from 1; {} where the text is nested too deeply.

    A key within an inline table, or a number within an array, has the line on which it stands.
    """
    walk = _Walk(text.replace("\r\n", "\n"))
    try:
        walk.document()
    except (RecursionError, _LostError):
        return {}
    return walk.lines


class _LostError(Exception):
    """The text is not what was expected; a place is then not told."""


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}

    def document(self) -> None:
        here: Path = ()
        while self.skip(BLANK) < len(self.text):
            if self.text.startswith("[[", self.at):
                here = self.header(2)
            elif self.text.startswith("[", self.at):
                here = self.header(1)
            else:
                self.pair(here)

    def header(self, brackets: int) -> Path:
        self.at += brackets
        path: Path = ()
        keys = self.keys()
        for k, key in enumerate(keys):
            path = (*path, key)
            self.mark(path)
            if brackets == 2 and k == len(keys) - 1:
                self.tables[path] = self.tables.get(path, 0) + 1
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
                self.mark(path)
        self.expect("]" * brackets)
        return path

    def pair(self, here: Path) -> None:
        path = here
        for key in self.keys():
            path = (*path, key)
            self.mark(path)
        self.expect("=")
        self.value(path)

    def keys(self) -> list[str]:
        found = []
        while True:
            self.skip(GAP)
            if self.text[self.at : self.at + 1] in ("'", '"'):
                word = self.string()
                found.append(str(tomllib.loads(f"k = {word}")["k"]))
            else:
                found.append(self.take(BARE_KEY))
            self.skip(GAP)
            if self.text[self.at : self.at + 1] != ".":
                return found
            self.at += 1

    def value(self, path: Path) -> None:
        self.skip(BLANK)
        self.mark(path)
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline(path)
        elif first in ("'", '"'):
            self.string()
        else:
            self.skip(BARE_VALUE)

    def array(self, path: Path) -> None:
        self.at += 1
        flat = FLAT_ARRAY.match(self.text, self.at)
        if flat and flat.end() - self.at > MANY:
            self.at = flat.end()
            return
        k = 0
        while self.skip(BLANK) < len(self.text):
            if self.text[self.at] in ",]":
                self.at += 1
                if self.text[self.at - 1] == "]":
                    return
                continue
            self.value((*path, k))
            k += 1

    def inline(self, path: Path) -> None:
        self.at += 1
        while self.skip(BLANK) < len(self.text):
            if self.text[self.at] in ",}":
                self.at += 1
                if self.text[self.at - 1] == "}":
                    return
                continue
            self.pair(path)

    def string(self) -> str:
        for pattern in STRINGS:
            found = pattern.match(self.text, self.at)
            if found:
                self.at = found.end()
                return found[0]
        raise _LostError

    def mark(self, path: Path) -> None:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        self.lines.setdefault(path, self.line)

    def skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            raise _LostError
        self.at = found.end()
        return found[0]

    def expect(self, word: str) -> None:
        for character in word:
            self.skip(GAP)
            if not self.text.startswith(character, self.at):
                raise _LostError
            self.at += 1
