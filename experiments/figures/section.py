"""A plane through a landscape of any dimension, so that it can be drawn as one of two coordinates."""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ...landscapes.eigen_directions import eigen_directions
from ...landscapes.interface import Matrix, Rows, Vector

Array = npt.NDArray[np.float64]

NEAR = 1e-6
"""Distance from the plane, in units of the point's own size, within which a minimum or a saddle lies in it."""
APART = 0.5
"""Share of a direction that must lie across another."""


class Section(NamedTuple):
    """A landscape on theta = origin + basis q, q in two coordinates.

    Parameters
    ----------
    landscape
        A checked landscape.
    origin
        The point at q = 0, (d,).
    basis
        Two unit vectors at right angles, in columns, (d, 2).
    """

    landscape: Any
    origin: Vector
    basis: Matrix

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return 2

    def check(self) -> Self:
        """Return the section as it is."""
        return self

    def value(self, q: Rows, out: Rows) -> None:
        """Write L at each column of q (2, n) to row 0 of out."""
        self.landscape.value(np.ascontiguousarray(self.origin[:, None] + self.basis @ q), out)

    def minima(self) -> Matrix:
        """Return the minima that lie in the plane, (number, 2)."""
        return self._within(self.landscape.minima())

    def saddles(self) -> Matrix:
        """Return the saddles that lie in the plane, (number, 2)."""
        return self._within(self.landscape.saddles())

    def coordinates(self, theta: npt.ArrayLike) -> Array:
        """Return q of points (..., d), seen at right angles, (..., 2)."""
        return np.asarray((np.asarray(theta) - self.origin) @ self.basis, dtype=np.float64)

    def _within(self, points: Matrix) -> Matrix:
        points = np.reshape(points, (-1, len(self.origin)))
        q = self.coordinates(points)
        away = np.linalg.norm(points - self.origin - q @ self.basis.T, axis=1)
        near: Matrix = q[away <= NEAR * (1.0 + np.linalg.norm(points, axis=1))]
        return near


def check_section(landscape: Any) -> None:
    """Refuse a landscape that has no plane."""
    if landscape.dimension < 2:
        name = type(landscape).__name__
        raise ValueError(f"dimension={landscape.dimension} of {name} must be at least 2: a cloud is drawn on a plane")


def saddle_section(landscape: Any, saddle: Vector) -> tuple[Section, Vector]:
    """Return the plane of the lowest and the highest curvature at a saddle, which is its origin, and the two.

    Raises
    ------
    ValueError
        Where no curvature is below 0.
    """
    curvatures, directions = eigen_directions(landscape, saddle)
    low, high = int(np.argmin(curvatures)), int(np.argmax(curvatures))
    if not curvatures[low] < 0.0:
        raise ValueError(f"the smallest curvature, {curvatures[low]:g}, must be below 0: nothing leaves a minimum so")
    if low == high:
        high = (low + 1) % len(curvatures)
    basis = directions[:, [low, high]]
    # An eigenvector has no sign: its largest coordinate is made positive.
    signs = np.sign(basis[np.argmax(np.abs(basis), axis=0), [0, 1]])
    return Section(landscape, saddle, np.ascontiguousarray(basis * signs)), curvatures[[low, high]]


def escape_section(landscape: Any, way: Any) -> Section:
    """Return the plane of the way out of a minimum: q is e.theta, and the softest direction at the minimum across e."""
    e = way.direction
    curvatures, directions = eigen_directions(landscape, way.minimum)
    across = directions - np.outer(e, e @ directions)
    size = np.linalg.norm(across, axis=0)
    softest = int(np.argmin(np.where(size > APART, curvatures, np.inf)))
    beside = across[:, softest] / size[softest]
    basis = np.ascontiguousarray(np.stack([e, beside * np.sign(beside[np.argmax(np.abs(beside))])], axis=1))
    return Section(landscape, way.minimum - basis @ (basis.T @ way.minimum), basis)
