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
PILOT_TRIALS = 1024
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


class Stopped(Exception):
    """Asked to stop before the end."""


class Machine:
    """The compiled loops for one setting, on one thread."""

    def __init__(self, setting: Any, stop: threading.Event | None = None) -> None:
        self.setting = setting
        self.parts = [suited(part, setting.landscape) for part in (setting.landscape, setting.noise, setting.rule)]
        self.dimension, self.rows = setting.landscape.dimension, setting.rule.rows()
        self.form, self.source = layout(self.dimension), setting.source
        self.walk = kernel(sk.walk_in_basin, *self.parts, self.form, *self.source)
        self.climb = kernel(sk.climb, *self.parts, self.form, *self.source)
        self.stop = stop
        self.end = setting.end

    def be_patient(self, memory: float) -> None:
        """Let trials last for as long as the chain remembers, unless the most steps were asked for."""
        if not self.setting.impatient:
            self.end = self.end._replace(max_steps=max(self.end.max_steps, math.ceil(PATIENCE * memory)))

    def block(self, low: int, high: int, lanes: int | None = None) -> Any:
        """Return an empty block for the walks or trials low to high - 1."""
        width = lane_count(lanes, self.dimension, 4 * (high - low))
        return new_block(self.dimension, self.rows, width, low, high, self.source.normals.at_once())

    def take(self, some: Callable[[int], int], going: Callable[[], bool]) -> None:
        """Call with a slice of work for as long as there is some."""
        pace = Pace()
        while going():
            if self.stop is not None and self.stop.is_set():
                raise Stopped
            pace.slice(some)

    def advance_walks(
        self,
        block: Any,
        watch: Any,
        basin: float,
        level: float,
        chunks: int,
        times: tuple[int, int],
        entries: Any,
        tally: Any,
    ) -> int:
        """Advance walks by some chunks."""
        s = self.setting
        return int(
            self.walk(
                *self.parts,
                self.form,
                self.source,
                s.start,
                self.end,
                basin,
                level,
                block,
                watch,
                chunks,
                *times,
                entries,
                tally,
            )
        )

    def walks(
        self, numbers: npt.NDArray[np.int64] | range, basin: float, level: float, times: tuple[int, int], expected: int
    ) -> tuple[Any, Any, int]:
        """Run whole walks, and return their entries in order, what they did in all, and the steps."""
        entries = self.room(2 * expected + 1024)
        tally = sk.Tally(np.zeros(1, np.int64), np.zeros(1, np.int64))
        block = self.block(numbers[0], numbers[-1] + 1)
        watch = sk.new_watch(len(block.t))
        over = False
        rounds = -(-len(numbers) // len(block.t))
        while not over:
            before = entries.count[0]

            def some(chunks: int) -> int:
                nonlocal over, entries
                if entries.count[0] > len(entries.walk) - len(block.t) * sk.STRIDE:
                    entries = self.grown(entries)
                done = self.advance_walks(block, watch, basin, level, chunks, times, entries, tally)
                over = block.queue[NEXT] == block.queue[END] and not (block.who >= 0).any()
                return max(done, 1)

            self.take(some, lambda: not over)
        order = np.lexsort([entries.step[: entries.count[0]], entries.walk[: entries.count[0]]])
        return sorted_entries(entries, order), tally, int(block.queue[TAKEN])

    def room(self, number: int) -> Any:
        """Return room for so many entries."""
        states = sk.new_states(number, self.dimension, self.rows)
        empty = [np.empty(number, np.int64) for _ in range(3)]
        return sk.Entries(states, *empty, np.zeros(1, np.int64))

    def grown(self, entries: Any) -> Any:
        """Return the same entries with twice the room."""
        number = len(entries.walk)
        larger = self.room(2 * number)
        for new, old in zip((*larger.states, *larger[1:4]), (*entries.states, *entries[1:4]), strict=True):
            new[:number] = old
        larger.count[0] = entries.count[0]
        return larger

    def trials(
        self, begin: Any, parent: npt.NDArray[np.int64], number: npt.NDArray[np.uint64], basin: float, level: float
    ) -> tuple[Any, int]:
        """Run trials from the states that they begin at, and return what became of them and the steps."""
        count = len(parent)
        trials = sk.Trials(
            parent,
            number,
            np.zeros(count, np.int8),
            np.zeros(count, np.int64),
            np.zeros(count),
            sk.new_states(count, self.dimension, self.rows),
        )
        s = self.setting
        block = self.block(0, count)
        watch = sk.new_watch(len(block.t))
        over = False

        def some(chunks: int) -> int:
            nonlocal over
            done = int(
                self.climb(
                    *self.parts,
                    self.form,
                    self.source,
                    s.start,
                    self.end,
                    basin,
                    level,
                    block,
                    watch,
                    chunks,
                    begin,
                    trials,
                )
            )
            over = done < chunks
            return max(done, 1)

        self.take(some, lambda: not over)
        return trials, int(block.queue[TAKEN])


def sorted_entries(entries: Any, order: npt.NDArray[np.int64]) -> Any:
    """Return the entries in this order."""
    states = sk.States(*(part[order] for part in entries.states))
    return sk.Entries(states, entries.walk[order], entries.step[order], entries.since[order], entries.count)


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
        SplittingEnsemble.
    stop
        Looked at every tenth of a second.

    Raises
    ------
    ValueError
        Where the start is not in the basin, or no path leads upwards.
    Stopped
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
    levels = [level]
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
        walked += steps
        good = found.result == sk.REACHED
        if not good.any():
            raise ValueError(f"no path stays within the bound beyond {level:g} along the escape direction")
        begin = sk.States(*(part[good] for part in found.states))
    return Ladder(basin, np.array(levels), memory, burn_in, rate, settled, walked)


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
LOOK = 256
"""Strides between two looks at how many entries there are."""


def memory_in_basin(machine: Machine) -> tuple[float, npt.NDArray[np.float64], bool, int]:
    """Return the longest memory in steps, heights in the long run, whether both have settled, and the steps taken.

    The memory is the integrated autocorrelation time of whatever forgets most slowly: a coordinate, or a part of the
    rule's state. Walks are made longer until they last eight times that; only their second half counts.
    """
    end, d = machine.setting.end, machine.dimension
    block = machine.block(PILOT * WALKS, PILOT * WALKS + 128)
    lanes = len(block.t)
    block.queue[END] = PILOT * WALKS + lanes
    watch = sk.new_watch(lanes)
    forever = (2**52, 0)
    entries, tally = machine.room(lanes * sk.STRIDE + 1), sk.Tally(np.zeros(1, np.int64), np.zeros(1, np.int64))
    samples: list[npt.NDArray[np.float64]] = []
    heights: list[npt.NDArray[np.float64]] = []
    chunks = 1
    while True:
        left = [chunks]

        def some(most: int) -> int:
            now = min(most, left[0])
            machine.advance_walks(block, watch, end.level, end.level, now, forever, entries, tally)
            left[0] -= now
            return now

        machine.take(some, lambda: left[0] > 0)
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
    number = len(samples)
    whole = samples.var(axis=(0, 2))
    means = samples.mean(axis=0).var(axis=1, ddof=1)
    moving = whole > 0.0
    return float(number * np.max(means[moving] / whole[moving])) if moving.any() else 1.0


def _some_entries(machine: Machine, basin: float, level: float, burn_in: int) -> tuple[Any, float, int]:
    """Return the states of a thousand entries, entries a step, and the steps taken."""
    block = machine.block((PILOT - 1) * WALKS, (PILOT - 1) * WALKS + 128)
    lanes = len(block.t)
    block.queue[END] = (PILOT - 1) * WALKS + lanes
    watch = sk.new_watch(lanes)
    entries = machine.room(PILOT_TRIALS + LOOK * lanes * sk.STRIDE)
    tally = sk.Tally(np.zeros(1, np.int64), np.zeros(1, np.int64))
    left = [burn_in // sk.STRIDE]

    def some(most: int) -> int:
        now = min(most, left[0])
        machine.advance_walks(block, watch, basin, level, now, (burn_in, 2**52), entries, tally)
        left[0] -= now
        return now

    while entries.count[0] < PILOT_TRIALS:
        machine.take(some, lambda: left[0] > 0)
        left[0] = LOOK
        walked = int(block.queue[TAKEN]) - lanes * burn_in
        if int(block.queue[TAKEN]) * machine.dimension > PILOT_BUDGET and entries.count[0] == 0:
            raise ValueError(
                f"no path left the basin, e.theta <= {basin:g}, for {level:g}: is there no noise along it?"
            )
    count = int(entries.count[0])
    order = np.lexsort([entries.step[:count], entries.walk[:count]])
    chosen = sorted_entries(entries, order).states
    return chosen, count / walked, int(block.queue[TAKEN])


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
    Stopped
        Where it was stopped.
    """
    machine = Machine(setting, stop)
    machine.be_patient(ladder.memory)
    seed = int(setting.start.seed)
    walks, length = walks_of(ladder, trials)
    own = range(number * WALKS, number * WALKS + walks)
    found, tally, steps = machine.walks(own, ladder.basin, float(ladder.levels[0]), (ladder.burn_in, length), trials)
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
