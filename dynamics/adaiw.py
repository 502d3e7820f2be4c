"""AdaiW: Adai with decoupled weight decay."""

from typing import Any, Self

from .adai import Adai, Undamped
from .decoupled import DecoupledDecay, check_shrink


class AdaiW(DecoupledDecay, Adai):
    """Adai with decoupled weight decay: theta *= 1 - lr lambda before the step, the gradient taken before that.

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
        lambda, the rate at which theta shrinks in dynamical time; m and v do not see it.
    dampening
        q in [0, 1]: 1 is Adai, below 1 it is AdaiV2.
    """

    __slots__ = ()

    def check(self) -> Self:
        """Return the rule within Adai's bounds and with weight_decay below 1/lr."""
        rule = super().check()
        check_shrink(rule.lr, rule.weight_decay)
        return rule

    def suited(self, landscape: Any) -> "AdaiW":
        """Return the same rule, without powers where there are none."""
        return UndampedAdaiW(*self) if self.dampening == 1.0 else self

    def max_time_step(self, curvature: float) -> float:
        """Return the lr above which the iteration diverges on this curvature, as for Adai: the decay slows it.

        The bound is lr h x^q beta0^(1 - q) = (2 - lr lambda)(2 - x).
        """
        x = min(max(self.beta0, self.eps), 1.0)
        weight = self.power(x, self.dampening) * self.power(self.beta0, 1.0 - self.dampening)
        return 2.0 * (2.0 - x) / (weight * curvature + (2.0 - x) * self.weight_decay)


class UndampedAdaiW(Undamped, AdaiW):
    """AdaiW with a dampening of 1."""

    __slots__ = ()
