"""Flatness selection: the exponent of escape against sharpness for each rule, and the rescaling behind it."""

from typing import Any

import numpy as np

from .setting import Known, Point, Progress, Setting


def settings(quick: bool) -> list[Setting]:
    """Return the settings: all rules where H_ae = |H_be|, and two where the noise changes on the way."""
    if quick:
        return [flatness_setting("sgd", 100)]
    return [
        flatness_setting("sgd", 150),
        flatness_setting("sgd", 250, curvature_min=2.0),
        flatness_setting("momentum", 120),
        flatness_setting("momentum", 400, curvature_min=2.0),
        flatness_setting("adai", 100),
        flatness_setting("adam", 200),
    ]


def flatness_setting(
    rule: str, trajectories: int, curvature_min: float = 1.0, curvature_saddle: float = 1.0
) -> Setting:
    """Return a setting that measures the exponent p of ln(tau / Pi_k) = A k^-p.

    Parameters
    ----------
    rule
        One of ``flatness.CHOICES``.
    trajectories
        N at the flattest minimum.
    curvature_min, curvature_saddle
        H_ae and |H_be| at k = 1.
    """
    from ..flatness import FlatnessRun, measure, setup_of

    setup = setup_of(rule, FlatnessRun(curvature_min=curvature_min, curvature_saddle=curvature_saddle))
    steps = np.exp(setup.laws["corrected"].log_time(setup.sharpness)) / setup.rule.time_step()
    work = float(np.sum(setup.trajectories(trajectories) * steps)) * setup.landscape.dimension

    def run(seed: int, progress: Progress) -> list[Point]:
        def report(done: int, total: int, taken: int) -> None:
            if progress is not None:
                progress(min(taken * setup.landscape.dimension / work, 1.0))

        series, _ = measure(setup, trajectories, seed, report=report)
        if series.interrupted:
            raise KeyboardInterrupt
        fit = series.fits["measured"]
        known = {
            rung: Known(series.fits[rung].exponent, "the same fit of times without sampling", "the same k and weights")
            if rung in series.fits
            else Known(None, reason=series.reasons[rung])
            for rung in ("exact_discrete", "exact_diffusion")
        }
        claimed = setup.laws["closed_form"].exponent
        known["closed_form"] = Known(claimed, "flatness selection", "low temperature at every k")
        numbers = series.regime[1] | {"barrier_over_temperature": _lowest(setup)}
        points = [Point("exponent p of k^-p", fit.exponent, fit.interval, known, numbers)]
        identity = series.identity
        if identity is not None and identity.exact:
            share = identity.same / identity.trajectories
            exact = {"exact_discrete": Known(1.0, "rescaling of theta and of the learning rate", "path for path")}
            points.append(Point("same paths at k = 4", share, lambda level: (share, share), exact, numbers))
        return points

    well = f"H_ae={curvature_min:g}, |H_be|={curvature_saddle:g}, B={setup.noise.batch_size:.4g}"
    span = f"k={setup.sharpness[0]:g} to {setup.sharpness[-1]:g}"
    return Setting(f"{rule} lr={setup.rule.lr:g}, {well}, {span}", work, run)


def _lowest(setup: Any) -> float:
    """Return the climb at the sharpest minimum."""
    law = setup.laws["corrected"]
    return float(law.climb * setup.sharpness[-1] ** -law.exponent)
