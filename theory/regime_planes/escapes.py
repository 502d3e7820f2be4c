"""Escape on a plane: the closed forms of a run, what is exact for it, and its dimensionless numbers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import first_passage_heavy_ball, first_passage_iteration, first_passage_particle, kramers
from ..escape_forms import closed_forms, second_moment_forms
from ..line import Passage, passage
from ..particle import Particle, particle
from ..regime_numbers import regime
from ..second_moments import Frozen, frozen
from .plane import OURS, PRINTED, Array, Row, RowOf

ROUGH = 1e-3
"""Relative error at which exact escape times of heavy ball stop being refined: a hundredth of what is asked of them."""
RunAt = Callable[[float, float], tuple[Any, Any, Any]]
"""(x, y) -> landscape, noise and rule, each checked."""


def row_of(run_at: RunAt) -> RowOf:
    """Return the row of a plane on which every point is a run: both closed forms over what is exact for it."""

    def row(x: Array, y: float) -> Row:
        ratios: dict[str, list[float]] = {PRINTED: [], OURS: []}
        numbers: dict[str, list[float]] = {}
        for each in x:
            landscape, noise, rule = run_at(float(each), y)
            way = passage(landscape, noise)
            printed, ours, known = _log_times(way, rule)
            ratios[PRINTED].append(printed - known)
            ratios[OURS].append(ours - known)
            for name, number in regime(landscape, noise, rule).items():
                numbers.setdefault(name, []).append(number)
        return Row(*({name: np.array(values) for name, values in part.items()} for part in (ratios, numbers)))

    return row


def exact(way: Passage, p: Particle) -> float:
    """Return ln tau in the particle's own time: of SGD's or heavy ball's iteration, or of a particle's diffusion.

    nan where it would take too many unknowns.
    """
    slope, variance = way.line.slope, way.line.variance
    bend = float(way.line.curvature([way.minimum])[0])
    between = (way.start, way.exit, way.edges)
    try:
        if p.kind == "sgd":
            return math.log(first_passage_iteration.first_passage(p.lr, slope, variance, bend, *between).steps * p.lr)
        if p.kind == "momentum":
            beta3 = (1.0 - p.keep) / p.friction_mass
            found = first_passage_heavy_ball.first_passage(
                p.lr, p.keep, beta3, slope, variance, bend, *between, tolerance=ROUGH
            )
            return math.log(found.steps * p.lr)
        return first_passage_particle.first_passage(
            slope, lambda x: 0.5 * p.lr * variance(x), p.friction, p.mass, *between, tolerance=ROUGH
        ).log_time
    except ValueError:
        return math.nan


def batch_for(landscape: Any, noise: Callable[[float], Any], lr: float, climb: float) -> float:
    """Return the batch size at which the barrier is so many units of T; the noise is inverse to it."""
    return climb / kramers.climb(passage(landscape, noise(1.0).check()), lr)


def _log_times(way: Passage, rule: Any) -> tuple[float, float, float]:
    """Return ln tau as printed, ours, and exactly."""
    p, stretch = particle(rule), 0.0
    if isinstance(p, str):
        held = frozen(way, rule)
        assert isinstance(held, Frozen)
        p, stretch, forms = held.particle, math.log(held.stretch), second_moment_forms(way, rule)
    else:
        forms = closed_forms(way, p)
    printed, ours = (math.nan if form.value is None else math.log(form.value) for form in forms)
    return printed, ours, exact(way, p) + stretch
