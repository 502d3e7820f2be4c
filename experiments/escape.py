"""Escape: how long a rule takes to leave a minimum."""

import math
import threading
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..landscapes.interface import Vector
from . import rare_escape
from .configuration import Configuration
from .escape_summary import reference_told, references_read, summary
from .fields import plain
from .rare_escape import RareEscapeResult

GRAIN = 1
"""Trajectories that a row of the raw results stands for."""


IDLE = {"direct": ("repetitions", "trials"), "splitting": ("trajectories", "left_truncation", "lanes")}
"""Method -> fields of a run that do nothing with it."""


class EscapeRun(NamedTuple):
    """Escape times of an ensemble from a minimum, against every reference there is.

    Parameters
    ----------
    method
        direct: every escape is lived through; splitting: the rate of rare ones as a product of chances that are not
        small; auto: splitting where the closed forms say that escapes are too rare for max_steps.
    trajectories
        Number of trajectories N of a direct run.
    repetitions
        Independent repetitions of a splitting, from whose scatter the interval comes.
    trials
        Trials a stage of each repetition of a splitting.
    seed
        Seed of the random streams, in [0, 2^64).
    exit
        Absorbing level along the escape direction; the far minimum if left out.
    max_steps
        Steps after which a trajectory is censored, or a trial given up; 10^6 / d, but at least 10^4, if left out.
    left_truncation
        Steps at the start of a direct run that are left out of the estimate.
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
        Trajectories of a direct run moved together. No result depends on it.
    """

    method: Literal["direct", "splitting", "auto"] = "direct"
    trajectories: int = 4000
    repetitions: int = 32
    trials: int = 4000
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

    def idle(self) -> dict[str, str]:
        """Return the fields that do nothing with this method, and why."""
        other = "splitting" if self.method == "direct" else "direct"
        return dict.fromkeys(IDLE.get(self.method, ()), f"does nothing with method={self.method}, only with {other}")


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
    because
        Why it was not split, where that was to be chosen.
    """

    configuration: dict[str, Any]
    landscape: Any
    noise: Any
    rule: Any
    times: Any
    references: dict[str, Any]
    regime: dict[str, float]
    verdict: Any
    because: str = ""

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
        own = {
            "trajectories": times.trajectories,
            "escaped": times.escaped,
            "censored": times.censored,
            "diverged": times.diverged,
            "max_steps": times.max_steps,
        }
        return summary(self, own)


def escape_experiment(configuration: Configuration, progress: Any = None) -> EscapeResult | RareEscapeResult:
    """Run an ensemble or a splitting, compute the references and compare.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds or the parts do not fit one another.
    KeyboardInterrupt
        Where Ctrl-C ended a splitting before it had anything to tell.
    """
    from ..theory.references import references
    from ..theory.regime_numbers import regime
    from .method import settled
    from .verdict import escape_verdict

    asked, because = settled(configuration)
    run = asked.run
    landscape, noise, rule = asked.build()
    prepared = ensemble(landscape, noise, rule, run)
    if run.method == "splitting":
        times = rare_escape.run(prepared, run, progress)
    else:
        times = prepared.run(run.trajectories, threads=run.threads, lanes=run.lanes, progress=progress)
    known = references(landscape, noise, rule, exit=run.exit, origin=run.origin, momentum=run.momentum)._asdict()
    exact = known["exact_discrete"]
    verdict = escape_verdict(times, exact.value, exact.reason, from_minimum=run.origin is None)
    numbers = regime(landscape, noise, rule, exit=run.exit, origin=run.origin)
    described = asked.described(landscape, noise, rule)
    make = RareEscapeResult if run.method == "splitting" else EscapeResult
    return make(described, landscape, noise, rule, times, known, numbers, verdict, because)


def counted(configuration: Configuration) -> str:
    """Return what the progress of a configuration counts; raises as ``escape_experiment``."""
    from .method import settled

    return "trials" if settled(configuration)[0].run.method == "splitting" else "trajectories"


def ensemble(landscape: Any, noise: Any, rule: Any, run: EscapeRun) -> Any:
    """Return the EscapeEnsemble of a run, or its RareEnsemble where it is split, checked; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in escape_experiment.
    """
    from .method import chosen_method

    if chosen_method(landscape, noise, rule, run).method == "direct":
        return direct_ensemble(landscape, noise, rule, run)
    from ..dynamics.rare_escapes import rare_ensemble

    return rare_ensemble(landscape, noise, rule, trials=run.trials, **_alike(run))


def direct_ensemble(landscape: Any, noise: Any, rule: Any, run: EscapeRun) -> Any:
    """Return the EscapeEnsemble of a run, whatever its method; raises as ``ensemble``."""
    from ..dynamics.escape_times import escape_ensemble

    return escape_ensemble(landscape, noise, rule, left_truncation=run.left_truncation, **_alike(run))


def _alike(run: EscapeRun) -> dict[str, Any]:
    """Return what both methods are given."""
    names = ("seed", "exit", "max_steps", "origin", "momentum", "generator", "normals")
    return {name: getattr(run, name) for name in names}


def amount(run: EscapeRun) -> str:
    """Return which field of a run, its method settled, says how much is run."""
    return "repetitions" if run.method == "splitting" else "trajectories"


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
    return dict(plain({name: reference_told(each) for name, each in known.items()}))


def raw_results(prepared: Any, numbers: range, stop: threading.Event | None) -> tuple[dict[str, Any], int] | None:
    """Return what these trajectories or repetitions of an ensemble did, run on one thread, and the steps they lived.

    Every array has a row for each. None where it was stopped before its end.
    """
    if rare_escape.is_split(prepared):
        return rare_escape.raw_results(prepared, numbers, stop)
    times = prepared.run(numbers, threads=1, stop=stop)
    return None if times.interrupted else ({"steps": times.steps, "outcome": times.outcome}, int(times.steps.sum()))


def assembled(prepared: Any, parts: Sequence[dict[str, Any]], seconds: float = 0.0) -> Any:
    """Return the EscapeTimes of trajectories, or the RareEscapes of repetitions, from 0 on, from their raw results.

    Parameters
    ----------
    prepared
        Their ensemble.
    parts
        Raw results, in order.
    seconds
        How long they took.
    """
    from ..dynamics.escape_times import EscapeTimes

    if rare_escape.is_split(prepared):
        return rare_escape.assembled(prepared, parts, seconds)
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
    return (high - low) / (2.0 * times.mean) if math.isfinite(times.mean) else float("inf")


def restored(manifest: dict[str, Any], arrays: dict[str, Any]) -> EscapeResult | RareEscapeResult:
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
    from .configuration import objects
    from .verdict import escape_verdict

    described, told = manifest["configuration"], manifest["summary"]
    split = described["run"].get("method") == "splitting"
    step = float(told["time_step"])
    alike: dict[str, Any] = {
        "time_step": step,
        "seed": int(told["seed"]),
        "seconds": float(told["seconds"]),
        "interrupted": bool(told["interrupted"]),
    }
    times: Any
    if split:
        trials, exit = int(described["run"]["trials"]), float(told["levels"][-1])
        times = rare_escape.from_rows(arrays, exit=exit, trials=trials, **alike)
    else:
        times = EscapeTimes(
            np.asarray(arrays["steps"], dtype=np.int64),
            np.asarray(arrays["outcome"], dtype=np.int8),
            int(told["max_steps"]),
            left_truncation=int(described["run"]["left_truncation"]),
            **alike,
        )
    known = references_read(told["references"], step)
    exact = known["exact_discrete"]
    verdict = escape_verdict(times, exact.value, exact.reason, from_minimum=described["run"]["origin"] is None)
    regime = {name: float("nan") if value is None else float(value) for name, value in told["regime"].items()}
    make = RareEscapeResult if split else EscapeResult
    because = told.get("method_chosen_because") or ""
    return make(described, *objects(described), times, known, regime, verdict, because)
