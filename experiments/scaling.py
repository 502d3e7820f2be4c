"""How cost grows: with trajectories, dimension, steps and threads.

Every number compares calls of one run on one machine, in interleaved rounds; none is a verdict. What is measured is the
CPU time of a call on one thread, less that of the same call with next to nothing to do, so that setting up (checks,
threads, moments) is told apart from the steps. It is measured in a process of its own, where nothing else is at work.
"""

import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..dynamics.work import thread_count
from .choices import ROOT
from .command import INTERRUPTED
from .fields import fields, plain
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .refusals import InputError, nearest, one_of
from .scaling_sweeps import SWEEPS, Sweep, Task
from .scaling_worker import Sample, Worker, memory_peak

Spread = tuple[float, float, float]
"""Median, lowest and highest over rounds."""


class ScalingRun(NamedTuple):
    """How cost grows with trajectories, dimension, steps and threads, measured here and now.

    Parameters
    ----------
    sweeps
        Which of trajectories, dimension, steps and threads.
    rounds
        Rounds over all points of a sweep; medians are told, with the lowest and the highest.
    quick
        Fewer and smaller points: a look, not a measurement.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    sweeps: str = "trajectories,dimension,steps,threads"
    rounds: int = 3
    quick: bool = False
    seed: int = 0


class Output(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for scaling.json, scaling.png and scaling.pdf; those of an earlier run are replaced.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    out: str | None = None
    quiet: bool = False


class Point(NamedTuple):
    """All that was measured of one point.

    Parameters
    ----------
    series, x
        As in Task.
    samples
        One a round.
    peak_bytes
        Most memory that a process held that made this call alone, or None.
    """

    series: str
    x: int
    samples: tuple[Sample, ...]
    peak_bytes: int | None = None

    @property
    def cpu_ns(self) -> Spread:
        """CPU time per unit of useful work (ns)."""
        return spread_of([1e9 * sample.cpu / sample.units for sample in self.samples])

    @property
    def wall_ns(self) -> Spread:
        """Wall time per unit of useful work (ns)."""
        return spread_of([1e9 * sample.wall / sample.units for sample in self.samples])

    @property
    def wall_seconds(self) -> Spread:
        """Wall time of a call (s)."""
        return spread_of([sample.wall for sample in self.samples])

    @property
    def idle_seconds(self) -> Spread:
        """CPU time of the same call with next to nothing to do (s)."""
        return spread_of([sample.idle for sample in self.samples])

    @property
    def cores(self) -> float:
        """CPU time per wall time: how many cores the machine really gave."""
        return float(np.median([sample.cpu / sample.wall for sample in self.samples]))


class Fit(NamedTuple):
    """Power law, cost = constant x^exponent, by least squares of the logarithms.

    Parameters
    ----------
    exponent, low, high
        Slope and its 95 % interval by Student's t, from how the points scatter about the line.
    points
        How many were fitted.
    first, last
        Range of x that was fitted.
    """

    exponent: float
    low: float
    high: float
    points: int
    first: float
    last: float


class Growth(NamedTuple):
    """What one sweep found.

    Parameters
    ----------
    sweep
        What was asked.
    points
        Measured points, in the order of x.
    """

    sweep: Sweep
    points: tuple[Point, ...]

    @property
    def series(self) -> dict[str, list[Point]]:
        """Points by curve."""
        curves: dict[str, list[Point]] = {}
        for point in self.points:
            curves.setdefault(point.series, []).append(point)
        return curves

    def fit(self, series: str) -> Fit | None:
        """Return the power law of the CPU time of all work in x, or None where fewer than three points carry one."""
        if self.sweep.fit_from is None:
            return None
        kept = [point for point in self.series[series] if point.x >= self.sweep.fit_from and point.cpu_ns[0] > 0.0]
        # The work itself is in proportion to x, but for chance.
        return power_law([point.x for point in kept], [point.x * point.cpu_ns[0] for point in kept])

    def speed_up(self, point: Point) -> Spread:
        """Return how much faster a point is than one thread, wall against wall in the same round."""
        one = next(each for each in self.series[point.series] if each.x == 1)
        return spread_of([a.wall / b.wall for a, b in zip(one.samples, point.samples, strict=False)])

    def bytes_per_trajectory(self) -> float | None:
        """Return by how much the peak of memory grows from the first point to the last, a trajectory."""
        known = [(point.x, point.peak_bytes) for point in self.points if point.peak_bytes is not None]
        if len(known) < 2:
            return None
        (first, low), (last, high) = known[0], known[-1]
        return (high - low) / (last - first)


class ScalingResult(NamedTuple):
    """All sweeps of a run.

    Parameters
    ----------
    run
        What was asked.
    sweeps
        Name -> what it found; only those with a point.
    seconds
        Wall time of everything.
    interrupted
        Whether Ctrl-C ended it early.
    """

    run: ScalingRun
    sweeps: dict[str, Growth]
    seconds: float
    interrupted: bool

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is not known is null."""
        return dict(
            plain(
                {
                    "version": __version__,
                    "seed": self.run.seed,
                    "rounds": self.run.rounds,
                    "quick": self.run.quick,
                    "interrupted": self.interrupted,
                    "seconds": self.seconds,
                    "machine": machine(),
                    "sweeps": {name: _told(name, growth) for name, growth in self.sweeps.items()},
                }
            )
        )


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command in full, ``bench scaling``.
    says
        What it asks.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    sections = [Section("Run", "", fields(ScalingRun)), Section("Output", "", fields(Output))]
    given = parse(f"{ROOT} {name}", says, sections, tokens)
    if given is None:
        return 0
    run = filled(ScalingRun, given)
    output = filled(Output, given)
    chosen = _checked(run)
    check_output(output.out)

    from .progress import progress

    with progress(quiet=output.quiet, of="measurements") as report:
        result = scaling(run, chosen, report)
    tell(result, "scaling_page", json=output.json)
    if output.out is not None and result.sweeps:
        from .figures.scaling import draw

        stem = Path(output.out) / "scaling"
        figures = [stem.with_suffix(".png"), stem.with_suffix(".pdf")]
        write_files(result, stem.with_suffix(".json"), notes(json=output.json), draw, figures)
    return INTERRUPTED if result.interrupted else 0


def scaling(
    run: ScalingRun, chosen: Sequence[str], report: Callable[[int, int, int], None] | None = None
) -> ScalingResult:
    """Measure the chosen sweeps; Ctrl-C ends it with what is measured by then.

    Parameters
    ----------
    run
        How.
    chosen
        Names of sweeps.
    report
        Called with (measurements made, measurements in all, units of work done).

    Raises
    ------
    RuntimeError
        Where the number of threads changed a result.
    """
    began = time.perf_counter()
    tasks = {name: SWEEPS[name].tasks(run.quick, run.seed) for name in chosen}
    total = sum(len(each) * run.rounds + sum(task.memory for task in each) for each in tasks.values())
    made, work = 0, 0.0

    def tell(units: float) -> None:
        nonlocal made, work
        made, work = made + 1, work + units
        if report is not None:
            report(made, total, int(work))

    if report is not None:
        report(0, total, 0)
    found: dict[str, Growth] = {}
    interrupted = False
    with Worker(run.quick, run.seed) as worker:
        for name, asked in tasks.items():
            points, interrupted = measure(asked, run, partial(worker.sample, name), tell)
            if points:
                found[name] = Growth(SWEEPS[name], tuple(points))
            if name == "threads":
                assert_same_digest(points)
            if interrupted:
                break
    return ScalingResult(run, found, time.perf_counter() - began, interrupted)


def measure(
    tasks: Sequence[Task], run: ScalingRun, sample: Callable[[int], Sample], tell: Callable[[float], None]
) -> tuple[list[Point], bool]:
    """Measure every task in interleaved rounds; return the points and whether Ctrl-C came between.

    Every other round goes backwards, so that a drift of the machine tilts no curve.
    """
    samples: list[list[Sample]] = [[] for _ in tasks]
    peaks: list[int | None] = [None for _ in tasks]
    interrupted = False
    try:
        for k in range(run.rounds):
            for i in range(len(tasks)) if k % 2 == 0 else reversed(range(len(tasks))):
                samples[i].append(sample(i))
                tell(samples[i][-1].units)
        for i, task in enumerate(tasks):
            if task.memory:
                peaks[i] = memory_peak(task.x, run.seed)
                tell(0.0)
    except KeyboardInterrupt:
        interrupted = True
    points = [
        Point(task.series, task.x, tuple(measured), peak)
        for task, measured, peak in zip(tasks, samples, peaks, strict=True)
        if measured
    ]
    return points, interrupted


def assert_same_digest(points: Sequence[Point]) -> None:
    """Raise RuntimeError where two points of one series, or two rounds, have different results."""
    for series in {point.series for point in points}:
        threads_by_digest = {
            each.digest: point.x for point in points if point.series == series for each in point.samples
        }
        if len(threads_by_digest) > 1:
            first, second, *_ = sorted(threads_by_digest.values())
            raise RuntimeError(f"{series}: the results of {first} and {second} threads are not the same")


def power_law(x: Sequence[float], cost: Sequence[float]) -> Fit | None:
    """Fit cost = constant x^exponent to three points or more; None where there are fewer.

    Parameters
    ----------
    x, cost
        Positive numbers.
    """
    if len(x) < 3:
        return None
    from scipy.special import stdtrit

    u, v = np.log(np.asarray(x, dtype=np.float64)), np.log(np.asarray(cost, dtype=np.float64))
    across = float(np.sum((u - u.mean()) ** 2))
    slope = float(np.sum((u - u.mean()) * (v - v.mean()))) / across
    rest = v - v.mean() - slope * (u - u.mean())
    error = float(np.sqrt(np.sum(rest**2) / (len(u) - 2) / across))
    half = float(stdtrit(len(u) - 2, 0.975)) * error
    return Fit(slope, slope - half, slope + half, len(u), float(min(x)), float(max(x)))


def spread_of(values: Sequence[float]) -> Spread:
    """Return median, lowest and highest."""
    return float(np.median(values)), float(min(values)), float(max(values))


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        "cores": thread_count(None, 2**31),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        **{package: version_of(package) for package in ("numpy", "numba", "llvmlite")},
    }


def _told(name: str, growth: Growth) -> dict[str, Any]:
    told: dict[str, Any] = {"says": growth.sweep.says, "unit": growth.sweep.unit, "series": {}}
    for series, points in growth.series.items():
        told["series"][series] = {"points": [_told_point(name, growth, point) for point in points]}
        if growth.sweep.fit_from is not None:
            fit = growth.fit(series)
            told["series"][series]["exponent"] = None if fit is None else fit._asdict()
    if name == "trajectories":
        told["bytes_per_trajectory"] = growth.bytes_per_trajectory()
    if name == "threads":
        told["same_digest"] = all(
            len({sample.digest for point in each for sample in point.samples}) == 1 for each in growth.series.values()
        )
    return told


def _told_point(name: str, growth: Growth, point: Point) -> dict[str, Any]:
    told: dict[str, Any] = {
        name: point.x,
        "units": point.samples[0].units,
        "cpu_ns": _as_dict(point.cpu_ns),
        "wall_ns": _as_dict(point.wall_ns),
        "digest": point.samples[0].digest,
        "samples": [{"cpu": each.cpu, "wall": each.wall, "idle": each.idle} for each in point.samples],
    }
    if name == "threads":
        told |= {"wall_seconds": _as_dict(point.wall_seconds), "speed_up": _as_dict(growth.speed_up(point))}
        return told | {"cores_given": point.cores}
    told["idle_seconds"] = _as_dict(point.idle_seconds)
    if name == "trajectories":
        told |= {"useful_share": point.samples[0].useful_share, "peak_bytes": point.peak_bytes}
    return told


def _as_dict(spread: Spread) -> dict[str, float]:
    return dict(zip(("median", "low", "high"), spread, strict=True))


def _checked(run: ScalingRun) -> list[str]:
    """Return the names of the chosen sweeps in our order."""
    names = [each.strip() for each in run.sweeps.split(",")]
    for each in names:
        if each not in SWEEPS:
            raise InputError(
                f"--sweeps={run.sweeps}: there is no sweep {each!r}{nearest(each, SWEEPS, one_of(SWEEPS))}"
            )
    if run.rounds < 1:
        raise InputError(f"--rounds={run.rounds} must be at least 1")
    if not 0 <= run.seed < 2**64:
        raise InputError(f"--seed={run.seed} must lie in [0, 2^64): it is a key of 64 bits")
    return [each for each in SWEEPS if each in names]
