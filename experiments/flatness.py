"""Flatness selection: how escape slows with the flatness of a minimum, L_k(theta) = L(sqrt(k) theta).

The barrier stays and every curvature is multiplied by the sharpness k, the noise C = [H]^+ / B with it. The statement:
ln(tau / Pi_k) = A k^-p with p = 1 for SGD, heavy ball and Adai and p = 1/2 for Adam; Pi_k ~ k^-p (root_k + 1) / 2.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..landscapes.interface import Vector
from .fields import plain
from .power_fit import LEAST, LineFit, PowerFit, fit_line, fit_power

Array = npt.NDArray[np.float64]
Report = Callable[[int, int, int], None]

POINTS = 8
"""Sharpnesses of a rule where none are given."""
MOST_MORE = 10
"""A sharp minimum gets at most this many times the trajectories of the flattest."""
MOST_STEPS = 10**8
"""``auto`` takes splitting where the direct run of a sharpness would take more steps than these."""
PATIENCE = 100.0
"""A trajectory is censored after this many times the predicted mean."""
ROUNDING = 1e-9
"""Change of ln(Pi_k) with k below which two prefactors are one."""
IDENTICAL = 500
"""Trajectories on which the rescaling is tried."""


class Choice(NamedTuple):
    """What is measured of a rule where nothing else is asked for.

    Parameters
    ----------
    exponent
        p of the statement.
    lr
        Learning rate.
    climb
        A: barrier over temperature at k = 1.
    highest
        Largest k: the climb falls to a quarter, with Adam to a third.
    """

    exponent: float
    lr: float
    climb: float
    highest: float


CHOICES = {
    "sgd": Choice(1.0, 0.1, 10.0, 4.0),
    "momentum": Choice(1.0, 0.1, 10.0, 4.0),
    "adai": Choice(1.0, 0.1, 10.0, 4.0),
    "adam": Choice(0.5, 0.05, 8.0, 8.0),
}


class FlatnessRun(NamedTuple):
    """Escape times against sharpness, and the exponents of their law.

    Parameters
    ----------
    curvature_min
        Curvature along the escape direction at the minimum, at k = 1.
    curvature_saddle
        Its magnitude at the saddle, at k = 1.
    barrier
        Height of the saddle above the minimum (loss), the same for every k.
    transverse
        Curvatures across the way at k = 1, (d - 1,); d of 4 and more lets Adai be itself.
    sharpness
        The values of k; 8 from 1 to 4, with Adam to 8, if left out.
    climb
        Barrier over temperature at k = 1, which sets B; 10, with Adam 8, if left out.
    lr
        Learning rate; 0.1, with Adam 0.05, if left out.
    beta1
        Of momentum (averaged, beta3 = 1 - beta1) and Adam.
    beta0
        Of Adai.
    beta2
        Of Adam and Adai; each rule's own default if left out.
    trajectories
        N at the flattest minimum; sharper ones, which are left sooner, get up to ten times as many.
    method
        How each time is measured: direct, splitting, or auto: splitting where escapes are too rare to live through.
    repetitions
        Independent repetitions of a splitting.
    trials
        Trials a stage of each repetition.
    seed
        Seed of the random streams, in [0, 2^64).
    momentum
        State at the start: thermal, as in the long run (second moments too), or rest.
    threads
        Threads; one a core if left out. No result depends on it.
    """

    curvature_min: float = 1.0
    curvature_saddle: float = 1.0
    barrier: float = 0.25
    transverse: Vector | tuple[float, ...] = (0.5, 0.5, 0.5)
    sharpness: Vector | None = None
    climb: float | None = None
    lr: float | None = None
    beta1: float = 0.9
    beta0: float = 0.1
    beta2: float | None = None
    trajectories: int = 200
    method: Literal["direct", "splitting", "auto"] = "direct"
    repetitions: int = 32
    trials: int = 4000
    seed: int = 0
    momentum: Literal["rest", "thermal"] = "thermal"
    threads: int | None = None


class Law(NamedTuple):
    """ln tau = ln Pi_k + A k^-p.

    Parameters
    ----------
    exponent, climb
        p and A.
    prefactor
        k, (K,), -> ln Pi_k, (K,), Pi_k in dynamical time: k^-p (root_k + 1) / 2 times what does not depend on k.
    """

    exponent: float
    climb: float
    prefactor: Callable[[Array], Array]

    def log_prefactor(self, sharpness: npt.ArrayLike) -> Array:
        """Return ln Pi_k."""
        k = np.asarray(sharpness, dtype=np.float64)
        return np.asarray(self.prefactor(k), dtype=np.float64) * np.ones_like(k)

    def log_time(self, sharpness: npt.ArrayLike) -> Array:
        """Return ln tau."""
        k = np.asarray(sharpness, dtype=np.float64)
        return np.asarray(self.log_prefactor(k) + self.climb * k**-self.exponent)


class Setup(NamedTuple):
    """A rule with its well and its noise at k = 1.

    Parameters
    ----------
    name
        On the command line.
    landscape, noise, rule
        Checked.
    sharpness
        The values of k, rising.
    laws
        "closed_form" as printed and "corrected": the Ito prefactor and the exponent's first correction, with second
        moments and inertia as they are at the minimum, where they are remembered from.
    """

    name: str
    landscape: Any
    noise: Any
    rule: Any
    sharpness: Array
    laws: dict[str, Law]

    def at(self, k: float) -> tuple[Any, Any, Any]:
        """Return landscape, noise and rule at a sharpness."""
        return sharpened(self.landscape, k), sharpened(self.noise, k), self.rule

    def trajectories(self, number: int) -> npt.NDArray[np.int64]:
        """Return N for each k: more where escapes are quick, as the root of how much quicker they are."""
        logs = self.laws["corrected"].log_time(self.sharpness)
        more = np.exp(0.5 * (logs.max() - logs))
        return np.asarray(number * np.minimum(more, MOST_MORE), dtype=np.int64)


class Identity(NamedTuple):
    """Paths on (L_k, C_k) beside paths on (L, C) with the rescaled learning rate, from the same random numbers.

    Parameters
    ----------
    factor
        The sharpness k.
    same
        Trajectories that escape at the same step.
    trajectories
        All.
    exact
        Whether no rounding can part them: k is a power of 4, so that sqrt(k) and k are powers of 2.
    """

    factor: float
    same: int
    trajectories: int
    exact: bool


class Series(NamedTuple):
    """Escape times of one rule against sharpness.

    Parameters
    ----------
    setup
        What was run.
    sharpness
        The values of k that were done, (K,).
    means, low, high
        Mean escape times with their 95 % intervals (dynamical time), (K,).
    variances
        Variance of ln of each mean, (K,).
    trajectories, escaped
        N and how many escaped, (K,); repetitions of a splitting, and those that saw escapes.
    exact
        Rung -> times without sampling, (K,), where they exist for every k.
    reasons
        Rung -> why it has none.
    fits
        What was fitted -> PowerFit: "measured" and the rungs of ``exact``, the corrected law's Pi_k divided out;
        "measured, printed prefactor" the same with the printed law's.
    slopes
        Slope of ln ln(tau / Pi_k) on ln k ("divided") and of ln ln tau ("raw"), of what was measured.
    identity
        The rescaling, tried.
    regime
        Dimensionless numbers at the flattest and at the sharpest minimum.
    verdict
        The measured exponent against the statement's.
    interrupted
        Whether some k are missing.
    methods
        How each time was measured, K of them: "direct" or "splitting".
    """

    setup: Setup
    sharpness: Array
    means: Array
    low: Array
    high: Array
    variances: Array
    trajectories: npt.NDArray[np.int64]
    escaped: npt.NDArray[np.int64]
    exact: dict[str, Array]
    reasons: dict[str, str]
    fits: dict[str, PowerFit]
    slopes: dict[str, LineFit]
    identity: Identity | None
    regime: tuple[dict[str, float], dict[str, float]]
    verdict: Any
    interrupted: bool
    methods: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object."""
        setup = self.setup
        return dict(
            plain(
                {
                    "rule": setup.name,
                    "fields": setup.rule._asdict(),
                    "landscape": setup.landscape._asdict(),
                    "noise": setup.noise._asdict(),
                    "claimed_exponent": setup.laws["closed_form"].exponent,
                    "laws": {
                        name: {
                            "exponent": law.exponent,
                            "climb": law.climb,
                            "log_prefactor": law.log_prefactor(self.sharpness),
                        }
                        for name, law in setup.laws.items()
                    },
                    "sharpness": self.sharpness,
                    "means": self.means,
                    "low": self.low,
                    "high": self.high,
                    "variances_of_logarithm": self.variances,
                    "trajectories": self.trajectories,
                    "escaped": self.escaped,
                    "methods": self.methods,
                    "predicted": {name: np.exp(law.log_time(self.sharpness)) for name, law in setup.laws.items()},
                    "exact": self.exact,
                    "no_exact": self.reasons,
                    "fits": {name: _told(fit, setup.laws["closed_form"].exponent) for name, fit in self.fits.items()},
                    "slopes": {name: line._asdict() for name, line in self.slopes.items()},
                    "identity": None if self.identity is None else self.identity._asdict(),
                    "regime": {"flattest": self.regime[0], "sharpest": self.regime[1]},
                    "verdict": self.verdict.outcome,
                    "verdict_detail": self.verdict.detail,
                    "interrupted": self.interrupted,
                }
            )
        )


class FlatnessResult(NamedTuple):
    """All rules that were asked for.

    Parameters
    ----------
    run
        What was asked for.
    series
        One for each rule.
    seconds
        Wall time.
    """

    run: FlatnessRun
    series: list[Series]
    seconds: float

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return any(each.interrupted for each in self.series)

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object."""
        return {
            "run": plain(self.run._asdict()),
            "series": [each.as_json() for each in self.series],
            "interrupted": self.interrupted,
            "seconds": self.seconds,
            "version": __version__,
        }


def sharpened(part: Any, k: float) -> Any:
    """Return the well L(sqrt(k) theta), or the noise k C(sqrt(k) theta) that minibatches then have.

    Parameters
    ----------
    part
        PiecewiseQuadraticWell or QuarticWell; HessianNoise, IsotropicNoise or ConstantNoise; checked.
    k
        Sharpness, above 0.

    Raises
    ------
    TypeError
        For another landscape or noise.
    """
    from .. import ConstantNoise, HessianNoise, IsotropicNoise, PiecewiseQuadraticWell, QuarticWell

    if isinstance(part, PiecewiseQuadraticWell | QuarticWell):
        across = {"transverse_min": k * part.transverse_min, "transverse_saddle": k * part.transverse_saddle}
        if isinstance(part, QuarticWell):
            return part._replace(half_width=part.half_width / math.sqrt(k), **across)
        along = ("curvature_min", "curvature_saddle", "curvature_far")
        return part._replace(**across, **{name: k * getattr(part, name) for name in along})
    if isinstance(part, HessianNoise):
        return part._replace(floor=k * part.floor)
    if isinstance(part, IsotropicNoise):
        return part._replace(variance=k * part.variance)
    if isinstance(part, ConstantNoise):
        return part._replace(covariance=k * np.asarray(part.covariance), root=None).check()
    raise TypeError(f"{type(part).__name__} is not one that can be made sharper here")


def rescaling_identity(
    landscape: Any,
    noise: Any,
    rule: Any,
    k: float = 4.0,
    *,
    trajectories: int = IDENTICAL,
    seed: int = 0,
    learning_rate_factor: float | None = None,
    **more: Any,
) -> Identity:
    """Compare paths on L(sqrt(k) theta) with paths on L at the learning rate that stands for the same sharpness.

    u = sqrt(k) theta obeys the same rule on L with learning rate k lr (SGD, heavy ball, Adai) or sqrt(k) lr (Adam,
    whose eps must be 0), path for path. With k a power of 4 every number of one run is that of the other times a power
    of 2, and no rounding differs; with another k a trajectory may, rarely, part from its twin.

    Parameters
    ----------
    landscape, noise, rule
        At k = 1; see ``sharpened``.
    k
        Sharpness.
    trajectories, seed
        N and the seed of both ensembles.
    learning_rate_factor
        Another factor on lr than the identity's, as a control.
    more
        As in escape_times.

    Raises
    ------
    ValueError, TypeError
        Where a part cannot be rescaled or does not run.
    """
    from .. import Adam
    from ..dynamics.escape_times import escape_times

    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    if isinstance(rule, Adam) and rule.eps != 0.0:
        raise ValueError(f"eps={rule.eps:g} must be 0: a constant beside the root of v does not scale with the loss")
    factor = (math.sqrt(k) if isinstance(rule, Adam) else k) if learning_rate_factor is None else learning_rate_factor
    run: Any = {"trajectories": trajectories, "seed": seed, **more}
    sharp = escape_times(sharpened(landscape, k), sharpened(noise, k), rule, **run)
    quick = escape_times(landscape, noise, rule._replace(lr=factor * rule.lr), **run)
    same = (sharp.steps == quick.steps) & (sharp.outcome == quick.outcome)
    power = math.log(k, 4.0)
    return Identity(k, int(np.count_nonzero(same)), trajectories, power == round(power))


def setup_of(name: str, run: FlatnessRun) -> Setup:
    """Return what is run for a rule.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds.
    """
    from .. import HessianNoise, PiecewiseQuadraticWell
    from ..landscapes.checks import positive, vector

    choice = CHOICES[name]
    lr = positive("lr", choice.lr if run.lr is None else run.lr, "a step must go down the gradient")
    climb = positive("climb", choice.climb if run.climb is None else run.climb, "it is a barrier over a temperature")
    curvatures: Any = {"transverse_min": run.transverse}
    landscape = PiecewiseQuadraticWell(run.curvature_min, run.curvature_saddle, run.barrier, **curvatures).check()
    rule = _rule(name, lr, run)
    if run.sharpness is None:
        k = np.geomspace(1.0, choice.highest, POINTS)
    else:
        k = np.unique(vector("sharpness", run.sharpness))
        if len(k) < LEAST or not k[0] > 0.0:
            raise ValueError(f"sharpness={k} must be at least {LEAST} numbers above 0: three are fitted")
    # The climb goes with B, with Adam with its root.
    trial = HessianNoise(1.0)
    unit = laws(name, landscape, trial, rule)["corrected"].climb
    noise = HessianNoise((climb / unit) ** (1.0 / choice.exponent)).check()
    return Setup(name, landscape, noise, rule, k, laws(name, landscape, noise, rule))


def _rule(name: str, lr: float, run: FlatnessRun) -> Any:
    from .. import SGD, Adai, Adam, Momentum

    if name == "sgd":
        return SGD(lr).check()
    if name == "momentum":
        return Momentum(lr, run.beta1, 1.0 - run.beta1).check()
    rule: Any = Adai(lr, run.beta0) if name == "adai" else Adam(lr, run.beta1, eps=0.0)
    return (rule if run.beta2 is None else rule._replace(beta2=run.beta2)).check()


def laws(name: str, landscape: Any, noise: Any, rule: Any) -> dict[str, Law]:
    """Return the law of a rule on a piecewise-quadratic well with Eq. 3's noise, as printed and corrected.

    As printed: Theorem 3 for SGD and heavy ball, Propositions 2 and 4 for Adam and Adai, whose second moments follow
    the path. Corrected: a discrete update obeys the Ito prefactor, v and mu stay what they are at the minimum, and with
    SGD noise that depends on position adds a constant to ln tau. With H_ae = |H_be| both are one but for the trace in
    Adai's root.

    The power of k is the same in both, the path-for-path rescaling sees to that; what stands under the root is not:
    Adam's |H_be| / sqrt(v) and Adai's |H_be| / (1 - mu) have v and mu of the saddle in one and of the minimum in the
    other. With momentum and H_ae != |H_be| the exponent is A k^-1 only as lr k |H| / (1 - beta1) -> 0: the climb itself
    depends on that number, and no constant corrects it.
    """
    p = CHOICES[name].exponent
    made = {
        "closed_form": _printed(name, landscape, noise, rule),
        "corrected": _corrected(name, landscape, noise, rule),
    }
    return {rung: Law(p, climb, prefactor) for rung, (climb, prefactor) in made.items()}


def _printed(name: str, landscape: Any, noise: Any, rule: Any) -> tuple[float, Callable[[Array], Any]]:
    """Return A and ln Pi_k of the derived law."""
    from ..theory.closed_form import closed_form

    h_a, h_b, lr = landscape.curvature_min, landscape.curvature_saddle, rule.lr
    keep = float(getattr(rule, "beta1", 0.0))
    scale: dict[str, float] = {}
    given: dict[str, float]
    if name == "adai":
        trace = h_b + float(landscape.transverse_saddle.sum())
        form, given = name, {"lr": lr, "beta0": rule.beta0, "dimension": landscape.dimension, "trace_norm": trace}
    elif name == "adam":
        # Nothing across the way changes from minimum to saddle.
        form, given = name, {"batch_size": noise.batch_size, "lr": lr, "beta1": keep, "log_det": math.log(h_b / h_a)}
    else:
        # SGD is the limit of infinite friction, not the dictionary's 1 / lr.
        form, scale = "momentum", {"friction_mass": 1.0}
        given = scale | {"friction": (1.0 - keep) / lr if name == "momentum" and keep > 0.0 else math.inf}
    well = {"curvature_min": h_a, "curvature_saddle": h_b, "barrier": landscape.barrier}
    s = closed_form("theorem-3", "quadratic_share")(h_a, h_b)
    climb = closed_form("flatness-selection", f"{form}_climb")(
        **well, **scale, batch_size=noise.batch_size, lr=lr, s=s, sharpness=1.0
    )
    prefactor = closed_form("flatness-selection", f"{form}_log_prefactor")
    return float(climb), lambda k: prefactor(curvature_saddle=h_b, sharpness=k, **given)


def _corrected(name: str, landscape: Any, noise: Any, rule: Any) -> tuple[float, Callable[[Array], Any]]:
    """Return A and ln Pi_k of ours."""
    from ..theory import kramers
    from ..theory.closed_form import closed_form
    from ..theory.line import passage

    h_a, h_b, b, lr = landscape.curvature_min, landscape.curvature_saddle, noise.batch_size, rule.lr
    way = passage(landscape, noise)
    climb = kramers.climb(way, lr)
    keep = float(getattr(rule, "beta1", 0.0))
    ito = float(closed_form("theorem-3", "convention_factor")(0.0, h_a, h_b))
    if name == "adam":
        frozen = closed_form("proposition-2", "log_frozen")
        # Its own climb is int L'/C dx over v_a^(1/2), linear in it.
        none, all_ = (float(frozen(h_a, h_b, h_a / b, h_b / b, c, lr, keep, h_a / b)) for c in (0.0, 0.5 * lr * climb))
        return all_ - none, lambda k: frozen(k * h_a, k * h_b, k * h_a / b, k * h_b / b, 0.0, lr, keep, k * h_a / b)
    if name == "adai":
        total = h_a + float(landscape.transverse_min.sum())
        share = float(closed_form("proposition-4", "open_inertia")(h_a, total, rule.beta0, landscape.dimension))
        opened = min(max(share, rule.eps), 1.0)
        held = closed_form("proposition-4", "log_frozen")
        return climb, lambda k: held(k * h_a, k * h_b, 0.0, ito, lr, opened, 0.0)
    overdamped = name == "sgd" or keep == 0.0
    lag = kramers.lag_correction(way, lr, 0.5 * lr, kramers.jump_weight(lr, 0.0)) if overdamped else 0.0
    friction = math.inf if overdamped else (1.0 - keep) / lr
    general, root = closed_form("theorem-3", "log_kramers"), closed_form("theorem-3", "kramers_root")
    return climb, lambda k: lag + general(k * h_a, k * h_b, 0.0, ito * root(k * h_b, friction, 1.0), 1.0)


def flatness_experiment(names: Sequence[str], run: FlatnessRun, report: Report | None = None) -> FlatnessResult:
    """Measure escape times against sharpness for each rule, and fit the exponents.

    Parameters
    ----------
    names
        Some of ``CHOICES``.
    run
        What is run.
    report
        Called with (ensembles over, ensembles in all, steps taken).

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds.
    """
    began = time.perf_counter()
    setups = [setup_of(name, run) for name in names]
    total = sum(len(setup.sharpness) for setup in setups)
    series: list[Series] = []
    done, steps = 0, 0
    for setup in setups:

        def own(over: int, of: int, taken: int, done: int = done, steps: int = steps) -> None:
            if report is not None:
                report(done + over, total, steps + taken)

        found, taken = measure(
            setup,
            run.trajectories,
            run.seed,
            momentum=run.momentum,
            threads=run.threads,
            comparisons=len(setups),
            report=own,
            method=run.method,
            repetitions=run.repetitions,
            trials=run.trials,
        )
        series.append(found)
        done, steps = done + len(found.sharpness), steps + taken
        if found.interrupted:
            break
    return FlatnessResult(run, series, time.perf_counter() - began)


def measure(
    setup: Setup,
    trajectories: int,
    seed: int,
    *,
    momentum: Literal["rest", "thermal"] = "thermal",
    threads: int | None = None,
    comparisons: int = 1,
    report: Report | None = None,
    method: Literal["direct", "splitting", "auto"] = "direct",
    repetitions: int = 32,
    trials: int = 4000,
) -> tuple[Series, int]:
    """Measure one rule at every sharpness, with all that is known without sampling; return it and the steps taken.

    Parameters
    ----------
    setup
        What is run.
    trajectories
        N at the flattest minimum.
    seed
        Seed of the random streams; every k has trajectories of its own.
    momentum, threads
        As in escape_times.
    comparisons
        How many verdicts share the rate of false alarms.
    report
        Called with (k done, k in all, steps taken).
    method, repetitions, trials
        As in FlatnessRun.
    """
    from ..dynamics.escape_times import escape_times
    from ..dynamics.rare_escapes import rare_escapes
    from ..landscapes.checks import whole
    from ..theory.regime_numbers import regime
    from .verdict import escape_interval

    whole("repetitions", repetitions, 2)
    number = whole("trajectories", trajectories, 10, "a mean of fewer escapes says nothing")
    counts = setup.trajectories(number)
    predicted = np.exp(setup.laws["corrected"].log_time(setup.sharpness)) / setup.rule.time_step()
    rows: list[tuple[float, ...]] = []
    steps, first = 0, 0
    methods: list[str] = []
    interrupted = False
    for k, n, mean_steps in zip(setup.sharpness, counts, predicted, strict=True):
        base = steps
        split = method == "splitting" or (method == "auto" and n * mean_steps > MOST_STEPS)

        def own(over: int, of: int, taken: int, base: int = base) -> None:
            if report is not None:
                report(len(rows), len(setup.sharpness), base + taken)

        if split:
            rare: Any = rare_escapes(
                *setup.at(float(k)),
                # Repetitions of their own for each k.
                repetitions=range(len(rows) * repetitions, (len(rows) + 1) * repetitions),
                trials=trials,
                seed=seed,
                momentum=momentum,
                threads=threads,
                progress=own,
            )
            steps += rare.total_steps
            if rare.interrupted:
                interrupted = True
                break
            seen = int((rare.rates > 0.0).sum())
            if not np.isfinite(rare.relative_error):
                raise ValueError(f"sharpness={k:.4g}: no repetition of {setup.name} saw an escape: take more trials")
            rows.append((float(k), rare.mean, *rare.interval(0.95), rare.relative_error**2, rare.repetitions, seen))
            methods.append("splitting")
            continue
        times = escape_times(
            *setup.at(float(k)),
            trajectories=range(first, first + int(n)),
            seed=seed,
            max_steps=int(PATIENCE * mean_steps) + 10_000,
            momentum=momentum,
            threads=threads,
            progress=own,
        )
        steps += times.total_steps
        first += int(n)
        if times.interrupted:
            interrupted = True
            break
        if times.escaped < 2:
            raise ValueError(
                f"sharpness={k:.4g}: {times.escaped} of {n} trajectories of {setup.name} escaped in "
                f"{times.max_steps} steps: lower climb"
            )
        shape = max(1.0, float(np.var(times.steps)) / times.mean_steps**2)
        rows.append((float(k), times.mean, *escape_interval(times, 0.95), shape / times.escaped, n, times.escaped))
        methods.append("direct")
    table = np.array(rows).reshape(-1, 7).T
    sharpness, means, low, high, variances = table[:5]
    exact, reasons = ({}, {}) if interrupted else _exact(setup, sharpness)
    fits = _fits(setup, sharpness, {"measured": means, **exact}, variances)
    ends = [regime(*setup.at(float(k))) for k in (setup.sharpness[0], setup.sharpness[-1])]
    series = Series(
        setup,
        sharpness,
        means,
        low,
        high,
        variances,
        table[5].astype(np.int64),
        table[6].astype(np.int64),
        exact,
        reasons,
        fits,
        _slopes(setup, sharpness, means, variances),
        None if interrupted else _identity(setup, seed, momentum),
        (ends[0], ends[1]),
        exponent_verdict(fits.get("measured"), setup.laws["closed_form"].exponent, comparisons),
        interrupted,
        tuple(methods),
    )
    return series, steps


def exponent_verdict(fit: PowerFit | None, claimed: float, comparisons: int = 1) -> Any:
    """Compare a fitted exponent with the statement's; return a Verdict.

    Parameters
    ----------
    fit
        None where there are too few sharpnesses.
    claimed
        The statement's p.
    comparisons
        How many verdicts share the rate of false alarms.
    """
    from .verdict import AGREES, DIFFERS, FALSE_ALARM, RESOLUTION, UNDERPOWERED, Verdict

    against = "closed_form"
    if fit is None:
        return Verdict(UNDERPOWERED, against, reason=f"fewer than {LEAST} sharpnesses were measured")
    low, high = (end / claimed for end in fit.interval(1.0 - FALSE_ALARM / comparisons))
    if not low <= 1.0 <= high:
        outcome = DIFFERS
    else:
        outcome = AGREES if low > 0.0 and high < RESOLUTION * low else UNDERPOWERED
    return Verdict(outcome, against, fit.exponent / claimed, low, high, comparisons)


def _exact(setup: Setup, sharpness: Array) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the escape times that need no sampling, or why there are none."""
    from ..theory.references import references

    found: dict[str, list[float]] = {"exact_discrete": [], "exact_diffusion": []}
    reasons: dict[str, str] = {}
    for k in sharpness:
        known = references(*setup.at(float(k)))._asdict()
        for rung in [rung for rung in found if rung not in reasons]:
            if known[rung].value is None:
                reasons[rung] = known[rung].reason
            else:
                found[rung].append(known[rung].value)
        if len(reasons) == len(found):
            break
    return {rung: np.array(times) for rung, times in found.items() if rung not in reasons}, reasons


def _fits(setup: Setup, sharpness: Array, times: dict[str, Array], variances: Array) -> dict[str, PowerFit]:
    if len(sharpness) < LEAST:
        return {}
    printed, ours = setup.laws["closed_form"], setup.laws["corrected"]
    fits = {
        name: fit_power(sharpness, np.log(each) - ours.log_prefactor(sharpness), 1.0 / variances)
        for name, each in times.items()
    }
    if np.ptp(printed.log_prefactor(sharpness) - ours.log_prefactor(sharpness)) > ROUNDING:
        logs = np.log(times["measured"]) - printed.log_prefactor(sharpness)
        fits["measured, printed prefactor"] = fit_power(sharpness, logs, 1.0 / variances)
    return fits


def _slopes(setup: Setup, sharpness: Array, means: Array, variances: Array) -> dict[str, LineFit]:
    """Return slopes of ln ln(tau / Pi_k) and of ln ln tau on ln k, where these logarithms exist."""
    lines = {}
    for name, taken in (("divided", setup.laws["corrected"].log_prefactor(sharpness)), ("raw", 0.0)):
        logs = np.log(means) - taken
        if len(logs) > 2 and np.all(logs > 0.0):
            lines[name] = fit_line(np.log(sharpness), np.log(logs), logs**2 / variances)
    return lines


def _identity(setup: Setup, seed: int, momentum: Literal["rest", "thermal"]) -> Identity:
    """Try the rescaling between a quarter of the largest k and itself, where escapes are quick."""
    landscape, noise, rule = setup.at(float(setup.sharpness[-1]) / 4.0)
    return rescaling_identity(landscape, noise, rule, seed=seed, momentum=momentum, max_steps=10_000_000)


def _told(fit: PowerFit, claimed: float) -> dict[str, Any]:
    low, high = fit.interval(0.95)
    return {
        "exponent": fit.exponent,
        "error": fit.error,
        "low": low,
        "high": high,
        "constant": fit.constant,
        "scale": fit.scale,
        "chi_square": fit.misfit,
        "chi_square_at_claimed_exponent": fit.misfit_at(claimed),
        "degrees_of_freedom": len(fit.sharpness) - 3,
    }
