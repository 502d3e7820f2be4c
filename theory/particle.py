"""The dictionary from update rules to a particle in a potential: M dv = -gamma M v dt - grad L dt + (2D)^(1/2) dW."""

import math
from typing import Any, Literal, NamedTuple

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..dynamics.langevin import Langevin, position
from ..dynamics.momentum import Momentum
from ..dynamics.sgd import SGD
from ..dynamics.underdamped import UnderdampedLangevin

Kind = Literal["sgd", "momentum", "langevin", "underdamped"]


class Particle(NamedTuple):
    """An update rule, read as physics.

    Parameters
    ----------
    kind
        Which family the rule is of.
    time_step
        Dynamical time of one step.
    lr
        Learning rate of D = lr C / 2.
    friction
        gamma; inf where there is no inertia.
    friction_mass
        gamma M.
    keep
        beta1 of an iteration; 0 for the others.
    convention
        c of the overdamped limit: 0 Ito, 1/2 Stratonovich, 1 anti-Ito.
    """

    kind: Kind
    time_step: float
    lr: float
    friction: float
    friction_mass: float
    keep: float = 0.0
    convention: float = 0.0

    @property
    def iterated(self) -> bool:
        """Whether the rule is an iteration, whose steps are the process itself."""
        return self.kind in ("sgd", "momentum")

    @property
    def mass(self) -> float:
        """M; 0 where there is no inertia."""
        return self.friction_mass / self.friction

    @property
    def lag(self) -> float:
        """Coefficient of the correction for position-dependent noise: 1 / gamma, or that of the iteration."""
        return 0.5 * self.lr * (1.0 + self.keep) / (1.0 - self.keep) if self.iterated else 1.0 / self.friction


def particle(rule: Any) -> Particle | str:
    """Return a checked rule as a particle, or one line that says why it is none.

    SGD and heavy ball with beta1 = 0 are one rule: no inertia at all, not a particle of friction 1 / lr.
    """
    if isinstance(rule, SGD):
        return Particle("sgd", rule.lr, rule.lr, math.inf, 1.0)
    if isinstance(rule, Momentum):
        ratio = (1.0 - rule.beta1) / rule.beta3
        if rule.beta1 == 0.0:
            return Particle("sgd", rule.lr, rule.lr, math.inf, ratio)
        return Particle("momentum", rule.lr, rule.lr, (1.0 - rule.beta1) / rule.lr, ratio, rule.beta1)
    if isinstance(rule, Langevin):
        lr = rule.dt if rule.lr is None else rule.lr
        return Particle("langevin", rule.dt, lr, math.inf, 1.0, convention=position(rule.convention))
    if isinstance(rule, UnderdampedLangevin):
        lr = rule.dt if rule.lr is None else rule.lr
        return Particle("underdamped", rule.dt, lr, rule.friction, rule.friction * rule.mass)
    if isinstance(rule, Adam):
        return "Adam is no particle while its second moments change: they rescale slope and noise"
    if isinstance(rule, Adai):
        return "Adai is no particle while its second moments change: its inertia follows them"
    return f"there is no theory for {type(rule).__name__}"
