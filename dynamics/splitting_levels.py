"""Where the levels of a splitting go: what is seen of the basin, and a pilot run that climbs out of it.

All this is a function of the setting and its seed. No level, and nothing else here, biases a rate: it decides how much
work a given error takes.
"""

import math
import threading
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.eigen_directions import eigen_directions
from . import splitting_kernels as sk
from .kernels import TAKEN
from .splitting import (
    PILOT,
    STAGES,
    WALKS,
    Ladder,
    Machine,
    Walks,
    in_order,
    new_tally,
    offset,
    parents,
    stream_numbers,
    whole_strides,
)

STAGE_CHANCE = 0.4
"""Chance of a stage that the levels are placed for: steps for a given error are fewest at 0.4 to 0.5, trials at 0.2."""
PILOT_WALKS, PILOT_TRIALS = 64, 1024
ENTRY_SHARE = 0.15
"""Share of the time in the basin spent above the lowest level."""
SAMPLES = 64
"""Samples of a walk from which its memory is told."""
MEMORIES = 8.0
"""Memories that such a walk lasts."""
BURN_IN = 6.0
"""Burn-in over the integrated autocorrelation time: what is left of the start has decayed by exp(-12)."""
PILOT_BUDGET = 2_000_000_000
"""Most coordinates times steps that the search for the memory of the chain may take."""
COAST_TRIES, COAST_CHANGE = 4, 0.15
"""How often the pilot climbs at most to learn how far paths coast, and the share by which that may still change."""
FOREVER = 2**52
LOOK = 256
"""Strides between two looks at how many entries there are."""


class Seen(NamedTuple):
    """What was seen of the basin.

    Parameters
    ----------
    memory
        Integrated autocorrelation time of whatever forgets most slowly, in steps, to three digits.
    places, paces
        e.theta in the long run, and its last steps, (samples,).
    settled
        Whether the walks were long enough.
    steps
        Steps taken.
    """

    memory: float
    places: npt.NDArray[np.float64]
    paces: npt.NDArray[np.float64]
    settled: bool
    steps: int


def place_levels(setting: Any, stop: threading.Event | None = None) -> Ladder:
    """Find how long the chain remembers, where the basin is, and levels of equal chance; a function of the setting.

    Parameters
    ----------
    setting
        RareEnsemble.
    stop
        Looked at every tenth of a second.

    Raises
    ------
    ValueError
        Where the start is not in the basin, or no path leads upwards.
    StoppedError
        Where it was stopped.
    """
    machine = Machine(setting, stop)
    seen = basin_seen(machine)
    machine.be_patient(seen.memory)
    ladder, found = _climb(machine, seen, 0.0)
    steps = seen.steps + ladder.steps
    for _ in range(COAST_TRIES - 1):
        if machine.rows == 0 or abs(found - ladder.coast) <= COAST_CHANGE * max(found, 1.0):
            break
        ladder, found = _climb(machine, seen, found)
        steps += ladder.steps
    return ladder._replace(steps=steps)


def _climb(machine: Machine, seen: Seen, coast: float) -> tuple[Ladder, float]:
    """Return levels for a progress that coasts so far, and how far paths were seen to coast."""
    end, seed = machine.setting.end, int(machine.setting.start.seed)
    basin, level = (float(q) for q in np.quantile(seen.places + coast * seen.paces, [0.5, 1.0 - ENTRY_SHARE]))
    if not basin < level < end.level:
        raise ValueError(
            f"there is nothing to split: half of the time is spent below {basin:g} along the escape direction, "
            f"{ENTRY_SHARE:.0%} of it above {level:g}, and the exit is {end.level:g}"
        )
    if end.beginning >= level:
        raise ValueError(
            f"the start, {end.beginning:g} along the escape direction, must be in the basin, below {level:.6g} like "
            f"all but {ENTRY_SHARE:.0%} of the time, and the exit, {end.level:g}, well outside: splitting follows "
            "paths that fall back"
        )
    burn_in = whole_strides(BURN_IN * seen.memory)
    begin, rate, walked = _some_entries(machine, Walks(basin, level, burn_in, FOREVER, coast))
    levels, lengths, slopes = [level], [], []
    while True:
        stage = len(levels)
        if stage >= STAGES - 1:
            raise ValueError(f"more than {STAGES} levels lie below the exit: each step there is too small to climb")
        parent = parents(len(begin.t), PILOT_TRIALS, offset(seed, PILOT, stage))
        number = stream_numbers(PILOT, stage, PILOT_TRIALS)
        tried, steps = machine.trials(begin, parent, number, basin, math.inf, coast)
        walked += steps
        level = next_level(tried.peak, begin.height[parent])
        if not level < math.inf:
            break
        if not level > levels[-1]:
            raise ValueError(
                f"no path was seen to climb beyond {levels[-1]:g} along the escape direction: does noise reach so far?"
            )
        slopes.append(coasting(tried.peak - begin.place[parent], begin.pace[parent]))
        levels.append(level)
        found, steps = machine.trials(begin, parent, number, basin, level, coast)
        lengths.append(float(found.steps.mean()))
        walked += steps
        good = found.result == sk.REACHED
        if not good.any():
            raise ValueError(f"no path stays within the bound beyond {level:g} along the escape direction")
        begin = sk.States(*(part[good] for part in found.states))
    lengths.append(float(tried.steps.mean()))
    heights, stage_lengths = np.array(levels), np.array(lengths)
    ladder = Ladder(basin, heights, coast, seen.memory, burn_in, rate, stage_lengths, seen.settled, walked)
    return ladder, max(0.0, rounded(float(np.median(slopes)))) if slopes else 0.0


def coasting(gains: npt.NDArray[np.float64], paces: npt.NDArray[np.float64]) -> float:
    """Return by how much a faster start makes a trial climb higher, in steps.

    The quantile of the gain in height that a share STAGE_CHANCE exceeds, in each quarter of the trials by pace, against
    the mean pace of that quarter: its slope.

    Parameters
    ----------
    gains
        Highest progress of each trial less the place it began at, (N,).
    paces
        The last step of e.theta before it began, (N,).
    """
    quarters = np.array_split(np.argsort(paces, kind="stable"), 4)
    pace = np.array([paces[quarter].mean() for quarter in quarters])
    gain = np.array([np.quantile(gains[quarter], 1.0 - STAGE_CHANCE, method="lower") for quarter in quarters])
    usable = np.isfinite(gain)
    if np.count_nonzero(usable) < 2 or not np.ptp(pace[usable]) > 0.0:
        return 0.0
    offset_pace = pace[usable] - pace[usable].mean()
    return rounded(float(np.sum(offset_pace * gain[usable]) / np.sum(offset_pace**2)))


def rounded(number: float) -> float:
    """Return three digits of what was summed by a library, whose last bits are the machine's and would decide paths."""
    return float(f"{number:.3g}")


def next_level(peaks: npt.NDArray[np.float64], heights: npt.NDArray[np.float64]) -> float:
    """Return the height that a share STAGE_CHANCE of trials reaches, most of them by steps of their own.

    Infinity, the exit, where that many reach it, or where all who climb do; minus infinity where none climbs.

    Parameters
    ----------
    peaks, heights
        Highest progress of each trial, and the one it began at, (N,).
    """
    ranked, began = np.sort(peaks), np.sort(heights)
    first = min(math.ceil((1.0 - STAGE_CHANCE) * len(ranked)), len(ranked) - 1)
    if np.isinf(ranked[first]):
        return math.inf
    candidates = ranked[first:]
    reached = len(ranked) - np.searchsorted(ranked, candidates)
    # Where a step goes further than the levels are apart, trials that begin beyond the next one teach nothing.
    at_once = len(began) - np.searchsorted(began, candidates)
    climbed = np.flatnonzero(at_once <= reached / 2)
    if len(climbed):
        return float(candidates[climbed[0]])
    return math.inf if np.isinf(ranked[-1]) else -math.inf


def basin_seen(machine: Machine) -> Seen:
    """Walk in the basin until the longest memory is known: of a direction, or of a part of the rule's state.

    Walks are made longer until they last MEMORIES times that; only their second half counts.
    """
    setting = machine.setting
    first, exit = PILOT * WALKS, setting.end.level
    # A slow direction is seen on its own, and not as a small part of every coordinate.
    directions = eigen_directions(setting.landscape, setting.start.origin)[1].T
    block, watch = machine.block(first, first + PILOT_WALKS, PILOT_WALKS)
    entries, tally = machine.entries(sk.STRIDE * PILOT_WALKS + 1), new_tally()
    no_entries = Walks(exit, math.inf, FOREVER, 0)
    samples: list[npt.NDArray[np.float64]] = []
    heights: list[npt.NDArray[np.float64]] = []
    chunks = 1
    while True:
        machine.walk_on(no_entries, block, watch, chunks, entries, tally)
        samples.append(np.concatenate([directions @ block.theta, block.state.sum(axis=1)]))
        heights.append(np.array([watch.place, watch.pace]))
        if len(samples) < 2 * SAMPLES:
            continue
        length = SAMPLES * chunks * sk.STRIDE
        memory = rounded(integrated_time(np.array(samples[SAMPLES:])) * chunks * sk.STRIDE)
        taken = int(block.queue[TAKEN])
        settled = length >= MEMORIES * memory
        if settled or taken * machine.dimension > PILOT_BUDGET:
            places, paces = np.concatenate(heights[SAMPLES:], axis=1)
            return Seen(min(memory, float(length)), places, paces, settled, taken)
        samples, heights, chunks = samples[1::2], heights[1::2], 2 * chunks


def integrated_time(samples: npt.NDArray[np.float64]) -> float:
    """Return the longest integrated autocorrelation time, in samples, of features seen in independent walks.

    Parameters
    ----------
    samples
        (samples, features, walks).
    """
    # Against the scatter between walks at one time: what all walks do alike, on their way from the start, is no memory.
    scatter = samples.var(axis=2, ddof=1).mean(axis=0)
    means = samples.mean(axis=0).var(axis=1, ddof=1)
    moving = scatter > 0.0
    return float(len(samples) * np.max(means[moving] / scatter[moving])) if moving.any() else 1.0


def _some_entries(machine: Machine, asked: Walks) -> tuple[Any, float, int]:
    """Return the states of a thousand entries, entries a step, and the steps taken."""
    first = (PILOT - 1) * WALKS
    block, watch = machine.block(first, first + PILOT_WALKS, PILOT_WALKS)
    entries, tally = machine.entries(PILOT_TRIALS + LOOK * PILOT_WALKS * sk.STRIDE), new_tally()
    machine.walk_on(asked, block, watch, asked.burn_in // sk.STRIDE, entries, tally)
    while entries.filled[0] < PILOT_TRIALS:
        machine.walk_on(asked, block, watch, LOOK, entries, tally)
        if block.queue[TAKEN] * machine.dimension > 2 * PILOT_BUDGET and entries.filled[0] == 0:
            raise ValueError(
                f"no path left the basin, below {asked.basin:g}, for {asked.level:g}: is there no noise along it?"
            )
    taken = int(block.queue[TAKEN])
    return in_order(entries).states, float(entries.filled[0]) / (taken - PILOT_WALKS * asked.burn_in), taken
