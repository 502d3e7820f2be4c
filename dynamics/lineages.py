"""A repetition of a splitting that remembers which trial each path came from, and follows some paths once more."""

import threading
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.interface import suited
from . import reactive_kernels as rk
from . import splitting_kernels as sk
from .cache import kernel
from .layouts import layout
from .reactive_paths import CELLS, heights_between
from .splitting import Ladder, Machine, Repetition, offset, parents, repeat

Integers = npt.NDArray[np.int64]


class Stage(NamedTuple):
    """What is remembered of the trials that reached their level.

    Parameters
    ----------
    begin
        States that trials of the stage began at, (N,).
    parent
        Which of them each that reached the level began at, (M,).
    number
        Number of its stream, (M,).
    steps
        Its steps; 0 where it began at the level, (M,).
    reached
        Share of all trials that reached each of CELLS heights, the level last.
    """

    begin: Any
    parent: Integers
    number: npt.NDArray[np.uint64]
    steps: Integers
    reached: npt.NDArray[np.float64]


class Lineage(NamedTuple):
    """A repetition with all that its paths came from.

    Parameters
    ----------
    repetition
        As ``splitting.repeat`` returns it.
    entries
        First arrivals at the lowest level.
    stages
        What became of them, up to the last stage that any reached.
    ends
        States at the exit; none where no path reached it.
    """

    repetition: Repetition
    entries: Any
    stages: list[Stage]
    ends: Any


class Bundle(NamedTuple):
    """Some whole paths of a repetition.

    Parameters
    ----------
    repetition
        As ``splitting.repeat`` returns it.
    theta
        The paths one after the other, (K, d).
    lengths
        Points of each, (P,).
    reached
        Chance of an entry to reach each height of the grid, (G,).
    """

    repetition: Repetition
    theta: npt.NDArray[np.float64]
    lengths: Integers
    reached: npt.NDArray[np.float64]


class Memory:
    """A witness that remembers where the paths of a repetition came from."""

    def __init__(self, ladder: Ladder, exit: float) -> None:
        tops = (*ladder.levels[1:], max(float(ladder.levels[-1]), exit))
        self.levels = [float(level) for level in (ladder.levels[0], *tops)]
        self.stages: list[Stage] = []
        self.entries: Any = None
        self.ends: Any = None

    def entered(self, entries: Any) -> None:
        """Remember the entries."""
        self.entries = entries

    def tried(self, stage: int, begin: Any, trials: Any, good: Integers) -> None:
        """Remember the trials that reached their level."""
        reached = shares(trials, *self.levels[stage : stage + 2])
        self.stages.append(Stage(begin, trials.parent[good], trials.number[good], trials.steps[good], reached))

    def ended(self, states: Any) -> None:
        """Remember the states at the exit."""
        self.ends = states


def lineage(setting: Any, ladder: Ladder, number: int, stop: threading.Event | None = None) -> Lineage:
    """Run a repetition and remember where its paths came from.

    Parameters
    ----------
    setting
        RareEnsemble.
    ladder
        Its levels.
    number
        Of the repetition.
    stop
        Looked at every tenth of a second.

    Raises
    ------
    StoppedError
        Where it was stopped.
    """
    memory = Memory(ladder, setting.end.level)
    repetition = repeat(setting, ladder, number, setting.trials, stop, memory)
    return Lineage(repetition, memory.entries, memory.stages, memory.ends)


def shares(trials: Any, low: float, level: float) -> npt.NDArray[np.float64]:
    """Return the share of trials that reached each of CELLS heights above low, the level or the exit last."""
    between = heights_between([low, level])[1:-1]
    known = trials.result != sk.ASTRAY
    passed = [(known & (trials.peak >= height)).mean() for height in between]
    return np.array([*passed, (trials.result == sk.REACHED).mean()])


def repeat_with_paths(
    setting: Any, ladder: Ladder, number: int, paths: int, stop: threading.Event | None = None
) -> Bundle:
    """Run a repetition and follow some of the paths that reached the exit: each equally often, up to one.

    Parameters
    ----------
    setting, ladder, number, stop
        As in ``lineage``.
    paths
        How many paths P.

    Raises
    ------
    StoppedError
        Where it was stopped.
    """
    found = lineage(setting, ladder, number, stop)
    reached = np.zeros((len(ladder.levels), CELLS))
    chance = 1.0
    for stage, each in enumerate(found.stages):
        reached[stage] = chance * each.reached
        chance = reached[stage, -1]
    profile = np.concatenate([[1.0], reached.ravel()])
    if len(found.ends.t) == 0:
        return Bundle(found.repetition, np.zeros((0, setting.landscape.dimension)), np.zeros(0, np.int64), profile)
    chosen = parents(len(found.ends.t), paths, offset(int(setting.start.seed), number, len(ladder.levels)))
    theta, lengths = follow(setting, ladder, found, chosen, stop)
    return Bundle(found.repetition, theta, lengths, profile)


def follow(
    setting: Any, ladder: Ladder, found: Lineage, chosen: Integers, stop: threading.Event | None = None
) -> tuple[npt.NDArray[np.float64], Integers]:
    """Return chosen ones of the paths at the exit, one after the other (K, d), and how many points each has."""
    machine = Machine(setting, stop)
    at, pieces = chosen, []
    for stage in reversed(found.stages):
        trial, back = np.unique(at, return_inverse=True)
        begin = sk.States(*(np.ascontiguousarray(part[stage.parent[trial]]) for part in stage.begin))
        rows, edges, _ = climbs(machine, ladder.coast, begin, stage.number[trial], stage.steps[trial])
        pieces.append((rows, edges, back))
        at = stage.parent[at]
    entry, back = np.unique(at, return_inverse=True)
    rows, edges, _ = stretches(machine, ladder, found.entries, entry)
    pieces.append((rows, edges, back))
    theta: list[npt.NDArray[np.float64]] = []
    for p in range(len(chosen)):
        theta += [rows[edges[which[p]] : edges[which[p] + 1]] for rows, edges, which in reversed(pieces)]
    lengths = sum(np.diff(edges)[which] for _, edges, which in pieces)
    return np.concatenate(theta), np.asarray(lengths)


def climbs(
    machine: Machine, coast: float, begin: Any, number: npt.NDArray[np.uint64], steps: Integers
) -> tuple[npt.NDArray[np.float64], Integers, Any]:
    """Run trials once more.

    Parameters
    ----------
    machine
        The compiled loops.
    coast
        Of the ladder.
    begin
        States that they begin at, (N,).
    number, steps
        Numbers of their streams, and how many steps they take, (N,).

    Returns
    -------
    rows, edges, ends
        theta after each step (K, d); trial n is rows[edges[n]:edges[n + 1]]; the states at their ends, (N,), of those
        that take a step.
    """
    edges = np.concatenate([[0], np.cumsum(steps)])
    path = np.empty((int(edges[-1]), machine.dimension))
    moving = np.flatnonzero(steps > 0)
    ends = sk.new_states(len(steps), machine.dimension, machine.rows)
    begin = sk.States(*(np.ascontiguousarray(part[moving]) for part in begin))
    own = sk.new_states(len(moving), machine.dimension, machine.rows)
    work = rk.Climbs(number[moving], steps[moving], edges[:-1][moving], own)
    if len(moving):
        _run(machine, rk.follow_climbs, (coast,), machine.block(0, len(moving)), (begin, work, path))
    for part, of_moving in zip(ends, own, strict=True):
        part[moving] = of_moving
    return path, edges, ends


def stretches(
    machine: Machine, ladder: Ladder, entries: Any, chosen: Integers
) -> tuple[npt.NDArray[np.float64], Integers, Any]:
    """Run walks once more up to chosen entries, and write what came after their last step in the basin.

    Parameters
    ----------
    machine
        The compiled loops.
    ladder
        Where basin and lowest level are.
    entries
        Those of a repetition, in the order of walks and steps.
    chosen
        Some of them, rising, (N,).

    Returns
    -------
    rows, edges, ends
        theta at each step (K, d); stretch n is rows[edges[n]:edges[n + 1]]; the states at the entries, (N,).
    """
    walk, step, since = entries.walk[chosen], entries.step[chosen], entries.since[chosen]
    place = np.concatenate([[0], np.cumsum(since + 1)])
    path = np.empty((int(place[-1]), machine.dimension))
    number, begin = np.unique(walk, return_index=True)
    ends = sk.new_states(len(chosen), machine.dimension, machine.rows)
    work = rk.Stretches(step - since, step, place[:-1], ends), path
    walks = rk.Walks(number, np.append(begin, len(chosen)))
    block, watch = machine.block(0, len(number))
    lanes = len(block.t)
    cursor = rk.Cursor(np.zeros(lanes, np.int64), np.zeros(lanes, np.int64), np.full(lanes, np.inf))
    levels = ladder.basin, float(ladder.levels[0]), ladder.coast
    _run(machine, rk.follow_walks, levels, (block, watch), (cursor, walks, *work))
    return path, place, ends


def _run(
    machine: Machine, function: Any, levels: tuple[float, ...], block: tuple[Any, Any], work: tuple[Any, ...]
) -> None:
    """Run a loop to its end, a slice at a time."""
    setting = machine.setting
    parts = [suited(part, setting.landscape) for part in (setting.landscape, setting.noise, setting.rule)]
    form, source = layout(machine.dimension), setting.source
    run = kernel(function, *parts, form, *source)
    over = False

    def some(chunks: int) -> int:
        nonlocal over
        done = int(run(*parts, form, source, setting.start, setting.end, *levels, *block, chunks, *work))
        over = done < chunks
        return max(done, 1)

    machine.take(some, lambda: not over)
