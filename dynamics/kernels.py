"""The compiled loops: first passage, fixed horizon, replay.

A kernel advances a block of trajectories ("lanes") in lockstep, so that LLVM vectorises the noise and the update over
them. What a block holds is a record that the caller keeps; a call is a slice of work, after which the caller may stop,
report or carry on. No result depends on how lanes, blocks, slices or threads are cut.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.interface import Matrix, Rows, Vector, draw, gradient
from . import dispatch  # noqa: F401  teaches Numba the calls
from .interface import State, adapt, advance, decay, move, start, thermal
from .jit import compiled, compiled_in_place
from .outcomes import CENSORED, DIVERGED, ESCAPED
from .streams import BRIDGE, PATH, THERMAL, fill_exponentials, fill_normals, fill_two_steps, seed_lane

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

CHUNK = 16
"""Steps between two looks at which lanes have finished; even, since normals are made for two steps at a time."""


NEXT, END, BUSY, RECORD, TAKEN = 0, 1, 2, 3, 4
"""Places in a block's queue: the next trajectory to enter and one beyond the last, lanes at work, the next record, and
steps taken (of all lanes together in first passage, of each at a fixed horizon)."""


class Start(NamedTuple):
    """Where trajectories start, and from which streams.

    origin is (d,); root (d, d) is C^(1/2) at the origin for a thermal start and (0, 0) for one at rest; seed a uint64.
    """

    origin: Vector
    root: Matrix
    seed: Any


class Exit(NamedTuple):
    """When a trajectory is over.

    It escapes at the first step with e.theta >= level, e = direction (d,); axis is the one coordinate that e points
    along, or -1. It is censored after max_steps and diverged where a coordinate is not finite or beyond bound.
    bridge is the variance of one step along e at the absorbing surface for a process that is continuous between steps,
    and 0 for an iteration, which crosses on its own steps only.
    """

    direction: Vector
    axis: int
    level: float
    max_steps: int
    bound: float
    bridge: float


class Block(NamedTuple):
    """What a block of trajectories is at one moment, one lane a trajectory."""

    theta: Rows
    g: Rows
    gain: Rows
    state: State
    z0: Rows
    z1: Rows
    stream: Words
    t: Vector
    who: Integers  # trajectory in each lane, -1 for none
    hit: Integers  # steps since the first crossing in this chunk, that one included
    mark: Rows  # theta at the first crossing
    now: Vector  # e.theta
    before: Vector  # e.theta one step earlier
    bridge_stream: Words
    chance: Vector
    queue: Integers  # see NEXT, END, BUSY, RECORD, TAKEN


def new_block(dimension: int, rows: int, lanes: int, low: int, high: int) -> Block:
    """Return an empty block that will take the trajectories low to high - 1."""

    def grid() -> Rows:
        return np.zeros((dimension, lanes))

    return Block(
        theta=grid(),
        g=grid(),
        gain=np.ones((dimension, lanes)),
        state=np.zeros((rows, dimension, lanes)),
        z0=grid(),
        z1=grid(),
        stream=np.zeros((4, lanes), np.uint64),
        t=np.zeros(lanes),
        who=np.full(lanes, -1, np.int64),
        hit=np.zeros(lanes, np.int64),
        mark=grid(),
        now=np.zeros(lanes),
        before=np.zeros(lanes),
        bridge_stream=np.zeros((4, lanes), np.uint64),
        chance=np.zeros(lanes),
        queue=np.array([low, high, 0, 0, 0], np.int64),
    )


def narrow(block: Block, lanes: int) -> Block:
    """Return a block of fewer lanes that holds every trajectory still at work."""
    kept = np.flatnonzero(block.who >= 0)
    fill = np.flatnonzero(block.who < 0)[: lanes - len(kept)]
    order = np.concatenate([kept, fill])
    parts = {name: np.ascontiguousarray(part[..., order]) for name, part in block._asdict().items() if name != "queue"}
    return Block(queue=block.queue, **parts)


@compiled
def enter(rule: Any, where: Any, block: Any, j: int, trajectory: int) -> None:
    """Put a trajectory at its start in lane j."""
    d = block.theta.shape[0]
    for i in range(d):
        block.theta[i, j] = where.origin[i]
        block.gain[i, j] = 1.0
    block.t[j] = 0.0
    start(rule, j, block.theta, block.state)
    seed_lane(block.stream, j, where.seed, PATH, trajectory)
    seed_lane(block.bridge_stream, j, where.seed, BRIDGE, trajectory)
    if where.root.shape[0] > 0:
        kick, variance = thermal_kick(where, trajectory)
        thermal(rule, j, kick, variance, block.state)


@compiled
def thermal_kick(where: Any, trajectory: int) -> tuple[Vector, Vector]:
    """Return a draw of the gradient noise at the start from a stream of its own, and its variances."""
    d = where.origin.shape[0]
    stream = np.empty((4, 1), np.uint64)
    seed_lane(stream, 0, where.seed, THERMAL, trajectory)
    z = np.empty((d + d % 2, 1))
    for i in range(0, d, 2):
        fill_normals(stream, z, i, z, i + 1)
    kick = np.zeros(d)
    variance = np.zeros(d)
    for i in range(d):
        for k in range(d):
            kick[i] += where.root[i, k] * z[k, 0]
            variance[i] += where.root[i, k] * where.root[i, k]
    return kick, variance


@compiled_in_place
def project(end: Any, theta: Any, out: Any) -> None:
    """Write e.theta of each lane."""
    if end.axis >= 0:
        for j in range(out.shape[0]):
            out[j] = theta[end.axis, j]
    else:
        for j in range(out.shape[0]):
            out[j] = 0.0
        for i in range(theta.shape[0]):
            e = end.direction[i]
            for j in range(out.shape[0]):
                out[j] += e * theta[i, j]


@compiled_in_place
def watch(end: Any, theta: Any, hit: Any, mark: Any, now: Any, before: Any, bridge_stream: Any, chance: Any) -> None:
    """Count the steps since each lane first crossed, and keep where it was when it did."""
    project(end, theta, now)
    if end.bridge > 0.0:
        # Between two points at a and b below the level, a Brownian bridge of variance v crosses it with probability
        # exp(-2 a b / v); the exponentials are -2 log u.
        fill_exponentials(bridge_stream, chance)
        for j in range(now.shape[0]):
            crossed = chance[j] * end.bridge >= 4.0 * (end.level - before[j]) * (end.level - now[j])
            before[j] = now[j]
            now[j] = max(now[j], end.level) if crossed else now[j]
    fresh = 0
    for j in range(now.shape[0]):
        crossing = 1 if now[j] >= end.level else 0
        earlier = 1 if hit[j] > 0 else 0
        hit[j] += crossing | earlier
        fresh += crossing & (1 - earlier)
    if fresh > 0:
        for i in range(theta.shape[0]):
            for j in range(now.shape[0]):
                mark[i, j] = theta[i, j] if hit[j] == 1 else mark[i, j]


@compiled_in_place
def step(landscape: Any, noise: Any, rule: Any, theta: Any, z: Any, g: Any, state: Any, t: Any, gain: Any) -> None:
    """Take one step of every lane."""
    for j in range(t.shape[0]):
        t[j] += 1.0
    advance(rule, landscape, noise, theta, z, g, state, t, gain)


@compiled_in_place
def stray(bound: float, theta: Any, out: Any) -> None:
    """Count the coordinates of each lane that are not finite or beyond the bound."""
    for j in range(out.shape[0]):
        out[j] = 0.0
    for i in range(theta.shape[0]):
        for j in range(out.shape[0]):
            out[j] += 0.0 if abs(theta[i, j]) <= bound else 1.0


def first_passage(
    landscape: Any,
    noise: Any,
    rule: Any,
    where: Any,
    end: Any,
    block: Any,
    chunks: int,
    low: int,
    steps: Any,
    outcome: Any,
) -> None:
    """Advance a block by some chunks; write steps and outcome of trajectory i to place i - low when it is over."""
    theta, g, gain, state, z0, z1, stream, t, who, hit, mark, now, before, bridge_stream, chance, queue = block
    lanes = who.shape[0]
    beginning = 0.0
    for i in range(where.origin.shape[0]):
        beginning += end.direction[i] * where.origin[i]
    for _ in range(chunks):
        for j in range(lanes):
            if who[j] < 0 and queue[NEXT] < queue[END]:
                enter(rule, where, block, j, queue[NEXT])
                before[j] = beginning
                who[j] = queue[NEXT]
                queue[NEXT] += 1
                queue[BUSY] += 1
            hit[j] = 0
        if queue[BUSY] == 0:
            break
        for k in range(CHUNK):
            if k & 1 == 0:
                fill_two_steps(stream, z0, z1)
            else:
                for i in range(theta.shape[0]):
                    for j in range(lanes):
                        z0[i, j] = z1[i, j]
            step(landscape, noise, rule, theta, z0, g, state, t, gain)
            watch(end, theta, hit, mark, now, before, bridge_stream, chance)
        queue[TAKEN] += lanes * CHUNK
        stray(end.bound, theta, now)
        stray(end.bound, mark, chance)
        for j in range(lanes):
            if who[j] >= 0 and (hit[j] > 0 or now[j] > 0.0 or t[j] >= end.max_steps):
                over = np.int64(t[j]) - hit[j] + 1 if hit[j] > 0 else min(np.int64(t[j]), end.max_steps)
                astray = chance[j] > 0.0 if hit[j] > 0 else now[j] > 0.0
                if over > end.max_steps:
                    over, result = end.max_steps, CENSORED
                else:
                    result = DIVERGED if astray else (ESCAPED if hit[j] > 0 else CENSORED)
                steps[who[j] - low] = over
                outcome[who[j] - low] = result
                who[j] = -1
                queue[BUSY] -= 1


def fixed_horizon(
    landscape: Any, noise: Any, rule: Any, where: Any, block: Any, until: int, record: Any, low: int, paths: Any
) -> None:
    """Advance a block whose lanes all stand at the same step to step ``until``, which is even or the last.

    Lane j holds trajectory queue[NEXT] + j; at step 0 it enters. theta at the steps in record (R,) goes to
    paths (N, R, d), row queue[NEXT] + j - low.
    """
    theta, g, gain, state, z0, z1, stream, t, _, _, _, _, _, _, _, queue = block
    lanes = theta.shape[1]
    if queue[TAKEN] == 0:
        for j in range(lanes):
            enter(rule, where, block, j, queue[NEXT] + j)
        queue[RECORD] = 0
        while queue[RECORD] < record.shape[0] and record[queue[RECORD]] == 0:
            keep(block, record, low, paths)
    while queue[TAKEN] < until:
        if queue[TAKEN] & 1 == 0:
            fill_two_steps(stream, z0, z1)
            step(landscape, noise, rule, theta, z0, g, state, t, gain)
        else:
            step(landscape, noise, rule, theta, z1, g, state, t, gain)
        queue[TAKEN] += 1
        while queue[RECORD] < record.shape[0] and record[queue[RECORD]] == queue[TAKEN]:
            keep(block, record, low, paths)


@compiled
def keep(block: Any, record: Any, low: int, paths: Any) -> None:
    """Write theta of every lane that holds a trajectory of this run, and go on to the next step to record."""
    queue = block.queue
    for j in range(block.theta.shape[1]):
        if queue[NEXT] + j < queue[END]:
            for i in range(block.theta.shape[0]):
                paths[queue[NEXT] + j - low, queue[RECORD], i] = block.theta[i, j]
    queue[RECORD] += 1


def moments(paths: Any, origin: Any, directions: Any, mean: Any, square: Any, second: Any, fourth: Any) -> int:
    """Add the moments of theta - origin over trajectories, in their order; return how many were finite throughout.

    paths is (N, R, d), mean (R, d), square (R, d, d); second and fourth (R, d) are along the columns of directions.
    """
    number, records, d = paths.shape
    x = np.empty(d)
    q = np.empty(d)
    finite = 0
    for n in range(number):
        good = True
        for r in range(records):
            for i in range(d):
                good = good and math.isfinite(paths[n, r, i])
        if not good:
            continue
        finite += 1
        for r in range(records):
            for i in range(d):
                x[i] = paths[n, r, i] - origin[i]
                mean[r, i] += x[i]
                q[i] = 0.0
            for i in range(d):
                for k in range(d):
                    square[r, i, k] += x[i] * x[k]
                    q[k] += x[i] * directions[i, k]
            for i in range(d):
                p = q[i] * q[i]
                second[r, i] += p
                fourth[r, i] += p * p
    return finite


def sloped(landscape: Any, theta: Any, out: Any) -> None:
    """Write the gradient at theta."""
    gradient(landscape, theta, out)


def drawn(landscape: Any, noise: Any, theta: Any, z: Any, out: Any) -> None:
    """Add C(theta)^(1/2) z to out."""
    draw(noise, landscape, theta, z, out)


def replayed(rule: Any, gradients: Any, theta: Any, state: Any, gain: Any, path: Any) -> None:
    """Apply a rule to given gradients (T, d, 1) from theta (d, 1); write every theta to path (T + 1, d)."""
    t = np.zeros(1)
    start(rule, 0, theta, state)
    for n in range(gradients.shape[0] + 1):
        for i in range(theta.shape[0]):
            path[n, i] = theta[i, 0]
        if n < gradients.shape[0]:
            t[0] += 1.0
            g = gradients[n]
            decay(rule, theta, g)
            adapt(rule, g, state, t, gain)
            move(rule, theta, g, state, t, gain)
