"""The compiled loops: first passage, fixed horizon, replay.

A kernel advances a block of trajectories ("lanes") in lockstep, so that LLVM vectorises the noise and the update over
them. What a block holds is a record that the caller keeps; a call is a slice of work, after which the caller may stop,
report or carry on. No result depends on how lanes, blocks, slices or threads are cut.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.frame import add_product
from ..landscapes.interface import Matrix, Rows, Vector, draw, gradient
from . import dispatch  # noqa: F401  teaches Numba the calls
from .interface import State, adapt, decay, move, start, thermal
from .intrinsics import arguments_do_not_overlap, borrowed
from .jit import compiled, compiled_in_place
from .layouts import take_step
from .outcomes import CENSORED, DIVERGED, ESCAPED
from .streams import BRIDGE, PATH, THERMAL, add_thermal_kick, fill_exponentials, fill_normals, seed_lane

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

CACHE_LINE = 64
"""Bytes."""
CHUNK = 16
"""Steps between two looks at which lanes have finished; a multiple of the steps that normals are made for."""


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
    and 0 for an iteration, which crosses on its own steps only. beginning is e.theta at the start.
    """

    direction: Vector
    axis: int
    beginning: float
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
    z: Rows  # normals of the next steps, (steps d, lanes)
    stream: Words
    words: npt.NDArray[np.uint32]
    singles: npt.NDArray[np.float32]
    t: Vector
    who: Integers  # trajectory in each lane, -1 for none
    hit: Integers  # the step of this chunk at which the lane crossed, from 1, or 0; minus that if it was astray
    now: Vector  # e.theta
    before: Vector  # e.theta one step earlier
    stray: Integers  # coordinates that are not finite or beyond the bound
    bridge_stream: Words
    chance: Vector
    queue: Integers  # see NEXT, END, BUSY, RECORD, TAKEN


def new_block(dimension: int, rows: int, lanes: int, low: int, high: int, at_once: int = 2) -> Block:
    """Return an empty block that will take the trajectories low to high - 1; normals are made at_once together."""

    def grid(*shape: int, kind: Any = np.float64) -> Any:
        return _aligned((*shape, lanes), kind)

    block = Block(
        theta=grid(dimension),
        g=grid(dimension),
        gain=grid(dimension),
        state=grid(rows, dimension),
        z=grid(math.lcm(dimension, at_once)),
        stream=grid(4, kind=np.uint64),
        words=grid(4, kind=np.uint32),
        singles=grid(4, kind=np.float32),
        t=grid(),
        who=grid(kind=np.int64),
        hit=grid(kind=np.int64),
        now=grid(),
        before=grid(),
        stray=grid(kind=np.int64),
        bridge_stream=grid(4, kind=np.uint64),
        chance=grid(),
        queue=np.array([low, high, 0, 0, 0], np.int64),
    )
    block.who[:] = -1
    return block


def _aligned(shape: tuple[int, ...], kind: Any) -> Any:
    """Return zeros that begin on a cache line: a vector across two of them is read twice."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    room = np.zeros(size + CACHE_LINE, np.uint8)
    begin = -room.ctypes.data % CACHE_LINE
    return room[begin : begin + size].view(kind).reshape(shape)


def narrow(block: Block, lanes: int) -> Block:
    """Return a block of fewer lanes that holds every trajectory still at work."""
    kept = np.flatnonzero(block.who >= 0)
    fill = np.flatnonzero(block.who < 0)[: lanes - len(kept)]
    order = np.concatenate([kept, fill])
    parts = block._asdict()
    del parts["queue"]
    for name, part in parts.items():
        parts[name] = _aligned((*part.shape[:-1], lanes), part.dtype)
        parts[name][...] = part[..., order]
    return Block(queue=block.queue, **parts)


@compiled
def enter(rule: Any, source: Any, where: Any, block: Any, j: int, trajectory: int) -> None:
    """Put a trajectory at its start in lane j."""
    put_at_start(rule, source, where, block, j, THERMAL, trajectory)
    seed_lane(source, block.stream, j, where.seed, PATH, trajectory)


@compiled
def put_at_start(rule: Any, source: Any, where: Any, block: Any, j: int, purpose: int, number: int) -> None:
    """Put lane j at the start, a thermal one drawn from the stream of this purpose and number."""
    d = block.theta.shape[0]
    for i in range(d):
        block.theta[i, j] = where.origin[i]
        block.gain[i, j] = 1.0
    block.t[j] = 0.0
    start(rule, j, block.theta, block.state)
    if where.root.shape[0] > 0:
        kick = np.zeros(d)
        variance = np.zeros(d)
        add_thermal_kick(source, where.seed, purpose, number, where.root, kick)
        for i in range(d):
            for k in range(d):
                variance[i] += where.root[i, k] * where.root[i, k]
        thermal(rule, j, kick, variance, block.state)


@compiled
def take_next(rule: Any, source: Any, where: Any, end: Any, block: Any, j: int) -> None:
    """Put the next trajectory of the queue in lane j, or leave it idle where there is none."""
    queue = block.queue
    block.who[j] = -1
    if queue[NEXT] < queue[END]:
        block.who[j] = queue[NEXT]
        queue[NEXT] += 1
        queue[BUSY] += 1
        enter(rule, source, where, block, j, block.who[j])
        block.before[j] = end.beginning
        if end.bridge > 0.0:
            seed_lane(source, block.bridge_stream, j, where.seed, BRIDGE, block.who[j])


@compiled
def send_home(where: Any, end: Any, block: Any, j: int) -> None:
    """Put lane j back to the origin, so that a trajectory that is over does not cross again and again."""
    for i in range(block.theta.shape[0]):
        block.theta[i, j] = where.origin[i]
    block.before[j] = end.beginning


@compiled_in_place
def crossings(source: Any, end: Any, block: Any) -> int:
    """Return how many lanes are at the level or above; ``now`` tells which, unless one coordinate does."""
    arguments_do_not_overlap()
    theta, now = block.theta, block.now
    lanes = now.shape[0]
    count = 0
    if end.axis >= 0 and not end.bridge > 0.0:
        for j in range(lanes):
            count += 1 if theta[end.axis, j] >= end.level else 0
        return count
    measure(source, end, block)
    for j in range(lanes):
        count += 1 if now[j] >= end.level else 0
    return count


@compiled_in_place
def measure(source: Any, end: Any, block: Any) -> None:
    """Write e.theta of every lane to ``now``; at least the level where the lane crossed it between two steps."""
    arguments_do_not_overlap()
    theta, now = block.theta, block.now
    lanes = now.shape[0]
    if end.axis >= 0:
        for j in range(lanes):
            now[j] = theta[end.axis, j]
    else:
        for j in range(lanes):
            now[j] = 0.0
        for i in range(theta.shape[0]):
            e = end.direction[i]
            for j in range(lanes):
                now[j] += e * theta[i, j]
    if end.bridge > 0.0:
        # Between two points at a and b below the level, a Brownian bridge of variance v crosses it with probability
        # exp(-2 a b / v); the exponentials are -2 log u.
        before = block.before
        fill_exponentials(source, block.bridge_stream, block.chance)
        for j in range(lanes):
            crossed = block.chance[j] * end.bridge >= 4.0 * (end.level - before[j]) * (end.level - now[j])
            before[j] = now[j]
            now[j] = max(now[j], end.level) if crossed else now[j]


@compiled_in_place
def count_strays(bound: float, theta: Any, out: Any) -> None:
    """Count the coordinates of each lane that are not finite or beyond the bound."""
    arguments_do_not_overlap()
    for j in range(out.shape[0]):
        out[j] = 0
    for i in range(theta.shape[0]):
        for j in range(out.shape[0]):
            out[j] += 0 if abs(theta[i, j]) <= bound else 1


@compiled_in_place
def mark_crossings(where: Any, end: Any, block: Any, k: int) -> None:
    """Note step k of the chunk for the lanes that have crossed, and whether they were astray when they did."""
    theta, hit = block.theta, block.hit
    plain = end.axis >= 0 and not end.bridge > 0.0
    for j in range(hit.shape[0]):
        if (theta[end.axis, j] if plain else block.now[j]) >= end.level:
            if hit[j] == 0:
                hit[j] = k
                for i in range(theta.shape[0]):
                    hit[j] = hit[j] if abs(theta[i, j]) <= end.bound else -k
            send_home(where, end, block, j)


@compiled_in_place
def retire(rule: Any, source: Any, where: Any, end: Any, block: Any, low: int, steps: Any, outcome: Any) -> None:
    """Write what has become of the lanes that are over, and let the next trajectories in."""
    who, hit, stray, t = block.who, block.hit, block.stray, block.t
    lanes = who.shape[0]
    number = 0
    for j in range(lanes):
        number += 1 if (hit[j] != 0) | (stray[j] > 0) | (t[j] >= end.max_steps) else 0
    if number == 0:
        return
    for j in range(lanes):
        if hit[j] != 0 or stray[j] > 0 or t[j] >= end.max_steps:
            if who[j] >= 0:
                over = np.int64(t[j])
                if hit[j] != 0:
                    over += abs(hit[j]) - CHUNK
                    result = ESCAPED if hit[j] > 0 else DIVERGED
                    result = result if over <= end.max_steps else CENSORED
                else:
                    result = DIVERGED if stray[j] > 0 else CENSORED
                steps[who[j] - low] = min(over, end.max_steps)
                outcome[who[j] - low] = result
                block.queue[BUSY] -= 1
            hit[j] = 0
            t[j] = 0.0
            send_home(where, end, block, j)
            take_next(rule, source, where, end, block, j)


def first_passage(
    landscape: Any,
    noise: Any,
    rule: Any,
    form: Any,
    source: Any,
    where: Any,
    end: Any,
    block: Any,
    chunks: int,
    few: int,
    low: int,
    steps: Any,
    outcome: Any,
) -> int:
    """Advance a block by some chunks and return by how many, fewer once no more than few lanes have work.

    Steps and outcome of trajectory i go to place i - low when it is over.
    """
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    end, block, steps, outcome = borrowed((end, block, steps, outcome))
    ahead = block.z.shape[0] // block.theta.shape[0]
    for j in range(block.who.shape[0]):
        if block.who[j] < 0:
            take_next(rule, source, where, end, block, j)
    for done in range(chunks):
        if block.queue[BUSY] <= few and block.queue[NEXT] == block.queue[END]:
            return done
        for k in range(CHUNK):
            if k % ahead == 0:
                fill_normals(source, block.stream, block.words, block.singles, block.z)
            take_step(form, landscape, noise, rule, block, k % ahead)
            if crossings(source, end, block) > 0:
                mark_crossings(where, end, block, k + 1)
        block.queue[TAKEN] += block.who.shape[0] * CHUNK
        count_strays(end.bound, block.theta, block.stray)
        retire(rule, source, where, end, block, low, steps, outcome)
    return chunks


def fixed_horizon(
    landscape: Any,
    noise: Any,
    rule: Any,
    form: Any,
    source: Any,
    where: Any,
    block: Any,
    until: int,
    record: Any,
    low: int,
    paths: Any,
) -> None:
    """Advance a block whose lanes all stand at the same step to step ``until``.

    Lane j holds trajectory queue[NEXT] + j; at step 0 it enters. theta at the steps in record (R,) goes to
    paths (R, d, N), column queue[NEXT] + j - low.
    """
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    block, record, paths = borrowed((block, record, paths))
    queue = block.queue
    ahead = block.z.shape[0] // block.theta.shape[0]
    if queue[TAKEN] == 0:
        for j in range(block.theta.shape[1]):
            enter(rule, source, where, block, j, queue[NEXT] + j)
        queue[RECORD] = 0
        while queue[RECORD] < record.shape[0] and record[queue[RECORD]] == 0:
            keep(block, record, low, paths)
    while queue[TAKEN] < until:
        if queue[TAKEN] % ahead == 0:
            fill_normals(source, block.stream, block.words, block.singles, block.z)
        take_step(form, landscape, noise, rule, block, queue[TAKEN] % ahead)
        queue[TAKEN] += 1
        while queue[RECORD] < record.shape[0] and record[queue[RECORD]] == queue[TAKEN]:
            keep(block, record, low, paths)


@compiled
def keep(block: Any, record: Any, low: int, paths: Any) -> None:
    """Write theta of every lane that holds a trajectory of this run, and go on to the next step to record."""
    queue = block.queue
    first = queue[NEXT] - low
    lanes = min(block.theta.shape[1], queue[END] - queue[NEXT])
    for i in range(block.theta.shape[0]):
        for j in range(lanes):
            paths[queue[RECORD], i, first + j] = block.theta[i, j]
    queue[RECORD] += 1


PARTIAL = 16
"""Partial sums of a moment, over every sixteenth trajectory: part of the definition of its bits."""


@compiled
def sum_of_products(a: Any, b: Any, part: Any) -> float:
    """Return the sum over n of a[n] b[n], (N,) each; part (PARTIAL,) is scratch."""
    for m in range(PARTIAL):
        part[m] = 0.0
    number = a.shape[0]
    whole = number - number % PARTIAL
    for n in range(0, whole, PARTIAL):
        for m in range(PARTIAL):
            part[m] += a[n + m] * b[n + m]
    for n in range(whole, number):
        part[n - whole] += a[n] * b[n]
    total = 0.0
    for m in range(PARTIAL):
        total += part[m]
    return total


def moments(paths: Any, origin: Any, directions: Any, mean: Any, square: Any, second: Any, fourth: Any) -> int:
    """Add the moments of theta - origin over trajectories; return how many were finite throughout.

    paths is (R, d, N), mean (R, d), square (R, d, d); second and fourth (R, d) are along the columns of directions.
    """
    paths, origin, directions = borrowed((paths, origin, directions))
    mean, square, second, fourth = borrowed((mean, square, second, fourth))
    records, d, number = paths.shape
    axes = True
    for i in range(d):
        for k in range(d):
            axes = axes and directions[i, k] == (1.0 if i == k else 0.0)
    good = np.ones(number)
    for r in range(records):
        for i in range(d):
            for n in range(number):
                good[n] = good[n] if math.isfinite(paths[r, i, n]) else 0.0
    one = np.ones(number)
    x = np.empty((d, number))
    q = np.empty((d, number))
    part = np.empty(PARTIAL)
    for r in range(records):
        for i in range(d):
            for n in range(number):
                x[i, n] = paths[r, i, n] - origin[i] if good[n] > 0.0 else 0.0
                q[i, n] = 0.0
        if axes:
            for i in range(d):
                for n in range(number):
                    q[i, n] = x[i, n]
        else:
            add_product(directions.T, x, q)
        for i in range(d):
            mean[r, i] += sum_of_products(x[i], one, part)
            for k in range(i + 1):
                square[r, i, k] += sum_of_products(x[i], x[k], part)
                square[r, k, i] = square[r, i, k]
            for n in range(number):
                q[i, n] *= q[i, n]
            second[r, i] += sum_of_products(q[i], one, part)
            fourth[r, i] += sum_of_products(q[i], q[i], part)
    finite = 0
    for n in range(number):
        finite += 1 if good[n] > 0.0 else 0
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
