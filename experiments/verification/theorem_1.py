"""Theorem 1: SGD at a quadratic saddle, noise commuting with the Hessian and not."""

import numpy as np

from .setting import Setting, spread_setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: small steps, where iteration and diffusion are one, and large ones, where they part."""
    from ... import SGD, ConstantNoise, HessianNoise, QuadraticSaddle

    number = 20_000 if quick else 100_000
    saddle = QuadraticSaddle(np.array([-1.0, -0.1, 0.0, 0.5]))
    skewed = ConstantNoise(np.array([[2.0, 0.9], [0.9, 1.0]]))
    found = [
        spread_setting(
            "SGD lr=0.01, B=1, four eigen-directions",
            saddle,
            HessianNoise(1.0, floor=0.05),
            SGD(0.01),
            record=(10, 100),
            trajectories=number,
        ),
        spread_setting(
            "SGD lr=0.8, B=1, a step as long as the valley is wide",
            saddle,
            HessianNoise(1.0, floor=0.05),
            SGD(0.8),
            record=(3,),
            trajectories=number,
        ),
    ]
    if not quick:
        found.append(
            spread_setting(
                "SGD lr=0.05, noise that does not commute with the Hessian, rotated",
                QuadraticSaddle(np.array([-1.0, 0.5]), rotation=3),
                skewed,
                SGD(0.05),
                record=(20,),
                trajectories=number,
            )
        )
    return found
