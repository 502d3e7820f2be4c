"""Spreading at a saddle: an ensemble runs for a fixed number of steps, and its moments are kept.

What comes out is a function of (landscape, noise, rule, seed, trajectory numbers) alone, whatever the threads, lanes
and slices.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import vector, whole
from ..landscapes.constant_noise import ConstantNoise
from ..landscapes.eigen_directions import eigen_directions
from ..landscapes.hessian_noise import HessianNoise
from ..landscapes.interface import Matrix, Vector, suited
from ..landscapes.isotropic_noise import IsotropicNoise
from ..landscapes.quadratic_saddle import QuadraticSaddle
from . import estimates
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
from .work import Pace, lane_count, run_in_order, thread_count

GROUP = 1024
"""Trajectories whose moments are added up together, in their order: part of the definition of the sums' bits."""


class InterruptedEarlyError(ValueError):
    """Ctrl-C came before there was anything to tell."""


class Moments(NamedTuple):
    """Sums over trajectories of powers of theta - origin.

    Parameters
    ----------
    mean, square
        Of the coordinates, (R, d), and of their products, (R, d, d).
    second, fourth
        Of their second and fourth powers along the eigen-directions, (R, d).
    finite, number
        Trajectories that stayed finite, which alone are added up, and trajectories in all.
    """

    mean: npt.NDArray[np.float64]
    square: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    fourth: npt.NDArray[np.float64]
    finite: int
    number: int

    @classmethod
    def zero(cls, records: int, d: int) -> "Moments":
        """Return sums over none."""
        return cls(
            np.zeros((records, d)), np.zeros((records, d, d)), np.zeros((records, d)), np.zeros((records, d)), 0, 0
        )

    def plus(self, other: "Moments") -> "Moments":
        """Return the sums over both."""
        return Moments(
            self.mean + other.mean,
            self.square + other.square,
            self.second + other.second,
            self.fourth + other.fourth,
            self.finite + other.finite,
            self.number + other.number,
        )


class SaddleSpread(NamedTuple):
    """Moments of N trajectories at recorded steps.

    Parameters
    ----------
    steps
        Recorded steps, (R,).
    mean
        Mean of theta, (R, d).
    covariance
        Unbiased covariance of theta, (R, d, d).
    variance
        Its diagonal along the eigen-directions, (R, d).
    fourth
        Fourth central moment along the eigen-directions about the start, (R, d).
    curvatures, directions
        Eigenvalues (d,) and eigenvectors (d, d), in columns, of the Hessian at the start.
    trajectories, diverged
        Trajectories that count, and those left out because a recorded theta was not finite.
    gaussian
        Whether theta is exactly normal, so that the chi-square band is exact.
    time_step, seed, first, seconds, interrupted
        As in EscapeTimes; an interrupted run counts the groups of trajectories that were done.
    paths
        theta at the recorded steps, (N, R, d), where asked for.
    """

    steps: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    fourth: npt.NDArray[np.float64]
    curvatures: Vector
    directions: Matrix
    trajectories: int
    diverged: int
    gaussian: bool
    time_step: float
    seed: int
    first: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    paths: npt.NDArray[np.float64] | None = None

    @property
    def time(self) -> Vector:
        """Recorded dynamical times, (R,)."""
        return np.asarray(self.steps * self.time_step, dtype=np.float64)

    def interval(self, level: float = 0.95) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the band of each variance at this level, low and high, each (R, d)."""
        if self.gaussian:
            return estimates.variance_interval(self.variance, self.trajectories, level)
        return estimates.variance_interval_from_moments(self.variance, self.fourth, self.trajectories, level)

    def digest(self) -> str:
        """Return the SHA-256 of the raw results, steps, mean and covariance."""
        raw = hashlib.sha256()
        for part in (self.steps, self.mean, self.covariance):
            raw.update(np.ascontiguousarray(part).tobytes())
        return raw.hexdigest()


def saddle_spread(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    steps: int,
    trajectories: int | range,
    seed: int = 0,
    record: int | Sequence[int] | npt.NDArray[np.integer[Any]] | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    keep_paths: bool = False,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
    threads: int | None = None,
    lanes: int | None = None,
    progress: Progress | None = None,
) -> SaddleSpread:
    """Run an ensemble from a saddle for a fixed number of steps, and return its moments on the way.

    Parameters
    ----------
    landscape, noise, rule
        What to run; each is checked first.
    steps
        T.
    trajectories, seed, momentum, generator, normals, threads, lanes, progress
        As in escape_times.
    record
        The steps to record, or how many of them, spaced evenly in their logarithm; default 20.
    origin
        Where trajectories start, (d,); default the landscape's first saddle.
    keep_paths
        Also return theta at the recorded steps of every trajectory.

    Raises
    ------
    ValueError, TypeError
        As in escape_times.
    """
    numbers = trajectory_numbers(trajectories)
    if len(numbers) < 2:
        raise ValueError(f"trajectories={len(numbers)} must be at least 2: a variance needs two")
    ensemble = spread_ensemble(
        landscape,
        noise,
        rule,
        steps=steps,
        seed=seed,
        record=record,
        origin=origin,
        momentum=momentum,
        generator=generator,
        normals=normals,
    )
    total = Moments.zero(len(ensemble.at), ensemble.landscape.dimension)
    kept = np.empty((len(numbers), len(ensemble.at), ensemble.landscape.dimension)) if keep_paths else None

    def fold(group: "GroupMoments") -> None:
        nonlocal total
        if kept is not None and group.paths is not None:
            kept[total.number : total.number + len(group.paths)] = group.paths
        total = total.plus(group.moments)

    seconds, interrupted = ensemble.run(
        numbers, fold, keep_paths=keep_paths, threads=threads, lanes=lanes, progress=progress
    )
    return ensemble.spread(total, interrupted)._replace(
        first=numbers.start,
        seconds=seconds,
        interrupted=interrupted,
        paths=None if kept is None else kept[: total.number],
    )


class GroupMoments(NamedTuple):
    """What a group of trajectories comes to.

    Parameters
    ----------
    moments
        Their sums.
    paths
        theta at the recorded steps of each, (n, R, d), where asked for.
    """

    moments: Moments
    paths: npt.NDArray[np.float64] | None


class SpreadEnsemble(NamedTuple):
    """An ensemble that was checked, of which any trajectories can be run.

    Parameters
    ----------
    landscape, noise, rule
        Checked.
    horizon
        Number of steps T.
    at
        Recorded steps, (R,).
    curvatures, directions
        As in SaddleSpread.
    start
        The start, a ``kernels.Start``.
    source
        Random streams and normals.
    """

    landscape: Any
    noise: Any
    rule: Any
    horizon: int
    at: npt.NDArray[np.int64]
    curvatures: Vector
    directions: Matrix
    start: Any
    source: Any

    def run(
        self,
        trajectories: int | range,
        fold: Callable[[GroupMoments], None],
        *,
        keep_paths: bool = False,
        threads: int | None = None,
        lanes: int | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[float, bool]:
        """Run these trajectories in groups of GROUP; return the seconds it took and whether it was interrupted.

        Parameters
        ----------
        trajectories, keep_paths, threads, lanes, progress
            As in saddle_spread.
        fold
            Called with each group in the order of the trajectories; after an interruption, with those before the
            first that is missing.
        stop
            Looked at every tenth of a second.
        """
        from .cache import kernel
        from .kernels import TAKEN, fixed_horizon, moments, new_block
        from .layouts import layout

        numbers = trajectory_numbers(trajectories)
        at, horizon, where, source = self.at, self.horizon, self.start, self.source
        d, rows = self.landscape.dimension, self.rule.rows()
        parts = [suited(part, self.landscape) for part in (self.landscape, self.noise, self.rule)]
        at_once = source.normals.at_once()
        form = layout(d)
        run, add = kernel(fixed_horizon, *parts, form, *source), kernel(moments)
        groups = [range(low, min(low + GROUP, numbers.stop)) for low in range(numbers.start, numbers.stop, GROUP)]
        workers = thread_count(threads, len(groups))
        width = lane_count(lanes, d, min(GROUP, len(numbers) // workers))
        broken = False  # an interrupted run counts the groups before the first that is missing
        done = np.zeros(2, np.int64)
        lock = threading.Lock()
        if progress is not None:
            progress(0, len(numbers), 0)
        # Calls without work compile, so that ``seconds`` are those of the run.
        idle = Moments.zero(len(at), d)
        block = new_block(d, rows, width, 0, 0, at_once)
        run(*parts, form, source, where, block, 0, at, 0, np.empty((len(at), d, 0)))
        add(
            np.empty((len(at), d, 0)),
            where.origin,
            self.directions,
            idle.mean,
            idle.square,
            idle.second,
            idle.fourth,
        )
        began = time.perf_counter()

        def one_group(group: range, stop: threading.Event) -> GroupMoments | None:
            paths = np.empty((len(at), d, len(group)))
            pace = Pace()
            for low in range(group.start, group.stop, width):
                block = new_block(d, rows, width, low, group.stop, at_once)

                def some(chunks: int, block: Any = block) -> int:
                    before = int(block.queue[TAKEN])
                    until = min(before + chunks, horizon)
                    run(*parts, form, source, where, block, until, at, group.start, paths)
                    return until - before

                while block.queue[TAKEN] < horizon:
                    if stop.is_set():
                        return None
                    pace.slice(some)
                with lock:
                    done[0] += min(width, group.stop - low)
                    done[1] += min(width, group.stop - low) * horizon
            part = Moments.zero(len(at), d)
            finite = add(paths, where.origin, self.directions, part.mean, part.square, part.second, part.fourth)
            seen = paths.transpose(2, 0, 1) if keep_paths else None
            return GroupMoments(part._replace(finite=finite, number=len(group)), seen)

        def report() -> None:
            if progress is not None:
                progress(int(done[0]), len(numbers), int(done[1]))

        def in_order(group: GroupMoments | None) -> None:
            nonlocal broken
            broken = broken or group is None
            if group is not None and not broken:
                fold(group)

        interrupted = run_in_order(one_group, groups, workers, in_order, report, stop)
        return time.perf_counter() - began, interrupted

    def spread(self, total: Moments, interrupted: bool = False) -> SaddleSpread:
        """Return what these sums come to.

        Raises
        ------
        ValueError
            Where fewer than two trajectories stayed finite.
        """
        n = total.finite
        if n < 2:
            few = f"{n} of {total.number} finished trajectories stayed finite, too few for a variance"
            if interrupted:
                raise InterruptedEarlyError(f"{few}: the run was interrupted too early")
            raise ValueError(f"{few}: the rule diverges on this landscape")
        shift = total.mean / n
        covariance = (total.square - n * shift[:, :, None] * shift[:, None, :]) / (n - 1)
        along = shift @ self.directions
        return SaddleSpread(
            steps=self.at,
            mean=shift + self.start.origin,
            covariance=covariance,
            variance=(total.second - n * along * along) / (n - 1),
            fourth=total.fourth / n,
            curvatures=self.curvatures,
            directions=self.directions,
            trajectories=n,
            diverged=total.number - n,
            gaussian=is_gaussian(self.landscape, self.noise, self.rule),
            time_step=self.rule.time_step(),
            seed=int(self.start.seed),
        )


def spread_ensemble(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    steps: int,
    seed: int = 0,
    record: int | Sequence[int] | npt.NDArray[np.integer[Any]] | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
) -> SpreadEnsemble:
    """Check all that saddle_spread is given and return what can be run; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in saddle_spread.
    """
    landscape, noise, rule = checked_parts(landscape, noise, rule)
    horizon = whole("steps", steps, 1)
    at = _recorded(record, horizon)
    if origin is None and len(landscape.saddles()) == 0:
        raise ValueError("origin is required: the landscape has no saddle to start from")
    start_at = vector("saddle", landscape.saddles()[0]) if origin is None else starting_point(origin, landscape)
    check_stable(landscape, rule, (start_at,))
    where = start_of(landscape, noise, start_at, momentum, seed)
    curvatures, directions = eigen_directions(landscape, start_at)
    source = random_source(generator, normals)
    return SpreadEnsemble(landscape, noise, rule, horizon, at, curvatures, directions, where, source)


def is_gaussian(landscape: Any, noise: Any, rule: Any) -> bool:
    """Say whether theta stays exactly normal: linear gradient, one noise everywhere, no second moments."""
    own_noise = isinstance(noise, IsotropicNoise | ConstantNoise | HessianNoise)
    return isinstance(landscape, QuadraticSaddle) and own_noise and not hasattr(rule, "adapt")


def _recorded(record: Any, steps: int) -> npt.NDArray[np.int64]:
    """Return the steps to record, rising."""
    if record is None or (not isinstance(record, bool) and isinstance(record, int | np.integer)):
        count = 20 if record is None else whole("record", record, 1)
        return np.unique(np.rint(np.geomspace(1, steps, count)).astype(np.int64)) if count > 1 else np.array([steps])
    at = np.atleast_1d(np.asarray(record))
    if at.ndim != 1 or not np.issubdtype(at.dtype, np.integer) or len(at) == 0:
        raise TypeError(f"record={record!r} must be whole numbers of steps")
    if np.any(np.diff(at) <= 0) or at[0] < 0 or at[-1] > steps:
        raise ValueError(f"record={at.tolist()} must rise from 0 or more to at most steps={steps}")
    return at.astype(np.int64)
