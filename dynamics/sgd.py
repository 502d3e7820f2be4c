"""Stochastic gradient descent."""

from typing import Any, NamedTuple, Self

from ..landscapes.checks import not_negative, positive
from ..landscapes.interface import Rows


class SGD(NamedTuple):
    """Stochastic gradient descent: theta -= lr g.

    Parameters
    ----------
    lr
        Learning rate eta.
    weight_decay
        lambda of the L2 penalty: lambda theta is added to g.
    """

    lr: float = 0.05
    weight_decay: float = 0.0

    def check(self) -> Self:
        """Return the rule with lr above 0 and weight_decay of at least 0."""
        return self._replace(
            lr=positive("lr", self.lr, "a step must go down the gradient"),
            weight_decay=not_negative("weight_decay", self.weight_decay, "a penalty pulls towards 0"),
        )

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.lr

    def max_time_step(self, curvature: float) -> float:
        """Return the largest stable lr on this curvature: |1 - lr (h + lambda)| <= 1."""
        return 2.0 / (curvature + self.weight_decay)

    def rows(self) -> int:
        """Return the rows of state."""
        return 0

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set nothing: there is no memory."""

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
                theta[i, j] -= self.lr * g[i, j]
