"""Proposition 4: escape of Adai in four dimensions, where its inertia is its own."""

from .setting import Setting, escape_setting, rare_escape_setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: the escape direction among stiffer, equal and softer ones, one noise, low temperature."""
    from ... import Adai, HessianNoise, IsotropicNoise, PiecewiseQuadraticWell

    number = 2_000 if quick else 6_000
    across = ([2.0, 2.0, 2.0],) if quick else ([0.5, 0.2, 0.1], [2.0, 2.0, 2.0], [6.0, 6.0, 6.0])
    found = [
        escape_setting(
            f"Adai lr=0.01, {transverse[0]:g} {transverse[1]:g} {transverse[2]:g} across, Eq. 3, B=0.14",
            PiecewiseQuadraticWell(2.0, 1.0, transverse_min=transverse),
            HessianNoise(0.14),
            Adai(0.01),
            trajectories=number,
            mean_steps=90_000,
            momentum="thermal",
        )
        for transverse in across
    ]
    if not quick:
        found.append(
            escape_setting(
                "Adai lr=0.01, 2 2 2 across, constant noise, C = 9",
                PiecewiseQuadraticWell(2.0, 1.0, transverse_min=[2.0, 2.0, 2.0]),
                IsotropicNoise(9.0),
                Adai(0.01),
                trajectories=number,
                mean_steps=100_000,
                momentum="thermal",
            )
        )
        found.append(
            rare_escape_setting(
                "Adai lr=0.01, 2 2 2 across, Eq. 3, B=0.48",
                PiecewiseQuadraticWell(2.0, 1.0, transverse_min=[2.0, 2.0, 2.0]),
                HessianNoise(0.48),
                Adai(0.01),
                repetitions=32,
                trials=2_000,
                steps=1e8,
            )
        )
    return found
