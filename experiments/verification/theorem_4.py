"""Theorem 4: the smallest mean square gradient of a run, on a parabola where it is tight and on valleys it is made for.

A parabola has gradients without bound, but their mean square over a run is known there: it stands for G^2. Started at
the spread it settles to, all of the descent is the noise's, and of our bound nothing is lost but the start.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .setting import Known, Point, Setting

ORDER = "the noise floor eta tr(H C)/2 of the settled iteration"
TIGHT = 0.125
"""c0 on the parabolas: the start is lost to the bound, a share of about 1/(c0 ell (T + 1)^(1/2))/2 of it."""
SETTLED = 1000
"""Horizons from which a decay is told from its start-up."""
SILENT = "a bound from above says p >= 1/2 of a power law, and of a finite range nothing"


def settings(quick: bool) -> list[Setting]:
    """Return the settings: tight ones on parabolas, decades of horizons on valleys with walls of bounded slope."""
    from ... import SGD, Adai, IsotropicNoise, Momentum, PseudoHuber, QuadraticSaddle, from_expression

    size, long = (6_000, (1000,)) if quick else (40_000, (1000, 10_000))
    parabola, noise = QuadraticSaddle(np.full(8, 4.0)).check(), IsotropicNoise(1.0).check()
    frozen = Momentum(beta1=0.9, beta3=0.1)
    found = [
        _parabola("SGD, 8 equal parabolas from their noise floor", parabola, noise, SGD(), (100, 1000), size),
        _parabola("inertia 0.9, the same", parabola, noise, frozen, long, size // 5),
    ]
    valley, loud = PseudoHuber((1.0, 0.25)).check(), IsotropicNoise(2.5).check()
    decades = (10, 100, 1000) if quick else (10, 100, 1000, 10_000, 100_000, 1_000_000)
    for name, rule in (("SGD", SGD()), ("inertia 0.9", frozen), ("Adai", Adai())):
        found.append(
            _decades(f"{name}, bounded slopes in two directions", valley, loud, rule, (1.0, 4.0), decades, quick)
        )
    line = from_expression("log(cosh(x))")
    for name, rule in (("SGD", SGD()), ("Adai, inertia 0.9 in one dimension", Adai())):
        found.append(_decades(f"{name}, log cosh x", line, loud, rule, (2.0,), decades[:3], quick))
    return found


def _parabola(name: str, landscape: Any, noise: Any, rule: Any, horizons: Sequence[int], trajectories: int) -> Setting:
    """Return runs from where SGD stays: |theta_i|^2 = eta C_i/(H_i (2 - eta H_i)), each horizon with its own start."""

    def measure(seed: int, progress: Any) -> list[Point]:
        from ...theory.convergence import constants, mean_square_gradient
        from ..convergence import beside, smallest_gradient

        points, first = [], 0
        h = np.asarray(landscape.curvatures)
        for k, T in enumerate(horizons):
            lr = TIGHT / math.sqrt(T + 1.0)
            own = rule._replace(lr=lr).check()
            origin = np.sqrt(lr * noise.variance / (h * (2.0 - lr * h)))
            every = mean_square_gradient(landscape, noise, own, np.arange(T + 1), origin)
            told = constants(landscape, noise, origin)._replace(slope=math.sqrt(float(every.mean_square.max())))
            numbers = range(first, first + trajectories)
            first += trajectories
            horizon = smallest_gradient(landscape, noise, own, steps=T, trajectories=numbers, origin=origin, seed=seed)
            if horizon is None:
                raise KeyboardInterrupt
            points += _points(beside(name, own, landscape, noise, told, origin, [horizon]))
            if progress is not None:
                progress((k + 1) / len(horizons))
        return points

    return Setting(name, trajectories * sum(horizons) * landscape.dimension, measure)


def _decades(
    name: str, landscape: Any, noise: Any, rule: Any, origin: Sequence[float], horizons: Sequence[int], quick: bool
) -> Setting:
    """Return runs of many horizons from one point, and the exponent of their decay."""
    from ..convergence import FEWEST

    most, budget = (2048, 4_000_000) if quick else (8192, 40_000_000)

    def measure(seed: int, progress: Any) -> list[Point]:
        from ..convergence import converge

        decays, interrupted = converge(
            landscape,
            noise,
            {name: rule},
            c0=1.0,
            horizons=horizons,
            trajectories=most,
            budget=budget,
            origin=origin,
            seed=seed,
            told=_log_cosh(origin) if landscape.dimension == 1 else None,
            progress=None if progress is None else lambda done, total, steps: progress(done / total),
        )
        if interrupted:
            raise KeyboardInterrupt
        return [*_points(decays[0]), *_exponents(decays[0])]

    work = sum(max(FEWEST, min(most, budget // T)) * T for T in horizons)
    return Setting(name, work * landscape.dimension, measure)


def _log_cosh(origin: Sequence[float]) -> Any:
    """Return the constants of log cosh x with the noise of these settings: slope and curvature are at most 1."""
    from ...theory.convergence import Constants

    return Constants(math.log(math.cosh(origin[0])), 1.0, 1.0, math.sqrt(2.5))


def _points(decay: Any) -> list[Point]:
    """Return the smallest mean square gradient of each horizon beside its bounds."""
    return [
        Point(
            f"T = {horizon.steps}",
            horizon.value,
            horizon.interval,
            {
                "exact_discrete": exact,
                "exact_diffusion": Known(None, reason="Theorem 4 is of the iteration"),
                "closed_form": Known(*limits.closed_form),
                "corrected": Known(*limits.corrected),
            },
            limits.regime,
            upper=True,
        )
        for horizon, limits, exact in zip(decay.horizons, decay.bounds, decay.exact, strict=True)
    ]


def _exponents(decay: Any) -> list[Point]:
    """Return p of the decay T^-p over all horizons, and over the settled ones where there are more than one."""
    settled = [k for k, horizon in enumerate(decay.horizons) if horizon.steps >= SETTLED]
    early = Known(None, ORDER, f"T to infinity: not from T < {SETTLED}")
    points = [_exponent(decay.horizons, decay.exact, early)]
    if len(settled) > 1:
        horizons, exact = ([part[k] for k in settled] for part in (decay.horizons, decay.exact))
        points.append(_exponent(horizons, exact, Known(0.5, ORDER, "T to infinity")))
    return points


def _exponent(horizons: Sequence[Any], exact: Sequence[Known], order: Known) -> Point:
    """Return the exponent of these horizons beside that of their exact answers, and the order of the bound."""
    from ..convergence import fitted

    exponent = fitted(horizons)
    values = [each.value for each in exact if each.value is not None]
    known = Known(None, reason="not every horizon has an exact answer")
    if len(values) == len(horizons):
        slope = float(exponent.weights @ np.log(values))
        error = float(np.abs(exponent.weights) @ [each.error for each in exact])
        known = Known(slope, "the same line through the exact answers", "", error / slope)
    return Point(
        f"p of T^-p, T >= {horizons[0].steps}",
        exponent.value,
        exponent.interval,
        {
            "exact_discrete": known,
            "exact_diffusion": Known(None, reason="Theorem 4 is of the iteration"),
            "closed_form": Known(None, "Theorem 4", SILENT),
            "corrected": order,
        },
        {},
    )
