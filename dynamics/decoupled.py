"""Decoupled weight decay, which AdamW and AdaiW share."""

from typing import Any

from ..landscapes.interface import Rows


class DecoupledDecay:
    """Mixed into a rule with lr and weight_decay: theta shrinks by itself, and no moment sees it."""

    __slots__ = ()

    def decay(self: Any, theta: Rows, g: Rows) -> None:
        """Multiply theta by 1 - lr lambda; g, taken before, is left as it is."""
        if self.weight_decay != 0.0:
            shrink = 1.0 - self.lr * self.weight_decay
            for i in range(theta.shape[0]):
                for j in range(theta.shape[1]):
                    theta[i, j] *= shrink


def check_shrink(lr: float, weight_decay: float) -> None:
    """Raise ValueError unless theta keeps its sign under the decay."""
    if not lr * weight_decay < 1.0:
        raise ValueError(
            f"weight_decay={weight_decay} must be below 1/lr={1.0 / lr:g}: a step scales theta by 1 - lr weight_decay"
        )
