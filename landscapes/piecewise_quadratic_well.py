"""The piecewise-quadratic double well."""

import math
from typing import Any, NamedTuple, Self

from .checks import positive
from .frame import resolve
from .valley import DoubleWell, check_transverse


class PiecewiseQuadraticProfile(NamedTuple):
    """Three parabolas: around a up to -joint, around the saddle at 0 up to joint, around c beyond; V(a) = 0."""

    near: float
    saddle: float
    far: float
    barrier: float
    joint: float
    a: float
    c: float

    def height(self, x: float) -> float:
        """Return V(x)."""
        middle = self.barrier - 0.5 * self.saddle * x * x
        near = 0.5 * self.near * (x - self.a) * (x - self.a)
        depth = self.barrier - 0.5 * self.saddle * self.joint * self.c
        far = depth + 0.5 * self.far * (x - self.c) * (x - self.c)
        return near if x < -self.joint else (far if x > self.joint else middle)

    def slope(self, x: float) -> float:
        """Return V'(x)."""
        near = self.near * (x - self.a)
        far = self.far * (x - self.c)
        middle = -self.saddle * x
        return near if x < -self.joint else (far if x > self.joint else middle)

    def curvature(self, x: float) -> float:
        """Return V''(x)."""
        return self.near if x < -self.joint else (self.far if x > self.joint else -self.saddle)

    def anchors(self) -> tuple[float, float, float]:
        """Return a, b, c."""
        return self.a, 0.0, self.c


class PiecewiseQuadraticWellFields(NamedTuple):
    """The fields of PiecewiseQuadraticWell, which says what they are."""

    curvature_min: float = 2.0
    curvature_saddle: float = 1.0
    barrier: float = 0.25
    curvature_far: Any = None
    transverse_min: Any = ()
    transverse_saddle: Any = None
    rotation: Any = None


class PiecewiseQuadraticWell(DoubleWell, PiecewiseQuadraticWellFields):
    """Parabolas joined with a continuous slope, so that curvatures and barrier are free and Eq. 3 holds everywhere.

    Along the escape coordinate x the curvature is H_a around the near minimum, -H_b around the saddle at x = 0 and H_c
    around the far minimum. The pieces meet where the slope is p, at distance p/H_a from a and p/H_b from b, with
    barrier = (p^2/2) (1/H_a + 1/H_b); on the far side the slope at the joint is the same p. The joints belong to the
    saddle's piece. Theorem 3's s is H_b/(H_a + H_b) exactly.

    Parameters
    ----------
    curvature_min
        H_a, along the escape direction at the near minimum.
    curvature_saddle
        H_b, given as a magnitude: the curvature of the saddle along the escape direction is -H_b.
    barrier
        Height of the saddle above the near minimum (loss).
    curvature_far
        H_c, at the far minimum; default H_a.
    transverse_min
        Curvatures across the valley at the minima, (d - 1,); default none, one dimension.
    transverse_saddle
        The same at the saddle, (d - 1,); default as at the minima.
    rotation
        U, whose first column is the escape direction: an orthogonal matrix (d, d), or a seed for a random one.
    """

    __slots__ = ()

    def check(self) -> Self:
        """Return the well with curvatures and barrier above 0."""
        bottom, top = check_transverse(self.transverse_min, self.transverse_saddle)
        near = positive("curvature_min", self.curvature_min, "a minimum curves upwards")
        far = near if self.curvature_far is None else self.curvature_far
        return self._replace(
            curvature_min=near,
            curvature_saddle=positive(
                "curvature_saddle", self.curvature_saddle, "it is the magnitude of the saddle's negative curvature"
            ),
            barrier=positive("barrier", self.barrier, "there is no well without a barrier"),
            curvature_far=positive("curvature_far", far, "a minimum curves upwards"),
            transverse_min=bottom,
            transverse_saddle=top,
            rotation=resolve("rotation", self.rotation, 1 + len(bottom)),
        )

    def profile(self) -> PiecewiseQuadraticProfile:
        """Return the loss along the escape coordinate."""
        p = math.sqrt(2.0 * self.barrier / (1.0 / self.curvature_min + 1.0 / self.curvature_saddle))
        joint = p / self.curvature_saddle
        return PiecewiseQuadraticProfile(
            self.curvature_min,
            self.curvature_saddle,
            self.curvature_far,
            self.barrier,
            joint,
            -joint - p / self.curvature_min,
            joint + p / self.curvature_far,
        )
