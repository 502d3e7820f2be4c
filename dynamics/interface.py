"""What an update rule is, and the calls by which kernels reach it.

A rule is a ``NamedTuple`` whose methods work on arrays (d, lanes), the lane loop innermost, like a landscape's. Its
memory is ``state``, (rows, d, lanes); ``t`` is (lanes,), each lane's own step counted from 1. One step of the
iteration is, in this order: the stochastic gradient, ``decay``, ``adapt``, ``move``. A rule that needs the loss or its
noise at more than one point (a Langevin integrator) has ``advance`` instead of the last three.
"""

from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ..landscapes.interface import Rows, Vector, draw, gradient

State: TypeAlias = npt.NDArray[np.float64]
"""(rows, d, lanes): what a rule remembers."""


class Rule(Protocol):
    """An update rule."""

    def check(self) -> Self:
        """Return the same rule, validated and with its defaults resolved; ValueError or TypeError otherwise."""
        ...

    def time_step(self) -> float:
        """Return the dynamical time of one step: the learning rate, or an integrator's dt."""
        ...

    def max_time_step(self, curvature: float) -> float:
        """Return the largest time step with which the noiseless iteration does not diverge; inf where none is known."""
        ...

    def rows(self) -> int:
        """Return how many rows of state a coordinate needs."""
        ...

    def start(self, j: int, theta: Rows, state: State) -> None:
        """Set the state of lane j to rest."""
        ...

    def thermal(self, j: int, kick: Vector, variance: Vector, state: State) -> None:
        """Set the state of lane j to what it is in the long run on a flat loss.

        kick (d,) is one draw of the gradient noise at the start, variance (d,) its variance in each coordinate.
        """
        ...

    def decay(self, theta: Rows, g: Rows) -> None:
        """Add the gradient of an L2 penalty to g, or shrink theta where the decay is decoupled."""
        ...

    def adapt(self, g: Rows, state: State, t: Vector, gain: Rows) -> None:
        """Update second moments and set the per-coordinate gain; nonlinear in g."""
        ...

    def move(self, theta: Rows, g: Rows, state: State, t: Vector, gain: Rows) -> None:
        """Update theta and the momenta; affine in (theta, g, momenta) once the gain is given."""
        ...


def max_time_step(rule: Any, curvature: float) -> float:
    """Call the rule's max_time_step; inf where it has none."""
    return float(rule.max_time_step(curvature)) if hasattr(rule, "max_time_step") else float("inf")


def start(rule: Any, j: int, theta: Rows, state: State) -> None:
    """Call the rule's start."""
    rule.start(j, theta, state)


def thermal(rule: Any, j: int, kick: Vector, variance: Vector, state: State) -> None:
    """Call the rule's thermal, where it has one: a rule without momentum has nothing to set."""
    if hasattr(rule, "thermal"):
        rule.thermal(j, kick, variance, state)


def decay(rule: Any, theta: Rows, g: Rows) -> None:
    """Call the rule's decay, where it has one."""
    if hasattr(rule, "decay"):
        rule.decay(theta, g)


def adapt(rule: Any, g: Rows, state: State, t: Vector, gain: Rows) -> None:
    """Call the rule's adapt, where it has one."""
    if hasattr(rule, "adapt"):
        rule.adapt(g, state, t, gain)


def move(rule: Any, theta: Rows, g: Rows, state: State, t: Vector, gain: Rows) -> None:
    """Call the rule's move."""
    rule.move(theta, g, state, t, gain)


def advance(
    rule: Any, landscape: Any, noise: Any, theta: Rows, z: Rows, g: Rows, state: State, t: Vector, gain: Rows
) -> None:
    """Take one step: the rule's own, or stochastic gradient, decay, adapt and move in turn."""
    if hasattr(rule, "advance"):
        rule.advance(landscape, noise, theta, z, g, state, t, gain)
    else:
        one_step(rule, landscape, noise, theta, z, g, state, t, gain)


def one_step(
    rule: Any, landscape: Any, noise: Any, theta: Rows, z: Rows, g: Rows, state: State, t: Vector, gain: Rows
) -> None:
    """Take one step of a rule that needs the loss and its noise at the present point only."""
    gradient(landscape, theta, g)
    draw(noise, landscape, theta, z, g)
    decay(rule, theta, g)
    adapt(rule, g, state, t, gain)
    move(rule, theta, g, state, t, gain)
