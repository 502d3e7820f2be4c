"""The quartic double well."""

import math
from typing import Any, NamedTuple, Self

from .checks import number, positive
from .frame import resolve
from .valley import DoubleWell, check_transverse

STEEPEST = 8.0 / (3.0 * math.sqrt(3.0))
"""A tilt of this many barriers removes one well."""


class QuarticProfile(NamedTuple):
    """V(x) = barrier (u^2 - 1)^2 + tilt u, u = narrow x."""

    barrier: float
    narrow: float
    tilt: float

    def height(self, x: float) -> float:
        """Return V(x)."""
        u = self.narrow * x
        return self.barrier * (u * u - 1.0) * (u * u - 1.0) + self.tilt * u

    def slope(self, x: float) -> float:
        """Return V'(x)."""
        u = self.narrow * x
        return 4.0 * self.barrier * self.narrow * u * (u * u - 1.0) + self.tilt * self.narrow

    def curvature(self, x: float) -> float:
        """Return V''(x)."""
        u = self.narrow * x
        return 4.0 * self.barrier * self.narrow * self.narrow * (3.0 * u * u - 1.0)

    def anchors(self) -> tuple[float, float, float]:
        """Return a, b, c: the roots of u^3 - u + tilt/(4 barrier) = 0 over narrow."""
        if self.tilt == 0.0:
            return -1.0 / self.narrow, 0.0, 1.0 / self.narrow
        angle = math.acos(-self.tilt / self.barrier / STEEPEST) / 3.0
        radius = 2.0 / math.sqrt(3.0) / self.narrow
        third = 2.0 * math.pi / 3.0
        return radius * math.cos(angle - 2.0 * third), radius * math.cos(angle - third), radius * math.cos(angle)


class QuarticWellFields(NamedTuple):
    """The fields of QuarticWell, which says what they are."""

    barrier: float = 0.25
    half_width: float = 1.0
    tilt: float = 0.0
    transverse_min: Any = ()
    transverse_saddle: Any = None
    rotation: Any = None


class QuarticWell(DoubleWell, QuarticWellFields):
    """Smooth double well, V(x) = barrier ((x/w)^2 - 1)^2 + tilt x/w along the escape coordinate x.

    Parameters
    ----------
    barrier
        Height of the saddle above the minima of the untilted well (loss).
    half_width
        w; the minima of the untilted well lie at +-w.
    tilt
        Loss added at x = w and taken away at x = -w; the start is the left well.
    transverse_min
        Curvatures across the valley at the minima, (d - 1,); default none, one dimension.
    transverse_saddle
        The same at the saddle, (d - 1,); default as at the minima.
    rotation
        U, whose first column is the escape direction: an orthogonal matrix (d, d), or a seed for a random one.
    """

    __slots__ = ()

    def check(self) -> Self:
        """Return the well with a barrier that the tilt leaves standing."""
        barrier = positive("barrier", self.barrier, "there is no well without a barrier")
        tilt = number("tilt", self.tilt)
        if not abs(tilt) < STEEPEST * barrier:
            raise ValueError(
                f"tilt={tilt:g} must be below 8 barrier/(3 sqrt(3)) = {STEEPEST * barrier:.6g} in size: "
                "a steeper one removes the barrier"
            )
        bottom, top = check_transverse(self.transverse_min, self.transverse_saddle)
        return self._replace(
            barrier=barrier,
            half_width=positive("half_width", self.half_width, "it is a distance"),
            tilt=tilt,
            transverse_min=bottom,
            transverse_saddle=top,
            rotation=resolve("rotation", self.rotation, 1 + len(bottom)),
        )

    def profile(self) -> QuarticProfile:
        """Return the loss along the escape coordinate."""
        return QuarticProfile(self.barrier, 1.0 / self.half_width, self.tilt)
