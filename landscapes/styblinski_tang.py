"""The Styblinski-Tang function."""

import itertools
import math
from typing import NamedTuple, Self

import numpy as np

from .checks import check_dimensions, whole
from .interface import Escape, Matrix, Rows

LARGEST_LISTED = 10
"""Dimensions up to which all minima are listed."""


class StyblinskiTang(NamedTuple):
    """A double well in every coordinate, L = (1/2) sum_i (x_i^4 - 16 x_i^2 + 5 x_i).

    Each coordinate has a deep minimum at -2.90, a saddle at 0.16 and a shallow minimum at 2.75: 2^d minima in all. The
    escape leaves the minimum that is shallow in every coordinate along the first one, towards its deep minimum.

    Parameters
    ----------
    dimension
        Number of parameters d.

    References
    ----------
    M. A. Styblinski and T.-S. Tang, Neural Networks 3 (1990) 467.
    """

    dimension: int = 2

    def check(self) -> Self:
        """Return the landscape with a dimension of at least 1, and no more than fit in memory."""
        dimension = whole("dimension", self.dimension, 1, "a landscape has at least one direction")
        check_dimensions("dimension", dimension)
        return self._replace(dimension=dimension)

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
            total = 0.0
            for i in range(theta.shape[0]):
                x = theta[i, j]
                total += 0.5 * x * (x * (x * x - 16.0) + 5.0)
            out[0, j] = total

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write 2 x^3 - 16 x + 5/2 to out."""
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                x = theta[i, j]
                out[i, j] = x * (2.0 * x * x - 16.0) + 2.5

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j, which is diagonal."""
        for i in range(out.shape[0]):
            for k in range(out.shape[0]):
                out[i, k] = 0.0
            out[i, i] = 6.0 * theta[i, j] * theta[i, j] - 16.0

    def has_eigenbasis(self) -> bool:
        """Say that the coordinates are the eigen-directions everywhere."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write 6 x^2 - 16 to out."""
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                out[i, j] = 6.0 * theta[i, j] * theta[i, j] - 16.0

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add q to out."""
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] += q[i, j]

    def minima(self) -> Matrix:
        """Return all minima, (2^d, d), the one that the escape leaves first; ValueError where d is above 10."""
        deep, _, shallow = critical_coordinates()
        self._listable(f"2^{self.dimension} minima")
        return np.array(list(itertools.product((shallow, deep), repeat=self.dimension)))

    def saddles(self) -> Matrix:
        """Return the saddles with one unstable direction, (d 2^(d-1), d), the escape's first; ValueError as above."""
        deep, top, shallow = critical_coordinates()
        self._listable(f"{self.dimension} * 2^{self.dimension - 1} saddles")
        rest = list(itertools.product((shallow, deep), repeat=self.dimension - 1))
        return np.array([[*around[:i], top, *around[i:]] for i in range(self.dimension) for around in rest])

    def _listable(self, what: str) -> None:
        if self.dimension > LARGEST_LISTED:
            raise ValueError(
                f"dimension={self.dimension} has {what}: they are listed up to dimension {LARGEST_LISTED}; "
                "escape() gives the way out in any"
            )

    def escape(self) -> Escape:
        """Return the way from the minimum that is shallow in every coordinate to the deep one of the first."""
        deep, top, shallow = critical_coordinates()
        a = np.full(self.dimension, shallow)
        b, c, e = a.copy(), a.copy(), np.zeros(self.dimension)
        b[0], c[0], e[0] = top, deep, -1.0
        return Escape(minimum=a, saddle=b, far_minimum=c, direction=e, barrier=_line(top) - _line(shallow))


def critical_coordinates() -> tuple[float, float, float]:
    """Return the deep minimum, the maximum and the shallow minimum of one coordinate: the roots of 4 x^3 - 32 x + 5."""
    radius = 2.0 * math.sqrt(8.0 / 3.0)
    angle = math.acos(-5.0 / 8.0 * 3.0 / 8.0 / math.sqrt(8.0 / 3.0)) / 3.0
    roots = [radius * math.cos(angle - 2.0 * math.pi * k / 3.0) for k in (2, 1, 0)]
    # One Newton step takes the rounding of the trigonometry away.
    deep, top, shallow = (x - (x * (2.0 * x * x - 16.0) + 2.5) / (6.0 * x * x - 16.0) for x in roots)
    return deep, top, shallow


def _line(x: float) -> float:
    return 0.5 * x * (x * (x * x - 16.0) + 5.0)
