"""How a block of trajectories takes a step: all lanes row by row, or, in one dimension, one lane after the other.

Methods loop over coordinates and lanes, and each loop reads and writes whole rows. In one dimension a method can be
given one lane at a time instead: its loops then vanish, the whole step becomes one expression, and LLVM vectorises the
loop over lanes around it, without a row in between.
"""

from typing import Any, NamedTuple

from .interface import advance
from .intrinsics import arguments_do_not_overlap, one_lane
from .jit import compiled_in_place


class Rowwise(NamedTuple):
    """All lanes of a row together, any dimension."""

    def take_step(self, landscape: Any, noise: Any, rule: Any, block: Any, k: int) -> None:
        """Take a step with the normals of step k."""
        step_rows(landscape, noise, rule, block, k)


class Lanewise(NamedTuple):
    """All of a step together, in one dimension."""

    def take_step(self, landscape: Any, noise: Any, rule: Any, block: Any, k: int) -> None:
        """Take a step with the normals of step k."""
        step_lanes(landscape, noise, rule, block, k)


def layout(dimension: int) -> Any:
    """Return the layout for a landscape of this dimension."""
    return Lanewise() if dimension == 1 else Rowwise()


def take_step(form: Any, landscape: Any, noise: Any, rule: Any, block: Any, k: int) -> None:
    """Call the layout's take_step."""
    form.take_step(landscape, noise, rule, block, k)


@compiled_in_place
def step_rows(landscape: Any, noise: Any, rule: Any, block: Any, k: int) -> None:
    """Take a step of every lane, one pass over the rows after the other."""
    arguments_do_not_overlap()
    d = block.theta.shape[0]
    for j in range(block.t.shape[0]):
        block.t[j] += 1.0
    z = block.z[k * d : (k + 1) * d]
    advance(rule, landscape, noise, block.theta, z, block.g, block.state, block.t, block.gain)


@compiled_in_place
def step_lanes(landscape: Any, noise: Any, rule: Any, block: Any, k: int) -> None:
    """Take a step of every lane, one lane after the other; only for one dimension."""
    arguments_do_not_overlap()
    z = block.z[k : k + 1]
    for j in range(block.t.shape[0]):
        block.t[j] += 1.0
        theta, g, state = one_lane(block.theta, j), one_lane(block.g, j), one_lane(block.state, j)
        t, gain = one_lane(block.t, j), one_lane(block.gain, j)
        advance(rule, landscape, noise, theta, one_lane(z, j), g, state, t, gain)
