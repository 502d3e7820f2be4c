"""Proposition 3: Adai at a quadratic saddle, exactly on its first steps."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .setting import Known, Setting, spread_setting

PAIR = np.array([-1.0, 0.2])
EXACT_STEPS = 2
"""Steps after which what is exact is no longer integrated: Adai's coordinates share one mean of v."""


def settings(quick: bool) -> list[Setting]:
    """Return the settings: the first steps of two coordinates, and four directions over two decades."""
    from ... import Adai, HessianNoise, QuadraticSaddle

    number = 20_000 if quick else 100_000
    noise = HessianNoise(1.0)
    spectrum = QuadraticSaddle(np.array([-1.0, -0.1, -0.02, 0.3]))
    found = [
        spread_setting(
            "Adai lr=0.01, B=1, two directions from rest",
            QuadraticSaddle(PAIR),
            noise,
            Adai(0.01),
            record=(1, 2, 10),
            trajectories=number,
            first_steps=_exactly(0.01),
        ),
        spread_setting(
            "Adai lr=0.001, B=1, four directions, thermal start",
            spectrum,
            noise,
            Adai(0.001),
            record=(20, 300),
            trajectories=number,
            momentum="thermal",
        ),
    ]
    if not quick:
        found.append(
            spread_setting(
                "Adai lr=0.001, B=1, four directions, from rest",
                spectrum,
                noise,
                Adai(0.001),
                record=(20, 300),
                trajectories=number,
            )
        )
    return found


def _exactly(lr: float) -> Callable[[int, int], Known]:
    """Return what is exact along a direction after some steps."""

    @cache
    def moments() -> tuple[Any, float]:
        from ... import Adai
        from ...theory.short_horizon import second_moment

        h = np.sort(PAIR)
        found = second_moment(Adai(lr), np.diag(h), np.diag(np.sqrt(np.abs(h))), EXACT_STEPS)
        return np.diagonal(found.moment, axis1=1, axis2=2), found.error

    def known(place: int, step: int) -> Known:
        if step > EXACT_STEPS:
            return Known(None, reason="its inertia is random: no recursion closes, and no integral is short")
        values, error = moments()
        return Known(float(values[step - 1, place]), "integral over the normals of the first steps", error=error)

    return known
