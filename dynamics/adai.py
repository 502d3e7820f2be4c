"""Adai: adaptive inertia."""

import math
from typing import Any, NamedTuple, Self

from ..landscapes.checks import fraction, not_negative, number, positive
from ..landscapes.interface import Rows, Vector, inlined, routed


@routed
def power(rule: Any, x: float, exponent: float) -> float:
    """Call the rule's power."""
    return rule.power(x, exponent)  # type: ignore[no-any-return]


@inlined
def inertia(share: float, beta0: float, eps: float) -> float:
    """Return mu_i = clip(1 - beta0 share, 0, 1 - eps)."""
    return min(max(1.0 - beta0 * share, 0.0), 1.0 - eps)


class Adai(NamedTuple):
    """Adaptive inertia [1]_: m = mu m + (1 - mu) g; theta -= lr mhat, with an inertia mu_i for each coordinate.

    v = beta2 v + (1 - beta2) g^2, vbar is the mean of v over the coordinates of one trajectory,
    mu_i = clip(1 - beta0 v_i/vbar, 0, 1 - eps) (the bias correction of v cancels), mhat_i = m_i/(1 - prod_s mu_{s,i}).
    Where no coordinate has had a gradient, mu = 1 - eps. One mu_i = 0 ends the correction of that coordinate for good.

    A dampening q below 1 is the authors' AdaiV2: mu_i = clip(1 - beta0 (v_i/vbar)^(1/(3 - 2 q)), 0, 1 - eps),
    m = mu m + (1 - mu)^q g; theta -= lr beta0^(1 - q) mhat.

    Parameters
    ----------
    lr
        Learning rate eta.
    beta0
        1 - mu where v_i is the mean.
    beta2
        Share of the mean square kept each step.
    eps
        Smallest 1 - mu.
    weight_decay
        lambda of the L2 penalty: lambda theta is added to g before v sees it.
    dampening
        q in [0, 1]: 1 is Adai, below 1 it is AdaiV2.

    References
    ----------
    .. [1] Z. Xie et al., "Adaptive Inertia: Disentangling the Effects of Adaptive Learning Rate and Momentum",
       ICML 2022, Algorithm 2.
    """

    lr: float = 0.05
    beta0: float = 0.1
    beta2: float = 0.99
    eps: float = 1e-3
    weight_decay: float = 0.0
    dampening: float = 1.0

    def check(self) -> Self:
        """Return the rule with lr and beta0 above 0, beta2 in [0, 1), eps in (0, 1) and dampening in [0, 1]."""
        eps = number("eps", self.eps)
        if not 0.0 < eps < 1.0:
            raise ValueError(f"eps={self.eps} must lie in (0, 1): the inertia is at most 1 - eps")
        dampening = number("dampening", self.dampening)
        if not 0.0 <= dampening <= 1.0:
            raise ValueError(f"dampening={self.dampening} must lie in [0, 1]: it is the power of 1 - mu before g")
        return self._replace(
            lr=positive("lr", self.lr, "a step must go down the gradient"),
            beta0=positive("beta0", self.beta0, "the inertia must fade"),
            beta2=fraction("beta2", self.beta2, "the mean square must follow the gradient"),
            eps=eps,
            weight_decay=not_negative("weight_decay", self.weight_decay, "a penalty pulls towards 0"),
            dampening=dampening,
        )

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.lr

    def max_time_step(self, curvature: float) -> float:
        """Return the lr above which the iteration diverges on this curvature whatever the other coordinates do.

        A coordinate that diverges has at least the mean v, hence 1 - mu of at least x = clip(beta0, eps, 1); beyond
        lr (h + lambda) x^q beta0^(1 - q) = 2 (2 - x) it grows in every step. In one dimension mu = 1 - x always and the
        bound is sharp; in more, lr below it may diverge too.
        """
        x = min(max(self.beta0, self.eps), 1.0)
        weight = self.power(x, self.dampening) * self.power(self.beta0, 1.0 - self.dampening)
        return 2.0 * (2.0 - x) / (weight * (curvature + self.weight_decay))

    def power(self, x: float, exponent: float) -> float:
        """Return x to the exponent, which is 1 or 0 in Adai proper."""
        return x if exponent == 1.0 else math.pow(x, exponent)

    def suited(self, landscape: Any) -> "Adai":
        """Return the same rule, without powers where there are none: a call of one keeps LLVM from vectorising."""
        return UndampedAdai(*self) if self.dampening == 1.0 else self

    def rows(self) -> int:
        """Return the rows of state: m, v, the product of the inertias and, in its first coordinate, 1/vbar."""
        return 4

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set m and v to 0."""
        for i in range(theta.shape[0]):
            state[0, i, j] = 0.0
            state[1, i, j] = 0.0
            state[2, i, j] = 1.0

    def thermal(self, j: int, kick: Vector, variance: Vector, state: Any) -> None:
        """Set v = C_ii, hence mu, and draw m from its stationary law, <m_i^2> = (1 - mu_i)^(2 q) C_ii/(1 - mu_i^2)."""
        d = kick.shape[0]
        total = 0.0
        for i in range(d):
            total += variance[i]
        level = d / max(total, 1e-300)
        for i in range(d):
            share = power(self, level * variance[i], 1.0 / (3.0 - 2.0 * self.dampening))
            mu = inertia(share, self.beta0, self.eps)
            state[0, i, j] = kick[i] * power(self, 1.0 - mu, self.dampening) / math.sqrt(1.0 - mu * mu)
            state[1, i, j] = variance[i]
            state[2, i, j] = 0.0

    def decay(self, theta: Rows, g: Rows) -> None:
        """Add lambda theta to g."""
        if self.weight_decay != 0.0:
            for i in range(theta.shape[0]):
                for j in range(theta.shape[1]):
                    g[i, j] += self.weight_decay * theta[i, j]

    def adapt(self, g: Rows, state: Any, t: Any, gain: Rows) -> None:
        """Update v and set the gain to the inertia mu."""
        d = g.shape[0]
        for j in range(g.shape[1]):
            state[3, 0, j] = 0.0
        for i in range(d):
            for j in range(g.shape[1]):
                v = self.beta2 * state[1, i, j] + (1.0 - self.beta2) * (g[i, j] * g[i, j])
                state[1, i, j] = v
                state[3, 0, j] += v
        exponent = 1.0 / (3.0 - 2.0 * self.dampening)
        for j in range(g.shape[1]):
            # With no gradient yet v = 0, and the small number in place of the sum makes the shares 0.
            state[3, 0, j] = d / max(state[3, 0, j], 1e-300)
        for i in range(d):
            for j in range(g.shape[1]):
                mu = inertia(power(self, state[1, i, j] * state[3, 0, j], exponent), self.beta0, self.eps)
                gain[i, j] = mu
                # A product left to shrink would stay among the slow denormal numbers for good.
                product = mu * state[2, i, j]
                state[2, i, j] = product if product > 1e-200 else 0.0

    def move(self, theta: Rows, g: Rows, state: Any, t: Any, gain: Rows) -> None:
        """Take one step."""
        rate = self.lr * power(self, self.beta0, 1.0 - self.dampening)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                mu = gain[i, j]
                m = mu * state[0, i, j] + power(self, 1.0 - mu, self.dampening) * g[i, j]
                state[0, i, j] = m
                theta[i, j] -= rate * m / (1.0 - state[2, i, j])


class Undamped:
    """Mixed into Adai or AdaiW: a dampening of 1, whose powers are 1 and 0."""

    __slots__ = ()

    def power(self, x: float, exponent: float) -> float:
        """Return x to the exponent."""
        return x if exponent == 1.0 else 1.0


class UndampedAdai(Undamped, Adai):
    """Adai with a dampening of 1."""

    __slots__ = ()
