"""Checks that fields of landscapes, noises and rules share; each error names the argument, its value and the bound."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .interface import Matrix, Vector

MOST_DIMENSIONS = 10_000
"""Dimensions of a landscape: its points, one a lane, must fit in memory many times over."""
MOST_ROWS = 1_000
"""Rows of a full matrix: its eigenvectors, d^3 operations, must take seconds at most."""


def number(name: str, value: Any) -> float:
    """Return value as a float; TypeError unless it is a real number, ValueError unless it is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}={value!r} must be a number, not {type(value).__name__}")
    try:
        x = float(value)
    except OverflowError:
        raise ValueError(f"{name} must be finite: it is beyond 1.8e308 in size") from None
    if not math.isfinite(x):
        raise ValueError(f"{name}={value} must be finite")
    return x


def positive(name: str, value: Any, reason: str) -> float:
    """Return value as a float above 0."""
    x = number(name, value)
    if not x > 0.0:
        raise ValueError(f"{name}={value} must be above 0: {reason}")
    return x


def not_negative(name: str, value: Any, reason: str) -> float:
    """Return value as a float of at least 0."""
    x = number(name, value)
    if not x >= 0.0:
        raise ValueError(f"{name}={value} must not be below 0: {reason}")
    return x


def fraction(name: str, value: Any, reason: str) -> float:
    """Return value as a float in [0, 1)."""
    x = number(name, value)
    if not 0.0 <= x < 1.0:
        raise ValueError(f"{name}={value} must lie in [0, 1): {reason}")
    return x


def whole(name: str, value: Any, least: int, reason: str = "") -> int:
    """Return value as an int of at least ``least``; TypeError unless it is a whole number."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}={value} must be at least {least}" + (f": {reason}" if reason else ""))
    return int(value)


def vector(name: str, value: Any) -> Vector:
    """Return value as a contiguous finite array (d,)."""
    try:
        x = np.atleast_1d(np.ascontiguousarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r} must be numbers") from None
    if x.ndim != 1:
        raise ValueError(f"{name} has shape {x.shape}; it must be one row of numbers")
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{name}={_short(x)} must be finite")
    return x


def square(name: str, value: Any) -> Matrix:
    """Return value as a contiguous finite array (d, d)."""
    try:
        x = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r} must be numbers") from None
    if x.size == 0:
        raise ValueError(f"{name} is empty; it must have a row at least")
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ValueError(f"{name} has shape {x.shape}; it must be square")
    check_rows(name, len(x))
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{name} must be finite")
    return x


def check_dimensions(name: str, dimensions: int) -> None:
    """Raise ValueError where a landscape has more dimensions than can be handled."""
    if dimensions > MOST_DIMENSIONS:
        raise ValueError(
            f"{name} makes a landscape of {dimensions} dimensions; at most {MOST_DIMENSIONS}: points must fit in memory"
        )


def check_rows(name: str, rows: int) -> None:
    """Raise ValueError where a full matrix has more rows than can be handled."""
    if rows > MOST_ROWS:
        raise ValueError(f"{name} is a matrix of {rows} rows; at most {MOST_ROWS}: the work grows with their cube")


def _short(x: npt.NDArray[np.float64]) -> str:
    return np.array2string(x, threshold=6, separator=", ")
