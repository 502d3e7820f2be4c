"""The quartic double well (first version: one dimension)."""

from typing import NamedTuple, Self

import numpy as np

from .checks import number, positive
from .interface import Escape, Matrix, Rows


class QuarticWell(NamedTuple):
    """Smooth double well, L(x) = barrier ((x/w)^2 - 1)^2 + tilt x/w.

    Parameters
    ----------
    barrier
        Height of the saddle above the minima of the untilted well (loss).
    half_width
        w; the minima of the untilted well lie at +-w.
    tilt
        Loss added at x = w; it lowers the left well when positive.
    """

    barrier: float = 0.25
    half_width: float = 1.0
    tilt: float = 0.0

    @property
    def dimension(self) -> int:
        """Number of parameters."""
        return 1

    def check(self) -> Self:
        """Return the well with a barrier and a width above 0."""
        return self._replace(
            barrier=positive("barrier", self.barrier, "there is no well without a barrier"),
            half_width=positive("half_width", self.half_width, "it is a distance"),
            tilt=number("tilt", self.tilt),
        )

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
            x = theta[0, j] / self.half_width
            out[0, j] = self.barrier * (x * x - 1.0) * (x * x - 1.0) + self.tilt * x

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write dL/dtheta to out."""
        for j in range(theta.shape[1]):
            x = theta[0, j] / self.half_width
            out[0, j] = (4.0 * self.barrier * x * (x * x - 1.0) + self.tilt) / self.half_width

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j to out."""
        x = theta[0, j] / self.half_width
        out[0, 0] = 4.0 * self.barrier * (3.0 * x * x - 1.0) / (self.half_width * self.half_width)

    def minima(self) -> Matrix:
        """Return the minima, (2, d)."""
        return np.array([[-self.half_width], [self.half_width]])

    def saddles(self) -> Matrix:
        """Return the saddle, (1, d)."""
        return np.array([[0.0]])

    def escape(self) -> Escape:
        """Return the way from the left minimum over the saddle."""
        left, right = self.minima()
        return Escape(left, self.saddles()[0], right, np.array([1.0]), self.barrier)
