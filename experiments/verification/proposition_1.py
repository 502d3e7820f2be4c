"""Proposition 1: Adam at a quadratic saddle, exactly on its first steps."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .setting import Known, Setting, spread_setting

CURVATURES = np.array([-1.0, 0.1, -0.01])
# The first step is by lr up or down whatever the gradient: its variance has no scatter to compare with.
EXACT_STEPS = 3
"""Steps after which what is exact is no longer integrated: one more takes fifteen times as long."""


def settings(quick: bool) -> list[Setting]:
    """Return the settings: the first steps, the fading of the momentum and the growth, from rest and thermal."""
    from ... import Adam, HessianNoise, QuadraticSaddle

    number = 20_000 if quick else 100_000
    saddle, noise = QuadraticSaddle(CURVATURES), HessianNoise(1.0)
    found = [
        spread_setting(
            "Adam lr=0.001, B=1, from rest",
            saddle,
            noise,
            Adam(0.001),
            record=(2, 3, 5, 20, 100),
            trajectories=number,
            directions=(0, 2),
            first_steps=_exactly(0.001),
        )
    ]
    if not quick:
        found.append(
            spread_setting(
                "Adam lr=0.001, B=1, thermal start",
                saddle,
                noise,
                Adam(0.001),
                record=(20, 100),
                trajectories=number,
                momentum="thermal",
                directions=(0, 2),
            )
        )
        found.append(
            spread_setting(
                "Adam lr=0.01, B=1, from rest",
                saddle,
                noise,
                Adam(0.01),
                record=(2, 3, 100, 300),
                trajectories=number,
                directions=(0, 2),
                first_steps=_exactly(0.01),
            )
        )
    return found


def _exactly(lr: float) -> Callable[[int, int], Known]:
    """Return what is exact along a direction after some steps: Adam treats each coordinate on its own."""

    @cache
    def moments(place: int) -> tuple[Any, float]:
        from ... import Adam
        from ...theory.short_horizon import second_moment

        h = np.sort(CURVATURES)[place]
        found = second_moment(Adam(lr), np.array([[h]]), np.array([[np.sqrt(abs(h))]]), EXACT_STEPS)
        return found.moment[:, 0, 0], found.error

    def known(place: int, step: int) -> Known:
        if step > EXACT_STEPS:
            return Known(None, reason="its second moments are random: no recursion closes, and no integral is short")
        values, error = moments(place)
        return Known(float(values[step - 1]), "integral over the normals of the first steps", error=error)

    return known
