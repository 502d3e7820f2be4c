"""The paths of rare escapes: whole ways from the basin to the exit, and where on the way the climb is paid.

A repetition of a splitting ends with paths at the exit, each the end of a chain of trials that goes back to an entry,
and from there to the last step in the basin. Drawn evenly from a repetition, and repetitions weighted by their rates,
they are the reactive paths of the steady state: those that leave the basin for the last time and reach the exit. No
path is kept while trials run. Each is run once more from the states at its levels, to the same bits.
"""

import threading
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import whole
from .rare_escapes import TRIALS, RareEnsemble, RareEscapes, rare_ensemble, repetition_numbers
from .setting import GeneratorName, Momentum, NormalsName, Progress

Array = npt.NDArray[np.float64]

REPETITIONS, PATHS = 8, 64
"""Defaults."""
CELLS = 4
"""Parts of a stage: heights between two levels at which the cost is known."""


class Cost(NamedTuple):
    """What it costs to climb from the lowest level to others.

    Parameters
    ----------
    levels
        e.theta, (n,).
    cost
        -ln of the chance that an entry reaches the level before the basin, (n,).
    low, high
        Interval of each, (n,), from the scatter of the repetitions; 0 and infinity where they tell nothing.
    """

    levels: Array
    cost: Array
    low: Array
    high: Array


class Band(NamedTuple):
    """Where paths are, over time or over levels.

    Parameters
    ----------
    at
        Dynamical times since the saddle's level was first reached, or levels, (n,).
    mean
        Mean point, (n, d); NaN where there is no path.
    height
        Quantiles of e.theta (over time), or of the dynamical time at the level (over levels), (Q, n).
    share
        Weight of the paths that are there, (n,): at early and late times only the long ones are.
    """

    at: Array
    mean: Array
    height: Array
    share: Array


class ReactivePaths(NamedTuple):
    """A bundle of P escaping paths, K points in all, from R repetitions of a splitting.

    Within a repetition all paths weigh the same; a repetition weighs as much as its rate.

    Parameters
    ----------
    theta
        The paths one after the other, each from its last step in the basin to the exit, (K, d).
    offsets
        Path p is theta[offsets[p]:offsets[p + 1]], (P + 1,).
    repetition
        Repetition that each path is of, (P,), counted from the first.
    grid
        Heights from the lowest level to the exit, CELLS to a stage, (G,): e.theta, but for a rule with memory the
        progress of its ``escapes.ladder``.
    reached
        Chance of an entry to reach each before the basin, of each repetition, (R, G); the first is 1.
    direction
        e, (d,).
    minimum, saddle
        e.theta of a and b.
    escapes
        What the repetitions say of the mean escape time.
    landscape
        The landscape.
    seconds
        Wall time, that of following the paths included.
    """

    theta: Array
    offsets: npt.NDArray[np.int64]
    repetition: npt.NDArray[np.int64]
    grid: Array
    reached: Array
    direction: Array
    minimum: float
    saddle: float
    escapes: RareEscapes
    landscape: Any
    seconds: float = 0.0

    @property
    def paths(self) -> int:
        """Number of paths P."""
        return len(self.repetition)

    def path(self, p: int) -> Array:
        """Return theta of path p at its steps, (T + 1, d)."""
        return self.theta[self.offsets[p] : self.offsets[p + 1]]

    def loss(self, p: int) -> Array:
        """Return L along path p, (T + 1,)."""
        theta = np.ascontiguousarray(self.path(p).T)
        out = np.empty((1, theta.shape[1]))
        self.landscape.value(theta, out)
        return np.asarray(out[0])

    @property
    def durations(self) -> npt.NDArray[np.int64]:
        """Steps of each path from the basin to the exit, (P,)."""
        return np.diff(self.offsets) - 1

    @property
    def transition_times(self) -> Array:
        """The same in dynamical time, (P,)."""
        return np.asarray(self.durations * self.escapes.time_step, np.float64)

    @property
    def ends(self) -> Array:
        """Where each path crossed the exit, (P, d)."""
        return self.theta[self.offsets[1:] - 1]

    @property
    def heights(self) -> Array:
        """e.theta at every point, (K,)."""
        return np.asarray(self.theta @ self.direction, np.float64)

    @property
    def weights(self) -> Array:
        """Weight of each path, (P,), 1 in all."""
        number = np.bincount(self.repetition, minlength=self.escapes.repetitions)
        rates = self.escapes.rates
        return np.asarray(rates[self.repetition] / (number[self.repetition] * rates.sum()), np.float64)

    def mean(self, values: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
        """Return the mean of a number that each path has, and its interval from the scatter of the repetitions.

        Parameters
        ----------
        values
            (P,), such as ``transition_times``.
        level
            Confidence level.
        """
        each = np.asarray(values, np.float64)
        repetitions = self.escapes.repetitions
        sums = np.bincount(self.repetition, each, repetitions) / np.maximum(
            np.bincount(self.repetition, minlength=repetitions), 1
        )
        rates = self.escapes.rates
        found = (rates @ sums) / rates.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            width = half_width(left_out(rates * sums) / left_out(rates), level)
        return float(found), float(found - width), float(found + width)

    def first_steps(self, levels: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the step of each path at which it is first at or above each level, (P, n); its last where never."""
        wanted = np.atleast_1d(np.asarray(levels, np.float64))
        heights = self.heights
        found = np.empty((self.paths, len(wanted)), np.int64)
        for p in range(self.paths):
            peaks = np.maximum.accumulate(heights[self.offsets[p] : self.offsets[p + 1]])
            found[p] = np.minimum(np.searchsorted(peaks, wanted), len(peaks) - 1)
        return found

    def band(self, times: npt.ArrayLike, quantiles: npt.ArrayLike = (0.05, 0.5, 0.95)) -> Band:
        """Return where paths are at dynamical times since each first reached the saddle's level.

        Parameters
        ----------
        times
            (n,), of both signs.
        quantiles
            Shares of the weight, (Q,).
        """
        at = np.atleast_1d(np.asarray(times, np.float64))
        shares = np.atleast_1d(np.asarray(quantiles, np.float64))
        steps = np.rint(at / self.escapes.time_step).astype(np.int64) + self.first_steps(self.saddle)
        there = (steps >= 0) & (steps <= self.durations[:, None])
        rows = self.offsets[:-1, None] + np.where(there, steps, 0)
        weights = np.where(there, self.weights[:, None], 0.0)
        return Band(at, *_summary(self.theta, rows, self.heights[rows], weights, shares))

    def at_levels(self, levels: npt.ArrayLike, quantiles: npt.ArrayLike = (0.05, 0.5, 0.95)) -> Band:
        """Return where paths first are at levels of e.theta or above, and the dynamical time since the basin.

        Parameters
        ----------
        levels
            (n,), up to the exit.
        quantiles
            Shares of the weight, (Q,).
        """
        at = np.atleast_1d(np.asarray(levels, np.float64))
        steps = self.first_steps(at)
        weights = np.repeat(self.weights[:, None], len(at), axis=1)
        shares = np.atleast_1d(np.asarray(quantiles, np.float64))
        passed = np.asarray(steps * self.escapes.time_step, np.float64)
        return Band(at, *_summary(self.theta, self.offsets[:-1, None] + steps, passed, weights, shares))

    @property
    def fluxes(self) -> Array:
        """First arrivals a step at each height of the grid, after the basin, of each repetition, (R, G)."""
        return (self.escapes.entries / self.escapes.walked)[:, None] * self.reached

    def cost(self, levels: npt.ArrayLike | None = None, level: float = 0.95) -> Cost:
        """Return what it costs to climb from the lowest level to others: where the climb is paid.

        Parameters
        ----------
        levels
            e.theta from the lowest level to the exit, (n,); between two heights of the grid it is interpolated.
            Default the levels of the splitting and the exit.
        level
            Confidence level.

        Raises
        ------
        ValueError
            Where a level is not on the way.
        """
        wanted = self.grid[::CELLS] if levels is None else np.atleast_1d(np.asarray(levels, np.float64))
        if not (np.all(wanted >= self.grid[0]) and np.all(wanted <= self.grid[-1])):
            raise ValueError(
                f"levels={wanted} must lie from {self.grid[0]:g}, the lowest level, to {self.grid[-1]:g}, the exit"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self._costs(self.fluxes.mean(axis=0), wanted)
            others = np.array([self._costs(flux, wanted) for flux in left_out(self.fluxes)]).reshape(-1, len(wanted))
        width = half_width(others, level)
        return Cost(wanted, found, np.maximum(found - width, 0.0), found + width)

    def _costs(self, flux: Array, levels: Array) -> Array:
        return np.asarray(np.interp(levels, self.grid, np.log(flux[0]) - np.log(flux)))


def _summary(theta: Array, rows: Any, values: Array, weights: Array, shares: Array) -> tuple[Array, Array, Array]:
    """Return mean points (n, d), weighted quantiles of values (Q, n) and weights in all (n,)."""
    share = weights.sum(axis=0)
    mean = np.full((rows.shape[1], theta.shape[1]), np.nan)
    height = np.full((len(shares), rows.shape[1]), np.nan)
    for k in np.flatnonzero(share > 0.0):
        mean[k] = weights[:, k] @ theta[rows[:, k]] / share[k]
        height[:, k] = np.quantile(values[:, k], shares, weights=weights[:, k], method="inverted_cdf")
    return mean, height, share


def left_out(values: Array) -> Array:
    """Return the means over repetitions (R, ...) with each in turn left out, (R, ...); none where there is but one."""
    return (values.sum(axis=0) - values) / (len(values) - 1) if len(values) > 1 else values[:0]


def half_width(others: Array, level: float = 0.95) -> Array:
    """Return half the interval of an estimate from its values with each repetition left out (R, ...), by the jackknife.

    Infinity where fewer than two repetitions, or one without any escape, tell nothing.
    """
    from scipy.special import stdtrit

    number = len(others)
    if number < 2:
        return np.full(others.shape[1:], np.inf)
    with np.errstate(invalid="ignore"):
        scatter = others - others.mean(axis=0)
        error = np.sqrt((number - 1) / number * np.sum(scatter * scatter, axis=0))
    return np.where(np.isfinite(error), float(stdtrit(number - 1, 0.5 + 0.5 * level)) * error, np.inf)


def reactive_paths(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    repetitions: int | range = REPETITIONS,
    paths: int = PATHS,
    trials: int = TRIALS,
    seed: int = 0,
    exit: float | None = None,
    max_steps: int | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    bridge: bool | None = None,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
    threads: int | None = None,
    progress: Progress | None = None,
) -> ReactivePaths:
    """Return escaping paths, however rare escapes are, each whole from its last step in the basin to the exit.

    Parameters
    ----------
    landscape, noise, rule
        What to run; each is checked first.
    repetitions
        R, or a range of their numbers, as in rare_escapes: the same repetitions.
    paths
        Paths of each repetition that reached the exit. Those of one share ancestors: ``escapes.ancestors`` says how
        many of its entries they descend from.
    trials, seed, exit, max_steps, origin, momentum, bridge, generator, normals, threads, progress
        As in rare_escapes.

    Returns
    -------
    ReactivePaths
        Interrupted by Ctrl-C, it holds those of the repetitions that are done.

    Raises
    ------
    ValueError, TypeError
        As in rare_escapes.
    """
    ensemble = rare_ensemble(
        landscape,
        noise,
        rule,
        trials=trials,
        seed=seed,
        exit=exit,
        max_steps=max_steps,
        origin=origin,
        momentum=momentum,
        bridge=bridge,
        generator=generator,
        normals=normals,
    )
    return paths_of(ensemble, repetitions, paths, threads=threads, progress=progress)


def paths_of(
    ensemble: RareEnsemble,
    repetitions: int | range = REPETITIONS,
    paths: int = PATHS,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> ReactivePaths:
    """Return the paths of some repetitions of an ensemble; see ``reactive_paths``.

    Parameters
    ----------
    ensemble
        What ``rare_ensemble`` returned.
    repetitions, paths, threads, progress
        As in reactive_paths.
    stop
        Looked at every tenth of a second.
    """
    from .lineages import repeat_with_paths
    from .splitting import StoppedError
    from .work import run_in_order, thread_count

    numbers, each = repetition_numbers(repetitions), whole("paths", paths, 1)
    began = time.perf_counter()
    try:
        ladder = ensemble.ladder(stop)
    except StoppedError:
        raise KeyboardInterrupt from None
    done: list[Any] = []
    stages, steps = len(ladder.levels), [0]

    def work(number: int, stop: threading.Event) -> Any:
        try:
            return repeat_with_paths(ensemble, ladder, number, each, stop)
        except StoppedError:
            return None

    cut = False

    def fold(found: Any) -> None:
        nonlocal cut
        cut = cut or found is None  # what follows one that was stopped would have the wrong number
        if found is not None and not cut:
            done.append(found)
            steps[0] += found.repetition.steps

    def report() -> None:
        if progress is not None:
            of_one = stages * ensemble.trials
            progress(len(done) * of_one, len(numbers) * of_one, steps[0])

    report()
    interrupted = run_in_order(work, list(numbers), thread_count(threads, len(numbers)), fold, report, stop)
    way, end = ensemble.landscape.escape(), ensemble.end
    seconds = time.perf_counter() - began
    theta = np.concatenate([np.zeros((0, ensemble.landscape.dimension)), *(found.theta for found in done)])
    lengths = np.concatenate([np.zeros(0, np.int64), *(found.lengths for found in done)])
    counts = [len(found.lengths) for found in done]
    levels = [*ladder.levels, max(end.level, ladder.levels[-1])]
    return ReactivePaths(
        theta=theta,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        repetition=np.repeat(np.arange(len(done)), counts),
        grid=heights_between(levels),
        reached=np.array([found.reached for found in done]).reshape(len(done), CELLS * stages + 1),
        direction=end.direction,
        minimum=float(end.direction @ way.minimum),
        saddle=float(end.direction @ way.saddle),
        escapes=ensemble.result(
            ladder, [found.repetition for found in done], numbers.start, seconds, interrupted=interrupted
        ),
        landscape=ensemble.landscape,
        seconds=seconds,
    )


def heights_between(levels: npt.ArrayLike) -> Array:
    """Return the levels (S + 1,) with CELLS - 1 heights between each two, (CELLS S + 1,)."""
    given = np.asarray(levels, np.float64)
    return np.interp(np.arange(CELLS * (len(given) - 1) + 1) / CELLS, np.arange(len(given)), given)
