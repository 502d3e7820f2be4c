"""The underdamped Langevin equation."""

import math
from typing import Any, NamedTuple, Self

from ..landscapes.checks import positive
from ..landscapes.interface import Rows, Vector, draw, gradient


class UnderdampedLangevin(NamedTuple):
    """Langevin equation d theta = v dt, M dv = -gamma M v dt - grad L dt + (2D)^(1/2) dW, D = lr C/2.

    Heavy ball as a diffusion: gamma = (1 - beta1)/lr, M = lr/beta3. BAOAB splitting [1]_: half a kick, half a drift,
    the exact friction and noise with C at the middle position, half a drift, half a kick. With constant C the position
    has its exact stationary law on a quadratic loss for any stable dt. theta has no Brownian part of its own, so there
    is no choice of convention; the limit M -> 0 is Ito.

    Where friction is strong, motion runs fast by (gamma dt/2) coth(gamma dt/2), which is 1 + (gamma dt)^2/12: times
    want gamma dt well below 1, although stationary laws do not.

    Parameters
    ----------
    dt
        Time step (dynamical time).
    friction
        gamma, the rate at which v decays.
    mass
        M.
    lr
        Learning rate of the rule whose diffusion this is; default dt.

    References
    ----------
    .. [1] B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods for molecular
       sampling", Applied Mathematics Research eXpress (2013).
    """

    dt: float = 0.05
    friction: float = 2.0
    mass: float = 0.5
    lr: float | None = None

    def check(self) -> Self:
        """Return the rule with all its numbers above 0 and lr filled in."""
        dt = positive("dt", self.dt, "time goes forward")
        return self._replace(
            dt=dt,
            friction=positive("friction", self.friction, "without it there is no temperature"),
            mass=positive("mass", self.mass, "without it the equation is the overdamped one: use Langevin"),
            lr=dt if self.lr is None else positive("lr", self.lr, "it scales the diffusion, D = lr C/2"),
        )

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.dt

    def max_time_step(self, curvature: float) -> float:
        """Return the largest stable dt on this curvature: dt^2 h/M <= 4."""
        return 2.0 * math.sqrt(self.mass / curvature)

    def rows(self) -> int:
        """Return the rows of state: v."""
        return 1

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set v to 0."""
        for i in range(theta.shape[0]):
            state[0, i, j] = 0.0

    def thermal(self: Any, j: int, kick: Vector, variance: Vector, state: Any) -> None:
        """Draw v from its stationary law: <v v^T> = D/(gamma M^2)."""
        scale = math.sqrt(0.5 * self.lr / self.friction) / self.mass
        for i in range(kick.shape[0]):
            state[0, i, j] = scale * kick[i]

    def advance(
        self: Any, landscape: Any, noise: Any, theta: Rows, z: Rows, g: Rows, state: Any, t: Any, gain: Rows
    ) -> None:
        """Take one step."""
        half = 0.5 * self.dt
        kick = half / self.mass
        kept = math.exp(-self.friction * self.dt)
        spread = math.sqrt(0.5 * (1.0 - kept * kept) * self.lr / self.friction) / self.mass
        gradient(landscape, theta, g)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                state[0, i, j] -= kick * g[i, j]
                theta[i, j] += half * state[0, i, j]
                g[i, j] = 0.0
        draw(noise, landscape, theta, z, g)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                state[0, i, j] = kept * state[0, i, j] - spread * g[i, j]
                theta[i, j] += half * state[0, i, j]
        gradient(landscape, theta, g)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                state[0, i, j] -= kick * g[i, j]
