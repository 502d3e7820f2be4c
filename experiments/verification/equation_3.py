"""Eq. 3: real minibatches of least squares, where Fisher matrix and Hessian are one and where they are not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .setting import Known, Point, Progress, Setting

Array = npt.NDArray[np.float64]

CURVATURES = (2.0, 0.5, 0.1)
"""Mean squares of the inputs along each axis."""
PAIRS = 100
"""Inputs; each comes twice, with residuals of either sign."""
TRUTH = (1.0, -2.0, 0.5)
"""Where the least squares have their minimum."""


def settings(quick: bool) -> list[Setting]:
    """Return the settings: residuals of size 1 at the minimum, and every way in which Eq. 3 can fail."""
    number = 20_000 if quick else 200_000
    even = sample(lambda x: np.ones(len(x)))
    at = np.array(TRUTH)
    found = [
        minibatch_setting("residuals of variance 1, B=8", even, at, 8, number),
        minibatch_setting("residuals that grow with the input, B=8", sample(lambda x: np.abs(x[:, 0])), at, 8, number),
    ]
    if quick:
        return found
    return [
        *found,
        minibatch_setting("residuals of variance 1, B=64", even, at, 64, number // 4),
        minibatch_setting("residuals of variance 4, B=8", sample(lambda x: np.full(len(x), 2.0)), at, 8, number),
        minibatch_setting("residuals of variance 1, B=50 of 200 without replacement", even, at, 50, number // 4, False),
        minibatch_setting("residuals of variance 1, away from the minimum, B=8", even, at + 1.0, 8, number),
        minibatch_setting(
            "no residuals, away from the minimum, B=8", sample(lambda x: 0.0 * x[:, 0]), at + 1.0, 8, number
        ),
    ]


def sample(residual: Callable[[Array], Array]) -> Any:
    """Return least squares whose inputs come twice each, with residuals +-residual(inputs) at the minimum TRUTH.

    Residual and gradient at the minimum are then free of one another exactly, however few the samples.
    """
    from ...theory.minibatch import LeastSquares

    x = np.random.default_rng(3).standard_normal((PAIRS, len(CURVATURES))) * np.sqrt(CURVATURES)
    left = residual(x)
    inputs = np.concatenate([x, x])
    return LeastSquares(inputs, inputs @ np.array(TRUTH) + np.concatenate([left, -left])).check()


def minibatch_setting(name: str, data: Any, theta: Array, batch: int, number: int, replacement: bool = True) -> Setting:
    """Return a setting that measures the variance of minibatch gradients along the Hessian's eigen-directions.

    Parameters
    ----------
    name
        What is drawn from what, short.
    data
        LeastSquares.
    theta
        Where the gradients are taken, (d,).
    batch
        B.
    number
        How many minibatches.
    replacement
        Whether a sample can be drawn twice.
    """

    def measure(seed: int, progress: Progress) -> list[Point]:
        from ...dynamics.estimates import variance_interval_from_moments
        from ...theory.closed_form import closed_form

        drawn = data.draws(theta, batch, number, np.random.default_rng(seed), replacement=replacement)
        curvatures, directions = np.linalg.eigh(data.hessian)
        along = (drawn - drawn.mean(axis=0)) @ directions
        variance = np.sum(along**2, axis=0) / (number - 1)
        fourth = np.mean(along**4, axis=0)
        covariance = data.covariance(theta, batch, replacement=replacement)
        exact = np.einsum("ki,kl,li->i", directions, covariance, directions)
        printed = closed_form("equation-3", "near_critical")(curvature=curvatures, batch_size=batch)
        gradients = data.gradients(theta) @ directions
        means, squares = gradients.mean(axis=0), np.mean(gradients**2, axis=0)
        points = []
        for i, curvature in enumerate(curvatures):

            def interval(level: float, i: int = i) -> tuple[float, float]:
                low, high = variance_interval_from_moments(variance[i], fourth[i], number, level)
                return float(low), float(high)

            known = {
                "exact_discrete": Known(float(exact[i]), "the finite sum's own covariance", "exact at any point"),
                "exact_diffusion": Known(None, reason="no process: gradients at one point"),
                "closed_form": Known(float(printed[i]), "Eq. 3", "grad L = 0 and Fisher matrix = Hessian"),
            }
            regime = {
                "gradient_over_noise": float(means[i] ** 2 / squares[i]),
                "fisher_over_hessian": float(squares[i] / curvature),
            }
            if not replacement:
                regime["batch_over_samples"] = batch / len(data.inputs)
            points.append(Point(f"H = {curvature:.4g}", float(variance[i]), interval, known, regime))
        if progress is not None:
            progress(1.0)
        return points

    return Setting(f"variance of a minibatch's gradient: {name}", float(number * batch), measure)
