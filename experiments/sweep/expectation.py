"""How long the trajectories of a setting will live, or its repetitions take: from a small pilot, or the closed forms.

Nothing here depends on the machine, so that whatever is decided by it is the same everywhere.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...dynamics import estimates
from ...dynamics.outcomes import CENSORED, DIVERGED
from ...landscapes.constant_noise import ConstantNoise
from ...landscapes.hessian_noise import EighHessianNoise, JacobiHessianNoise
from ...landscapes.interface import suited
from ...theory.references import closed_references

PILOT, MOST_PILOT = 64, 1024
"""Trajectories of a pilot, and at most so many where they end soon."""
PILOT_COST, ALL_PILOTS = 10e6, 10e9
"""Nominal nanoseconds of a pilot, and of those of a whole sweep: in a large one each is shorter."""
SECOND_LOOK = 4
"""A pilot in which at least so many, but fewer than three in four, escape is run again, so many times as far."""
ENOUGH = 16
"""Escapes from which a pilot's mean is taken as it is."""
DOUBT = 0.998
"""A closed form outside the pilot's interval of this level is not believed."""
LARGEST = 700.0
"""Largest ln of a number that is given as a number."""


SPLIT_REPETITIONS, SPLIT_TRIALS = 4, 256
"""Repetitions of the pilot of a splitting, and trials a stage of each."""
CLIMB, STAGE = 20.0, 2e6
"""Nominal nanoseconds of a step of a splitting beside those of a trajectory, its paths being short, and of a stage."""


class Expectation(NamedTuple):
    """What is expected of each trajectory, or repetition, of a setting.

    Parameters
    ----------
    log_steps
        ln of the mean escape time in steps; of a lower bound where it is not known. Of the horizon for a saddle.
    lived
        Mean steps that a trajectory lives, cut off at max_steps; the most it can be where that is not known. Of a
        splitting, those of a repetition.
    censored, escaped
        Share that will be cut off, and that will escape; nan where that is not known.
    diverged
        Share that will diverge.
    least
        Steps before which none is over.
    source
        Where the numbers come from.
    known
        Whether log_steps is an estimate, not a bound.
    stages, placing
        Of a splitting: its stages, and the steps that placing its levels takes.
    scatter
        Of a splitting: variance of the rate of a repetition over its square.
    """

    log_steps: float
    lived: float
    censored: float
    escaped: float
    diverged: float
    least: float
    source: str
    known: bool = True
    stages: int = 0
    placing: float = 0.0
    scatter: float = math.nan

    @property
    def steps(self) -> float:
        """Mean escape time in steps; inf where that is too large for a number."""
        return math.exp(self.log_steps) if self.log_steps < LARGEST else math.inf


def fixed(steps: int) -> Expectation:
    """Return the expectation of trajectories that all live for so many steps."""
    return Expectation(math.log(steps), float(steps), 0.0, 0.0, 0.0, float(steps), "as asked")


def lived_steps(log_steps: float, max_steps: float) -> float:
    """Return the mean of min(T, max_steps) for geometric T, ln of whose mean is given: tau (1 - (1 - 1/tau)^max)."""
    if log_steps > math.log(max_steps) + 30.0:
        return float(max_steps)
    return math.exp(log_steps) * -math.expm1(_log_alive(log_steps, max_steps))


def censored_share(log_steps: float, max_steps: float) -> float:
    """Return the chance that geometric T, ln of whose mean is given, exceeds max_steps."""
    return math.exp(_log_alive(log_steps, max_steps))


def _log_alive(log_steps: float, max_steps: float) -> float:
    rate = math.exp(-max(log_steps, 0.0))
    return max_steps * math.log1p(-rate) if rate < 1.0 else -math.inf


def nominal_step(landscape: Any, noise: Any) -> float:
    """Return what a step of one trajectory costs on a nominal machine, in nanoseconds.

    Parameters
    ----------
    landscape, noise
        Both checked.
    """
    d = int(landscape.dimension)
    cost = 2.0 * d
    if np.size(getattr(landscape, "rotation", ())):
        cost += 0.3 * d * d
    kind = suited(noise, landscape)
    if isinstance(kind, ConstantNoise):
        cost += 0.1 * d * d
    if isinstance(kind, JacobiHessianNoise | EighHessianNoise):
        cost += 7.0 * d * d * d
    return cost


def nominal_seconds(ensemble: Any, expected: Expectation) -> float:
    """Return what a trajectory or a repetition costs on a nominal machine, in seconds."""
    step = nominal_step(ensemble.landscape, ensemble.noise)
    if not expected.stages:
        return 1e-9 * step * expected.lived
    return 1e-9 * ((step + CLIMB) * expected.lived + STAGE * expected.stages)


def nominal_placing(ensemble: Any, expected: Expectation) -> float:
    """Return what placing the levels of a splitting costs on a nominal machine; every stage is run twice."""
    step = nominal_step(ensemble.landscape, ensemble.noise)
    return 1e-9 * ((step + CLIMB) * expected.placing + 2.0 * STAGE * expected.stages)


def expect_split(ensemble: Any) -> Expectation:
    """Return what is expected of the repetitions of a RareEnsemble, from its levels and a few small repetitions.

    Parameters
    ----------
    ensemble
        What to run; its seed does not matter.

    Raises
    ------
    ValueError
        Where there is nothing to split.
    """
    from ...dynamics.rare_escapes import RareEnsemble
    from ...dynamics.splitting import walks_of

    parts = ensemble.landscape, ensemble.noise, ensemble.rule, ensemble.start._replace(seed=np.uint64(0))
    small = RareEnsemble(*parts, ensemble.end, ensemble.source, SPLIT_TRIALS, impatient=ensemble.impatient)
    seen = small.run(SPLIT_REPETITIONS)
    ladder, chances = seen.ladder, seen.chances
    walks, length = walks_of(ladder, ensemble.trials)
    steps = walks * (ladder.burn_in + length) + ensemble.trials * float(ladder.lengths.sum())
    # A few repetitions tell little of how they scatter; were all trials independent, it would be by this.
    independent = float(np.sum(1.0 / np.maximum(chances, 1.0 / SPLIT_TRIALS) - 1.0)) / SPLIT_TRIALS
    scatter = max(independent, SPLIT_REPETITIONS * min(seen.relative_error, 1.0) ** 2)
    rate = ladder.rate * float(np.prod(np.maximum(chances, 1.0 / SPLIT_TRIALS)))
    return Expectation(
        math.log(1.0 / rate),
        steps,
        0.0,
        0.0,
        0.0,
        0.0,
        f"pilot, {len(ladder.levels)} stages",
        stages=len(ladder.levels),
        placing=float(ladder.steps),
        scatter=scatter * SPLIT_TRIALS / ensemble.trials,
    )


def like(one: Expectation) -> Expectation:
    """Return what is expected of a splitting that was not looked at: what one of the same kind takes."""
    return one._replace(log_steps=0.0, source="like another", known=False)


def expect(ensemble: Any, exit: float | None = None, origin: Any = None, settings: int = 1) -> Expectation:
    """Return what is expected of the trajectories of an EscapeEnsemble.

    A pilot decides where enough of it escape. Else the closed form does, ours before the printed one, unless the
    pilot contradicts it; else the few escapes of the pilot. With none of these only a lower bound is known.

    Parameters
    ----------
    ensemble
        What to run; its seed does not matter.
    exit, origin
        As given to it, for the closed forms.
    settings
        How many the sweep has.
    """
    cap = ensemble.end.max_steps
    steps, outcome, horizon = _pilot(ensemble, min(PILOT_COST, ALL_PILOTS / settings))
    total, diverged = int(steps.sum()), int(np.count_nonzero(outcome == DIVERGED))
    over = int(np.count_nonzero(outcome != CENSORED))
    escaped = over - diverged
    log_steps, source, known = _mean(ensemble, escaped, total, exit, origin)
    number = len(steps)
    if over >= ENOUGH and (horizon >= cap or over == number):
        censored = 1.0 - over / number
        lived, least = total / number, float(steps.min())
    elif known:
        # Whatever ends a trajectory first: an escape, or a divergence, whose rate the pilot tells.
        log_end = min(log_steps, math.log(total / over)) if diverged else log_steps
        censored, lived, least = censored_share(log_end, cap), lived_steps(log_end, cap), 0.0
    else:
        censored, lived, least = math.nan, float(cap), 0.0
    part = diverged / max(over, 1)
    return Expectation(
        log_steps, lived, censored, (1.0 - censored) * (1.0 - part), (1.0 - censored) * part, least, source, known
    )


def _pilot(ensemble: Any, cost: float) -> tuple[Any, Any, int]:
    """Return steps and outcome of a pilot, and its horizon."""
    cap = ensemble.end.max_steps
    # One seed for all: settings that differ in their seed alone are expected to cost the same.
    start = ensemble.start._replace(seed=np.uint64(0))
    least = int(cost / (PILOT * nominal_step(ensemble.landscape, ensemble.noise)))
    horizon = min(cap, max(least, 16))
    for again in (True, False):
        tried = ensemble._replace(start=start, end=ensemble.end._replace(max_steps=horizon), left_truncation=0)
        times = tried.run(PILOT, threads=1, lanes=PILOT)
        if not (again and horizon < cap and SECOND_LOOK <= times.escaped < 0.75 * PILOT):
            break
        horizon = min(cap, 4 * horizon)
    steps, outcome = times.steps, times.outcome
    if horizon >= cap or not np.any(outcome == CENSORED):
        # None was cut short: what is left of the budget buys more of them, for 64 tell a mean to an eighth only.
        afford = cost / (nominal_step(ensemble.landscape, ensemble.noise) * float(steps.mean()))
        number = int(min(afford, MOST_PILOT)) // PILOT * PILOT
        if number > PILOT:
            more = tried.run(range(PILOT, number), threads=1)
            steps, outcome = np.concatenate([steps, more.steps]), np.concatenate([outcome, more.outcome])
    return steps, outcome, horizon


def _mean(ensemble: Any, escaped: int, total: int, exit: float | None, origin: Any) -> tuple[float, str, bool]:
    """Return ln of the mean escape time in steps, or of a lower bound, where it is from, and whether it is the mean."""
    if escaped >= ENOUGH:
        return math.log(total / escaped), f"pilot, {escaped} escapes", True
    low, high = estimates.mean_interval(escaped, total, DOUBT, complete=False)
    printed, ours = closed_references(ensemble.landscape, ensemble.noise, ensemble.rule, exit=exit, origin=origin)
    for form, name in ((ours, "closed form, corrected"), (printed, "closed form, printed")):
        if form.log_value is not None:
            log_steps = form.log_value - math.log(form.time_step)
            if math.log(low) <= log_steps and (not math.isfinite(high) or log_steps <= math.log(high)):
                return log_steps, name, True
    if escaped:
        return math.log(total / escaped), f"pilot, {escaped} escape{'s' if escaped > 1 else ''}", True
    return math.log(low), "pilot, no escape", False
