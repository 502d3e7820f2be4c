"""Theorem 3: escape of SGD and heavy ball, with constant noise and with the noise of Eq. 3."""

from .setting import Setting, escape_setting, rare_escape_setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: high and low temperature, constant noise and Eq. 3, little and much inertia, a valley."""
    from ... import SGD, HessianNoise, IsotropicNoise, Momentum, PiecewiseQuadraticWell, QuarticWell

    number = 4_000 if quick else 20_000
    quartic, well = QuarticWell(), PiecewiseQuadraticWell()
    found = [
        escape_setting(
            f"SGD lr=0.05, quartic well, C = 2/B, B={batch}",
            quartic,
            IsotropicNoise(2.0 / batch),
            SGD(0.05),
            trajectories=number,
            mean_steps=steps,
            exit=0.8,
        )
        for batch, steps in ((0.5, 1300), (0.8, 5400), (1.2, 38_000))[1 if quick else 0 :]
    ]
    found += [
        escape_setting(
            f"Momentum lr=0.02, beta1={beta1}, piecewise-quadratic well, Eq. 3, B=0.28",
            well,
            HessianNoise(0.28),
            Momentum(0.02, beta1, 1.0 - beta1),
            trajectories=number,
            mean_steps=50_000,
        )
        for beta1 in ((0.0, 0.9) if quick else (0.0, 0.5, 0.8, 0.9))
    ]
    if quick:
        return found
    found.append(
        escape_setting(
            "SGD lr=0.01, piecewise-quadratic well, Eq. 3, B=0.2",
            well,
            HessianNoise(0.2),
            SGD(0.01),
            trajectories=4_000,
            mean_steps=1.2e6,
        )
    )
    found.append(
        escape_setting(
            "Momentum lr=0.05, beta1=0.9, beta3=0.1, quartic well, C = 2",
            quartic,
            IsotropicNoise(2.0),
            Momentum(0.05, 0.9, 0.1),
            trajectories=number,
            mean_steps=19_000,
            exit=0.8,
        )
    )
    found.append(
        escape_setting(
            "SGD lr=0.01, valley that narrows from 10 to 30, C = 12.5",
            PiecewiseQuadraticWell(transverse_min=[10.0], transverse_saddle=[30.0]),
            IsotropicNoise(12.5),
            SGD(0.01),
            trajectories=5_000,
            mean_steps=41_000,
        )
    )
    found.append(
        escape_setting(
            "SGD lr=0.01, valley that narrows from 4 to 5, Eq. 3, B=0.14",
            PiecewiseQuadraticWell(transverse_min=[4.0], transverse_saddle=[5.0]),
            HessianNoise(0.14),
            SGD(0.01),
            trajectories=5_000,
            mean_steps=150_000,
        )
    )
    found.append(
        rare_escape_setting(
            "SGD lr=0.01, piecewise-quadratic well, Eq. 3, B=0.6",
            well,
            HessianNoise(0.6),
            SGD(0.01),
            repetitions=32,
            trials=2_000,
            steps=2e8,
        )
    )
    return found
