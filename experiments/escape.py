"""Escape: how long a rule takes to leave a minimum."""

import threading
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .. import __version__
from ..landscapes.interface import Vector
from .configuration import Configuration
from .fields import plain

GRAIN = 1
"""Trajectories that a row of the raw results stands for."""


class EscapeRun(NamedTuple):
    """Escape times of an ensemble from a minimum, against every reference there is.

    Parameters
    ----------
    trajectories
        Number of trajectories N.
    seed
        Seed of the random streams, in [0, 2^64).
    exit
        Absorbing level along the escape direction; the far minimum if left out.
    max_steps
        Steps after which a trajectory is censored; 10^6 / d, but at least 10^4, if left out.
    left_truncation
        Steps at the start that are left out of the estimate.
    origin
        Where trajectories start, d numbers; the minimum if left out.
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

    trajectories: int = 4000
    seed: int = 0
    exit: float | None = None
    max_steps: int | None = None
    left_truncation: int = 0
    origin: Vector | None = None
    momentum: Literal["rest", "thermal"] = "rest"
    generator: Literal["xoshiro", "threefry"] = "xoshiro"
    normals: Literal["float64", "float32"] = "float64"
    threads: int | None = None
    lanes: int | None = None


class EscapeResult(NamedTuple):
    """An escape experiment and all that is said of it.

    Parameters
    ----------
    configuration
        All fields as plain values.
    landscape, noise, rule
        The checked objects.
    times
        EscapeTimes.
    references
        Name -> Reference.
    regime
        Dimensionless numbers that say where a closed form may be trusted.
    verdict
        Against the exact discrete reference.
    """

    configuration: dict[str, Any]
    landscape: Any
    noise: Any
    rule: Any
    times: Any
    references: dict[str, Any]
    regime: dict[str, float]
    verdict: Any

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return bool(self.times.interrupted)

    def arrays(self) -> dict[str, Any]:
        """Return the raw results for a record."""
        return {"steps": self.times.steps, "outcome": self.times.outcome}

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        times = self.times
        low, high = times.interval(0.95)
        return dict(
            plain(
                {
                    "rule": self.configuration["rule"]["name"],
                    "landscape": self.configuration["landscape"]["name"],
                    "noise": self.configuration["noise"]["name"],
                    "seed": times.seed,
                    "trajectories": times.trajectories,
                    "escaped": times.escaped,
                    "censored": times.censored,
                    "diverged": times.diverged,
                    "total_steps": times.total_steps,
                    "mean": times.mean,
                    "low": low,
                    "high": high,
                    "mean_steps": times.mean_steps,
                    "max_steps": times.max_steps,
                    "time_step": times.time_step,
                    "references": {name: _told(each, times.mean) for name, each in self.references.items()},
                    "regime": self.regime,
                    "verdict": self.verdict.outcome,
                    "verdict_detail": self.verdict.detail,
                    "interrupted": times.interrupted,
                    "seconds": times.seconds,
                    "version": __version__,
                    "digest": times.digest(),
                    "configuration": self.configuration,
                }
            )
        )


def escape_experiment(configuration: Configuration, progress: Any = None) -> EscapeResult:
    """Run an ensemble, compute the references and compare.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds or the parts do not fit one another.
    """
    from ..dynamics.escape_times import escape_times
    from ..theory.references import references
    from ..theory.regime_numbers import regime
    from .verdict import escape_verdict

    landscape, noise, rule = configuration.build()
    run = configuration.run
    setting = {"exit": run.exit, "origin": run.origin, "momentum": run.momentum}
    times = escape_times(
        landscape,
        noise,
        rule,
        trajectories=run.trajectories,
        seed=run.seed,
        max_steps=run.max_steps,
        left_truncation=run.left_truncation,
        generator=run.generator,
        normals=run.normals,
        threads=run.threads,
        lanes=run.lanes,
        progress=progress,
        **setting,
    )
    known = references(landscape, noise, rule, **setting)._asdict()
    exact = known["exact_discrete"]
    verdict = escape_verdict(times, exact.value, exact.reason, from_minimum=run.origin is None)
    described = configuration.described(landscape, noise, rule)
    numbers = regime(landscape, noise, rule, exit=run.exit, origin=run.origin)
    return EscapeResult(described, landscape, noise, rule, times, known, numbers, verdict)


def ensemble(landscape: Any, noise: Any, rule: Any, run: EscapeRun) -> Any:
    """Return the EscapeEnsemble of a run, checked; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in escape_experiment.
    """
    from ..dynamics.escape_times import escape_ensemble

    return escape_ensemble(
        landscape,
        noise,
        rule,
        seed=run.seed,
        exit=run.exit,
        max_steps=run.max_steps,
        origin=run.origin,
        momentum=run.momentum,
        left_truncation=run.left_truncation,
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
    from ..theory.references import references
    from .configuration import objects

    setting = {name: described["run"][name] for name in ("exit", "origin", "momentum")}
    known = references(*objects(described), **setting)._asdict()
    return dict(plain({name: _told(each) for name, each in known.items()}))


def raw_results(prepared: Any, numbers: range, stop: threading.Event | None) -> tuple[dict[str, Any], int] | None:
    """Return what these trajectories of an ensemble did, run on one thread, and the steps they lived.

    None where it was stopped before its end.
    """
    times = prepared.run(numbers, threads=1, stop=stop)
    return None if times.interrupted else ({"steps": times.steps, "outcome": times.outcome}, int(times.steps.sum()))


def assembled(prepared: Any, parts: Sequence[dict[str, Any]], seconds: float = 0.0) -> Any:
    """Return the EscapeTimes of trajectories from 0 on, from their raw results in order."""
    from ..dynamics.escape_times import EscapeTimes

    return EscapeTimes(
        np.concatenate([np.asarray(part["steps"], dtype=np.int64) for part in parts]),
        np.concatenate([np.asarray(part["outcome"], dtype=np.int8) for part in parts]),
        prepared.end.max_steps,
        prepared.rule.time_step(),
        int(prepared.start.seed),
        seconds=seconds,
        left_truncation=prepared.left_truncation,
    )


def precision(times: Any) -> float:
    """Return half of the 95 % interval of the mean over the mean; inf where nothing escaped."""
    low, high = times.interval(0.95)
    return (high - low) / (2.0 * times.mean) if times.escaped else float("inf")


def restored(manifest: dict[str, Any], arrays: dict[str, Any]) -> EscapeResult:
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
    from ..dynamics.escape_times import EscapeTimes
    from ..theory.reference import Reference
    from .configuration import objects
    from .verdict import escape_verdict

    described, told = manifest["configuration"], manifest["summary"]
    step = float(told["time_step"])
    times = EscapeTimes(
        np.asarray(arrays["steps"], dtype=np.int64),
        np.asarray(arrays["outcome"], dtype=np.int8),
        int(told["max_steps"]),
        step,
        int(told["seed"]),
        seconds=float(told["seconds"]),
        interrupted=bool(told["interrupted"]),
        left_truncation=int(described["run"]["left_truncation"]),
    )
    known = {
        name: Reference(each["value"], each.get("source", ""), each["reason"], each.get("error"), step)
        for name, each in told["references"].items()
    }
    exact = known["exact_discrete"]
    verdict = escape_verdict(times, exact.value, exact.reason, from_minimum=described["run"]["origin"] is None)
    regime = {name: float("nan") if value is None else float(value) for name, value in told["regime"].items()}
    return EscapeResult(described, *objects(described), times, known, regime, verdict)


def _told(reference: Any, measured: float | None = None) -> dict[str, Any]:
    if reference.value is None:
        return {"value": None, "reason": reference.reason}
    ratio = {} if measured is None else {"ratio": np.divide(measured, reference.value)}
    said = {"error": reference.error, "source": reference.source, "reason": reference.reason}
    return {"value": reference.value} | ratio | said
