"""The Mueller-Brown surface."""

import math
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np

from .checks import positive
from .critical_points import newton, way_over
from .interface import Escape, Matrix, Rows

# Term k is AMPLITUDE exp(XX u^2 + XY u v + YY v^2), (u, v) = (x, y) - (CENTRE_X, CENTRE_Y).
AMPLITUDE = (-200.0, -100.0, -170.0, 15.0)
XX = (-1.0, -1.0, -6.5, 0.7)
XY = (0.0, 0.0, 11.0, 0.6)
YY = (-10.0, -10.0, -6.5, 0.7)
CENTRE_X = (1.0, 0.0, -0.5, -1.0)
CENTRE_Y = (0.0, 0.5, 1.5, 1.0)

MINIMA = ((-0.558, 1.442), (0.623, 0.028), (-0.050, 0.467))
SADDLES = ((-0.822, 0.624), (0.212, 0.293))
"""As published, to three decimals, deepest minimum first; Newton's method does the rest."""
LOW = np.array([-1.5, -0.5])
HIGH = np.array([1.2, 2.0])


class MuellerBrown(NamedTuple):
    """Three minima on a winding valley of two dimensions: escape along a way that is not straight.

    The escape leaves the deepest minimum, at (-0.56, 1.44), over the higher saddle towards the one at (-0.05, 0.47).
    Curvatures reach 4100 scale at the minima: with scale 1 a learning rate must be below 2/4100.

    Parameters
    ----------
    scale
        Factor of the published loss, whose barrier on that way is 106.

    References
    ----------
    K. Mueller and L. D. Brown, Theoretica Chimica Acta 53 (1979) 75.
    """

    scale: float = 1.0

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        return 2

    def check(self) -> Self:
        """Return the landscape with a scale above 0."""
        return self._replace(scale=positive("scale", self.scale, "a negative one turns minima into maxima"))

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
            out[0, j] = 0.0
        for k in range(4):
            for j in range(theta.shape[1]):
                u = theta[0, j] - CENTRE_X[k]
                v = theta[1, j] - CENTRE_Y[k]
                out[0, j] += self.scale * AMPLITUDE[k] * math.exp(XX[k] * u * u + XY[k] * u * v + YY[k] * v * v)

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write the gradient to out."""
        for i in range(2):
            for j in range(theta.shape[1]):
                out[i, j] = 0.0
        for k in range(4):
            for j in range(theta.shape[1]):
                u = theta[0, j] - CENTRE_X[k]
                v = theta[1, j] - CENTRE_Y[k]
                term = self.scale * AMPLITUDE[k] * math.exp(XX[k] * u * u + XY[k] * u * v + YY[k] * v * v)
                out[0, j] += term * (2.0 * XX[k] * u + XY[k] * v)
                out[1, j] += term * (XY[k] * u + 2.0 * YY[k] * v)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j to out."""
        out[0, 0] = 0.0
        out[0, 1] = 0.0
        out[1, 1] = 0.0
        for k in range(4):
            u = theta[0, j] - CENTRE_X[k]
            v = theta[1, j] - CENTRE_Y[k]
            term = self.scale * AMPLITUDE[k] * math.exp(XX[k] * u * u + XY[k] * u * v + YY[k] * v * v)
            p = 2.0 * XX[k] * u + XY[k] * v
            q = XY[k] * u + 2.0 * YY[k] * v
            out[0, 0] += term * (p * p + 2.0 * XX[k])
            out[0, 1] += term * (p * q + XY[k])
            out[1, 1] += term * (q * q + 2.0 * YY[k])
        out[1, 0] = out[0, 1]

    def minima(self) -> Matrix:
        """Return the three minima, (3, 2), the deepest first."""
        return np.array([newton(self, point) for point in MINIMA])

    def saddles(self) -> Matrix:
        """Return the two saddles, (2, 2), the one next to the deepest minimum first."""
        return np.array([newton(self, point) for point in SADDLES])

    def escape(self) -> Escape:
        """Return the way from the deepest minimum over its saddle to the minimum behind it."""
        kind: Any = type(self)
        way = _way(kind, self.scale)
        assert way.far_minimum is not None
        points = (way.minimum.copy(), way.saddle.copy(), way.far_minimum.copy(), way.direction.copy())
        return Escape(*points, barrier=way.barrier)


@lru_cache(maxsize=256)
def _way(kind: Any, scale: float) -> Escape:
    """Return the way out; a number is all that a surface is, and the path down from the saddle takes 10 ms."""
    surface = kind(scale)
    minima = surface.minima()
    way = way_over(surface, minima[0], surface.saddles()[0], minima, LOW, HIGH)
    assert way is not None
    return way
