"""The predictions of how a rule spreads at a saddle: each with where it comes from and where it is valid."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..landscapes.checks import vector
from ..landscapes.eigen_directions import eigen_directions
from ..landscapes.interface import Matrix, Vector, covariance_at, hessian_at
from ..landscapes.pairs import check_pair
from . import covariance_recursion, frozen_gain, linear_diffusion, random_gain
from .closed_form import closed_form
from .particle import particle
from .references import Momentum, check_momentum

Array = npt.NDArray[np.float64]


class SpreadReferences(NamedTuple):
    """The predictions of how a rule spreads at a saddle; each is None where ``reasons`` says why.

    Parameters
    ----------
    steps
        Recorded steps, (R,).
    curvatures, directions
        Eigenvalues (d,) and eigenvectors (d, d), in columns, of the Hessian at the start.
    closed_form
        Theorem 1 or 2, Proposition 1 or 3 as printed: mean square displacement along each eigen-direction, (R, d).
    exact_diffusion
        The linear diffusion, along each eigen-direction, (R, d).
    exact_discrete
        The iteration itself: covariance of theta, (R, d, d).
    corrected
        Ours for Adam and Adai, their second moments held at the noise's: covariance of theta, (R, d, d).
    sources, reasons
        For each of the four, where it comes from, and why it has no value or where it is valid.
    """

    steps: npt.NDArray[np.int64]
    curvatures: Vector
    directions: Matrix
    closed_form: Array | None
    exact_diffusion: Array | None
    exact_discrete: Array | None
    corrected: Array | None
    sources: dict[str, str]
    reasons: dict[str, str]

    def along(self, covariance: Array | None) -> Array | None:
        """Return the diagonal of a covariance (R, d, d) along the eigen-directions, (R, d)."""
        if covariance is None:
            return None
        return np.asarray(np.einsum("ki,rkl,li->ri", self.directions, covariance, self.directions))

    def variances(self) -> dict[str, Array | None]:
        """Return each prediction's variance along the eigen-directions, (R, d), by its name."""
        return {
            "closed_form": self.closed_form,
            "corrected": self.along(self.corrected),
            "exact_diffusion": self.exact_diffusion,
            "exact_discrete": self.along(self.exact_discrete),
        }


def spread_references(
    landscape: Any,
    noise: Any,
    rule: Any,
    steps: npt.ArrayLike,
    momentum: Momentum = "rest",
    origin: npt.ArrayLike | None = None,
) -> SpreadReferences:
    """Return the predictions of how a rule spreads at a saddle.

    The loss is taken as its second-order expansion at the start and the noise as it is there.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    steps
        Recorded steps, (R,), rising.
    momentum
        "rest", or "thermal": the momentum a flat loss has in the long run. Theorem 2 as printed means the second.
    origin
        Where trajectories start, (d,); default the landscape's first saddle.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds.
    """
    check_momentum(momentum)
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    point = landscape.saddles()[0] if origin is None else vector("origin", origin)
    at = np.atleast_1d(np.asarray(steps, dtype=np.int64))
    h, c = hessian_at(landscape, point), covariance_at(noise, landscape, point)
    curvatures, directions = eigen_directions(landscape, point)
    sources, reasons = {}, {}
    closed = continuous = discrete = corrected = None
    p = particle(rule)
    if isinstance(p, str):
        unsolved = f"the second moments of {type(rule).__name__} make it a process in theta, m and v: not solved"
        reasons["exact_diffusion"] = unsolved
        closed, sources["closed_form"], reasons["closed_form"] = _proposition(rule, curvatures, directions, c, at)
        try:
            corrected, sources["corrected"], reasons["corrected"] = _held(rule, h, c, at, momentum)
        except TypeError as problem:
            reasons["corrected"] = str(problem)
    else:
        reasons["corrected"] = "nothing to correct: see exact_diffusion"
        decay = float(getattr(rule, "weight_decay", 0.0))
        time = at[:, None] * p.time_step
        diffusion = 0.5 * p.lr * np.einsum("ki,kl,li->i", directions, c, directions)
        sources["exact_diffusion"] = "Lyapunov equation of the linear diffusion, solved direction by direction"
        reasons["exact_diffusion"] = "no finite-step error: lr max|H| << 1"
        continuous = linear_diffusion.spread(
            curvatures + decay, diffusion, time, p.friction, p.friction_mass, momentum == "thermal"
        )
        if math.isinf(p.friction):
            sources["closed_form"] = "Theorem 1"
            reasons["closed_form"] = "lr max|H| << 1"
            spread = closed_form("theorem-1", "spread")
            closed = spread((curvatures + decay) / p.friction_mass, diffusion / p.friction_mass**2, time)
        else:
            sources["closed_form"] = "Theorem 2"
            reasons["closed_form"] = (
                "stationary momentum at the start; gamma t >> 1; 4|H|, 2 H^2 t/(gamma M) << gamma^2 M"
            )
            spread = closed_form("theorem-2", "spread")
            closed = spread(curvatures + decay, diffusion, time, p.friction, p.friction_mass)
    try:
        discrete = covariance_recursion.spread(rule, h, c, at, momentum)
        sources["exact_discrete"] = "covariance recursion S <- A S A^T + Q of the rule's own step"
        reasons["exact_discrete"] = "exact on a quadratic loss with the noise fixed at its value at the start"
    except TypeError as problem:
        reasons["exact_discrete"] = str(problem)
    return SpreadReferences(at, curvatures, directions, closed, continuous, discrete, corrected, sources, reasons)


def _proposition(
    rule: Any, curvatures: Vector, directions: Matrix, c: Matrix, at: npt.NDArray[np.int64]
) -> tuple[Array | None, str, str]:
    """Return Proposition 1 (Adam) or 3 (Adai), v = C, with its source and where it holds, or why it does not apply."""
    if not isinstance(rule, Adam | Adai):
        return None, "", f"there is no statement about {type(rule).__name__}"
    name = "Proposition 1" if isinstance(rule, Adam) else "Proposition 3"
    own = np.abs(directions)
    axes = np.argmax(own, axis=0)
    if not np.allclose(own, np.eye(len(own))[:, axes], atol=1e-9):
        return None, name, "Adam and Adai are not rotation invariant: the eigen-directions must be coordinate axes"
    if rule.weight_decay > 0.0:
        return None, name, "weight_decay adds a curvature that the second moments do not follow"
    v = np.diag(c)[axes]
    if not np.all(v > 0.0):
        return None, name, "a direction without noise has no second moment"
    times = at[:, None]
    if isinstance(rule, Adam):
        found = closed_form("proposition-1", "frozen_spread")(curvatures, v, v, rule.lr, rule.beta1, times)
        valid = "stationary momentum at the start, eps << v^(1/2); (1 - beta1) T >> 1; 4 lr |H|/v^(1/2) << 1 - beta1"
        return found, f"{name}, v = C", valid
    if rule.dampening < 1.0:
        return None, name, f"dampening={rule.dampening:g}: {name} is about a dampening of 1"
    mu = np.clip(1.0 - rule.beta0 * v / v.mean(), 0.0, 1.0 - rule.eps)
    found = closed_form("proposition-3", "frozen_spread")(curvatures, v, mu, rule.lr, times)
    valid = "stationary momentum at the start; (1 - mu) T >> 1; 4 lr |H| << 1 - mu; the gradient small beside the noise"
    return found, f"{name}, v = C", valid


def _held(rule: Any, h: Matrix, c: Matrix, at: npt.NDArray[np.int64], momentum: str) -> tuple[Array, str, str]:
    """Return the iteration with its second moments held at C, with its source and where it holds."""
    found = frozen_gain.spread(rule, h, c, at, momentum)
    source = "covariance recursion of the rule's own step, v held at C"
    valid = "v is C throughout: |H|^2 theta^2 small beside it"
    if isinstance(rule, Adam) and momentum == "rest":
        unsettled = random_gain.spread(rule.beta1, at) / np.maximum(
            random_gain.spread(rule.beta1, at, held=True), 1e-300
        )
        found = found * unsettled[:, None, None]
        source += ", times what an unsettled v takes away on a flat loss"
        valid += "; eps = 0 and T << 1/(1 - beta2) in that factor"
    return found, source, valid
