"""Values of a TOML file as values of fields: the same as the flags make of their texts; and values as TOML."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fields import MOST_DIGITS, SPELLING, Field, array
from ..refusals import InputError, nearest

LONGEST_SHOWN = 60
"""Characters of a value in a message."""


def key_of(name: str) -> str:
    """Return the key of a field in a file."""
    return SPELLING.get(name, name)


def keys(fields: Sequence[Field]) -> dict[str, Field]:
    """Return fields by their keys in a file."""
    return {key_of(field.name): field for field in fields}


def value_of(field: Field, name: str, value: Any, folder: Path | None = None) -> Any:
    """Return what a field is given by a value of a file.

    Parameters
    ----------
    field
        The field.
    name
        What to call it in a message.
    value
        As tomllib gives it.
    folder
        Where the path of a .npy file starts; the working directory if left out.

    Raises
    ------
    InputError
        Where the value is of another kind.
    """
    if field.choices:
        if not isinstance(value, str) or value not in field.choices:
            near = nearest(value, field.choices) if isinstance(value, str) else ""
            words = ", ".join(f'"{word}"' for word in field.choices)
            raise InputError(f"{name}={shown(value)} must be one of {words}{near}")
        return value
    if bool in field.kinds:
        if not isinstance(value, bool):
            raise InputError(f"{name}={shown(value)} must be true or false, not {called(value)}")
        return value
    if field.takes_array:
        return _array_or_number(field, name, value, folder)
    if str in field.kinds:
        if isinstance(value, str):
            return value
        if float in field.kinds and _is_number(value):
            return real(name, value)
        words = "a text or a number" if float in field.kinds else "a text"
        raise InputError(f"{name}={shown(value)} must be {words}, not {called(value)}")
    return real(name, value) if float in field.kinds else whole(name, value)


def real(name: str, value: Any) -> float:
    """Return a number of a file as a float."""
    if not _is_number(value):
        raise InputError(f"{name}={shown(value)} must be a number, not {called(value)}")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{name}={shown(value)} is larger than any number here: at most 1.8e308") from None


def whole(name: str, value: Any) -> int:
    """Return a whole number of a file; 4e3 is whole, 1.5 is not."""
    if not _is_number(value):
        raise InputError(f"{name}={shown(value)} must be a whole number, not {called(value)}")
    if not math.isfinite(value if isinstance(value, float) else 0.0) or value != int(value):
        raise InputError(f"{name}={shown(value)} must be a whole number")
    if abs(value) >= 10**MOST_DIGITS:
        raise InputError(f"{name}={shown(value)} has more than {MOST_DIGITS} digits")
    return int(value)


def _array_or_number(field: Field, name: str, value: Any, folder: Path | None) -> Any:
    if isinstance(value, str):
        if not value.endswith(".npy"):
            raise InputError(f"{name}={shown(value)} must be numbers, rows of numbers, or the name of a .npy file")
        return array(name, str((folder or Path()) / value))
    if isinstance(value, list):
        return rows(name, value)
    if not _is_number(value):
        raise InputError(f"{name}={shown(value)} must be numbers or rows of numbers, not {called(value)}")
    kinds = set(field.kinds)
    if Any in kinds:
        return real(name, value) if isinstance(value, float) else whole(name, value)
    if int in kinds:
        return whole(name, value)
    return np.array([real(name, value)])


def rows(name: str, value: list[Any]) -> npt.NDArray[np.float64]:
    """Return a list of numbers, or of rows of them, as an array."""
    if not any(isinstance(entry, list) for entry in value):
        return np.array(_row(name, value), dtype=np.float64)
    for k, row in enumerate(value):
        if not isinstance(row, list):
            raise InputError(f"{name}[{k}]={shown(row)} must be a row of numbers, as others of its rows are")
    lengths = [len(row) for row in value]
    if len(set(lengths)) > 1:
        told = ", ".join(map(str, lengths[:6])) + (", ..." if len(lengths) > 6 else "")
        raise InputError(f"{name} must have rows of one length, not {told}")
    return np.array([_row(f"{name}[{k}]", row) for k, row in enumerate(value)], dtype=np.float64)


def _row(name: str, value: list[Any]) -> list[float]:
    if all(type(entry) is float for entry in value):
        return value
    return [real(f"{name}[{k}]", entry) for k, entry in enumerate(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def called(value: Any) -> str:
    """Return what a value of a file is, in words."""
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "a table"
    if value is None:
        return "nothing"
    return "a date or a time" if type(value).__module__ == "datetime" else f"a {type(value).__name__}"


def shown(value: Any) -> str:
    """Return a value for a message: as in a file, shortened where it is long."""
    if isinstance(value, dict):
        return "{" + ", ".join(list(map(str, value))[:3]) + (", ..." if len(value) > 3 else "") + "}"
    if isinstance(value, list):
        few = ", ".join("[...]" if isinstance(entry, list) else shown(entry) for entry in value[:3])
        return f"[{few}{', ...' if len(value) > 3 else ''}]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**MOST_DIGITS:
        return f"{'-' if value < 0 else ''}2^{abs(value).bit_length() - 1}..."
    text = toml(value) if isinstance(value, str | bool | int | float) else str(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def shown_key(key: str) -> str:
    """Return a key for a message, shortened where it is long."""
    return key if len(key) <= 40 and key.isidentifier() else shown(key)


def toml(value: Any) -> str:
    """Return a value as TOML writes it, in one line; reading gives the same back.

    Raises
    ------
    TypeError
        Where TOML has nothing of the kind.
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    if isinstance(value, np.ndarray | list | tuple):
        entries = value.tolist() if isinstance(value, np.ndarray) else value
        return toml(entries) if not isinstance(entries, list | tuple) else f"[{', '.join(map(toml, entries))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
    raise TypeError(f"{value!r} cannot be written in a file: it is {called(value)}")


def toml_key(key: str) -> str:
    """Return a key as TOML writes it, in quotes where it must be."""
    bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if bare else toml(key)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character in "\b\t\n\f\r":
        return "\\" + "btnfr"["\b\t\n\f\r".index(character)]
    if character.isprintable():
        return character
    return f"\\u{ord(character):04X}" if ord(character) < 0x10000 else f"\\U{ord(character):08X}"
