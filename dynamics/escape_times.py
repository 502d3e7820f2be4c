"""Escape times: an ensemble runs from a minimum until each trajectory has passed the absorbing level.

What comes out is a function of (landscape, noise, rule, seed, trajectory numbers) alone, whatever the threads, lanes
and slices; more trajectories or a longer horizon only append.
"""

import hashlib
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import number, whole
from ..landscapes.interface import Vector, covariance_at, suited
from ..landscapes.pairs import check_escape
from . import estimates
from .outcomes import CENSORED, DIVERGED, ESCAPED
from .setting import (
    GeneratorName,
    Momentum,
    NormalsName,
    Progress,
    check_stable,
    checked_parts,
    random_source,
    start_of,
    starting_point,
    trajectory_numbers,
)
from .work import VECTOR, Pace, lane_count, narrower, run_in_order, thread_count

STEP_BUDGET = 1_000_000
"""Default of max_steps times the dimension; it depends neither on the machine nor on the number of trajectories."""
BOUND = 1_000.0
"""A trajectory has diverged where a coordinate is this many times further out than the start and the exit."""


class EscapeTimes(NamedTuple):
    """Escape times of N trajectories, right-censored.

    Parameters
    ----------
    steps
        First-passage step of those that escaped; steps lived by the others, (N,).
    outcome
        CENSORED, ESCAPED or DIVERGED, (N,).
    max_steps
        Steps after which a trajectory is censored.
    time_step
        Dynamical time of one step.
    seed, first
        Seed, and number of the first trajectory.
    seconds
        Wall time.
    interrupted
        Whether the run was stopped before its end; what was under way is then censored where it stood.
    left_truncation
        Steps at the start that are left out of the estimates.
    """

    steps: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    max_steps: int
    time_step: float
    seed: int
    first: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    left_truncation: int = 0

    @property
    def trajectories(self) -> int:
        """Number of trajectories N."""
        return len(self.steps)

    @property
    def escaped(self) -> int:
        """How many escaped, after the left truncation."""
        return self._counts()[0]

    @property
    def censored(self) -> int:
        """How many were still on their way when they were last seen."""
        return int(np.count_nonzero((self.outcome == CENSORED) & self._at_risk()))

    @property
    def diverged(self) -> int:
        """How many left the stated bound or lost finiteness: never counted as escapes."""
        return int(np.count_nonzero((self.outcome == DIVERGED) & self._at_risk()))

    @property
    def total_steps(self) -> int:
        """Steps lived by all after the left truncation, censored and diverged trajectories included."""
        return self._counts()[1]

    @property
    def mean_steps(self) -> float:
        """Maximum-likelihood mean escape time in steps; inf where none escaped."""
        return self.total_steps / self.escaped if self.escaped else float("inf")

    @property
    def mean(self) -> float:
        """Maximum-likelihood mean escape time in dynamical time; inf where none escaped."""
        return self.mean_steps * self.time_step

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval of the mean escape time at this level, in dynamical time."""
        complete = self.escaped == np.count_nonzero(self._at_risk())
        low, high = estimates.mean_interval(self.escaped, self.total_steps, level, complete=complete)
        return low * self.time_step, high * self.time_step

    def after(self, steps: int) -> "EscapeTimes":
        """Return the same ensemble with another left truncation: only what happens after that step counts."""
        return self._replace(left_truncation=steps)

    def exponentiality(self) -> tuple[float, float]:
        """Return z and p of the test whether the chance of an escape is the same in every step after the truncation."""
        return estimates.exponentiality(*self._since_truncation())

    def exponential_quantiles(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return a Q-Q plot against the exponential law: escape times since the truncation, and unit-mean quantiles."""
        steps, unit = estimates.exponential_quantiles(*self._since_truncation())
        return steps * self.time_step, unit

    def digest(self) -> str:
        """Return the SHA-256 of the raw results, steps and outcomes."""
        raw = hashlib.sha256(np.ascontiguousarray(self.steps, "<i8").tobytes())
        raw.update(np.ascontiguousarray(self.outcome, "i1").tobytes())
        return raw.hexdigest()

    def _counts(self) -> tuple[int, int]:
        """Return (d, S): escapes, and steps lived by all, after the left truncation."""
        return estimates.left_truncated(self.steps, self.outcome == ESCAPED, self.left_truncation)

    def _since_truncation(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        kept = self._at_risk()
        return self.steps[kept] - self.left_truncation, self.outcome[kept] == ESCAPED

    def _at_risk(self) -> npt.NDArray[np.bool_]:
        return self.steps > self.left_truncation


def escape_times(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    trajectories: int | range,
    seed: int = 0,
    exit: float | None = None,
    max_steps: int | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    left_truncation: int = 0,
    bridge: bool | None = None,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
    threads: int | None = None,
    lanes: int | None = None,
    progress: Progress | None = None,
) -> EscapeTimes:
    """Run an ensemble from a minimum until each trajectory has escaped, and return the escape times.

    Parameters
    ----------
    landscape, noise, rule
        What to run; each is checked first.
    trajectories
        N, or a range of trajectory numbers: any split of a run gives the same paths.
    seed
        In [0, 2^64).
    exit
        Absorbing level of e.theta, e the escape direction; default the far minimum.
    max_steps
        Steps after which a trajectory is censored; default 10^6 / d, but at least 10^4.
    origin
        Where trajectories start, (d,); default the minimum.
    momentum
        "rest", or "thermal": drawn from what it is in the long run on a flat loss.
    left_truncation
        Leave the first steps out of the estimates: the start-up of a heavily censored run.
    bridge
        Test for crossings between steps; default where the process is continuous and has a Brownian part (Langevin).
    generator
        "xoshiro" (xoshiro256++), or "threefry" (counter-based, slower) to check a result with random numbers of another
        family.
    normals
        "float64", or "float32": the noise alone is drawn in single precision, in up to half the time. Each normal is
        then off by up to 2e-6 and none is beyond 6.8.
    threads, lanes
        How the work is cut; the results do not depend on it.
    progress
        Called with (trajectories over, trajectories in all, steps taken).

    Returns
    -------
    EscapeTimes
        Interrupted by Ctrl-C, it holds what is done, the rest censored where it stood.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule unstable on the landscape, or the noise cannot carry it out.
    """
    ensemble = escape_ensemble(
        landscape,
        noise,
        rule,
        seed=seed,
        exit=exit,
        max_steps=max_steps,
        origin=origin,
        momentum=momentum,
        left_truncation=left_truncation,
        bridge=bridge,
        generator=generator,
        normals=normals,
    )
    return ensemble.run(trajectories, threads=threads, lanes=lanes, progress=progress)


class EscapeEnsemble(NamedTuple):
    """An ensemble that was checked, of which any trajectories can be run.

    Parameters
    ----------
    landscape, noise, rule
        Checked.
    start
        The start, a ``kernels.Start``.
    end
        When a trajectory is over, a ``kernels.Exit``.
    source
        Random streams and normals.
    left_truncation
        As in EscapeTimes.
    """

    landscape: Any
    noise: Any
    rule: Any
    start: Any
    end: Any
    source: Any
    left_truncation: int

    def run(
        self,
        trajectories: int | range,
        *,
        threads: int | None = None,
        lanes: int | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> EscapeTimes:
        """Run these trajectories; once ``stop`` is set it returns soon, as after Ctrl-C.

        Parameters
        ----------
        trajectories, threads, lanes, progress
            As in escape_times.
        stop
            Looked at every tenth of a second.
        """
        from .cache import kernel
        from .kernels import BUSY, NEXT, TAKEN, first_passage, narrow, new_block
        from .layouts import layout

        numbers = trajectory_numbers(trajectories)
        dimension, rows, cap = self.landscape.dimension, self.rule.rows(), self.end.max_steps
        parts = [suited(part, self.landscape) for part in (self.landscape, self.noise, self.rule)]
        form, source = layout(dimension), self.source
        at_once = source.normals.at_once()
        run = kernel(first_passage, *parts, form, *source)
        steps = np.zeros(len(numbers), np.int64)
        outcome = np.zeros(len(numbers), np.int8)
        workers = thread_count(threads, len(numbers))
        width = lane_count(lanes, dimension, len(numbers) // workers)
        edges = [numbers.start + len(numbers) * k // workers for k in range(workers + 1)]
        done = np.zeros((workers, 2), np.int64)

        def work(k: int, stop: threading.Event) -> None:
            low, high = edges[k], edges[k + 1]
            block = new_block(dimension, rows, min(width, max(high - low, 1)), low, high, at_once)
            pace = Pace()

            def some(chunks: int) -> int:
                few = narrower(len(block.t))
                return int(
                    run(*parts, form, source, self.start, self.end, block, chunks, few, numbers.start, steps, outcome)
                )

            while (block.queue[NEXT] < high or block.queue[BUSY] > 0) and not stop.is_set():
                pace.slice(some)
                done[k] = block.queue[NEXT] - low - block.queue[BUSY], block.queue[TAKEN]
                if block.queue[NEXT] == high and 0 < block.queue[BUSY] <= narrower(len(block.t)):
                    block = narrow(block, -int(-block.queue[BUSY] // VECTOR) * VECTOR)
            alive = block.who >= 0
            steps[block.who[alive] - numbers.start] = np.minimum(block.t[alive], cap).astype(np.int64)

        if progress is not None:
            progress(0, len(numbers), 0)
        # A call without work compiles, so that ``seconds`` are those of the run.
        idle = new_block(dimension, rows, 8, 0, 0, at_once)
        run(*parts, form, source, self.start, self.end, idle, 0, 0, 0, steps, outcome)
        began = time.perf_counter()

        def report() -> None:
            if progress is not None:
                progress(int(done[:, 0].sum()), len(numbers), int(done[:, 1].sum()))

        interrupted = run_in_order(work, range(workers), workers, lambda _: None, report, stop)
        return EscapeTimes(
            steps,
            outcome,
            cap,
            self.rule.time_step(),
            int(self.start.seed),
            numbers.start,
            time.perf_counter() - began,
            interrupted,
            self.left_truncation,
        )


def escape_ensemble(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    seed: int = 0,
    exit: float | None = None,
    max_steps: int | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    left_truncation: int = 0,
    bridge: bool | None = None,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
) -> EscapeEnsemble:
    """Check all that escape_times is given and return what can be run; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in escape_times.
    """
    from .kernels import Exit

    landscape, noise, rule = checked_parts(landscape, noise, rule)
    way = landscape.escape()
    start_at = way.minimum if origin is None else starting_point(origin, landscape)
    level = _level(way, exit, start_at)
    cap = max(STEP_BUDGET // landscape.dimension, 10_000) if max_steps is None else whole("max_steps", max_steps, 1)
    truncation = whole("left_truncation", left_truncation, 0)
    if truncation >= cap:
        raise ValueError(f"left_truncation={truncation} must be below max_steps={cap}: nothing would be left to see")
    check_stable(landscape, rule, (way.minimum, way.far_minimum))
    check_escape(landscape, noise, way)
    where = start_of(landscape, noise, start_at, momentum, seed)
    surface = start_at + (level - way.direction @ start_at) * way.direction
    reach = max(float(np.abs(point).max()) for point in (start_at, way.saddle, surface))
    end = Exit(
        direction=np.ascontiguousarray(way.direction, np.float64),
        axis=_axis(way.direction),
        beginning=float(way.direction @ start_at),
        level=level,
        max_steps=cap,
        bound=BOUND * max(reach, float(np.linalg.norm(surface - start_at))),
        bridge=_bridge_variance(rule, noise, landscape, way.direction, surface, bridge),
    )
    return EscapeEnsemble(landscape, noise, rule, where, end, random_source(generator, normals), truncation)


def _level(way: Any, exit: float | None, origin: Vector) -> float:
    """Return the absorbing level of e.theta."""
    begin = float(way.direction @ origin)
    if exit is not None:
        level = number("exit", exit)
        if not level > begin:
            raise ValueError(
                f"exit={level} must be above {begin:g}, where trajectories start along the escape direction"
            )
        return level
    if way.far_minimum is None or not way.direction @ way.far_minimum > begin:
        raise ValueError("exit is required: the landscape has no minimum beyond the saddle along the escape direction")
    return float(way.direction @ way.far_minimum)


def _axis(direction: Vector) -> int:
    """Return the coordinate that a unit vector points along, or -1."""
    largest = int(np.argmax(np.abs(direction)))
    return largest if direction[largest] == 1.0 and np.count_nonzero(direction) == 1 else -1


def _bridge_variance(
    rule: Any, noise: Any, landscape: Any, direction: Vector, surface: Vector, bridge: bool | None
) -> float:
    """Return the variance of one step along e at the absorbing surface, 0 for no bridge test."""
    if bridge and not hasattr(rule, "bridge_factor"):
        raise ValueError(f"bridge=True needs a process with a Brownian part; {type(rule).__name__} is an iteration")
    if bridge is False or not hasattr(rule, "bridge_factor"):
        return 0.0
    return float(rule.bridge_factor() * (direction @ covariance_at(noise, landscape, surface) @ direction))
