"""What is measured to see how cost grows: each sweep, and the calls that are its points."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..dynamics.momentum import Momentum
from ..dynamics.sgd import SGD
from ..dynamics.work import thread_count
from ..landscapes.constant_noise import ConstantNoise
from ..landscapes.interface import Matrix, Vector
from ..landscapes.isotropic_noise import IsotropicNoise
from ..landscapes.quadratic_saddle import QuadraticSaddle
from ..landscapes.quartic_well import QuarticWell

WELL, WELL_NOISE, WELL_RULE = QuarticWell(barrier=0.25), IsotropicNoise(variance=3.2), SGD(lr=0.05)
EXIT, CAP = 0.0, 4000
SADDLE_RULE = Momentum(lr=0.01, beta1=0.9, beta3=1.0)
LOWEST, LOW, HIGH, VARIANCE = -1e-4, 0.2, 3.0, 1e-4
"""Curvatures of the saddle: one so little below 0 that 10^5 steps stay finite, the others between LOW and HIGH."""
CORRELATION = 3.0
"""Coordinates i and k of dense noise are correlated as exp(-|i - k| / 3)."""

NUMBERS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
QUICK_NUMBERS = (100, 10_000, 20_000, 40_000, 80_000)
DIMENSIONS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
QUICK_DIMENSIONS = (1, 10, 20, 50, 100)
STEPS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
QUICK_STEPS = (100, 300, 1000, 3000)


class Done(NamedTuple):
    """What a call did.

    Parameters
    ----------
    result
        EscapeTimes or SaddleSpread.
    units
        Useful work: trajectory-steps, times d where there are several dimensions.
    useful_share
        Share of the lane-steps taken that were useful, where the result tells it.
    """

    result: Any
    units: float
    useful_share: float | None = None


class Task(NamedTuple):
    """One point to measure.

    Parameters
    ----------
    series
        To which curve it belongs.
    x
        Trajectories, dimension, steps or threads.
    work
        The call.
    idle
        The same call with next to nothing to do.
    whole
        Whether the whole call counts; else idle is taken off.
    memory
        Whether the peak of memory is wanted too.
    """

    series: str
    x: int
    work: Callable[[], Done]
    idle: Callable[[], Done]
    whole: bool = False
    memory: bool = False


class Sweep(NamedTuple):
    """One thing that cost may grow with.

    Parameters
    ----------
    says
        What is run.
    unit
        Of the useful work.
    fit_from
        Least x that the power law is fitted to: below it, blocks are not yet full or d^2 does not yet show; None
        for no fit.
    tasks
        (quick, seed) -> what to measure.
    """

    says: str
    unit: str
    fit_from: float | None
    tasks: Callable[[bool, int], list[Task]]


def leave_well(trajectories: int, seed: int, threads: int = 1, max_steps: int = CAP) -> Done:
    """Run SGD out of a quartic well."""
    from .. import escape_times

    taken = 0

    def watch(done: int, total: int, steps: int) -> None:
        nonlocal taken
        taken = steps

    times = escape_times(
        WELL,
        WELL_NOISE,
        WELL_RULE,
        trajectories=trajectories,
        seed=seed,
        exit=EXIT,
        max_steps=max_steps,
        threads=threads,
        progress=watch,
    )
    return Done(times, float(times.total_steps), times.total_steps / taken)


def spread_at_saddle(
    landscape: QuadraticSaddle, noise: Any, trajectories: int, steps: int, seed: int, threads: int = 1
) -> Done:
    """Run momentum from a saddle, its moments taken at the last step."""
    from .. import saddle_spread

    spread = saddle_spread(
        landscape,
        noise,
        SADDLE_RULE,
        steps=steps,
        trajectories=trajectories,
        seed=seed,
        record=[steps],
        threads=threads,
    )
    return Done(spread, float(trajectories) * (steps - 1) * landscape.dimension)


def curvatures(dimension: int) -> Vector:
    """Return the curvatures of the saddle, (d,): the lowest just below 0."""
    h = np.linspace(LOW, HIGH, dimension)
    h[0] = LOWEST
    return h


def dense_covariance(dimension: int) -> Matrix:
    """Return a covariance (d, d) that no coordinate is alone in."""
    i = np.arange(dimension)
    return np.asarray(VARIANCE * np.exp(-np.abs(i[:, None] - i) / CORRELATION), dtype=np.float64)


def _trajectory_tasks(quick: bool, seed: int) -> list[Task]:
    numbers = QUICK_NUMBERS if quick else NUMBERS

    def task(n: int) -> Task:
        idle = partial(leave_well, 1, seed, max_steps=1)
        ends = n in (numbers[0], numbers[-1])
        return Task("escape times", n, partial(leave_well, n, seed), idle, memory=ends or not quick)

    return [task(n) for n in numbers]


def _dimension_tasks(quick: bool, seed: int) -> list[Task]:
    trajectories = 256 if quick else 512

    def task(series: str, d: int) -> Task:
        rotation = seed if series == "rotated saddle" else None
        landscape = QuadraticSaddle(curvatures(d), rotation)
        noise = ConstantNoise(dense_covariance(d)) if series == "dense noise" else IsotropicNoise(VARIANCE)
        steps = max(100, min(1000, 20_000 // d))
        return _saddle_task(series, d, landscape, noise, trajectories, steps, seed)

    dimensions = QUICK_DIMENSIONS if quick else DIMENSIONS
    return [task(series, d) for d in dimensions for series in ("isotropic noise", "dense noise", "rotated saddle")]


def _step_tasks(quick: bool, seed: int) -> list[Task]:
    landscape = QuadraticSaddle(curvatures(10))
    noise, trajectories = IsotropicNoise(VARIANCE), 256 if quick else 1024
    steps = QUICK_STEPS if quick else STEPS
    return [_saddle_task("saddle spread", t, landscape, noise, trajectories, t, seed) for t in steps]


def _thread_tasks(quick: bool, seed: int) -> list[Task]:
    landscape, noise = QuadraticSaddle(curvatures(10)), IsotropicNoise(VARIANCE)
    escaping, spreading, steps = (50_000, 10_240, 200) if quick else (1_000_000, 40_960, 2000)

    def escapes(threads: int) -> Task:
        work = partial(leave_well, escaping, seed, threads)
        return Task("escape times", threads, work, partial(leave_well, 1, seed, max_steps=1), whole=True)

    def spreads(threads: int) -> Task:
        return _saddle_task("saddle spread", threads, landscape, noise, spreading, steps, seed, threads, whole=True)

    return [make(threads) for threads in thread_counts(thread_count(None, escaping)) for make in (escapes, spreads)]


def _saddle_task(
    series: str,
    x: int,
    landscape: QuadraticSaddle,
    noise: Any,
    trajectories: int,
    steps: int,
    seed: int,
    threads: int = 1,
    *,
    whole: bool = False,
) -> Task:
    work = partial(spread_at_saddle, landscape, noise, trajectories, steps, seed, threads)
    return Task(series, x, work, partial(spread_at_saddle, landscape, noise, trajectories, 1, seed), whole)


def thread_counts(cores: int) -> list[int]:
    """Return the powers of two below the number of cores, and that number."""
    return [2**k for k in range(cores.bit_length()) if 2**k < cores] + [cores]


SWEEPS = {
    "trajectories": Sweep(
        "SGD leaves a quartic well, one thread",
        "useful trajectory-step",
        10_000.0,
        _trajectory_tasks,
    ),
    "dimension": Sweep(
        "Momentum spreads at a quadratic saddle, one thread",
        "trajectory-step-dimension",
        10.0,
        _dimension_tasks,
    ),
    "steps": Sweep(
        "Momentum spreads at a quadratic saddle, d = 10, one thread",
        "trajectory-step-dimension",
        1.0,
        _step_tasks,
    ),
    "threads": Sweep(
        "the whole call, results the same to the last bit",
        "useful trajectory-step-dimension",
        None,
        _thread_tasks,
    ),
}
