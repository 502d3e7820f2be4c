"""Eq. 3: [H]^+/B over the exact covariance of a minibatch's gradient, for least squares with residuals."""

from functools import cache

import numpy as np
import numpy.typing as npt

from ..closed_form import closed_form
from ..minibatch import LeastSquares
from .plane import PRINTED, Array, Axis, Candidate, Mark, Plane, Row

PAIRS = 100
"""Inputs; each comes twice, with residuals of either sign."""
RESIDUAL = Axis("sigma^2", r"variance of the residuals, $\sigma^2$", 0.25, 4.0, centred=True)
DISTANCE = Axis("G^2/(sigma^2 H)", r"distance, $G^2\,/\,(\sigma^2 H)$", 1e-3, 10.0)
SHARE = Axis("B/m", r"share drawn, $B\,/\,m$", 0.005, 0.9, unit=1.0 / (2 * PAIRS))


def planes() -> tuple[Plane, ...]:
    """Return the planes: with replacement, and without."""
    critical = (
        Candidate("fisher_over_hessian", True),
        Candidate("fisher_over_hessian", False),
        Candidate("gradient_over_noise", True),
    )
    near = DISTANCE._replace(high=1.0)
    return (
        Plane(
            "with replacement",
            "|H|/B over a minibatch's exact variance; least squares, Gaussian inputs, at a distance of gradient G",
            RESIDUAL,
            DISTANCE,
            _with_replacement,
            critical,
            points=(49, 49),
            marks=(Mark(1.0, 1e-3), Mark(4.0, 1e-3), Mark(1.0, 1.0)),
        ),
        Plane(
            "without replacement",
            "the same for batches whose samples all differ; sigma^2 = 1",
            SHARE,
            near,
            _without_replacement,
            (Candidate("batch_over_samples", True), Candidate("gradient_over_noise", True)),
        ),
    )


def _with_replacement(variance: Array, distance: float) -> Row:
    return _row(variance, np.full_like(variance, distance), np.ones(len(variance), dtype=np.int64), replacement=True)


def _without_replacement(share: Array, distance: float) -> Row:
    batch = np.round(share * 2 * PAIRS).astype(np.int64)
    return _row(np.ones_like(share), np.full_like(share, distance), batch, replacement=False)


def _row(variance: Array, distance: Array, batch: npt.NDArray[np.int64], *, replacement: bool) -> Row:
    """Return a row for these residual variances, distances in units of gradient over noise, and batch sizes."""
    found: list[tuple[float, float, float]] = []
    for v, far, b in zip(variance, distance, batch, strict=True):
        data = _data(float(v))
        h = float(data.hessian[0, 0])
        theta = data.minimum() + np.sqrt(far * v / h)
        each = data.gradients(theta)[:, 0]
        square, mean = float(np.mean(each**2)), float(np.mean(each))
        exact = float(data.covariance(theta, int(b), replacement=replacement)[0, 0])
        printed = float(closed_form("equation-3", "near_critical")(curvature=h, batch_size=b))
        found.append((np.log(printed / exact), square / h, mean**2 / square))
    ratio, fisher, gradient = np.array(found).T
    numbers = {"fisher_over_hessian": fisher, "gradient_over_noise": gradient}
    if not replacement:
        numbers = {"batch_over_samples": batch / (2 * PAIRS), "gradient_over_noise": gradient}
    return Row({PRINTED: ratio}, numbers)


@cache
def _data(variance: float) -> LeastSquares:
    """Return inputs at the quantiles of a Gaussian, twice each, with residuals of either sign at the minimum."""
    from scipy.special import ndtri

    x = ndtri((np.arange(PAIRS) + 0.5) / PAIRS)
    inputs = np.concatenate([x, x])
    left = np.sqrt(variance) * np.repeat([1.0, -1.0], PAIRS)
    return LeastSquares(inputs[:, None], inputs + left).check()
