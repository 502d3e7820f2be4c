"""Spreading: how fast a rule leaves a saddle along each direction."""

import threading
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .. import __version__
from ..landscapes.interface import Vector
from .configuration import Configuration
from .fields import plain

ARRAYS = ("steps", "mean", "covariance", "variance", "fourth", "curvatures", "directions")
"""What of a SaddleSpread a record keeps as arrays."""

GRAIN = 1024
"""Trajectories that a row of the raw results stands for: those whose moments the ensemble adds up together."""


class SaddleRun(NamedTuple):
    """Spreading of an ensemble from a saddle, direction by direction, against every reference there is.

    Parameters
    ----------
    steps
        Number of steps T.
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    record
        The steps to record, or how many of them, spaced evenly in their logarithm; 20 if left out.
    origin
        Where trajectories start, d numbers; the landscape's first saddle if left out.
    momentum
        Momentum at the start: at rest, or thermal, drawn from what it is in the long run on a flat loss.
    generator
        Generator of the random streams: xoshiro256++, or threefry (counter-based, slower) to check a result with.
    normals
        Precision of the noise: float32 is quicker, each normal off by up to 2e-6 and none beyond 6.8.
    threads
        Threads; one a core if left out. No result depends on it.
    lanes
        Trajectories moved together. No result depends on it.
    """

    steps: int = 100
    trajectories: int = 20_000
    seed: int = 0
    record: int | Vector | None = None
    origin: Vector | None = None
    momentum: Literal["rest", "thermal"] = "rest"
    generator: Literal["xoshiro", "threefry"] = "xoshiro"
    normals: Literal["float64", "float32"] = "float64"
    threads: int | None = None
    lanes: int | None = None


class Prediction(NamedTuple):
    """One prediction of the variances.

    Parameters
    ----------
    value
        Variance along each eigen-direction at the recorded steps, (R, d), or None.
    source
        Where it comes from.
    reason
        Why there is none, or where it is valid.
    """

    value: Any
    source: str
    reason: str


class SaddleResult(NamedTuple):
    """A spreading experiment and all that is said of it.

    Parameters
    ----------
    configuration
        All fields as plain values.
    landscape, noise, rule
        The checked objects.
    spread
        SaddleSpread.
    references
        Name -> Prediction.
    regime
        Dimensionless numbers that say where a closed form may be trusted.
    verdict
        Against the exact discrete reference.
    """

    configuration: dict[str, Any]
    landscape: Any
    noise: Any
    rule: Any
    spread: Any
    references: dict[str, Any]
    regime: dict[str, float]
    verdict: Any

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return bool(self.spread.interrupted)

    def arrays(self) -> dict[str, Any]:
        """Return the raw results for a record."""
        return {name: getattr(self.spread, name) for name in ARRAYS}

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        spread = self.spread
        low, high = spread.interval(0.95)
        return dict(
            plain(
                {
                    "rule": self.configuration["rule"]["name"],
                    "landscape": self.configuration["landscape"]["name"],
                    "noise": self.configuration["noise"]["name"],
                    "seed": spread.seed,
                    "trajectories": spread.trajectories,
                    "diverged": spread.diverged,
                    "steps": spread.steps,
                    "time": spread.time,
                    "time_step": spread.time_step,
                    "curvatures": spread.curvatures,
                    "directions": spread.directions,
                    "mean": spread.mean,
                    "covariance": spread.covariance,
                    "variance": spread.variance,
                    "low": low,
                    "high": high,
                    "references": {name: _told(each) for name, each in self.references.items()},
                    "regime": self.regime,
                    "verdict": self.verdict.outcome,
                    "verdict_detail": self.verdict.detail,
                    "interrupted": spread.interrupted,
                    "seconds": spread.seconds,
                    "version": __version__,
                    "digest": spread.digest(),
                    "configuration": self.configuration,
                }
            )
        )


def saddle_experiment(configuration: Configuration, progress: Any = None) -> SaddleResult:
    """Run an ensemble, compute the references and compare.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds or the parts do not fit one another.
    """
    from ..dynamics.saddle_spread import saddle_spread
    from ..theory.regime_numbers import spread_regime
    from ..theory.spread_references import spread_references
    from .verdict import spread_verdict

    landscape, noise, rule = configuration.build()
    run = configuration.run
    spread = saddle_spread(
        landscape,
        noise,
        rule,
        steps=run.steps,
        trajectories=run.trajectories,
        seed=run.seed,
        record=_whole_steps(run.record),
        origin=run.origin,
        momentum=run.momentum,
        generator=run.generator,
        normals=run.normals,
        threads=run.threads,
        lanes=run.lanes,
        progress=progress,
    )
    told = spread_references(landscape, noise, rule, spread.steps, run.momentum, run.origin)
    known = {
        name: Prediction(value, told.sources.get(name, ""), told.reasons.get(name, ""))
        for name, value in told.variances().items()
    }
    exact = known["exact_discrete"]
    # The recursion is of a quadratic loss with one noise everywhere; elsewhere it is an approximation, and no test.
    verdict = spread_verdict(spread, exact.value if spread.gaussian else None, exact.reason)
    numbers = spread_regime(landscape, noise, rule, run.steps, run.origin)
    described = configuration.described(landscape, noise, rule)
    return SaddleResult(described, landscape, noise, rule, spread, known, numbers, verdict)


def ensemble(landscape: Any, noise: Any, rule: Any, run: SaddleRun) -> Any:
    """Return the SpreadEnsemble of a run, checked; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in saddle_experiment.
    """
    from ..dynamics.saddle_spread import spread_ensemble

    if run.trajectories < 2:
        raise ValueError(f"trajectories={run.trajectories} must be at least 2: a variance needs two")
    return spread_ensemble(
        landscape,
        noise,
        rule,
        steps=run.steps,
        seed=run.seed,
        record=_whole_steps(run.record),
        origin=run.origin,
        momentum=run.momentum,
        generator=run.generator,
        normals=run.normals,
    )


def solved(described: dict[str, Any]) -> dict[str, Any]:
    """Return every reference of a described configuration, the exact ones solved, as plain values.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds.
    """
    from ..theory.spread_references import spread_references
    from .configuration import objects

    run = described["run"]
    parts = objects(described)
    at = ensemble(*parts, SaddleRun(**run)).at
    told = spread_references(*parts, at, run["momentum"], run["origin"])
    known = told.variances()
    return dict(
        plain(
            {
                name: _told(Prediction(value, told.sources.get(name, ""), told.reasons.get(name, "")))
                for name, value in known.items()
            }
        )
    )


def raw_results(prepared: Any, numbers: range, stop: threading.Event | None) -> tuple[dict[str, Any], int] | None:
    """Return the sums of each group of these trajectories, (groups, ...), run on one thread, and the steps they lived.

    Groups are added up in order only when the whole is assembled: the sum has then the bits of an undivided run. None
    where it was stopped before its end.
    """
    groups: list[Any] = []
    _, stopped = prepared.run(numbers, lambda group: groups.append(group.moments), threads=1, stop=stop)
    if stopped:
        return None
    arrays = {name: np.stack([np.asarray(getattr(group, name)) for group in groups]) for name in groups[0]._fields}
    return arrays, len(numbers) * prepared.horizon


def assembled(prepared: Any, parts: Sequence[dict[str, Any]], seconds: float = 0.0) -> Any:
    """Return the SaddleSpread of trajectories from 0 on, from the sums of their groups in order.

    None where fewer than two of them stayed finite: the rule diverges.
    """
    from ..dynamics.saddle_spread import Moments

    total = Moments.zero(len(prepared.at), prepared.landscape.dimension)
    for part in parts:
        for k in range(len(part["number"])):
            sums = {name: part[name][k] for name in ("mean", "square", "second", "fourth")}
            total = total.plus(Moments(**sums, finite=int(part["finite"][k]), number=int(part["number"][k])))
    return prepared.spread(total)._replace(seconds=seconds) if total.finite > 1 else None


def precision(spread: Any) -> float:
    """Return half of the 95 % interval of a variance over the variance, the largest of all directions and steps."""
    low, high = spread.interval(0.95)
    moved = spread.variance > 0.0
    return float(np.max((high - low)[moved] / (2.0 * spread.variance[moved]), initial=0.0))


def restored(manifest: dict[str, Any], arrays: dict[str, Any]) -> SaddleResult:
    """Return the result that a record holds, its verdict taken anew from the raw results.

    Parameters
    ----------
    manifest, arrays
        As in Record.

    Raises
    ------
    KeyError, ValueError, TypeError
        Where something is missing or out of bounds.
    """
    from ..dynamics.saddle_spread import SaddleSpread, is_gaussian
    from .configuration import objects
    from .verdict import spread_verdict

    described, told = manifest["configuration"], manifest["summary"]
    landscape, noise, rule = objects(described)
    spread = SaddleSpread(
        **{name: np.asarray(arrays[name]) for name in ARRAYS},  # type: ignore[arg-type]
        trajectories=int(told["trajectories"]),
        diverged=int(told["diverged"]),
        gaussian=is_gaussian(landscape, noise, rule),
        time_step=float(told["time_step"]),
        seed=int(told["seed"]),
        seconds=float(told["seconds"]),
        interrupted=bool(told["interrupted"]),
    )
    known = {}
    for name, each in told["references"].items():
        value = None if each["value"] is None else np.asarray(each["value"], dtype=np.float64)
        known[name] = Prediction(value, each.get("source", ""), each["reason"])
    exact = known["exact_discrete"]
    verdict = spread_verdict(spread, exact.value if spread.gaussian else None, exact.reason)
    regime = {name: float("nan") if value is None else float(value) for name, value in told["regime"].items()}
    return SaddleResult(described, landscape, noise, rule, spread, known, regime, verdict)


def _whole_steps(record: Any) -> Any:
    if record is None or np.ndim(record) == 0:
        return record
    if np.any(record != np.round(record)):
        raise ValueError("record must be whole numbers of steps")
    return np.asarray(record, dtype=np.int64)


def _told(each: Prediction) -> dict[str, Any]:
    if each.value is None:
        return {"value": None, "reason": each.reason}
    return {"value": each.value, "source": each.source, "reason": each.reason}
