"""Results made without a kernel, for tests of what is done with them."""

from typing import Any

import numpy as np
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED, ESCAPED
from saddlescape.dynamics.rare_escapes import RareEscapes
from saddlescape.dynamics.saddle_spread import SaddleSpread
from saddlescape.dynamics.sgd import SGD
from saddlescape.dynamics.splitting import Ladder
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeResult, EscapeRun
from saddlescape.experiments.rare_escape import RareEscapeResult
from saddlescape.experiments.saddle import Prediction, SaddleResult, SaddleRun
from saddlescape.experiments.verdict import escape_verdict, spread_verdict
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory.reference import Reference

TRUE_MEAN = 64.0


def exponential_times(
    seed: int, trajectories: int = 400, mean: float = TRUE_MEAN, horizon: int = 10**6, time_step: float = 0.05
) -> EscapeTimes:
    """Return geometric escape times of this mean (dynamical time), censored at a horizon (steps)."""
    drawn = np.random.default_rng(seed).geometric(time_step / mean, trajectories)
    outcome = np.where(drawn <= horizon, ESCAPED, CENSORED).astype(np.int8)
    return EscapeTimes(np.minimum(drawn, horizon), outcome, horizon, time_step, seed)


def escape_result(times: EscapeTimes, **run: Any) -> EscapeResult:
    asked = Configuration(
        "escape",
        (choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic")),
        ({}, {}, {}),
        EscapeRun(trajectories=times.trajectories, seed=times.seed, **run),
    )
    objects = QuarticWell().check(), IsotropicNoise().check(), SGD().check()
    known = {
        "closed_form": Reference(54.13, "Theorem 3", "low temperature"),
        "exact_diffusion": Reference(64.24, "double integral"),
        "exact_discrete": Reference(TRUE_MEAN, "integral equation", error=1e-9),
        "corrected": Reference(None, "", "nothing to correct"),
    }
    verdict = escape_verdict(times, TRUE_MEAN, "", from_minimum=True)
    return EscapeResult(asked.described(*objects), *objects, times, known, {"lr_times_curvature": 0.1}, verdict)


def rare_times(
    seed: int, repetitions: int = 32, trials: int = 1000, mean: float = TRUE_MEAN, d: int = 1, coast: float = 0.0
) -> RareEscapes:
    """Return what independent trials of three stages give of an escape time with this mean (dynamical time)."""
    random = np.random.default_rng(seed)
    chances, walked, paths, time_step = np.array([0.2, 0.25, 0.6]), 1000 * trials, 16, 0.05
    rate = time_step / mean / np.prod(chances)
    reached = random.binomial(trials, chances, (repetitions, 3))
    ladder = Ladder(
        basin=-0.95,
        levels=np.array([-0.8, -0.5, 0.1]),
        coast=coast,
        memory=30.0,
        burn_in=184,
        rate=rate,
        lengths=np.array([20.0, 30.0, 40.0]),
        settled=True,
        steps=5000,
    )
    return RareEscapes(
        entries=random.poisson(rate * walked, repetitions),
        walked=np.full(repetitions, walked),
        reached=reached,
        ancestors=reached // 2,
        steps=np.full(repetitions, 90 * trials),
        astray=np.zeros(repetitions, np.int64),
        unfinished=np.zeros(repetitions, np.int64),
        ends=random.normal(1.0, 0.1, (repetitions, paths, d)),
        durations=random.integers(80, 200, (repetitions, paths)).astype(np.float64),
        ladder=ladder,
        exit=1.0,
        trials=trials,
        time_step=time_step,
        seed=seed,
        seconds=1.5,
    )


def rare_result(times: RareEscapes, because: str = "") -> RareEscapeResult:
    direct = escape_result(exponential_times(0))
    run = EscapeRun(method="splitting", repetitions=times.repetitions, trials=times.trials, seed=times.seed)
    asked = Configuration(
        "escape",
        (choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic")),
        ({}, {}, {}),
        run,
    )
    verdict = escape_verdict(times, TRUE_MEAN, "", from_minimum=True)
    objects = direct.landscape, direct.noise, direct.rule
    told = asked.described(*objects)
    return RareEscapeResult(told, *objects, times, direct.references, direct.regime, verdict, because)


def normal_spread(seed: int, trajectories: int = 2000, curvatures: Any = (-1.0, 0.1, 0.01)) -> tuple[SaddleSpread, Any]:
    """Return what N normal draws give at independent recorded steps, and the variances they were drawn with."""
    h = np.array(curvatures)
    steps = np.array([1, 3, 10, 30, 100, 300])
    lr, d = 0.01, len(h)
    exact = lr * np.abs(h) * (1.0 - (1.0 - lr * h) ** (2 * steps[:, None])) / (h * (2.0 - lr * h))
    drawn = np.random.default_rng(seed).standard_normal((trajectories, len(steps), d)) * np.sqrt(exact)
    covariance = np.array([np.cov(drawn[:, r].T).reshape(d, d) for r in range(len(steps))])
    spread = SaddleSpread(
        steps=steps,
        mean=drawn.mean(axis=0),
        covariance=covariance,
        variance=np.einsum("rii->ri", covariance),
        fourth=(drawn**4).mean(axis=0),
        curvatures=h,
        directions=np.eye(d),
        trajectories=trajectories,
        diverged=0,
        gaussian=True,
        time_step=lr,
        seed=seed,
    )
    return spread, exact


def saddle_result(seed: int, curvatures: Any = (-1.0, 0.1, 0.01), *, known: bool = True) -> SaddleResult:
    spread, exact = normal_spread(seed, curvatures=curvatures)
    asked = Configuration(
        "saddle",
        (choose(RULE, "sgd"), choose(LANDSCAPE, "saddle"), choose(NOISE, "hessian")),
        ({"lr": 0.01}, {"curvatures": np.array(curvatures)}, {"batch_size": 1.0}),
        SaddleRun(steps=300, trajectories=spread.trajectories, seed=seed),
    )
    objects = QuadraticSaddle(np.array(curvatures)).check(), HessianNoise(1.0).check(), SGD(0.01).check()
    values = {"closed_form": exact * 1.02, "exact_diffusion": exact * 1.01, "exact_discrete": exact}
    told = {name: Prediction(value if known else None, "a source", "a reason") for name, value in values.items()}
    verdict = spread_verdict(spread, exact if known else None, "a reason")
    return SaddleResult(asked.described(*objects), *objects, spread, told, {"lr_times_curvature": 0.01}, verdict)
