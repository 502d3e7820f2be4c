"""Splitting: the rate of rare escapes as a product of chances that are not small.

Forward-flux splitting [1]_, exact for the chain that is iterated. Let the chain be put back to its start whenever it
reaches the exit; in its steady state the flux into the exit is one over the mean escape time from the start (Hill's
relation [2]_). The flux is the rate of *entries* (first arrivals at the lowest level after the basin) times the chance
that an entry reaches the exit before the basin, and that chance is the product of the chances to get from one level to
the next. Each of these is measured by trials that begin at states that have reached the level: the place, all that the
rule remembers and its own step, under a fresh stream.

A repetition does that once, with the same number of trials a stage. Its rate is unbiased but for what is left of the
start after the burn-in, whatever the levels are and however the rule moves: reversible or not, with memory or without.

References
----------
.. [1] R. J. Allen, C. Valeriani and P. R. ten Wolde, "Forward flux sampling for rare event simulations",
   J. Phys.: Condens. Matter 21 (2009) 463102.
.. [2] T. L. Hill, "Free Energy Transduction in Biology", 1977.
"""

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.interface import suited
from . import splitting_kernels as sk
from .cache import kernel
from .kernels import END, NEXT, TAKEN, new_block
from .layouts import layout
from .streams import RESAMPLING
from .work import Pace, lane_count

WALKS, STAGES, TRIALS = 2**12, 2**12, 2**28
"""What the number of a stream has room for in a repetition, of which there may be 2^24."""
PILOT = 2**24 - 1
"""The repetition whose streams place the levels."""

STAGE_CHANCE = 0.2
"""Chance of a stage that the levels are placed for: the work for a given error is least at 0.203."""
PILOT_WALKS, PILOT_TRIALS = 64, 1024
ENTRY_SHARE = 0.15
"""Share of the time in the basin spent above the lowest level."""
PATIENCE = 100.0
"""Steps that a trial may take over the memory of the chain."""
BURN_IN = 6.0
"""Burn-in over the integrated autocorrelation time: what is left of the start has decayed by exp(-12)."""
PILOT_BUDGET = 2_000_000_000
"""Most coordinates times steps that the search for the memory of the chain may take."""


class Ladder(NamedTuple):
    """Where the levels are, and how long the walks.

    Parameters
    ----------
    basin
        e.theta at or below which a path is in the basin.
    levels
        e.theta of the levels, ascending, (S,); the exit comes after the last.
    memory
        Integrated autocorrelation time of the slowest coordinate or memory in the basin, in steps.
    burn_in
        Steps at the start of a walk that do not count.
    rate
        Entries a step.
    lengths
        Mean steps of a trial of each stage, (S,).
    settled
        Whether the memory was found within the budget.
    steps
        Steps that all this took.
    """

    basin: float
    levels: npt.NDArray[np.float64]
    memory: float
    burn_in: int
    rate: float
    lengths: npt.NDArray[np.float64]
    settled: bool
    steps: int


class Repetition(NamedTuple):
    """What one repetition measured.

    Parameters
    ----------
    entries
        Entries K.
    walked
        Steps of its walks after the burn-in.
    reached
        Trials of each stage that reached its level, (S,); the last level is the exit.
    ancestors
        Entries that those descend from, (S,).
    steps
        Steps taken in all, the burn-in included.
    astray, unfinished
        Walks and trials that left the stated bound; trials still on their way after the most steps.
    ends, durations
        Where some of the escaping paths crossed the exit, (PATHS, d), and how many steps after they last were in the
        basin, (PATHS,); NaN where none did.
    """

    entries: int
    walked: int
    reached: npt.NDArray[np.int64]
    ancestors: npt.NDArray[np.int64]
    steps: int
    astray: int
    unfinished: int
    ends: npt.NDArray[np.float64]
    durations: npt.NDArray[np.float64]


class StoppedError(Exception):
    """Asked to stop before the end."""


class Walks(NamedTuple):
    """What walks are asked for: e.theta of the basin and of the lowest level, and steps before and while they count."""

    basin: float
    level: float
    burn_in: int
    length: int


class Machine:
    """The compiled loops for one setting, on one thread."""

    def __init__(self, setting: Any, stop: threading.Event | None = None) -> None:
        self.setting = setting
        self.dimension, self.rows = setting.landscape.dimension, setting.rule.rows()
        parts = [suited(part, setting.landscape) for part in (setting.landscape, setting.noise, setting.rule)]
        form, source = layout(self.dimension), setting.source
        self.walk = partial(kernel(sk.walk_in_basin, *parts, form, *source), *parts, form, source, setting.start)
        self.climb = partial(kernel(sk.climb, *parts, form, *source), *parts, form, source, setting.start)
        self.stop = stop
        self.end = setting.end

    def be_patient(self, memory: float) -> None:
        """Let trials last for as long as the chain remembers, unless the most steps were asked for."""
        if not self.setting.impatient:
            self.end = self.end._replace(max_steps=max(self.end.max_steps, math.ceil(PATIENCE * memory)))

    def block(self, low: int, high: int, lanes: int | None = None) -> tuple[Any, Any]:
        """Return an empty block for the walks or trials low to high - 1, and its watch."""
        lanes = lane_count(lanes, self.dimension, 4 * (high - low))
        at_once = self.setting.source.normals.at_once()
        return new_block(self.dimension, self.rows, lanes, low, high, at_once), sk.new_watch(lanes)

    def entries(self, number: int) -> Any:
        """Return room for so many entries."""
        walk, step, since = np.empty((3, number), np.int64)
        states = sk.new_states(number, self.dimension, self.rows)
        return sk.Entries(states, walk, step, since, np.zeros(1, np.int64))

    def take(self, some: Callable[[int], int], going: Callable[[], bool]) -> None:
        """Call with a slice of work for as long as there is some.

        Raises
        ------
        StoppedError
            Once the event is set.
        """
        pace = Pace()
        while going():
            if self.stop is not None and self.stop.is_set():
                raise StoppedError
            pace.slice(some)

    def walk_on(self, asked: Walks, block: Any, watch: Any, chunks: int, entries: Any, tally: Any) -> None:
        """Advance the walks of a block by so many chunks; there must be room for the entries."""
        left = chunks

        def some(most: int) -> int:
            nonlocal left
            now = min(most, left)
            self.walk(self.end, *asked, block, watch, now, entries, tally)
            left -= now
            return now

        self.take(some, lambda: left > 0)

    def walks(self, numbers: range, asked: Walks, expected: int) -> tuple[Any, Any, int]:
        """Run whole walks; return their entries in order, their tally, and the steps taken."""
        block, watch = self.block(numbers.start, numbers.stop)
        entries, tally = self.entries(2 * expected + 2 * sk.STRIDE * len(block.t)), new_tally()
        over = False

        def some(chunks: int) -> int:
            nonlocal over, entries
            if entries.filled[0] > len(entries.walk) - len(block.t) * sk.STRIDE:
                entries = self.grown(entries)
            done = int(self.walk(self.end, *asked, block, watch, chunks, entries, tally))
            over = block.queue[NEXT] == block.queue[END] and not (block.who >= 0).any()
            return max(done, 1)

        self.take(some, lambda: not over)
        return in_order(entries), tally, int(block.queue[TAKEN])

    def grown(self, entries: Any) -> Any:
        """Return the same entries with twice the room."""
        number = len(entries.walk)
        larger = self.entries(2 * number)
        for new, old in zip((*larger.states, *larger[1:4]), (*entries.states, *entries[1:4]), strict=True):
            new[:number] = old
        larger.filled[0] = entries.filled[0]
        return larger

    def trials(
        self, begin: Any, parent: npt.NDArray[np.int64], number: npt.NDArray[np.uint64], basin: float, level: float
    ) -> tuple[Any, int]:
        """Run trials from the states that they begin at; return what became of them and the steps taken."""
        count = len(parent)
        results = np.zeros(count, np.int8), np.zeros(count, np.int64), np.zeros(count)
        trials = sk.Trials(parent, number, *results, sk.new_states(count, self.dimension, self.rows))
        block, watch = self.block(0, count)
        over = False

        def some(chunks: int) -> int:
            nonlocal over
            done = int(self.climb(self.end, basin, level, block, watch, chunks, begin, trials))
            over = done < chunks
            return max(done, 1)

        self.take(some, lambda: not over)
        return trials, int(block.queue[TAKEN])


def new_tally() -> Any:
    """Return the tally of walks that have not begun."""
    return sk.Tally(np.zeros(1, np.int64), np.zeros(1, np.int64))


def in_order(entries: Any) -> Any:
    """Return the entries by walk and step: in which order lanes come to them is no one's business."""
    count = int(entries.filled[0])
    order = np.lexsort([entries.step[:count], entries.walk[:count]])
    states = sk.States(*(part[order] for part in entries.states))
    return sk.Entries(states, entries.walk[order], entries.step[order], entries.since[order], entries.filled)


def offset(seed: int, repetition: int, stage: int) -> float:
    """Return the uniform number by which a stage chooses its parents."""
    key = np.array([seed, RESAMPLING], np.uint64)
    counter = np.array([repetition * STAGES + stage, 0, 0, 0], np.uint64)
    return float(np.random.Generator(np.random.Philox(key=key, counter=counter)).random())


def parents(number: int, trials: int, uniform: float) -> npt.NDArray[np.int64]:
    """Return the parents of all trials: each of the states equally often, up to one, and equally often on average."""
    return np.minimum(((np.arange(trials) + uniform) * number / trials).astype(np.int64), number - 1)


def stream_numbers(repetition: int, stage: int, trials: int) -> npt.NDArray[np.uint64]:
    """Return the numbers of the streams of a stage's trials."""
    first = (repetition * STAGES + stage) * TRIALS
    return np.arange(trials, dtype=np.uint64) + np.uint64(first)


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
    end = setting.end
    memory, heights, settled, walked = memory_in_basin(machine)
    machine.be_patient(memory)
    basin, level = (float(q) for q in np.quantile(heights, [0.5, 1.0 - ENTRY_SHARE]))
    if not basin < level < end.level:
        raise ValueError(
            f"there is nothing to split: half of the time is spent below {basin:g} along the escape direction, "
            f"{ENTRY_SHARE:.0%} of it above {level:g}, and the exit is {end.level:g}"
        )
    if end.beginning >= level:
        raise ValueError(
            f"the start, {end.beginning:g} along the escape direction, must be in the basin, below {level:g}, "
            "where all but a few of the long-run places lie: splitting follows a path that falls back there"
        )
    burn_in = whole_strides(BURN_IN * memory)
    begin, rate, steps = _some_entries(machine, basin, level, burn_in)
    walked += steps
    levels, lengths = [level], []
    while True:
        stage = len(levels)
        if stage >= STAGES - 1:
            raise ValueError(f"more than {STAGES} levels lie below the exit: each step there is too small to climb")
        parent = parents(len(begin.t), PILOT_TRIALS, offset(int(setting.start.seed), PILOT, stage))
        number = stream_numbers(PILOT, stage, PILOT_TRIALS)
        seen, steps = machine.trials(begin, parent, number, basin, end.level)
        walked += steps
        level = next_level(seen.peak, begin.height[parent])
        if not level < end.level:
            break
        if not level > levels[-1]:
            raise ValueError(
                f"no path was seen to climb beyond {levels[-1]:g} along the escape direction: does noise reach so far?"
            )
        levels.append(level)
        found, steps = machine.trials(begin, parent, number, basin, level)
        lengths.append(float(found.steps.mean()))
        walked += steps
        good = found.result == sk.REACHED
        if not good.any():
            raise ValueError(f"no path stays within the bound beyond {level:g} along the escape direction")
        begin = sk.States(*(part[good] for part in found.states))
    lengths.append(float(seen.steps.mean()))
    return Ladder(basin, np.array(levels), memory, burn_in, rate, np.array(lengths), settled, walked)


def next_level(peaks: npt.NDArray[np.float64], heights: npt.NDArray[np.float64]) -> float:
    """Return the height that a share STAGE_CHANCE of trials reaches, most of them by steps of their own.

    Parameters
    ----------
    peaks, heights
        Highest e.theta of each trial, and the one it began at, (N,).
    """
    candidates = np.sort(peaks)
    first = math.ceil((1.0 - STAGE_CHANCE) * len(candidates))
    candidates = candidates[min(first, len(candidates) - 1) :]
    reached = np.arange(len(candidates), 0, -1)
    # Where a step goes further than the levels are apart, trials that begin beyond the next one teach nothing.
    at_once = len(heights) - np.searchsorted(np.sort(heights), candidates)
    climbed = np.flatnonzero(at_once <= reached / 2)
    return float(candidates[climbed[0]]) if len(climbed) else float("-inf")


def whole_strides(steps: float) -> int:
    """Return the steps as a whole multiple of STRIDE."""
    return max(1, math.ceil(steps / sk.STRIDE)) * sk.STRIDE


SAMPLES = 64
"""Samples of a walk from which its memory is told."""
PATHS = 64
"""Escaping paths of a repetition that are kept."""
FOREVER = 2**52
LOOK = 256
"""Strides between two looks at how many entries there are."""


def memory_in_basin(machine: Machine) -> tuple[float, npt.NDArray[np.float64], bool, int]:
    """Return the longest memory in steps, heights in the long run, whether both have settled, and the steps taken.

    The memory is the integrated autocorrelation time of whatever forgets most slowly: a coordinate, or a part of the
    rule's state. Walks are made longer until they last eight times that; only their second half counts.
    """
    d, exit = machine.dimension, machine.setting.end.level
    block, watch = machine.block(PILOT * WALKS, PILOT * WALKS + PILOT_WALKS, PILOT_WALKS)
    entries, tally = machine.entries(sk.STRIDE * len(block.t) + 1), new_tally()
    no_entries = Walks(exit, exit, FOREVER, 0)
    samples: list[npt.NDArray[np.float64]] = []
    heights: list[npt.NDArray[np.float64]] = []
    chunks = 1
    while True:
        machine.walk_on(no_entries, block, watch, chunks, entries, tally)
        samples.append(np.concatenate([block.theta, block.state.sum(axis=1)]))
        heights.append(np.array(block.now))
        if len(samples) < 2 * SAMPLES:
            continue
        late = np.array(samples[SAMPLES:])
        length = SAMPLES * chunks * sk.STRIDE
        memory = integrated_time(late) * chunks * sk.STRIDE
        taken = int(block.queue[TAKEN])
        settled = length >= 8.0 * memory
        if settled or taken * d > PILOT_BUDGET:
            return min(memory, float(length)), np.concatenate(heights[SAMPLES:]), settled, taken
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


def _some_entries(machine: Machine, basin: float, level: float, burn_in: int) -> tuple[Any, float, int]:
    """Return the states of a thousand entries, entries a step, and the steps taken."""
    first = (PILOT - 1) * WALKS
    block, watch = machine.block(first, first + PILOT_WALKS, PILOT_WALKS)
    entries, tally = machine.entries(PILOT_TRIALS + LOOK * PILOT_WALKS * sk.STRIDE), new_tally()
    asked = Walks(basin, level, burn_in, FOREVER)
    machine.walk_on(asked, block, watch, burn_in // sk.STRIDE, entries, tally)
    while entries.filled[0] < PILOT_TRIALS:
        machine.walk_on(asked, block, watch, LOOK, entries, tally)
        if block.queue[TAKEN] * machine.dimension > 2 * PILOT_BUDGET and entries.filled[0] == 0:
            raise ValueError(f"no path left the basin, below {basin:g}, for {level:g}: is there no noise along it?")
    taken = int(block.queue[TAKEN])
    return in_order(entries).states, float(entries.filled[0]) / (taken - PILOT_WALKS * burn_in), taken


def repeat(setting: Any, ladder: Ladder, number: int, trials: int, stop: threading.Event | None = None) -> Repetition:
    """Run a repetition on one thread; it is a function of the setting, its levels, its number and its trials.

    Parameters
    ----------
    setting
        RareEnsemble.
    ladder
        Its levels.
    number
        Of the repetition.
    trials
        Trials a stage.
    stop
        Looked at every tenth of a second.

    Raises
    ------
    StoppedError
        Where it was stopped.
    """
    machine = Machine(setting, stop)
    machine.be_patient(ladder.memory)
    seed = int(setting.start.seed)
    walks, length = walks_of(ladder, trials)
    own = range(number * WALKS, number * WALKS + walks)
    asked = Walks(ladder.basin, float(ladder.levels[0]), ladder.burn_in, length)
    found, tally, steps = machine.walks(own, asked, trials)
    entries, begin, lasted = len(found.walk), found.states, found.since
    astray, unfinished = int(tally.astray[0]), 0
    ancestor = np.arange(entries)
    stages = (*ladder.levels[1:], setting.end.level)
    reached, ancestors = np.zeros(len(stages), np.int64), np.zeros(len(stages), np.int64)
    for stage, level in enumerate(stages):
        if len(ancestor) == 0:
            break
        parent = parents(len(ancestor), trials, offset(seed, number, stage))
        found, taken = machine.trials(begin, parent, stream_numbers(number, stage, trials), ladder.basin, float(level))
        good = found.result == sk.REACHED
        begin = sk.States(*(part[good] for part in found.states))
        ancestor = ancestor[parent[good]]
        lasted = lasted[parent[good]] + found.steps[good]
        reached[stage], ancestors[stage] = len(ancestor), len(np.unique(ancestor))
        astray += int((found.result == sk.ASTRAY).sum())
        unfinished += int((found.result == sk.UNFINISHED).sum())
        steps += taken
    ends, durations = np.full((PATHS, machine.dimension), np.nan), np.full(PATHS, np.nan)
    if len(ancestor):
        some = parents(len(ancestor), PATHS, offset(seed, number, len(stages)))
        ends[:], durations[:] = begin.theta[some], lasted[some]
    return Repetition(entries, walks * length, reached, ancestors, steps, astray, unfinished, ends, durations)


def walks_of(ladder: Ladder, trials: int) -> tuple[int, int]:
    """Return how many walks a repetition has, and their steps after the burn-in: about as many entries as trials."""
    total = trials / ladder.rate
    walks = int(min(max(total / ladder.burn_in, 16), 256))
    return walks, whole_strides(total / walks)
