"""How fast this machine runs the units of a sweep: measured, for each combination of classes and dimensions."""

import heapq
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from ...dynamics.kernels import CHUNK
from ...dynamics.saddle_spread import GROUP
from ...dynamics.work import VECTOR, lane_count, narrower
from ...landscapes.interface import suited
from ..rare_escape import is_split
from .expectation import Expectation

SAMPLE = 0.04
"""Seconds of one measurement."""
SHORT = 2048.0
"""Mean steps lived from which the end of a trajectory costs next to nothing against its steps."""
FAR = 1e3
"""The exit is this many times further out while steps alone are measured."""
TYPICAL_END = 300.0
"""Nanoseconds that the end of a trajectory takes where nothing was measured."""
COMPILED = 0.7
"""Seconds from which a first call is held to have compiled, not loaded."""
FEWEST_TRIALS, LONGEST_SAMPLE = 500, 2e7
"""Trials that tell how fast a splitting is, and steps times dimension beyond which no more are taken for that."""
_ROUNDS = 12


class Speed(NamedTuple):
    """How fast one combination runs, with all workers of this machine at work.

    Parameters
    ----------
    lanes, wide, narrow
        Lanes of a full block, and nanoseconds that a step of it takes and that a step of the narrowest takes. Of a
        splitting, whose blocks fill and empty all the time, what a step of one path takes in all.
    ends
        Nanoseconds that the end of a trajectory takes and the start of the next, by the octave of their mean life; for
        a saddle, those of the moments of one record of a group, at 0.
    call
        Seconds of a unit beside its steps.
    """

    lanes: int
    wide: float
    narrow: float
    ends: dict[int, float]
    call: float

    def step(self, lanes: int) -> float:
        """Return the nanoseconds that a step of a block takes."""
        if self.lanes == VECTOR:
            return self.wide
        return self.narrow + (self.wide - self.narrow) * (lanes - VECTOR) / (self.lanes - VECTOR)


def octave(expected: Expectation) -> int | None:
    """Return which measurement tells what the end of a trajectory costs; None for lives so long that none is needed."""
    return int(math.log2(max(expected.lived, 1.0)) / 2.0) if expected.lived < SHORT else None


def unit_seconds(speed: Speed, trajectories: int, expected: Expectation, ensemble: Any) -> float:
    """Return the seconds that a unit takes on one thread."""
    dimension = ensemble.landscape.dimension
    if hasattr(ensemble, "horizon"):
        nanoseconds = 0.0
        width = lane_count(None, dimension, min(GROUP, trajectories))
        for low in range(0, trajectories, GROUP):
            blocks = math.ceil(min(GROUP, trajectories - low) / width)
            nanoseconds += blocks * ensemble.horizon * speed.step(width) + len(ensemble.at) * speed.ends[0]
        return speed.call + 1e-9 * nanoseconds
    if is_split(ensemble):
        return speed.call + 1e-9 * trajectories * expected.lived * speed.wide
    lanes = min(lane_count(None, dimension, trajectories), max(trajectories, 1))
    which = octave(expected)
    ends = 0.0 if which is None else speed.ends.get(which, TYPICAL_END)
    return speed.call + 1e-9 * (
        block_steps(trajectories, lanes, expected, ensemble.end.max_steps, speed.step) + trajectories * ends
    )


def block_steps(
    trajectories: int, lanes: int, expected: Expectation, max_steps: int, cost: Callable[[int], float]
) -> float:
    """Return what the steps of a block cost until the last of its trajectories is over.

    Lives are exponential from ``least`` on, spread evenly over their law, and cut off at max_steps. A lane takes the
    next trajectory when its own is over; once none waits, the block is narrowed as dynamics/work.py says.

    Parameters
    ----------
    trajectories
        How many go through the block.
    lanes
        Its width at first.
    expected
        How long they live.
    max_steps
        Where they are cut off.
    cost
        Of a step of a block of so many lanes.
    """
    few = min(trajectories, _ROUNDS * lanes)
    lives = _lives(few, expected, max_steps)
    ends = sorted(lives[:lanes])
    for life in lives[lanes:]:
        heapq.heapreplace(ends, ends[0] + life)
    ends.sort()
    now, total, width = 0.0, 0.0, lanes
    for k, end in enumerate(ends):
        if end > now:
            busy = len(ends) - k
            if k and busy <= narrower(width):
                width = -(-busy // VECTOR) * VECTOR
            total += (end - now) * cost(width)
            now = end
    return total + (trajectories - few) * float(np.mean(lives)) / lanes * cost(lanes)


def _lives(number: int, expected: Expectation, max_steps: int) -> list[float]:
    """Return lives that are spread evenly over their law, in an order that has nothing to do with it."""
    order = np.random.default_rng(0).permutation(number)
    late = -np.log1p(-(order + 0.5) / number)
    tail = _tail(expected, max_steps)
    lives = np.minimum(expected.least + tail * late, max_steps)
    return [float(x) for x in np.ceil(np.maximum(lives, 1.0) / CHUNK) * CHUNK]


def _tail(expected: Expectation, max_steps: int) -> float:
    """Return the mean of the exponential law that, cut off at max_steps, has the mean that is expected."""
    mean, room = expected.lived - expected.least, max_steps - expected.least
    if mean <= 0.0:
        return 1.0
    if mean >= 0.999 * room:
        return 500.0 * room
    low, high = mean, 1000.0 * room
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if -middle * math.expm1(-room / middle) > mean else (middle, high)
    return low


def kinds(ensemble: Any) -> tuple[Any, ...]:
    """Return what decides which machine code runs: equal for two ensembles that share it."""
    parts = [
        (type(part).__module__, type(part).__qualname__, *(_kind(field) for field in part)) for part in _parts(ensemble)
    ]
    return type(ensemble).__name__, ensemble.landscape.dimension == 1, *map(type, ensemble.source), *parts


def _kind(field: Any) -> Any:
    return ("array", np.ndim(field)) if isinstance(field, np.ndarray) else type(field).__name__


def combination(ensemble: Any) -> tuple[Any, ...]:
    """Return what decides how fast it runs: equal for two ensembles that need no measurement of their own."""
    shapes = tuple(
        np.shape(field) if isinstance(field, np.ndarray) else bool(field) for part in _parts(ensemble) for field in part
    )
    aligned = ensemble.end.axis >= 0 if hasattr(ensemble, "end") else True
    return kinds(ensemble), ensemble.landscape.dimension, shapes, aligned, getattr(ensemble, "trials", 0)


def _parts(ensemble: Any) -> list[Any]:
    return [suited(part, ensemble.landscape) for part in (ensemble.landscape, ensemble.noise, ensemble.rule)]


def compile_now(ensemble: Any) -> float:
    """Compile or load the kernel of an ensemble; return the seconds if it was compiled, 0 if it was there."""
    began = time.perf_counter()
    _first(ensemble)
    seconds = time.perf_counter() - began
    return seconds if seconds > COMPILED else 0.0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy(workers: int) -> float:
    """Return how many times as long as alone workers take while what else runs here goes on: from the load."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):
        return 1.0
    return max((load + min(workers, cores())) / cores(), 1.0)


def measure(
    ensemble: Any, trajectories: int, workers: int, lives: dict[int, tuple[Any, Expectation]] | None = None
) -> Speed:
    """Measure a combination whose kernel is compiled, on as many threads as will be used here at once.

    Parameters
    ----------
    ensemble
        Any of the combination.
    trajectories
        In its largest unit.
    workers
        Units that will run at once.
    lives
        Octave -> an ensemble of the combination whose lives are in it, and its expectation.
    """
    threads = max(1, min(workers, cores()))
    if is_split(ensemble):
        return _measure_split(ensemble, threads)
    dimension = ensemble.landscape.dimension
    call = min(_cpu(lambda: _first(ensemble), threads) for _ in range(3))
    if hasattr(ensemble, "horizon"):
        return _measure_spread(ensemble, trajectories, threads, call)
    lanes = lane_count(None, dimension, trajectories)
    end = ensemble.end
    far = end._replace(level=end.beginning + FAR * (end.level - end.beginning), bound=FAR * end.bound)

    def step(width: int) -> float:
        def of(steps: int) -> float:
            tried = ensemble._replace(end=far._replace(max_steps=steps), left_truncation=0)
            return max(_cpu(lambda: tried.run(width, threads=1, lanes=width), threads) - call, 0.0)

        return 1e9 * _per_item(of, 64 * CHUNK)

    wide = step(lanes)
    speed = Speed(lanes, wide, step(VECTOR) if lanes > VECTOR else wide, {}, call)
    for which, (short, expected) in (lives or {}).items():
        number = int(min(max(SAMPLE * 1e9 / (expected.lived * wide / lanes + TYPICAL_END), 4 * lanes), 200_000))
        quick = short._replace(left_truncation=0)

        def lived(quick: Any = quick, number: int = number) -> Any:
            return quick.run(number, threads=1, lanes=lanes)

        taken = median([_cpu(lived, threads) for _ in range(3)]) - call
        steps = block_steps(number, lanes, expected, quick.end.max_steps, speed.step)
        speed.ends[which] = max((1e9 * taken - steps) / number, 0.0)
    return speed


def _measure_split(ensemble: Any, threads: int) -> Speed:
    from ...dynamics.splitting import repeat, walks_of

    ladder, trials = ensemble.ladder(), ensemble.trials

    def steps(trials: int) -> float:
        walks, length = walks_of(ladder, trials)
        return float(walks * (ladder.burn_in + length) + trials * ladder.lengths.sum())

    while trials > FEWEST_TRIALS and steps(trials) * ensemble.landscape.dimension > LONGEST_SAMPLE:
        trials //= 2
    found: list[Any] = []
    seconds = _cpu(lambda: found.append(repeat(ensemble, ladder, 0, trials)), threads)
    each = 1e9 * seconds / max(float(found[0].steps), 1.0)
    return Speed(1, each, each, {}, 0.0)


def _measure_spread(ensemble: Any, trajectories: int, threads: int, call: float) -> Speed:
    number = min(GROUP, max(trajectories, 2))
    width = lane_count(None, ensemble.landscape.dimension, number)
    blocks = math.ceil(number / width)
    # Many records at once, so that what one costs is seen, but no more than fit well in memory.
    records = max(2, min(64, 4_000_000 // (GROUP * ensemble.landscape.dimension)))

    def of(steps: int, first: int) -> float:
        tried = ensemble._replace(horizon=steps, at=np.arange(first, steps + 1, dtype=np.int64))
        return max(_cpu(lambda: tried.run(number, _ignore, threads=1), threads) - call, 0.0)

    step = 1e9 * _per_item(lambda steps: of(steps, steps), 64) / blocks
    record = min(of(records, 1) for _ in range(2)) - min(of(records, records) for _ in range(2))
    return Speed(width, step, step * VECTOR / width, {0: max(1e9 * record / (records - 1), 0.0)}, call)


def _ignore(group: Any) -> None:
    """Let the moments of a group go."""


def _per_item(seconds: Callable[[int], float], items: int) -> float:
    """Return what one item takes, from a number of them that takes SAMPLE or so: the median of three."""
    taken = seconds(items)
    while taken < 0.5 * SAMPLE and items < 10**9:
        items = int(items * min(16.0, max(2.0, SAMPLE / max(taken, 1e-6))))
        taken = seconds(items)
    return median([taken, seconds(items), seconds(items)]) / items


def _first(ensemble: Any) -> None:
    """Run as little as can be run."""
    if hasattr(ensemble, "horizon"):
        ensemble._replace(horizon=1, at=np.array([1], np.int64)).run(2, _ignore, threads=1)
    elif is_split(ensemble):
        _first_climb(ensemble)
    else:
        ensemble._replace(end=ensemble.end._replace(max_steps=1), left_truncation=0).run(1, threads=1)


def _first_climb(ensemble: Any) -> None:
    """Run the loops of a splitting on next to nothing."""
    from ...dynamics.splitting import Machine, Walks
    from ...dynamics.splitting_kernels import STRIDE, new_states

    machine, end = Machine(ensemble), ensemble.end
    machine.walks(range(1), Walks(end.beginning, end.level, 0, STRIDE), 1)
    nowhere = new_states(0, machine.dimension, machine.rows)
    machine.trials(nowhere, np.zeros(0, np.int64), np.zeros(0, np.uint64), end.beginning, end.level)


def _cpu(work: Callable[[], Any], threads: int) -> float:
    """Return the processor seconds of work, done in so many threads side by side: what else runs here does not count.

    Threads that share a core slow each other, and that does count.
    """
    line = threading.Barrier(threads)

    def one() -> None:
        line.wait()
        work()

    began = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for each in [pool.submit(one) for _ in range(threads)]:
            each.result()
    return (time.process_time() - began) / threads
