"""Isotropic gradient noise."""

import math
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .checks import not_negative
from .interface import Matrix, Rows


class IsotropicNoise(NamedTuple):
    """The same gradient noise in every direction and at every point: C = variance I.

    Parameters
    ----------
    variance
        Variance of each gradient coordinate.
    """

    variance: float = 2.5

    def check(self) -> Self:
        """Return the noise with a variance of at least 0."""
        return self._replace(variance=not_negative("variance", self.variance, "it is a mean square"))

    def covariance_at(self, landscape: Any, theta: npt.ArrayLike) -> Matrix:
        """Return C at one point (d,)."""
        return self.variance * np.eye(np.size(theta))

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        deviation = math.sqrt(self.variance)
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                g[i, j] += deviation * z[i, j]
