"""Theorem 2: heavy ball at a quadratic saddle, from stationary momentum, which it means, and from rest."""

import numpy as np

from .setting import Setting, spread_setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: flat and steep directions, from before the momentum fades to after the growth sets in."""
    from ... import HessianNoise, Momentum, QuadraticSaddle

    number = 20_000 if quick else 100_000
    saddle, noise = QuadraticSaddle(np.array([-1.0, -0.01])), HessianNoise(1.0)
    found = [
        spread_setting(
            "Momentum lr=0.01, beta1=0.9, beta3=0.1, thermal start",
            saddle,
            noise,
            Momentum(0.01, 0.9, 0.1),
            record=(10, 100, 400),
            trajectories=number,
            momentum="thermal",
        ),
        spread_setting(
            "Momentum lr=0.01, beta1=0.9, beta3=0.1, from rest",
            saddle,
            noise,
            Momentum(0.01, 0.9, 0.1),
            record=(10, 100, 400),
            trajectories=number,
        ),
    ]
    if not quick:
        found += [
            spread_setting(
                "Momentum lr=0.001, beta1=0.99, beta3=1, thermal start",
                saddle,
                noise,
                Momentum(0.001, 0.99, 1.0),
                record=(10, 100, 1000),
                trajectories=number,
                momentum="thermal",
            ),
            spread_setting(
                "Momentum lr=0.001, beta1=0.5, beta3=0.5, thermal start",
                QuadraticSaddle(np.array([-1.0, -0.1, 0.5])),
                noise,
                Momentum(0.001, 0.5, 0.5),
                record=(100, 1000),
                trajectories=number,
                momentum="thermal",
            ),
        ]
    return found
