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
from typing import Any, NamedTuple, Protocol

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

PATHS = 64
"""Escaping paths of a repetition that are kept."""
PATIENCE = 100.0
"""Steps that a trial may take over the memory of the chain."""


class Ladder(NamedTuple):
    """Where the levels are, and how long the walks.

    Progress is e.theta after ``coast`` more steps like the last one, and infinite at the exit.

    Parameters
    ----------
    basin
        Progress at or below which a path is in the basin.
    levels
        Progress of the levels, ascending, (S,); the exit comes after the last.
    coast
        Steps that a path coasts, as far as its chance to climb goes; 0 for a rule without memory.
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
    coast: float
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
    """What walks are asked for: progress of the basin and of the lowest level, steps before and while they count."""

    basin: float
    level: float
    burn_in: int
    length: int
    coast: float = 0.0


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
        self,
        begin: Any,
        parent: npt.NDArray[np.int64],
        number: npt.NDArray[np.uint64],
        basin: float,
        level: float,
        coast: float = 0.0,
    ) -> tuple[Any, int]:
        """Run trials from the states that they begin at; return what became of them and the steps taken."""
        count = len(parent)
        results = np.zeros(count, np.int8), np.zeros(count, np.int64), np.zeros(count)
        trials = sk.Trials(parent, number, *results, sk.new_states(count, self.dimension, self.rows))
        block, watch = self.block(0, count)
        over = False

        def some(chunks: int) -> int:
            nonlocal over
            done = int(self.climb(self.end, basin, level, coast, block, watch, chunks, begin, trials))
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


def whole_strides(steps: float) -> int:
    """Return the steps as a whole multiple of STRIDE."""
    return max(1, math.ceil(steps / sk.STRIDE)) * sk.STRIDE


class Witness(Protocol):
    """Who is told of a repetition what its numbers do not hold."""

    def entered(self, entries: Any) -> None:
        """Hear of the entries, ``splitting_kernels.Entries``."""
        ...

    def tried(self, stage: int, begin: Any, trials: Any, good: npt.NDArray[np.int64]) -> None:
        """Hear of a stage: states it began at, its ``splitting_kernels.Trials``, and which reached the level."""
        ...

    def ended(self, states: Any) -> None:
        """Hear of the states that came last: at the exit, unless a stage let none through."""
        ...


def repeat(
    setting: Any,
    ladder: Ladder,
    number: int,
    trials: int,
    stop: threading.Event | None = None,
    witness: Witness | None = None,
) -> Repetition:
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
    witness
        Told of every stage.

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
    asked = Walks(ladder.basin, float(ladder.levels[0]), ladder.burn_in, length, ladder.coast)
    entries, tally, steps = machine.walks(own, asked, trials)
    if witness is not None:
        witness.entered(entries)
    begin, lasted, ancestor = entries.states, entries.since, np.arange(len(entries.walk))
    astray, unfinished = int(tally.astray[0]), 0
    levels = (*ladder.levels[1:], math.inf)
    reached, ancestors = np.zeros(len(levels), np.int64), np.zeros(len(levels), np.int64)
    for stage, level in enumerate(levels):
        if len(ancestor) == 0:
            break
        parent = parents(len(ancestor), trials, offset(seed, number, stage))
        streams = stream_numbers(number, stage, trials)
        found, taken = machine.trials(begin, parent, streams, ladder.basin, float(level), ladder.coast)
        good = np.flatnonzero(found.result == sk.REACHED)
        if witness is not None:
            witness.tried(stage, begin, found, good)
        begin = sk.States(*(part[good] for part in found.states))
        ancestor, lasted = ancestor[parent[good]], lasted[parent[good]] + found.steps[good]
        reached[stage], ancestors[stage] = len(ancestor), len(np.unique(ancestor))
        astray += int((found.result == sk.ASTRAY).sum())
        unfinished += int((found.result == sk.UNFINISHED).sum())
        steps += taken
    if witness is not None:
        witness.ended(begin)
    ends, durations = np.full((PATHS, machine.dimension), np.nan), np.full(PATHS, np.nan)
    if len(ancestor):
        some = parents(len(ancestor), PATHS, offset(seed, number, len(levels)))
        ends[:], durations[:] = begin.theta[some], lasted[some]
    counts = len(entries.walk), walks * length, reached, ancestors, steps, astray, unfinished
    return Repetition(*counts, ends, durations)


def walks_of(ladder: Ladder, trials: int) -> tuple[int, int]:
    """Return how many walks a repetition has, and their steps after the burn-in: about as many entries as trials."""
    total = trials / ladder.rate
    walks = int(min(max(total / ladder.burn_in, 16), 256))
    return walks, whole_strides(total / walks)
