"""Ensembles: escape times, spreading at a saddle, and a rule on given gradients.

What comes out is a function of (landscape, noise, rule, seed, trajectory numbers) alone, whatever the threads, lanes
and slices; more trajectories or a longer horizon only append.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import number, vector
from ..landscapes.constant_noise import ConstantNoise
from ..landscapes.hessian_noise import HessianNoise
from ..landscapes.interface import Matrix, Vector, covariance_at, hessian_at, noise_root_at
from ..landscapes.isotropic_noise import IsotropicNoise
from ..landscapes.pairs import check_escape, check_pair
from ..landscapes.quadratic_saddle import QuadraticSaddle
from . import estimates
from .interface import max_time_step
from .work import Pace, lane_count, run_in_order, run_threads, thread_count

CENSORED, ESCAPED, DIVERGED = 0, 1, 2
"""Outcomes of a trajectory."""

Progress: TypeAlias = Callable[[int, int, int], None]
"""Called now and then with (trajectories over, trajectories in all, steps taken)."""

Momentum: TypeAlias = Literal["rest", "thermal"]

STEP_BUDGET = 1_000_000
"""Default of max_steps times the dimension; it depends neither on the machine nor on the number of trajectories."""
BOUND = 1_000.0
"""A trajectory has diverged where a coordinate is this many times further out than the start and the exit."""
GROUP = 1024
"""Trajectories whose moments are added up together, in their order: part of the definition of the sums' bits."""


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
        return int(np.count_nonzero((self.outcome == ESCAPED) & self._at_risk()))

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
        return int(np.sum(np.maximum(self.steps - self.left_truncation, 0)))

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

    def digest(self) -> str:
        """Return the SHA-256 of the raw results, steps and outcomes."""
        raw = hashlib.sha256(np.ascontiguousarray(self.steps, "<i8").tobytes())
        raw.update(np.ascontiguousarray(self.outcome, "i1").tobytes())
        return raw.hexdigest()

    def _at_risk(self) -> npt.NDArray[np.bool_]:
        return self.steps > self.left_truncation


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
    from .cache import kernel
    from .kernels import Exit, first_passage, narrow, new_block

    landscape, noise, rule = _checked(landscape, noise, rule)
    way = landscape.escape()
    numbers = _numbers(trajectories)
    start_at = way.minimum if origin is None else _origin(origin, landscape)
    level = _level(way, exit, start_at)
    cap = max(STEP_BUDGET // landscape.dimension, 10_000) if max_steps is None else _whole("max_steps", max_steps, 1)
    truncation = _whole("left_truncation", left_truncation, 0)
    if truncation >= cap:
        raise ValueError(f"left_truncation={truncation} must be below max_steps={cap}: nothing would be left to see")
    _check_stable(landscape, rule, (way.minimum, way.far_minimum))
    check_escape(landscape, noise, way)
    where = _start(landscape, noise, start_at, momentum, seed)
    surface = start_at + (level - way.direction @ start_at) * way.direction
    reach = max(float(np.abs(point).max()) for point in (start_at, way.saddle, surface))
    end = Exit(
        direction=np.ascontiguousarray(way.direction, np.float64),
        axis=_axis(way.direction),
        level=level,
        max_steps=cap,
        bound=BOUND * max(reach, float(np.linalg.norm(surface - start_at))),
        bridge=_bridge_variance(rule, noise, landscape, way.direction, surface, bridge),
    )
    run = kernel(first_passage, landscape, noise, rule)
    steps = np.zeros(len(numbers), np.int64)
    outcome = np.zeros(len(numbers), np.int8)
    workers = thread_count(threads, len(numbers))
    width = lane_count(lanes, landscape.dimension, len(numbers) // workers)
    edges = [numbers.start + len(numbers) * k // workers for k in range(workers + 1)]
    done = np.zeros((workers, 2), np.int64)

    def work(k: int, stop: threading.Event) -> None:
        low, high = edges[k], edges[k + 1]
        block = new_block(landscape.dimension, rule.rows(), min(width, max(high - low, 1)), low, high)
        pace = Pace()
        while (block.queue[0] < high or block.queue[2] > 0) and not stop.is_set():
            with pace.slice() as chunks:
                run(landscape, noise, rule, where, end, block, chunks, numbers.start, steps, outcome)
            done[k] = block.queue[0] - low - block.queue[2], block.queue[3]
            if block.queue[0] == high and 0 < block.queue[2] <= len(block.t) // 2:
                block = narrow(block, int(block.queue[2]))
        alive = block.who >= 0
        steps[block.who[alive] - numbers.start] = np.minimum(block.t[alive], cap).astype(np.int64)

    began = time.perf_counter()

    def report() -> None:
        if progress is not None:
            progress(int(done[:, 0].sum()), len(numbers), int(done[:, 1].sum()))

    interrupted = run_threads(work, workers, report)
    return EscapeTimes(
        steps,
        outcome,
        cap,
        rule.time_step(),
        int(seed),
        numbers.start,
        time.perf_counter() - began,
        interrupted,
        truncation,
    )


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
    trajectories, seed, momentum, threads, lanes, progress
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
    from .cache import kernel
    from .kernels import fixed_horizon, moments, new_block

    landscape, noise, rule = _checked(landscape, noise, rule)
    horizon = _whole("steps", steps, 1)
    at = _recorded(record, horizon)
    numbers = _numbers(trajectories)
    if len(numbers) < 2:
        raise ValueError(f"trajectories={len(numbers)} must be at least 2: a variance needs two")
    start_at = vector("saddle", landscape.saddles()[0]) if origin is None else _origin(origin, landscape)
    _check_stable(landscape, rule, (start_at,))
    where = _start(landscape, noise, start_at, momentum, seed)
    curvatures, directions = _eigenbasis(landscape, start_at)
    run, add = kernel(fixed_horizon, landscape, noise, rule), kernel(moments)
    d, rows = landscape.dimension, rule.rows()
    kept = np.empty((len(numbers), len(at), d)) if keep_paths else None
    groups = [range(low, min(low + GROUP, numbers.stop)) for low in range(numbers.start, numbers.stop, GROUP)]
    workers = thread_count(threads, len(groups))
    width = lane_count(lanes, d, min(GROUP, len(numbers) // workers))
    total = _Moments.zero(len(at), d)
    broken = False  # an interrupted run counts the groups before the first that is missing
    done = np.zeros(2, np.int64)
    lock = threading.Lock()
    began = time.perf_counter()

    def one_group(group: range, stop: threading.Event) -> "_Moments | None":
        if kept is None:
            paths = np.empty((len(group), len(at), d))
        else:
            paths = kept[group.start - numbers.start : group.stop - numbers.start]
        for low in range(group.start, group.stop, width):
            block = new_block(d, rows, width, low, group.stop)
            pace = Pace()
            while block.queue[3] < horizon:
                if stop.is_set():
                    return None
                with pace.slice() as chunks:
                    until = min(int(block.queue[3]) + 2 * chunks, horizon)
                    run(landscape, noise, rule, where, block, until, at, group.start, paths)
            with lock:
                done[0] += min(width, group.stop - low)
                done[1] += min(width, group.stop - low) * horizon
        part = _Moments.zero(len(at), d)
        finite = add(paths, start_at, directions, part.mean, part.square, part.second, part.fourth)
        return part._replace(finite=finite, number=len(group))

    def report() -> None:
        if progress is not None:
            progress(int(done[0]), len(numbers), int(done[1]))

    def fold(part: "_Moments | None") -> None:
        nonlocal total, broken
        broken = broken or part is None
        if part is not None and not broken:
            total = total.plus(part)

    interrupted = run_in_order(one_group, groups, workers, fold, report)
    if total.finite < 2:
        raise ValueError(
            f"{total.finite} of {total.number} finished trajectories stayed finite, too few for a variance: "
            + ("the run was interrupted too early" if interrupted else "the rule diverges on this landscape")
        )
    return _spread(total, at, start_at, curvatures, directions, rule, noise, landscape)._replace(
        seed=int(seed),
        first=numbers.start,
        seconds=time.perf_counter() - began,
        interrupted=interrupted,
        paths=None if kept is None else kept[: total.number],
    )


def replay(rule: Any, gradients: npt.ArrayLike, start: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Apply a rule to given gradients, with no landscape and no noise.

    Parameters
    ----------
    rule
        The rule; a Langevin integrator, which asks for gradients of its own, is refused.
    gradients
        One gradient a step, (T, d).
    start
        theta before the first step, (d,).

    Returns
    -------
    ndarray
        theta before the first step and after each, (T + 1, d).

    Raises
    ------
    ValueError, TypeError
        Where the shapes do not fit.
    """
    from .cache import kernel
    from .kernels import replayed

    rule = rule.check()
    if hasattr(rule, "advance"):
        raise TypeError(f"{type(rule).__name__} evaluates the loss itself; replay needs a rule that is given gradients")
    theta = vector("start", start)
    given = np.array(gradients, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != len(theta):
        raise ValueError(f"gradients has shape {given.shape}; it must be (T, {len(theta)}), as start has {len(theta)}")
    path = np.empty((len(given) + 1, len(theta)))
    state = np.zeros((rule.rows(), len(theta), 1))
    kernel(replayed, rule)(rule, given[:, :, None].copy(), theta[:, None].copy(), state, np.ones((len(theta), 1)), path)
    return path


class _Moments(NamedTuple):
    """Sums over trajectories of powers of theta - origin."""

    mean: npt.NDArray[np.float64]
    square: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    fourth: npt.NDArray[np.float64]
    finite: int
    number: int

    @classmethod
    def zero(cls, records: int, d: int) -> "_Moments":
        return cls(
            np.zeros((records, d)), np.zeros((records, d, d)), np.zeros((records, d)), np.zeros((records, d)), 0, 0
        )

    def plus(self, other: "_Moments") -> "_Moments":
        return _Moments(
            self.mean + other.mean,
            self.square + other.square,
            self.second + other.second,
            self.fourth + other.fourth,
            self.finite + other.finite,
            self.number + other.number,
        )


def _spread(
    total: _Moments,
    at: npt.NDArray[np.int64],
    origin: Vector,
    curvatures: Vector,
    directions: Matrix,
    rule: Any,
    noise: Any,
    landscape: Any,
) -> SaddleSpread:
    n = total.finite
    shift = total.mean / n
    covariance = (total.square - n * shift[:, :, None] * shift[:, None, :]) / (n - 1)
    along = shift @ directions
    return SaddleSpread(
        steps=at,
        mean=shift + origin,
        covariance=covariance,
        variance=(total.second - n * along * along) / (n - 1),
        fourth=total.fourth / n,
        curvatures=curvatures,
        directions=directions,
        trajectories=n,
        diverged=total.number - n,
        gaussian=_is_gaussian(landscape, noise, rule),
        time_step=rule.time_step(),
        seed=0,
    )


def _is_gaussian(landscape: Any, noise: Any, rule: Any) -> bool:
    """Say whether theta stays exactly normal: a linear gradient, one noise everywhere, a rule without second moments."""
    own_noise = isinstance(noise, IsotropicNoise | ConstantNoise | HessianNoise)
    return isinstance(landscape, QuadraticSaddle) and own_noise and not hasattr(rule, "adapt")


def _checked(landscape: Any, noise: Any, rule: Any) -> tuple[Any, Any, Any]:
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    return landscape, noise.suited(landscape) if hasattr(noise, "suited") else noise, rule


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}={value!r} must be a whole number, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}={value} must be at least {least}")
    return int(value)


def _numbers(trajectories: Any) -> range:
    """Return the trajectory numbers of an ensemble."""
    if isinstance(trajectories, range):
        if trajectories.step != 1 or trajectories.start < 0 or len(trajectories) == 0:
            raise ValueError(f"trajectories={trajectories} must be a range of numbers from 0 up, one by one")
        return trajectories
    return range(_whole("trajectories", trajectories, 1))


def _origin(origin: npt.ArrayLike, landscape: Any) -> Vector:
    point = vector("origin", origin)
    if len(point) != landscape.dimension:
        raise ValueError(f"origin has {len(point)} coordinates; the landscape has {landscape.dimension}")
    return point


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


def _start(landscape: Any, noise: Any, origin: Vector, momentum: str, seed: Any) -> Any:
    from .kernels import Start

    if momentum not in ("rest", "thermal"):
        raise ValueError(f"momentum={momentum!r} must be 'rest' or 'thermal'")
    if not 0 <= _whole("seed", seed, 0) < 2**64:
        raise ValueError(f"seed={seed} must be below 2^64: it is a key of 64 bits")
    root = np.ascontiguousarray(noise_root_at(noise, landscape, origin)) if momentum == "thermal" else np.zeros((0, 0))
    return Start(np.ascontiguousarray(origin, np.float64), root, np.uint64(seed))


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


def _eigenbasis(landscape: Any, point: Vector) -> tuple[Vector, Matrix]:
    """Return eigenvalues and eigenvectors of the Hessian at a point; a quadratic saddle's in its own order."""
    if isinstance(landscape, QuadraticSaddle):
        rotation = landscape.rotation
        turned = rotation is not None and np.size(rotation) > 0
        return landscape.curvatures, np.ascontiguousarray(rotation if turned else np.eye(landscape.dimension))
    values, vectors = np.linalg.eigh(hessian_at(landscape, point))
    return values, np.ascontiguousarray(vectors)


def _check_stable(landscape: Any, rule: Any, points: Sequence[Vector | None]) -> None:
    """Refuse a rule whose noiseless iteration diverges at one of the points."""
    curvature = max(float(np.linalg.eigvalsh(hessian_at(landscape, p))[-1]) for p in points if p is not None)
    if not curvature > 0.0:
        return
    largest = max_time_step(rule, curvature)
    step = rule.time_step()
    if step > largest:
        name = "lr" if "lr" in rule._fields and "dt" not in rule._fields else "dt"
        others = ", ".join(f"{f}={v:g}" for f, v in rule._asdict().items() if f != name and isinstance(v, float))
        raise ValueError(
            f"{name}={step:g} is unstable on the curvature {curvature:g} of {type(landscape).__name__} "
            f"({others}): it must be at most {largest:g}"
        )


def _recorded(record: Any, steps: int) -> npt.NDArray[np.int64]:
    """Return the steps to record, rising."""
    if record is None or (not isinstance(record, bool) and isinstance(record, int | np.integer)):
        count = 20 if record is None else _whole("record", record, 1)
        return np.unique(np.rint(np.geomspace(1, steps, count)).astype(np.int64)) if count > 1 else np.array([steps])
    at = np.atleast_1d(np.asarray(record))
    if at.ndim != 1 or not np.issubdtype(at.dtype, np.integer) or len(at) == 0:
        raise TypeError(f"record={record!r} must be whole numbers of steps")
    if np.any(np.diff(at) <= 0) or at[0] < 0 or at[-1] > steps:
        raise ValueError(f"record={at.tolist()} must rise from 0 or more to at most steps={steps}")
    return at.astype(np.int64)
