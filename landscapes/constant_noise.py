"""Gradient noise with one covariance everywhere."""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .checks import check_rows, square, vector
from .frame import add_lower_product
from .interface import Matrix, Rows, Vector

ROUNDING = 1e-12
"""Relative size of an asymmetry or a negative eigenvalue that still counts as rounding."""


class ConstantNoise(NamedTuple):
    """The same gradient noise at every point, with any covariance: C is positive semidefinite, singular allowed.

    Parameters
    ----------
    covariance
        C: a matrix (d, d), or its diagonal (d,).
    root
        L with L L^T = C, lower triangular, computed from it: leave it out.
    """

    covariance: Any = ((2.5,),)
    root: Any = None

    @classmethod
    def derived(cls) -> tuple[str, ...]:
        """Return the fields that are computed from the others."""
        return ("root",)

    def check(self) -> Self:
        """Return the noise with a symmetric positive semidefinite covariance and its root."""
        given = self.covariance
        check_rows("covariance", len(given) if np.ndim(given) else 1)
        c = square("covariance", np.diag(vector("covariance", given)) if np.ndim(given) < 2 else given)
        size = float(np.abs(c).max(initial=0.0))
        asymmetry = float(np.abs(c - c.T).max(initial=0.0))
        if asymmetry > ROUNDING * size:
            raise ValueError(
                f"covariance must be symmetric: two entries differ by {asymmetry:.3g} from their mirror image"
            )
        values, vectors = np.linalg.eigh(0.5 * (c + c.T))
        if values[0] < -ROUNDING * len(c) * size:
            raise ValueError(
                f"covariance must be positive semidefinite: its smallest eigenvalue is {values[0]:.6g}, below 0"
            )
        diagonal = np.count_nonzero(c - np.diag(np.diag(c))) == 0
        # One row stands for a diagonal root: d multiplications a step instead of d^2/2.
        root = np.sqrt(np.maximum(np.diag(c), 0.0))[None, :] if diagonal else _lower_root(values, vectors)
        return self._replace(covariance=np.ascontiguousarray(0.5 * (c + c.T)), root=np.ascontiguousarray(root))

    @property
    def dimension(self) -> int:
        """Number of coordinates that the covariance is for."""
        return len(np.asarray(self.covariance))

    def covariance_at(self, landscape: Any, theta: npt.ArrayLike) -> Matrix:
        """Return C, (d, d)."""
        return np.asarray(self.covariance)

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add L z to g, L L^T = C."""
        if self.root.shape[0] == 1:
            for i in range(g.shape[0]):
                deviation = self.root[0, i]
                for j in range(g.shape[1]):
                    g[i, j] += deviation * z[i, j]
        else:
            add_lower_product(self.root, z, g)


def _lower_root(values: Vector, vectors: Matrix) -> Matrix:
    """Return L, lower triangular with a diagonal of at least 0, of C = V diag(values) V^T; C may be singular."""
    upper = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T).R
    return np.asarray(np.tril(upper.T * np.where(np.diag(upper) < 0.0, -1.0, 1.0)))
