"""AdamW: Adam with decoupled weight decay."""

from typing import Self

from .adam import Adam
from .decoupled import DecoupledDecay, check_shrink


class AdamW(DecoupledDecay, Adam):
    """Adam with decoupled weight decay: theta *= 1 - lr lambda before the step, the gradient taken before that.

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
        lambda, the rate at which theta shrinks in dynamical time; m and v do not see it.
    """

    __slots__ = ()

    def check(self) -> Self:
        """Return the rule within Adam's bounds and with weight_decay below 1/lr."""
        rule = super().check()
        check_shrink(rule.lr, rule.weight_decay)
        return rule
