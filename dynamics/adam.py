"""Adam: momentum divided by the root of a running mean square."""

import math
from typing import Any, NamedTuple, Self

from ..landscapes.checks import fraction, not_negative, positive
from ..landscapes.interface import Rows, Vector


class Adam(NamedTuple):
    """Adam: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; theta -= lr mhat/(sqrt(vhat) + eps).

    mhat = m/(1 - beta1^t) and vhat = v/(1 - beta2^t) correct the bias of a start at rest. A coordinate that has never
    had a gradient does not move, for eps = 0 either.

    Parameters
    ----------
    lr
        Learning rate eta.
    beta1
        Share of the momentum kept each step.
    beta2
        Share of the mean square kept each step.
    eps
        Added to the root of the mean square.
    weight_decay
        lambda of the L2 penalty: lambda theta is added to g before v sees it.
    """

    lr: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def check(self) -> Self:
        """Return the rule with lr above 0, both betas in [0, 1), eps and weight_decay of at least 0."""
        return self._replace(
            lr=positive("lr", self.lr, "a step must go down the gradient"),
            beta1=fraction("beta1", self.beta1, "the momentum must fade"),
            beta2=fraction("beta2", self.beta2, "the mean square must follow the gradient"),
            eps=not_negative("eps", self.eps, "it is added to a root mean square"),
            weight_decay=not_negative("weight_decay", self.weight_decay, "a penalty pulls towards 0"),
        )

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.lr

    def rows(self) -> int:
        """Return the rows of state: m, v and, in their first coordinate, beta1^t, beta2^t and the two corrections."""
        return 6

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set m and v to 0."""
        for i in range(theta.shape[0]):
            state[0, i, j] = 0.0
            state[1, i, j] = 0.0
        state[2, 0, j] = 1.0
        state[3, 0, j] = 1.0

    def thermal(self, j: int, kick: Vector, variance: Vector, state: Any) -> None:
        """Set v = C_ii and draw m from <m m^T> = C (1 - beta1)/(1 + beta1); there is no bias left to correct."""
        scale = math.sqrt((1.0 - self.beta1) / (1.0 + self.beta1))
        for i in range(kick.shape[0]):
            state[0, i, j] = scale * kick[i]
            state[1, i, j] = variance[i]
        state[2, 0, j] = 0.0
        state[3, 0, j] = 0.0

    def decay(self, theta: Rows, g: Rows) -> None:
        """Add lambda theta to g."""
        if self.weight_decay != 0.0:
            for i in range(theta.shape[0]):
                for j in range(theta.shape[1]):
                    g[i, j] += self.weight_decay * theta[i, j]

    def adapt(self, g: Rows, state: Any, t: Any, gain: Rows) -> None:
        """Update v and set the gain 1/((1 - beta1^t)(sqrt(vhat) + eps))."""
        for j in range(g.shape[1]):
            # A product left to shrink would stay among the slow denormal numbers for good.
            kept1 = self.beta1 * state[2, 0, j]
            kept2 = self.beta2 * state[3, 0, j]
            state[2, 0, j] = kept1 if kept1 > 1e-200 else 0.0
            state[3, 0, j] = kept2 if kept2 > 1e-200 else 0.0
            state[4, 0, j] = 1.0 / (1.0 - state[2, 0, j])
            state[5, 0, j] = 1.0 / (1.0 - state[3, 0, j])
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                v = self.beta2 * state[1, i, j] + (1.0 - self.beta2) * (g[i, j] * g[i, j])
                state[1, i, j] = v
                # The root of the smallest normal number stands in for 0, so that eps = 0 gives 0/0 = 0.
                gain[i, j] = state[4, 0, j] / max(math.sqrt(v * state[5, 0, j]) + self.eps, 1.5e-154)

    def move(self, theta: Rows, g: Rows, state: Any, t: Any, gain: Rows) -> None:
        """Take one step."""
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                m = self.beta1 * state[0, i, j] + (1.0 - self.beta1) * g[i, j]
                state[0, i, j] = m
                theta[i, j] -= self.lr * (gain[i, j] * m)
