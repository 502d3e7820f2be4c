"""A setting of a statement: what is run there, and each number that comes out beside all that is known of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

RUNGS = ("exact_discrete", "exact_diffusion", "closed_form", "corrected")
"""What a measurement is compared with, from the iteration itself to the statement; see theory/references.py."""

Progress: TypeAlias = Callable[[float], None] | None
"""Called with the share of a setting that is done."""


class Known(NamedTuple):
    """A prediction.

    Parameters
    ----------
    value
        None where there is none.
    source
        Where it comes from.
    reason
        Why there is none, or where it is valid.
    error
        Its own numerical error, in units of the value.
    """

    value: float | None
    source: str = ""
    reason: str = ""
    error: float = 0.0


class Point(NamedTuple):
    """One number of a statement at one setting.

    Parameters
    ----------
    quantity
        What it is, or where: "H = -1, T = 100".
    measured
        Its estimate.
    interval
        Level -> (low, high) of the estimate.
    known
        Rung -> Known, for the rungs that say something or say why not.
    regime
        Dimensionless numbers, by their names in ``regime`` and ``spread_regime``.
    upper
        Whether the statement is an upper bound rather than an equality.
    """

    quantity: str
    measured: float
    interval: Callable[[float], tuple[float, float]]
    known: dict[str, Known]
    regime: dict[str, float]
    upper: bool = False


class Setting(NamedTuple):
    """One setting of a statement.

    Parameters
    ----------
    name
        Rule, landscape and noise with their numbers, short.
    work
        Trajectory-step-dimensions that it takes, for the progress.
    measure
        (seed, progress) -> its points.
    """

    name: str
    work: float
    measure: Callable[[int, Progress], list[Point]]


def escape_setting(
    name: str,
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    trajectories: int,
    mean_steps: float,
    exit: float | None = None,
    claimed: Any = None,
    **more: Any,
) -> Setting:
    """Return a setting that measures a mean escape time.

    Parameters
    ----------
    name, landscape, noise, rule
        What is run.
    trajectories
        N.
    mean_steps
        About how many steps an escape takes; max_steps is a hundred times that.
    exit, more
        As in escape_times.
    claimed
        The rule whose predictions are claimed; the rule itself if left out. Another one is a negative control.
    """

    def measure(seed: int, progress: Progress) -> list[Point]:
        from ...dynamics.escape_times import escape_times
        from ...theory.regime_numbers import regime
        from ..verdict import escape_interval

        times = escape_times(
            landscape,
            noise,
            rule,
            trajectories=trajectories,
            seed=seed,
            exit=exit,
            max_steps=int(100 * mean_steps),
            progress=_share(progress),
            **more,
        )
        known = _escape_known(landscape, noise, rule if claimed is None else claimed, exit=exit, **more)
        numbers = regime(landscape, noise, rule, exit=exit)
        return [Point("mean escape time", times.mean, lambda level: escape_interval(times, level), known, numbers)]

    return Setting(name, trajectories * mean_steps * landscape.check().dimension, measure)


def rare_escape_setting(
    name: str,
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    repetitions: int,
    trials: int,
    steps: float,
    claimed: Any = None,
) -> Setting:
    """Return a setting that measures a mean escape time at low temperature, by splitting.

    Parameters
    ----------
    name, landscape, noise, rule, claimed
        As in escape_setting.
    repetitions, trials
        As in rare_escapes.
    steps
        About how many steps it takes in all.
    """

    def measure(seed: int, progress: Progress) -> list[Point]:
        from ...dynamics.rare_escapes import rare_escapes
        from ...theory.regime_numbers import regime

        times = rare_escapes(
            landscape, noise, rule, repetitions=repetitions, trials=trials, seed=seed, progress=_share(progress)
        )
        if times.interrupted:
            raise KeyboardInterrupt
        known = _escape_known(landscape, noise, rule if claimed is None else claimed)
        return [Point("mean escape time", times.mean, times.interval, known, regime(landscape, noise, rule))]

    return Setting(f"by splitting: {name}", steps * landscape.check().dimension, measure)


def _escape_known(landscape: Any, noise: Any, rule: Any, **more: Any) -> dict[str, Known]:
    from ...theory.references import references

    told = references(landscape, noise, rule, **more)._asdict()
    return {
        rung: Known(each.value, each.source, each.reason, (each.error or 0.0) / each.value if each.value else 0.0)
        for rung, each in told.items()
    }


def spread_setting(
    name: str,
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    record: Sequence[int],
    trajectories: int,
    momentum: str = "rest",
    directions: Sequence[int] | None = None,
    first_steps: Callable[[int, int], Known] | None = None,
    claimed: Any = None,
) -> Setting:
    """Return a setting that measures the variance of theta along eigen-directions of a saddle.

    Parameters
    ----------
    name, landscape, noise, rule
        What is run.
    record
        Recorded steps.
    trajectories
        N.
    momentum
        "rest" or "thermal".
    directions
        Which eigen-directions are compared, counted from the lowest curvature; all if left out.
    first_steps
        For a rule with no recursion of its own: (direction, step) -> what is exact for the iteration, or why it is not
        known, the directions counted from the lowest curvature.
    claimed
        As in escape_setting.
    """

    def measure(seed: int, progress: Progress) -> list[Point]:
        from ...dynamics.saddle_spread import saddle_spread
        from ...theory.regime_numbers import spread_regime
        from ...theory.spread_references import spread_references

        spread = saddle_spread(
            landscape,
            noise,
            rule,
            steps=max(record),
            trajectories=trajectories,
            seed=seed,
            record=list(record),
            momentum=momentum,  # type: ignore[arg-type]
            progress=_share(progress),
        )
        claim = rule if claimed is None else claimed
        told = spread_references(landscape, noise, claim, spread.steps, momentum)  # type: ignore[arg-type]
        values = told.variances()
        order = np.argsort(spread.curvatures, kind="stable")
        points = []
        for r, step in enumerate(spread.steps):
            for place in range(len(order)) if directions is None else directions:
                i = int(order[place])
                numbers = spread_regime(landscape, noise, rule, int(step), direction=place)
                known = {
                    rung: Known(
                        None if value is None else float(value[r, i]),
                        told.sources.get(rung, ""),
                        told.reasons.get(rung, ""),
                    )
                    for rung, value in values.items()
                }
                if first_steps is not None:
                    known["exact_discrete"] = first_steps(place, int(step))
                points.append(
                    Point(
                        f"H = {spread.curvatures[i]:.4g}, T = {step}",
                        float(spread.variance[r, i]),
                        _band(spread, r, i),
                        known,
                        numbers,
                    )
                )
        return points

    return Setting(f"variance: {name}", trajectories * max(record) * landscape.check().dimension, measure)


def _band(spread: Any, r: int, i: int) -> Callable[[float], tuple[float, float]]:
    def interval(level: float) -> tuple[float, float]:
        low, high = spread.interval(level)
        return float(low[r, i]), float(high[r, i])

    return interval


def _share(progress: Progress) -> Any:
    """Return the report of an ensemble that tells the share of its trajectories that are over."""
    if progress is None:
        return None
    return lambda done, total, steps: progress(done / max(total, 1))
