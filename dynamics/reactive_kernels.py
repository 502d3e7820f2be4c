"""The compiled loops that follow a path once more: a stretch of a walk, or a trial, with every step written down.

A walk and a trial are functions of where they begin and of their streams. So what a path was between two levels need
not be kept while it is run: it is run again, to the same bits.
"""

from typing import Any, NamedTuple

import numpy as np

from ..landscapes.interface import Vector
from . import dispatch  # noqa: F401  teaches Numba the calls
from .intrinsics import borrowed
from .jit import compiled
from .kernels import END, NEXT, TAKEN, Integers, Words, count_strays, measure
from .layouts import take_step
from .splitting_kernels import (
    STRIDE,
    States,
    advance_progress,
    events,
    is_astray,
    keep_state,
    restore_state,
    start_walk,
)
from .streams import TRIAL, TRIAL_BRIDGE, WALK, WALK_BRIDGE, fill_normals, seed_lane


class Stretches(NamedTuple):
    """N stretches of walks, from step first[n] to last[n], written to the rows of a path from place[n] on."""

    first: Integers
    last: Integers
    place: Integers
    ends: States


class Walks(NamedTuple):
    """M walks; the stretches of walk m are begin[m] to begin[m + 1] - 1, in the order of their steps."""

    number: Integers
    begin: Integers  # (M + 1,)


class Climbs(NamedTuple):
    """N trials: the numbers of their streams, their steps, and the row that the first of them is written to."""

    number: Words
    steps: Integers
    place: Integers
    ends: States


class Cursor(NamedTuple):
    """Where each lane is among the walks."""

    walk: Integers
    stretch: Integers  # the next one, or the one under way
    due: Vector  # the step that it begins at


@compiled
def write_row(block: Any, j: int, path: Any, row: int) -> None:
    """Write theta of lane j to a row of path, (rows, d)."""
    for i in range(block.theta.shape[0]):
        path[row, i] = block.theta[i, j]


@compiled
def leave_idle(block: Any, watch: Any, cursor: Any, j: int) -> None:
    """Leave lane j without work."""
    block.who[j] = -1
    watch.up[j] = np.nan
    watch.down[j] = np.nan
    cursor.due[j] = np.inf


@compiled
def note(step: Any, walks: Any, stretches: Any, path: Any, block: Any, watch: Any, cursor: Any, j: int) -> None:
    """Write the step of lane j where it is part of a stretch; after the last stretch of its walk the lane is idle."""
    if step < cursor.due[j]:
        return
    n = cursor.stretch[j]
    write_row(block, j, path, stretches.place[n] + step - stretches.first[n])
    if step == stretches.last[n]:
        keep_state(block, watch, j, stretches.ends, n)
        if n + 1 == walks.begin[cursor.walk[j] + 1]:
            leave_idle(block, watch, cursor, j)
        else:
            cursor.stretch[j] = n + 1
            cursor.due[j] = stretches.first[n + 1]


def follow_walks(
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
    cursor: Any,
    walks: Any,
    stretches: Any,
    path: Any,
) -> int:
    """Run walks once more by some chunks, as walk_in_basin did, and write their stretches; return by how many.

    A step at which the walk is put back to its start is the one at the start.
    """
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    end, block, watch, cursor = borrowed((end, block, watch, cursor))
    walks, stretches, path = borrowed((walks, stretches, path))
    queue = block.queue
    lanes = block.who.shape[0]
    ahead = block.z.shape[0] // block.theta.shape[0]
    for done in range(chunks):
        working = 0
        for j in range(lanes):
            if block.who[j] < 0 and queue[NEXT] < queue[END]:
                m = queue[NEXT]
                queue[NEXT] += 1
                block.who[j] = walks.number[m]
                cursor.walk[j] = m
                cursor.stretch[j] = walks.begin[m]
                cursor.due[j] = stretches.first[walks.begin[m]]
                seed_lane(source, block.stream, j, where.seed, WALK, block.who[j])
                seed_lane(source, block.bridge_stream, j, where.seed, WALK_BRIDGE, block.who[j])
                watch.starts[j] = 0
                watch.age[j] = 0.0
                start_walk(rule, source, where, end, level, block, watch, j, 0.0)
                note(0, walks, stretches, path, block, watch, cursor, j)
            elif block.who[j] < 0:
                leave_idle(block, watch, cursor, j)
            working += 1 if block.who[j] >= 0 else 0
        if working == 0:
            return done
        for k in range(STRIDE):
            if k % ahead == 0:
                fill_normals(source, block.stream, block.words, block.singles, block.z)
            take_step(form, landscape, noise, rule, block, k % ahead)
            measure(source, end, block)
            advance_progress(end, coast, block, watch)
            for j in range(lanes):
                if watch.age[j] + k + 1 >= cursor.due[j]:
                    note(np.int64(watch.age[j]) + k + 1, walks, stretches, path, block, watch, cursor, j)
            if events(watch) > 0:
                for j in range(lanes):
                    height = watch.progress[j]
                    if height >= watch.up[j]:
                        if height == np.inf or is_astray(end.bound, block, j):
                            step = np.int64(watch.age[j]) + k + 1
                            start_walk(rule, source, where, end, level, block, watch, j, watch.age[j] + k + 1.0)
                            note(step, walks, stretches, path, block, watch, cursor, j)
                        else:
                            watch.up[j] = np.inf
                            watch.down[j] = basin
                    elif height <= watch.down[j]:
                        watch.up[j] = level
                        watch.down[j] = -np.inf
        count_strays(end.bound, block.theta, block.stray)
        for j in range(lanes):
            watch.age[j] += STRIDE
            if block.stray[j] > 0 and block.who[j] >= 0:
                start_walk(rule, source, where, end, level, block, watch, j, watch.age[j])
                note(np.int64(watch.age[j]), walks, stretches, path, block, watch, cursor, j)
        queue[TAKEN] += working * STRIDE
    return chunks


def follow_climbs(
    landscape: Any,
    noise: Any,
    rule: Any,
    form: Any,
    source: Any,
    where: Any,
    end: Any,
    coast: float,
    block: Any,
    watch: Any,
    chunks: int,
    begin: Any,
    climbs: Any,
    path: Any,
) -> int:
    """Run trials once more by some chunks, trial n from state n of ``begin``, and write all of it; return how many."""
    landscape, noise, rule, where = borrowed((landscape, noise, rule, where))
    end, block, watch, begin, climbs, path = borrowed((end, block, watch, begin, climbs, path))
    queue = block.queue
    lanes = block.who.shape[0]
    ahead = block.z.shape[0] // block.theta.shape[0]
    for done in range(chunks):
        working = 0
        for j in range(lanes):
            if block.who[j] < 0 and queue[NEXT] < queue[END]:
                n = queue[NEXT]
                queue[NEXT] += 1
                block.who[j] = n
                watch.age[j] = 0.0
                restore_state(begin, n, block, watch, j)
                seed_lane(source, block.stream, j, where.seed, TRIAL, climbs.number[n])
                seed_lane(source, block.bridge_stream, j, where.seed, TRIAL_BRIDGE, climbs.number[n])
            working += 1 if block.who[j] >= 0 else 0
        if working == 0:
            return done
        for k in range(STRIDE):
            if k % ahead == 0:
                fill_normals(source, block.stream, block.words, block.singles, block.z)
            take_step(form, landscape, noise, rule, block, k % ahead)
            measure(source, end, block)
            advance_progress(end, coast, block, watch)
            for j in range(lanes):
                n = block.who[j]
                if n >= 0:
                    step = np.int64(watch.age[j]) + k + 1
                    write_row(block, j, path, climbs.place[n] + step - 1)
                    if step == climbs.steps[n]:
                        keep_state(block, watch, j, climbs.ends, n)
                        block.who[j] = -1
        for j in range(lanes):
            watch.age[j] += STRIDE
        queue[TAKEN] += working * STRIDE
    return chunks
