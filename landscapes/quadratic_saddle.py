"""The quadratic saddle."""

from typing import Any, NamedTuple, Self

import numpy as np

from .checks import check_dimensions, vector
from .frame import add_product, add_rows, frame_coordinate, from_frame, resolve, unrotated
from .interface import Escape, Matrix, Rows, Vector, inlined

EXAMPLE = (-1.0, 0.1, 0.01)


@inlined
def spread_over_lanes(values: Vector, out: Rows) -> None:
    """Write values (d,) to every lane."""
    for i in range(out.shape[0]):
        value = values[i]
        for j in range(out.shape[1]):
            out[i, j] = value


class StraightQuadratic(NamedTuple):
    """A quadratic loss whose eigenvectors are the axes."""

    curvatures: Vector

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write diag(h) theta."""
        for i in range(theta.shape[0]):
            h = self.curvatures[i]
            for j in range(theta.shape[1]):
                out[i, j] = h * theta[i, j]

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write diag(h)."""
        for i in range(out.shape[0]):
            for k in range(out.shape[0]):
                out[i, k] = self.curvatures[i] if i == k else 0.0

    def has_eigenbasis(self) -> bool:
        """Say that the axes are the eigenvectors."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write h to every lane."""
        spread_over_lanes(self.curvatures, out)

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add q to out."""
        add_rows(q, out)


class TurnedQuadratic(NamedTuple):
    """A quadratic loss with eigenvectors U, the columns of rotation, and its Hessian."""

    curvatures: Vector
    rotation: Matrix
    matrix: Matrix

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write H theta."""
        from_frame(self.matrix, theta, out)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write H."""
        for i in range(out.shape[0]):
            for k in range(out.shape[0]):
                out[i, k] = self.matrix[i, k]

    def has_eigenbasis(self) -> bool:
        """Say that U is known."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write h to every lane."""
        spread_over_lanes(self.curvatures, out)

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add U q to out."""
        add_product(self.rotation, q, out)


class QuadraticSaddle(NamedTuple):
    """Quadratic saddle, L = sum_i h_i q_i^2 / 2 with q = U^T theta: Assumption 1 holds exactly.

    Parameters
    ----------
    curvatures
        h, the eigenvalues of the Hessian, (d,); of either sign.
    rotation
        U, whose columns are the eigenvectors: an orthogonal matrix (d, d), or a seed for a random one; default none.
    """

    curvatures: Any = EXAMPLE
    rotation: Any = None

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return len(self.curvatures)

    def check(self) -> Self:
        """Return the saddle with finite curvatures and an orthogonal rotation."""
        h = vector("curvatures", self.curvatures)
        check_dimensions("curvatures", len(h))
        if len(h) == 0:
            raise ValueError("curvatures is empty; a landscape has at least one direction")
        return self._replace(curvatures=h, rotation=resolve("rotation", self.rotation, len(h)))

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
            total = 0.0
            for i in range(theta.shape[0]):
                q = frame_coordinate(self.rotation, theta, i, j)
                total += 0.5 * self.curvatures[i] * q * q
            out[0, j] = total

    def suited(self, landscape: Any = None) -> Any:
        """Return the saddle in the form that a kernel compiles: along the axes or turned."""
        if np.size(self.rotation):
            u = np.asarray(self.rotation)
            return TurnedQuadratic(self.curvatures, u, np.ascontiguousarray(u * self.curvatures @ u.T))
        return StraightQuadratic(self.curvatures)

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write U diag(h) U^T theta to out."""
        self.suited().gradient(theta, out)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write U diag(h) U^T to out."""
        self.suited().hessian(theta, j, out)

    def has_eigenbasis(self) -> bool:
        """Say that U is known."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write h to every lane."""
        self.suited().eigenvalues(theta, out)

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add U q to out."""
        self.suited().add_turned(q, out)

    def minima(self) -> Matrix:
        """Return the minimum where every curvature is above 0, (1, d), else none, (0, d)."""
        return np.zeros((int(np.all(np.asarray(self.curvatures) > 0.0)), self.dimension))

    def saddles(self) -> Matrix:
        """Return the critical point, (1, d): the origin, whatever the signs of the curvatures."""
        return np.zeros((1, self.dimension))

    def escape(self) -> Escape:
        """Return the way down from the saddle itself, along its most negative curvature.

        Raises
        ------
        ValueError
            Where no curvature is below 0.
        """
        h = np.asarray(self.curvatures)
        if not h.min() < 0.0:
            raise ValueError(
                f"curvatures has no negative entry (smallest {h.min():g}): there is nothing to escape over"
            )
        origin = np.zeros(self.dimension)
        return Escape(origin, origin, None, unrotated(self.rotation, len(h))[:, np.argmin(h)], 0.0)
