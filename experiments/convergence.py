"""``saddlescape converge``: how fast gradients fade as the horizon grows, beside the bound of Theorem 4.

A run of T + 1 steps has the learning rate c0/(T + 1)^(1/2), and its number is min over t <= T of E|grad L(theta_t)|^2.
"""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..landscapes.interface import Vector
from .command import INTERRUPTED
from .fields import as_text, fields, plain
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .question import Output
from .refusals import InputError, deliberate_refusals, nearest, one_of
from .verification.setting import Known

Array = npt.NDArray[np.float64]
Interval: TypeAlias = Callable[[float], tuple[float, float]]
"""Level -> (low, high)."""

RULES = {
    "sgd": "No inertia.",
    "frozen": "Adai with its inertia frozen: heavy ball that averages, beta3 = 1 - beta1.",
    "adai": "Adai itself, whose inertia depends on the gradients it meets.",
}
RECORDS = 48
"""Steps at which |grad L|^2 is looked at, spaced evenly in their logarithm, and 0: their smallest mean is at least the
smallest of all."""
BATCH = 4096
"""Trajectories whose paths are held at once."""
FEWEST = 64


class ConvergeRun(NamedTuple):
    """How fast gradients fade as the horizon grows.

    Parameters
    ----------
    rules
        Some of sgd, frozen, adai with commas between.
    horizons
        T, rising; each is a run of its own.
    c0
        The learning rate of a run is c0/sqrt(T + 1).
    inertia
        mu of the frozen inertia.
    beta0
        Adai's 1 - mu where v_i is the mean.
    beta2
        Share of the mean square that Adai keeps each step.
    origin
        Where trajectories start, d numbers; slopes/curvatures if left out.
    trajectories
        Most trajectories of a run.
    budget
        Most trajectory-steps of a run: a long one has fewer trajectories, 64 at least.
    seed
        Seed of the random streams, in [0, 2^64).
    threads
        Threads; one a core if left out. No result depends on it.
    """

    rules: str = "sgd,frozen,adai"
    horizons: Any = (10, 100, 1000, 10_000, 100_000, 1_000_000)
    c0: float = 1.0
    inertia: float = 0.9
    beta0: float = 0.1
    beta2: float = 0.99
    origin: Vector | None = None
    trajectories: int = 8192
    budget: int = 100_000_000
    seed: int = 0
    threads: int | None = None


class Horizon(NamedTuple):
    """The smallest E|grad L|^2 of a run.

    The step is chosen on the first half of the trajectories and the mean taken on the second, so that the least of
    many noisy means is not taken for the least mean.

    Parameters
    ----------
    steps
        T.
    lr
        Learning rate.
    trajectories
        N, of both halves.
    record
        Steps that were looked at, (R,).
    mean_square
        E|grad L|^2 there, over all trajectories, (R,).
    chosen
        Index of the step with the smallest mean over the first half.
    value
        Mean over the second half there.
    spread
        Mean of its square, |grad L|^4, over the second half.
    """

    steps: int
    lr: float
    trajectories: int
    record: npt.NDArray[np.int64]
    mean_square: Array
    chosen: int
    value: float
    spread: float

    @property
    def step(self) -> int:
        """The chosen step."""
        return int(self.record[self.chosen])

    @property
    def error(self) -> float:
        """Standard error of ln value."""
        return math.sqrt(max(self.spread / self.value**2 - 1.0, 0.0) / (self.trajectories - self.trajectories // 2))

    def interval(self, level: float) -> tuple[float, float]:
        """Return low and high of the value; the logarithm of a mean of squares is nearer to normal than the mean."""
        from scipy.special import ndtri

        width = -float(ndtri(0.5 * (1.0 - level))) * self.error
        return self.value * math.exp(-width), self.value * math.exp(width)


class Exponent(NamedTuple):
    """p of value ~ T^-p: the least-squares line through (ln T, ln value), every horizon with the same weight.

    The weights are fixed beforehand, so that the interval is that of this line whether or not the decay is a power.
    Horizons are independent runs: deviations add as squares, each end of the interval from the ends that move it so.

    Parameters
    ----------
    value
        p.
    weights
        Of ln value at each horizon, (H,).
    horizons
        What it is fitted to.
    """

    value: float
    weights: Array
    horizons: tuple[Horizon, ...]

    def interval(self, level: float) -> tuple[float, float]:
        """Return low and high."""
        down = up = 0.0
        for weight, horizon in zip(self.weights, self.horizons, strict=True):
            low, high = (math.log(edge / horizon.value) for edge in horizon.interval(level))
            down += (weight * (low if weight > 0 else high)) ** 2
            up += (weight * (high if weight > 0 else low)) ** 2
        return self.value - math.sqrt(down), self.value + math.sqrt(up)


class Decay(NamedTuple):
    """What a rule did, horizon by horizon.

    Parameters
    ----------
    name
        One of RULES.
    rule
        The rule of the first horizon.
    horizons
        Measured, in the order of T.
    bounds
        ``theory.convergence.Bounds`` of each.
    exact
        ``verification.setting.Known``, E|grad L|^2 at each chosen step, exactly for the iteration.
    """

    name: str
    rule: Any
    horizons: tuple[Horizon, ...]
    bounds: tuple[Any, ...]
    exact: tuple[Known, ...]

    @property
    def exponent(self) -> Exponent | None:
        """The fitted exponent; None with fewer than two horizons."""
        return fitted(self.horizons) if len(self.horizons) > 1 else None


class Convergence(NamedTuple):
    """All that was measured.

    Parameters
    ----------
    configuration
        All fields as plain values.
    landscape, noise
        The checked objects.
    constants
        ``theory.convergence.Constants``.
    decays
        One for each rule.
    seconds, interrupted
        How it was run.
    """

    configuration: dict[str, Any]
    landscape: Any
    noise: Any
    constants: Any
    decays: tuple[Decay, ...]
    seconds: float
    interrupted: bool

    def digest(self) -> str:
        """Return the SHA-256 of the raw results."""
        raw = hashlib.sha256()
        for decay in self.decays:
            for horizon in decay.horizons:
                raw.update(horizon.record.tobytes() + horizon.mean_square.tobytes())
                raw.update(np.array([horizon.value, horizon.spread]).tobytes())
        return raw.hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        return dict(
            plain(
                {
                    "rules": {decay.name: _told(decay) for decay in self.decays},
                    "constants": self.constants._asdict() | {"gradient": self.constants.gradient},
                    "seed": self.configuration["run"]["seed"],
                    "interrupted": self.interrupted,
                    "seconds": self.seconds,
                    "version": __version__,
                    "digest": self.digest(),
                    "configuration": self.configuration,
                }
            )
        )


def converge(
    landscape: Any,
    noise: Any,
    rules: dict[str, Any],
    *,
    c0: float,
    horizons: Sequence[int],
    trajectories: int = 8192,
    budget: int = 100_000_000,
    origin: npt.ArrayLike,
    seed: int = 0,
    threads: int | None = None,
    told: Any = None,
    progress: Any = None,
) -> tuple[list[Decay], bool]:
    """Measure how the smallest E|grad L|^2 of a run falls with its horizon, and compute what is known of it.

    Parameters
    ----------
    landscape, noise
        What is run; each is checked first.
    rules
        Name -> rule; its lr is put in.
    c0
        The learning rate of a run is c0/sqrt(T + 1).
    horizons
        T, rising.
    trajectories, budget, origin, seed, threads
        As in ConvergeRun.
    told
        ``theory.convergence.Constants``; found where left out, which a landscape given as a text has to have.
    progress
        Called with (trajectory-steps done, in all, steps taken).

    Returns
    -------
    decays, interrupted
        One Decay a rule that has a horizon done, and whether Ctrl-C ended it early.
    """
    from ..theory.convergence import constants

    landscape, noise = landscape.check(), noise.check()
    rules = {name: rule.check() for name, rule in rules.items()}
    told = constants(landscape, noise, origin) if told is None else told
    planned = [(name, rule, T) for name, rule in rules.items() for T in horizons]
    sizes = {T: max(FEWEST, min(trajectories, budget // T)) for T in horizons}
    # Trajectories of their own for each horizon: one seed would give all horizons the same noise.
    first = dict(zip(horizons, np.cumsum([0, *sizes.values()])[:-1].tolist(), strict=True))
    total, done = sum(sizes[T] * T for _, _, T in planned), 0
    found: dict[str, list[Horizon]] = {name: [] for name in rules}
    interrupted = False
    for name, rule, T in planned:

        def report(steps: int, base: int = done) -> None:
            if progress is not None:
                progress(base + steps, total, base + steps)

        horizon = smallest_gradient(
            landscape,
            noise,
            rule._replace(lr=c0 / math.sqrt(T + 1.0)),
            steps=T,
            trajectories=range(first[T], first[T] + sizes[T]),
            origin=origin,
            seed=seed,
            threads=threads,
            report=report,
        )
        if horizon is None:
            interrupted = True
            break
        found[name].append(horizon)
        done += sizes[T] * T
    decays = [beside(name, rules[name], landscape, noise, told, origin, each) for name, each in found.items() if each]
    return decays, interrupted


def smallest_gradient(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    steps: int,
    trajectories: range,
    origin: npt.ArrayLike,
    seed: int = 0,
    threads: int | None = None,
    report: Callable[[int], None] | None = None,
) -> Horizon | None:
    """Return the smallest E|grad L|^2 of a run, or None where Ctrl-C ended it.

    Parameters
    ----------
    landscape, noise, rule
        What is run.
    steps
        T.
    trajectories
        Their numbers; the first half chooses the step.
    origin, seed, threads
        As in ConvergeRun.
    report
        Called with the trajectory-steps done.

    Raises
    ------
    ValueError, TypeError
        As in saddle_spread, and where a trajectory diverged.
    """
    from ..dynamics.evaluate import gradients
    from ..dynamics.saddle_spread import InterruptedEarlyError, saddle_spread

    record = np.unique(np.concatenate([[0], np.rint(np.geomspace(1, steps, RECORDS)).astype(np.int64)]))
    begin, number = trajectories.start, len(trajectories)
    sums = np.zeros((2, 2, len(record)))  # first and second half; |grad L|^2 and its square
    for side, (low, high) in enumerate(((begin, begin + number // 2), (begin + number // 2, trajectories.stop))):
        pieces = -(-(high - low) // BATCH)
        for k in range(pieces):
            batch = range(low + (high - low) * k // pieces, low + (high - low) * (k + 1) // pieces)
            try:
                spread = saddle_spread(
                    landscape,
                    noise,
                    rule,
                    steps=steps,
                    trajectories=batch,
                    seed=seed,
                    record=record,
                    origin=origin,
                    keep_paths=True,
                    threads=threads,
                    progress=None if report is None else _steps_of(report, batch.start - begin, steps),
                )
            except InterruptedEarlyError:
                return None
            if spread.interrupted:
                return None
            if spread.diverged:
                raise ValueError(f"{spread.diverged} of {len(batch)} trajectories diverged: E|grad L|^2 is infinite")
            theta = np.asarray(spread.paths).transpose(2, 0, 1).reshape(len(spread.curvatures), -1)
            square = np.sum(gradients(landscape, theta) ** 2, axis=0).reshape(len(batch), len(record))
            sums[side] += square.sum(axis=0), (square * square).sum(axis=0)
    chosen = int(np.argmin(sums[0, 0]))
    second = number - number // 2
    return Horizon(
        steps=steps,
        lr=rule.lr,
        trajectories=number,
        record=record,
        mean_square=sums[:, 0].sum(axis=0) / number,
        chosen=chosen,
        value=float(sums[1, 0, chosen]) / second,
        spread=float(sums[1, 1, chosen]) / second,
    )


def beside(
    name: str, rule: Any, landscape: Any, noise: Any, told: Any, origin: npt.ArrayLike, found: Sequence[Horizon]
) -> Decay:
    """Return what was measured beside its bounds and, where it can be had, the exact answer at the chosen steps."""
    from ..theory import convergence as theory

    limits: list[Any] = []
    exact: list[Known] = []
    for horizon in found:
        own = rule._replace(lr=horizon.lr).check()
        limits.append(theory.bounds(own, told, horizon.steps, landscape.dimension))
        try:
            known = theory.mean_square_gradient(landscape, noise, own, [horizon.step], origin)
            exact.append(Known(float(known.mean_square[0]), known.source, "", known.error))
        except (TypeError, ValueError) as problem:
            exact.append(Known(None, reason=str(problem)))
    return Decay(name, rule._replace(lr=found[0].lr), tuple(found), tuple(limits), tuple(exact))


def fitted(horizons: Sequence[Horizon]) -> Exponent:
    """Return the exponent of the decay."""
    weights = line_weights([horizon.steps for horizon in horizons])
    value = float(weights @ np.log([horizon.value for horizon in horizons]))
    return Exponent(value, weights, tuple(horizons))


def line_weights(steps: Sequence[int]) -> Array:
    """Return the weights of ln value in the exponent p of the least-squares line."""
    x = np.log(np.asarray(steps, dtype=np.float64))
    away = x - x.mean()
    return np.asarray(-away / (away @ away), dtype=np.float64)


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    from ..landscapes.isotropic_noise import IsotropicNoise
    from ..landscapes.pseudo_huber import PseudoHuber
    from .fields import summary

    sections = [
        Section("Run", "", fields(ConvergeRun)),
        Section("Landscape pseudo-huber", summary(PseudoHuber), fields(PseudoHuber)),
        Section("Noise isotropic", summary(IsotropicNoise), fields(IsotropicNoise)),
        Section("Output", "", fields(Output)),
    ]
    given = parse(f"saddlescape {name}", says, sections, tokens)
    if given is None:
        return 0
    output = filled(Output, given)
    check_output(output.out, output.plot)
    run = filled(ConvergeRun, given)
    with deliberate_refusals():
        landscape, noise = filled(PseudoHuber, given).check(), filled(IsotropicNoise, given).check()
        asked = checked(run, landscape)

    from .progress import progress

    with progress(quiet=output.quiet, of="trajectory-steps") as report, deliberate_refusals():
        result = experiment(asked, landscape, noise, progress=report)
    tell(result, "convergence_table", json=output.json)
    if result.decays and (output.out is not None or output.plot is not None):
        from .figures.convergence import data_of, draw

        numbers = None if output.out is None else Path(output.out) / "convergence.json"
        figures = [] if output.plot is None else [Path(output.plot)]
        write_files(result, numbers, notes(json=output.json), lambda each: draw(data_of(each)), figures)
    return INTERRUPTED if result.interrupted else 0


def checked(run: ConvergeRun, landscape: Any) -> ConvergeRun:
    """Return the run with whole numbers, the default origin put in and every bound kept.

    Raises
    ------
    ValueError, TypeError, InputError
        Where a field is out of bounds.
    """
    from ..dynamics.setting import starting_point
    from ..landscapes.checks import fraction, positive, whole

    words = [word.strip() for word in run.rules.split(",")]
    for word in words:
        if word not in RULES:
            raise InputError(f"--rules={run.rules}: there is no {word!r}{nearest(word, RULES, one_of(RULES))}")
    horizons = np.atleast_1d(np.asarray(run.horizons, dtype=np.float64))
    if horizons.ndim != 1 or np.any(horizons != np.round(horizons)) or np.any(np.diff(horizons, prepend=0.0) <= 0.0):
        raise ValueError(f"horizons={as_text(horizons)} must be whole numbers of steps that rise from 1 or more")
    start = landscape.slopes / landscape.curvatures if run.origin is None else run.origin
    return run._replace(
        rules=",".join(dict.fromkeys(words)),
        horizons=horizons.astype(np.int64),
        c0=positive("c0", run.c0, "a step must go down the gradient"),
        inertia=fraction("inertia", run.inertia, "the momentum must fade"),
        origin=starting_point(start, landscape),
        trajectories=whole("trajectories", run.trajectories, FEWEST, "half of them choose the step"),
        budget=whole("budget", run.budget, 1),
    )


def experiment(run: ConvergeRun, landscape: Any, noise: Any, progress: Any = None) -> Convergence:
    """Run a checked ConvergeRun on a checked landscape and noise."""
    from ..dynamics.adai import Adai
    from ..dynamics.momentum import Momentum
    from ..dynamics.sgd import SGD
    from ..theory.convergence import constants

    known = {
        "sgd": SGD(),
        "frozen": Momentum(beta1=run.inertia, beta3=1.0 - run.inertia),
        "adai": Adai(beta0=run.beta0, beta2=run.beta2),
    }
    began = time.perf_counter()
    decays, interrupted = converge(
        landscape,
        noise,
        {name: known[name] for name in run.rules.split(",")},
        c0=run.c0,
        horizons=[int(T) for T in run.horizons],
        trajectories=run.trajectories,
        budget=run.budget,
        origin=np.asarray(run.origin),
        seed=run.seed,
        threads=run.threads,
        progress=progress,
    )
    described = {
        "question": "converge",
        "landscape": {"name": "pseudo-huber", **landscape._asdict()},
        "noise": {"name": "isotropic", **noise._asdict()},
        "run": {name: value for name, value in run._asdict().items() if name != "threads"},
    }
    told = constants(landscape, noise, np.asarray(run.origin))
    seconds = time.perf_counter() - began
    return Convergence(dict(plain(described)), landscape, noise, told, tuple(decays), seconds, interrupted)


def _steps_of(report: Callable[[int], None], before: int, steps: int) -> Any:
    """Return an ensemble's report that tells trajectory-steps, those of the trajectories before it included."""
    return lambda done, total, taken: report((before + done) * steps)


def _told(decay: Decay) -> dict[str, Any]:
    exponent = decay.exponent
    low, high = (None, None) if exponent is None else exponent.interval(0.95)
    rows = []
    for horizon, limits, exact in zip(decay.horizons, decay.bounds, decay.exact, strict=True):
        least, most = horizon.interval(0.95)
        rows.append(
            {
                "steps": horizon.steps,
                "lr": horizon.lr,
                "trajectories": horizon.trajectories,
                "at": horizon.step,
                "mean_square_gradient": horizon.value,
                "low": least,
                "high": most,
                "closed_form": limits.closed_form._asdict(),
                "corrected": limits.corrected._asdict(),
                "exact_discrete": exact._asdict(),
                "regime": limits.regime,
                "record": horizon.record,
                "curve": horizon.mean_square,
            }
        )
    fit = None if exponent is None else {"value": exponent.value, "low": low, "high": high}
    return {"rule": type(decay.rule).__name__, "fields": decay.rule._asdict(), "exponent": fit, "horizons": rows}
