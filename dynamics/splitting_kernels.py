"""The compiled loops of splitting: walks in the basin, and trials from one level to the next.

Both advance a block of lanes in lockstep, like the loops of direct runs, and hand over what a path is at the moment at
which it crosses a level: its place, all that the rule remembers and the rule's own step. No result depends on how
lanes, blocks, slices or threads are cut.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.interface import Vector
from . import dispatch  # noqa: F401  teaches Numba the calls
from .intrinsics import arguments_do_not_overlap, borrowed
from .jit import compiled, compiled_in_place
from .kernels import END, NEXT, TAKEN, Integers, Words, count_strays, measure, put_at_start
from .layouts import take_step
from .streams import TRIAL, TRIAL_BRIDGE, WALK, WALK_BRIDGE, WALK_THERMAL, fill_normals, seed_lane

STRIDE = 4
"""Steps between two looks at which lanes have finished; a multiple of the steps that normals are made for."""
FAILED, REACHED, ASTRAY, UNFINISHED = 0, 1, 2, 3
"""How a trial ends: in the basin; at its level; not finite or beyond the stated bound; after the most steps."""

KICKS = np.uint64(2**28)
"""Thermal starts that a walk may have."""


class Watch(NamedTuple):
    """What is watched in each lane of a block."""

    place: Vector  # e.theta one step earlier
    pace: Vector  # the last step of e.theta
    progress: Vector  # see ``advance_progress``
    up: Vector  # progress at or above which something happens; NaN, which nothing reaches, in an idle lane
    down: Vector  # and at or below which; -inf while a walk is in the basin
    age: Vector  # steps of this walk or trial at the last look
    last: Vector  # of a walk: its last step in the basin; of a trial: its highest progress
    over: Integers  # 1 where a trial has ended since the last look
    starts: Words  # of a walk: how often it has started


class States(NamedTuple):
    """What N paths were when they crossed a level."""

    theta: npt.NDArray[np.float64]  # (N, d)
    state: npt.NDArray[np.float64]  # (N, rows, d)
    t: Vector  # the rule's own step
    place: Vector  # e.theta
    pace: Vector  # its last step
    height: Vector  # progress


class Entries(NamedTuple):
    """First arrivals at the lowest level after the basin, in no order."""

    states: States
    walk: Integers
    step: Integers  # of the walk
    since: Integers  # steps since the walk was last in the basin
    filled: Integers  # how many there are, (1,)


class Tally(NamedTuple):
    """What walks did in all, (1,) each."""

    arrivals: Integers  # at the exit
    astray: Integers


class Trials(NamedTuple):
    """N trials: where they begin and what becomes of them."""

    parent: Integers  # place in the states they begin at
    number: Words  # of the stream
    result: npt.NDArray[np.int8]
    steps: Integers
    peak: Vector  # highest progress
    states: States  # of those that reached the level


def new_watch(lanes: int) -> Watch:
    """Return the watch of an empty block."""
    watch = Watch(
        np.zeros(lanes),
        np.zeros(lanes),
        np.zeros(lanes),
        np.full(lanes, np.nan),
        np.full(lanes, np.nan),
        np.zeros(lanes),
        np.zeros(lanes),
        np.zeros(lanes, np.int64),
        np.zeros(lanes, np.uint64),
    )
    return watch


def new_states(number: int, dimension: int, rows: int) -> States:
    """Return room for so many states; pages that nothing is written to cost nothing."""
    heights = (np.empty(number) for _ in range(3))
    return States(np.empty((number, dimension)), np.empty((number, rows, dimension)), np.empty(number), *heights)


@compiled_in_place
def keep_state(block: Any, watch: Any, j: int, states: Any, n: int) -> None:
    """Write all that lane j is to place n."""
    d, rows = block.theta.shape[0], block.state.shape[0]
    for i in range(d):
        states.theta[n, i] = block.theta[i, j]
    for r in range(rows):
        for i in range(d):
            states.state[n, r, i] = block.state[r, i, j]
    states.t[n] = block.t[j]
    states.place[n] = block.now[j]
    states.pace[n] = watch.pace[j]
    states.height[n] = watch.progress[j]


@compiled_in_place
def restore_state(states: Any, n: int, block: Any, watch: Any, j: int) -> None:
    """Make lane j what is written at place n."""
    d, rows = block.theta.shape[0], block.state.shape[0]
    for i in range(d):
        block.theta[i, j] = states.theta[n, i]
        block.gain[i, j] = 1.0
    for r in range(rows):
        for i in range(d):
            block.state[r, i, j] = states.state[n, r, i]
    block.t[j] = states.t[n]
    block.before[j] = states.place[n]
    block.now[j] = states.place[n]
    watch.place[j] = states.place[n]
    watch.pace[j] = states.pace[n]
    watch.progress[j] = states.height[n]


@compiled
def start_walk(
    rule: Any, source: Any, where: Any, end: Any, level: float, block: Any, watch: Any, j: int, step: float
) -> None:
    """Put the walk of lane j at the start, which counts as in the basin."""
    number = np.uint64(block.who[j]) * KICKS + watch.starts[j]
    put_at_start(rule, source, where, block, j, WALK_THERMAL, number)
    watch.starts[j] += np.uint64(1)
    watch.last[j] = step
    block.before[j] = end.beginning
    watch.place[j] = end.beginning
    watch.up[j] = level
    watch.down[j] = -np.inf


@compiled_in_place
def is_astray(bound: float, block: Any, j: int) -> bool:
    """Return whether lane j is not finite or beyond the bound."""
    strays = 0
    for i in range(block.theta.shape[0]):
        strays += 0 if abs(block.theta[i, j]) <= bound else 1
    return strays > 0


@compiled_in_place
def events(watch: Any) -> int:
    """Return in how many lanes something happens."""
    arguments_do_not_overlap()
    progress, up, down = watch.progress, watch.up, watch.down
    count = 0
    for j in range(progress.shape[0]):
        count += 1 if (progress[j] >= up[j]) | (progress[j] <= down[j]) else 0
    return count


@compiled_in_place
def advance_progress(end: Any, coast: float, block: Any, watch: Any) -> None:
    """Write the progress of every lane: where e.theta would be after ``coast`` more steps like the last one.

    A path that has momentum is nearer to its escape than one at the same place that moves back. At the exit the
    progress is infinite, so that whoever gets there has passed every level.
    """
    arguments_do_not_overlap()
    now, place, pace, progress = block.now, watch.place, watch.pace, watch.progress
    for j in range(now.shape[0]):
        pace[j] = now[j] - place[j]
        progress[j] = np.inf if now[j] >= end.level else now[j] + coast * pace[j]
        place[j] = now[j]


@compiled_in_place
def last_in_basin(basin: float, k: int, watch: Any) -> None:
    """Note the step of the walks that are in the basin."""
    arguments_do_not_overlap()
    progress, age, last = watch.progress, watch.age, watch.last
    for j in range(progress.shape[0]):
        last[j] = age[j] + k if progress[j] <= basin else last[j]


@compiled_in_place
def raise_peaks(watch: Any) -> None:
    """Note the highest progress of each trial."""
    arguments_do_not_overlap()
    progress, last = watch.progress, watch.last
    for j in range(progress.shape[0]):
        last[j] = max(progress[j], last[j])


def walk_in_basin(
    landscape: Any,
    noise: Any,
    rule: Any,
    form: Any,
    source: Any,
    where: Any,
    end: Any,
    basin: float,
    level: float,
    burn_in: int,
    length: int,
    coast: float,
    block: Any,
    watch: Any,
    chunks: int,
    entries: Any,
    tally: Any,
) -> int:
    """Advance walks by some chunks and return by how many, fewer where they are all over or the room for entries is.

    A walk is put back to the start whenever it reaches the exit. It goes on for ``burn_in + length`` steps, a multiple
    of STRIDE, and its entries count after the first ``burn_in``.
    """
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    end, block, watch, entries = borrowed((end, block, watch, entries))
    queue, d = block.queue, block.theta.shape[0]
    lanes = block.who.shape[0]
    ahead = block.z.shape[0] // d
    room = entries.walk.shape[0] - lanes * STRIDE
    total = burn_in + length
    for done in range(chunks):
        for j in range(lanes):
            if block.who[j] >= 0 and watch.age[j] >= total:
                block.who[j] = -1
            if block.who[j] < 0 and queue[NEXT] < queue[END]:
                block.who[j] = queue[NEXT]
                queue[NEXT] += 1
                seed_lane(source, block.stream, j, where.seed, WALK, block.who[j])
                seed_lane(source, block.bridge_stream, j, where.seed, WALK_BRIDGE, block.who[j])
                watch.starts[j] = 0
                watch.age[j] = 0.0
                start_walk(rule, source, where, end, level, block, watch, j, 0.0)
        working = 0
        for j in range(lanes):
            working += 1 if block.who[j] >= 0 else 0
            if block.who[j] < 0:
                watch.up[j] = np.nan
                watch.down[j] = np.nan
        if working == 0 or entries.filled[0] > room:
            return done
        for k in range(STRIDE):
            if k % ahead == 0:
                fill_normals(source, block.stream, block.words, block.singles, block.z)
            take_step(form, landscape, noise, rule, block, k % ahead)
            measure(source, end, block)
            advance_progress(end, coast, block, watch)
            last_in_basin(basin, k + 1, watch)
            if events(watch) > 0:
                for j in range(lanes):
                    height = watch.progress[j]
                    if height >= watch.up[j]:
                        counts = watch.age[j] >= burn_in
                        if is_astray(end.bound, block, j):
                            tally.astray[0] += 1
                            start_walk(rule, source, where, end, level, block, watch, j, watch.age[j] + k + 1.0)
                            continue
                        if counts and watch.down[j] == -np.inf:
                            n = entries.filled[0]
                            keep_state(block, watch, j, entries.states, n)
                            entries.walk[n] = block.who[j]
                            entries.step[n] = np.int64(watch.age[j]) + k + 1
                            entries.since[n] = np.int64(watch.age[j] - watch.last[j]) + k + 1
                            entries.filled[0] = n + 1
                        watch.up[j] = np.inf
                        watch.down[j] = basin
                        if height == np.inf:
                            tally.arrivals[0] += 1 if counts else 0
                            start_walk(rule, source, where, end, level, block, watch, j, watch.age[j] + k + 1.0)
                    elif height <= watch.down[j]:
                        watch.up[j] = level
                        watch.down[j] = -np.inf
        count_strays(end.bound, block.theta, block.stray)
        for j in range(lanes):
            watch.age[j] += STRIDE
            if block.stray[j] > 0 and block.who[j] >= 0:
                tally.astray[0] += 1
                start_walk(rule, source, where, end, level, block, watch, j, watch.age[j])
        queue[TAKEN] += working * STRIDE
    return chunks


@compiled_in_place
def next_trial(
    source: Any,
    seed: Any,
    bridged: bool,
    basin: float,
    level: float,
    begin: Any,
    trials: Any,
    block: Any,
    watch: Any,
    j: int,
) -> None:
    """Put the next trial of the queue in lane j, or leave it idle where there is none.

    A trial that begins at its level or beyond, because the step that brought it there went far, has reached it.
    """
    queue = block.queue
    block.who[j] = -1
    watch.up[j] = np.nan
    watch.down[j] = np.nan
    watch.over[j] = 0
    watch.age[j] = 0.0
    while queue[NEXT] < queue[END]:
        n = queue[NEXT]
        queue[NEXT] += 1
        restore_state(begin, trials.parent[n], block, watch, j)
        height = watch.progress[j]
        if height >= level:
            trials.steps[n] = 0
            trials.peak[n] = height
            trials.result[n] = REACHED
            keep_state(block, watch, j, trials.states, n)
            continue
        block.who[j] = n
        watch.last[j] = height
        watch.up[j] = level
        watch.down[j] = basin
        seed_lane(source, block.stream, j, seed, TRIAL, trials.number[n])
        if bridged:
            seed_lane(source, block.bridge_stream, j, seed, TRIAL_BRIDGE, trials.number[n])
        return


def climb(
    landscape: Any,
    noise: Any,
    rule: Any,
    form: Any,
    source: Any,
    where: Any,
    end: Any,
    basin: float,
    level: float,
    coast: float,
    block: Any,
    watch: Any,
    chunks: int,
    begin: Any,
    trials: Any,
) -> int:
    """Advance trials by some chunks and return by how many, fewer where they are all over."""
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    end, block, watch, begin, trials = borrowed((end, block, watch, begin, trials))
    queue = block.queue
    lanes = block.who.shape[0]
    ahead = block.z.shape[0] // block.theta.shape[0]
    for done in range(chunks):
        working = 0
        for j in range(lanes):
            if block.who[j] < 0 or watch.over[j] == 1:
                next_trial(source, where.seed, end.bridge > 0.0, basin, level, begin, trials, block, watch, j)
            working += 1 if block.who[j] >= 0 else 0
        if working == 0:
            return done
        for k in range(STRIDE):
            if k % ahead == 0:
                fill_normals(source, block.stream, block.words, block.singles, block.z)
            take_step(form, landscape, noise, rule, block, k % ahead)
            measure(source, end, block)
            advance_progress(end, coast, block, watch)
            raise_peaks(watch)
            if events(watch) > 0:
                for j in range(lanes):
                    if watch.progress[j] >= watch.up[j] or watch.progress[j] <= watch.down[j]:
                        n = block.who[j]
                        trials.steps[n] = np.int64(watch.age[j]) + k + 1
                        trials.peak[n] = watch.last[j]
                        if watch.progress[j] < watch.up[j]:
                            trials.result[n] = FAILED
                        elif is_astray(end.bound, block, j):
                            trials.result[n] = ASTRAY
                        else:
                            trials.result[n] = REACHED
                            keep_state(block, watch, j, trials.states, n)
                        watch.over[j] = 1
                        watch.up[j] = np.nan
                        watch.down[j] = np.nan
        count_strays(end.bound, block.theta, block.stray)
        for j in range(lanes):
            watch.age[j] += STRIDE
            if block.who[j] >= 0 and watch.over[j] == 0 and (block.stray[j] > 0 or watch.age[j] >= end.max_steps):
                n = block.who[j]
                trials.steps[n] = np.int64(watch.age[j])
                trials.peak[n] = watch.last[j]
                trials.result[n] = ASTRAY if block.stray[j] > 0 else UNFINISHED
                watch.over[j] = 1
                watch.up[j] = np.nan
                watch.down[j] = np.nan
        queue[TAKEN] += working * STRIDE
    return chunks
