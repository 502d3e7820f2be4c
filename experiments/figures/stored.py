"""The data of a figure as plain values that JSON holds, and back, by the annotations of its NamedTuples."""

import types
import typing
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from ..fields import plain


def stored(value: Any) -> Any:
    """Return NamedTuples as dictionaries, arrays as lists, and None for what is not finite."""
    if hasattr(value, "_asdict"):
        return {name: stored(item) for name, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): stored(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [stored(item) for item in value]
    return plain(value)


def restored(value: Any, hint: Any) -> Any:
    """Return what ``stored`` was given, by its annotation; None in an array is NaN.

    Raises
    ------
    ValueError, TypeError, KeyError
        Where the value is not of that kind.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        (kind,) = (each for each in inner if each is not type(None))
        return restored(value, kind)
    if origin is np.ndarray:
        (kind,) = get_args(inner[1])
        return np.array(value, dtype=kind)
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(restored(item, kind) for item, kind in zip(value, kinds, strict=True))
    if origin is dict:
        return {name: restored(item, inner[1]) for name, item in value.items()}
    if hasattr(hint, "_fields"):
        hints = get_type_hints(hint)
        return hint(**{name: restored(value[name], hints[name]) for name in hint._fields})
    if hint is float:
        return float("nan") if value is None else float(value)
    return value if hint is Any else hint(value)
