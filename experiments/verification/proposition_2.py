"""Proposition 2: escape of Adam, with the noise of Eq. 3 and with constant noise."""

from .setting import Setting, escape_setting, rare_escape_setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: a minimum sharper than the saddle and flatter, one noise everywhere, low temperature."""
    from ... import Adam, HessianNoise, IsotropicNoise, PiecewiseQuadraticWell, QuarticWell

    found = [
        escape_setting(
            "Adam lr=0.02, piecewise-quadratic well, H_ae=1, |H_be|=2, Eq. 3, B=0.05",
            PiecewiseQuadraticWell(1.0, 2.0),
            HessianNoise(0.05),
            Adam(0.02),
            trajectories=1_000 if quick else 4_000,
            mean_steps=170_000,
            momentum="thermal",
        )
    ]
    if quick:
        return found
    found.append(
        escape_setting(
            "Adam lr=0.02, piecewise-quadratic well, H_ae=2, |H_be|=1, Eq. 3, B=0.05",
            PiecewiseQuadraticWell(2.0, 1.0),
            HessianNoise(0.05),
            Adam(0.02),
            trajectories=3_000,
            mean_steps=500_000,
            momentum="thermal",
        )
    )
    found.append(
        escape_setting(
            "Adam lr=0.02, quartic well, C = 31",
            QuarticWell(),
            IsotropicNoise(31.0),
            Adam(0.02),
            trajectories=4_000,
            mean_steps=130_000,
            exit=0.8,
            momentum="thermal",
        )
    )
    found.append(
        rare_escape_setting(
            "Adam lr=0.02, piecewise-quadratic well, H_ae=1, |H_be|=2, Eq. 3, B=1",
            PiecewiseQuadraticWell(1.0, 2.0),
            HessianNoise(1.0),
            Adam(0.02),
            repetitions=32,
            trials=3_000,
            steps=2e8,
        )
    )
    return found
