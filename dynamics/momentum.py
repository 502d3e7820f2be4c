"""Heavy-ball momentum."""

import math
from typing import Any, NamedTuple, Self

from ..landscapes.checks import fraction, not_negative, positive
from ..landscapes.interface import Rows, Vector


class Momentum(NamedTuple):
    """Heavy ball: m = beta1 m + beta3 g; theta -= lr m.

    Parameters
    ----------
    lr
        Learning rate eta.
    beta1
        Share of the momentum kept each step.
    beta3
        Weight of the new gradient: 1 is the usual deep-learning form, 1 - beta1 the averaged one.
    weight_decay
        lambda of the L2 penalty: lambda theta is added to g.
    """

    lr: float = 0.05
    beta1: float = 0.9
    beta3: float = 1.0
    weight_decay: float = 0.0

    def check(self) -> Self:
        """Return the rule with lr and beta3 above 0, beta1 in [0, 1) and weight_decay of at least 0."""
        return self._replace(
            lr=positive("lr", self.lr, "a step must go down the gradient"),
            beta1=fraction("beta1", self.beta1, "the momentum must fade"),
            beta3=positive("beta3", self.beta3, "the gradient must enter the momentum"),
            weight_decay=not_negative("weight_decay", self.weight_decay, "a penalty pulls towards 0"),
        )

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.lr

    def max_time_step(self, curvature: float) -> float:
        """Return the largest stable lr on this curvature: lr beta3 (h + lambda) <= 2 (1 + beta1)."""
        return 2.0 * (1.0 + self.beta1) / (self.beta3 * (curvature + self.weight_decay))

    def rows(self) -> int:
        """Return the rows of state: m."""
        return 1

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set m to 0."""
        for i in range(theta.shape[0]):
            state[0, i, j] = 0.0

    def thermal(self, j: int, kick: Vector, variance: Vector, state: Any) -> None:
        """Draw m from its stationary law on a flat loss: <m m^T> = beta3^2 C / (1 - beta1^2)."""
        scale = self.beta3 / math.sqrt(1.0 - self.beta1 * self.beta1)
        for i in range(kick.shape[0]):
            state[0, i, j] = scale * kick[i]

    def decay(self, theta: Rows, g: Rows) -> None:
        """Add lambda theta to g."""
        if self.weight_decay != 0.0:
            for i in range(theta.shape[0]):
                for j in range(theta.shape[1]):
                    g[i, j] += self.weight_decay * theta[i, j]

    def move(self, theta: Rows, g: Rows, state: Any, t: Any, gain: Rows) -> None:
        """Take one step."""
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                m = self.beta1 * state[0, i, j] + self.beta3 * g[i, j]
                state[0, i, j] = m
                theta[i, j] -= self.lr * m
