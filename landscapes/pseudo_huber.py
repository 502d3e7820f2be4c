"""A valley with walls of bounded slope."""

import math
from typing import Any, NamedTuple, Self

import numpy as np

from .checks import check_dimensions, vector
from .interface import Escape, Matrix, Rows


class PseudoHuber(NamedTuple):
    """A parabola at the bottom, a cone far out: L = sum_i (s_i^2/h_i) (sqrt(1 + u_i^2) - 1), u_i = h_i theta_i/s_i.

    Gradient and Hessian are bounded, |dL/dtheta_i| < s_i and 0 < H_ii <= h_i, which is what Theorem 4 takes for
    granted: L is smooth with ell = max h. It is log cosh's near twin, and has no function that is slow to compute.

    Parameters
    ----------
    curvatures
        h, the curvatures at the minimum, (d,), each above 0.
    slopes
        s, the slopes far out, (d,) or one for all, each above 0.
    """

    curvatures: Any = (1.0, 0.25)
    slopes: Any = (1.0,)

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return len(self.curvatures)

    def check(self) -> Self:
        """Return the landscape with a curvature and a slope above 0 in each coordinate."""
        h, s = vector("curvatures", self.curvatures), vector("slopes", self.slopes)
        check_dimensions("curvatures", len(h))
        if len(h) == 0:
            raise ValueError("curvatures is empty; a landscape has at least one direction")
        if len(s) not in (1, len(h)):
            raise ValueError(f"slopes has {len(s)} entries; it must have 1 or {len(h)}, as many as curvatures")
        for name, values in (("curvatures", h), ("slopes", s)):
            if not np.all(values > 0.0):
                raise ValueError(f"{name} holds {values.min():g}; each must be above 0: the walls rise")
        return self._replace(curvatures=h, slopes=np.ascontiguousarray(np.broadcast_to(s, h.shape)))

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
            total = 0.0
            for i in range(theta.shape[0]):
                slope = self.slopes[i]
                u = self.curvatures[i] / slope * theta[i, j]
                # The difference sqrt(1 + u^2) - 1 without cancellation.
                total += slope * theta[i, j] * u / (1.0 + math.sqrt(1.0 + u * u))
            out[0, j] = total

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write h theta / sqrt(1 + u^2) to out."""
        for i in range(theta.shape[0]):
            h = self.curvatures[i]
            narrow = h / self.slopes[i]
            for j in range(theta.shape[1]):
                u = narrow * theta[i, j]
                out[i, j] = h * theta[i, j] / math.sqrt(1.0 + u * u)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j, which is diagonal."""
        for i in range(out.shape[0]):
            for k in range(out.shape[0]):
                out[i, k] = 0.0
            u = self.curvatures[i] / self.slopes[i] * theta[i, j]
            rise = 1.0 + u * u
            out[i, i] = self.curvatures[i] / (rise * math.sqrt(rise))

    def has_eigenbasis(self) -> bool:
        """Say that the coordinates are the eigen-directions everywhere."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write h (1 + u^2)^(-3/2) to out."""
        for i in range(theta.shape[0]):
            h = self.curvatures[i]
            narrow = h / self.slopes[i]
            for j in range(theta.shape[1]):
                u = narrow * theta[i, j]
                rise = 1.0 + u * u
                out[i, j] = h / (rise * math.sqrt(rise))

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add q to out."""
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] += q[i, j]

    def minima(self) -> Matrix:
        """Return the only critical point, the origin, (1, d)."""
        return np.zeros((1, self.dimension))

    def saddles(self) -> Matrix:
        """Return none, (0, d)."""
        return np.zeros((0, self.dimension))

    def escape(self) -> Escape:
        """Refuse: there is no way out.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError("PseudoHuber has one minimum and no saddle: there is nothing to escape over")
