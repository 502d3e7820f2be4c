"""A landscape given as text."""

import hashlib
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .cache_folder import generated_module
from .checks import vector
from .critical_points import CriticalPoints, find, way_out
from .interface import Escape, Matrix

SOURCES = ("formula.py", "derivation.py", "expression.py")


def from_expression(
    text: str, *, start: npt.ArrayLike | None = None, bounds: npt.ArrayLike = (-3.0, 3.0)
) -> "Expression":
    """Return the landscape that a text writes, such as "0.25*(x**2 - 1)**2" or "x**4 - x**2 + 3*y**2".

    The text is arithmetic and nothing else: + - * / **, parentheses, numbers, pi, E, and sin, cos, tan, exp, log, sqrt,
    sinh, cosh, tanh, atan. It is never run as code.

    Parameters
    ----------
    text
        The loss; its coordinates are x, y, z, or x1, x2, ..., or theta1, theta2, ..., as many as it names.
    start
        A point of the basin to escape from, (d,); default the minimum with the smallest first coordinate.
    bounds
        Where minima and saddles are looked for: low and high, or a row of the two for each coordinate, (d, 2).

    Raises
    ------
    ValueError, TypeError
        Where the text is no such formula, or start or bounds do not fit it.

    Notes
    -----
    Gradient and Hessian are derived by sympy and written as a module of Python source in the cache folder, so that they
    compile like a landscape written by hand, and only once. A formula with the same text is the same class.
    """
    if not isinstance(text, str):
        raise TypeError(f"text={text!r} must be a text, not {type(text).__name__}")
    cls: Any = landscape_class(text.strip())
    return cls(start, bounds).check()  # type: ignore[no-any-return]


class Expression(NamedTuple):
    """What the landscapes written from a text share; made by ``from_expression``.

    Parameters
    ----------
    start
        A point of the basin to escape from, (d,).
    bounds
        Where minima and saddles are looked for, (d, 2).
    """

    start: Any = None
    bounds: Any = (-3.0, 3.0)

    @property
    def text(self) -> str:
        """The text."""
        raise NotImplementedError("a class written from a text says so itself")

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates, (d,)."""
        raise NotImplementedError("a class written from a text says so itself")

    def __repr__(self) -> str:
        start = np.asarray(self.start).tolist() if np.size(self.start) and self.start is not None else None
        return f"from_expression({self.text!r}, start={start}, bounds={np.asarray(self.bounds).tolist()})"

    def __reduce__(self) -> Any:
        # The class lives in a module that another process has yet to write or load: pickle what makes it.
        return _restored, (self.text, self.start, self.bounds)

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return len(self.coordinates)

    def check(self) -> Self:
        """Return the landscape with bounds that rise and a start within them."""
        d = self.dimension
        bounds = np.array(self.bounds, dtype=np.float64)
        if bounds.shape not in ((2,), (d, 2)):
            raise ValueError(f"bounds has shape {bounds.shape}; it must be low, high, or {d} rows of these")
        bounds = np.ascontiguousarray(np.broadcast_to(bounds, (d, 2)))
        if not (np.all(np.isfinite(bounds)) and np.all(bounds[:, 0] < bounds[:, 1])):
            raise ValueError(f"bounds={bounds.tolist()} must rise from low to high")
        start = np.zeros(0) if self.start is None or np.size(self.start) == 0 else vector("start", self.start)
        if len(start) not in (0, d):
            raise ValueError(f"start has {len(start)} entries; {self.text!r} has {d} coordinates")
        if len(start) and not np.all((bounds[:, 0] <= start) & (start <= bounds[:, 1])):
            raise ValueError(f"start={start.tolist()} must lie within bounds={bounds.tolist()}")
        return self._replace(start=start, bounds=bounds)

    def critical_points(self) -> CriticalPoints:
        """Return the minima, saddles and other critical points within bounds."""
        bounds = np.asarray(self.bounds)
        cls: Any = type(self)
        return _critical_points(cls, tuple(bounds[:, 0]), tuple(bounds[:, 1]))

    def minima(self) -> Matrix:
        """Return the minima found within bounds, (number, d), from left to right."""
        return self.critical_points().minima

    def saddles(self) -> Matrix:
        """Return the saddles with one unstable direction found within bounds, (number, d): in one dimension maxima."""
        return self.critical_points().saddles

    def escape(self) -> Escape:
        """Return the way from the minimum whose basin holds start, over the lowest saddle on its border.

        Raises
        ------
        ValueError
            Where there is no minimum or no saddle within bounds.
        """
        bounds = np.asarray(self.bounds)
        start = np.asarray(self.start) if np.size(self.start) else None
        return way_out(self, self.critical_points(), start, bounds[:, 0], bounds[:, 1])


def _restored(text: str, start: Any, bounds: Any) -> Expression:
    return from_expression(text, start=start, bounds=bounds)


@lru_cache(maxsize=64)
def _critical_points(cls: Any, low: tuple[float, ...], high: tuple[float, ...]) -> CriticalPoints:
    return find(cls(), np.array(low), np.array(high))


def landscape_class(text: str) -> type[Expression]:
    """Return the class of a text, from its module in the cache folder; write that first where it is missing."""
    digest = _digest(text)
    name = f"saddlescape_expression_{digest}"
    module = generated_module("expressions", name, lambda: _source(text, digest))
    return getattr(module, _class_name(digest))  # type: ignore[no-any-return]


def _source(text: str, digest: str) -> str:
    from .derivation import source
    from .formula import parse

    return source(parse(text), text, __name__, _class_name(digest))


def _class_name(digest: str) -> str:
    # Of its own for each text: the names of compiled functions are made from the names of classes.
    return f"Expression_{digest[:8]}"


@lru_cache(maxsize=1024)
def _digest(text: str) -> str:
    here = Path(__file__).parent
    content = [version("sympy"), text, *((here / name).read_text("utf-8") for name in SOURCES)]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:24]
