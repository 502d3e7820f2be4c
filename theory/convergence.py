"""How fast gradients fade: the bounds of Theorem 4 for a run, and E|grad L(theta_t)|^2 itself where it can be had."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import ndtr

from ..dynamics.adai import Adai, inertia
from ..dynamics.momentum import Momentum
from ..dynamics.sgd import SGD
from ..landscapes.constant_noise import ConstantNoise
from ..landscapes.hessian_noise import HessianNoise
from ..landscapes.interface import Vector, covariance_at, hessian_at, value_at
from ..landscapes.isotropic_noise import IsotropicNoise
from ..landscapes.pseudo_huber import PseudoHuber
from ..landscapes.quadratic_saddle import QuadraticSaddle
from ..landscapes.styblinski_tang import StyblinskiTang
from . import covariance_recursion
from .closed_form import closed_form
from .line import Line
from .particle import particle

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

SEPARABLE = (PseudoHuber, StyblinskiTang)
"""Landscapes that are a sum over coordinates, each of which SGD then moves on its own."""
MAX_WORK = 20_000_000
"""Nodes of a density times steps, beyond which it is left alone."""
LEAK = 1e-10
"""Share of a density that may leave its grid."""
_WIDTHS = (1.6, 2.0)
"""Nodes to the standard deviation of one step: a coarser grid to estimate the error, and the one that counts."""
_AHEAD, _REACH, _LOOK = 8.0, 9.0, 64


class Constants(NamedTuple):
    """What Theorem 4 is told of a run.

    Parameters
    ----------
    gap
        L(theta_0) - L* (loss).
    smoothness
        ell, the largest curvature.
    slope
        G, the largest |grad L|; inf where it has no bound.
    noise
        delta, with E|g - grad L|^2 at most delta^2.
    """

    gap: float
    smoothness: float
    slope: float
    noise: float

    @property
    def gradient(self) -> float:
        """R, with R^2 = G^2 + delta^2."""
        return math.hypot(self.slope, self.noise)


class Bound(NamedTuple):
    """A bound on the smallest E|grad L|^2 of a run.

    Parameters
    ----------
    value
        None where there is none.
    source, reason
        Where it comes from; where it is valid, or why there is none.
    """

    value: float | None
    source: str
    reason: str


class Bounds(NamedTuple):
    """The bounds of a run, and the dimensionless numbers of Theorem 4.

    Parameters
    ----------
    closed_form
        The theorem's.
    corrected
        Ours, where it is another.
    regime
        ``inertia_share``, the part of the bound that the inertia has over the rest; ``descent_lost``.
    """

    closed_form: Bound
    corrected: Bound
    regime: dict[str, float]


class Gradients(NamedTuple):
    """E|grad L(theta_t)|^2, exactly for the iteration.

    Parameters
    ----------
    mean_square
        At the recorded steps, (R,).
    source
        Where it comes from.
    error
        Largest relative error over the recorded steps, estimated by refinement.
    """

    mean_square: Array
    source: str
    error: float


def constants(landscape: Any, noise: Any, origin: npt.ArrayLike) -> Constants:
    """Return gap, smoothness, slope and noise of a run from origin.

    Parameters
    ----------
    landscape
        A PseudoHuber, or a QuadraticSaddle without a negative curvature; checked.
    noise
        Gradient noise that is the same everywhere; checked.
    origin
        theta_0, (d,).

    Raises
    ------
    TypeError
        Where one of them is not known.
    """
    start = np.asarray(origin, dtype=np.float64)
    if not isinstance(noise, IsotropicNoise | ConstantNoise):
        raise TypeError(f"{type(noise).__name__} has no known bound delta on its size")
    size = math.sqrt(float(np.trace(covariance_at(noise, landscape, start))))
    gap = value_at(landscape, start)
    if isinstance(landscape, PseudoHuber):
        steepest = float(np.linalg.norm(landscape.slopes))
        return Constants(gap, float(np.max(landscape.curvatures)), steepest, size)
    if isinstance(landscape, QuadraticSaddle) and np.min(landscape.curvatures) >= 0.0:
        return Constants(gap, float(np.max(landscape.curvatures)), math.inf, size)
    raise TypeError(f"{type(landscape).__name__} has no known smoothness ell and lower bound L*")


def frozen_inertia(rule: Any, dimension: int) -> tuple[float, bool]:
    """Return mu_max of a rule whose inertia is frozen, and whether its bias is corrected.

    Parameters
    ----------
    rule
        SGD (mu = 0); Momentum with beta3 = 1 - beta1 (mu = beta1, and Adai's momentum); Adai in one dimension, where
        v is its own mean, so that mu = 1 - beta0 at every step.
    dimension
        d.

    Raises
    ------
    TypeError
        Where the inertia is not frozen.
    """
    if getattr(rule, "weight_decay", 0.0) != 0.0:
        raise TypeError("weight decay descends on another loss: no bound is claimed")
    if isinstance(rule, SGD):
        return 0.0, False
    if isinstance(rule, Momentum):
        if not math.isclose(rule.beta3, 1.0 - rule.beta1, rel_tol=1e-12):
            raise TypeError(f"beta3={rule.beta3:g} is not 1 - beta1 = {1.0 - rule.beta1:g}: the momentum is no average")
        return rule.beta1, False
    if isinstance(rule, Adai):
        if dimension > 1 or rule.dampening != 1.0:
            raise TypeError("no bound is claimed: mu depends on g")
        mu = inertia(1.0, rule.beta0, rule.eps)
        return mu, mu > 0.0
    raise TypeError(f"{type(rule).__name__} has no inertia that weighs past gradients")


def bounds(rule: Any, told: Constants, steps: int, dimension: int) -> Bounds:
    """Return the bounds on min over t <= T of E|grad L(theta_t)|^2.

    Parameters
    ----------
    rule
        A checked rule; its lr is eta = c0/(T + 1)^(1/2).
    told
        The run's constants.
    steps
        T.
    dimension
        d.
    """
    try:
        mu, biased = frozen_inertia(rule, dimension)
    except TypeError as problem:
        nothing = Bound(None, "Theorem 4", str(problem))
        return Bounds(nothing, nothing, {})
    scale = rule.lr * math.sqrt(steps + 1.0)
    common = {"gap": told.gap, "c0": scale, "smoothness": told.smoothness, "inertia": mu, "steps": steps}
    lost = told.smoothness * rule.lr * (mu / (1.0 - mu) + 0.5)
    numbers = {"descent_lost": lost}
    if math.isinf(told.slope):
        printed = Bound(None, "Theorem 4", "the gradient has no bound G")
    else:
        largest = {"gradient": told.gradient, **common}
        value = float(closed_form("theorem-4", "bound")(**largest))
        third = closed_form("theorem-4", "C3")(scale, told.smoothness, told.gradient, mu)
        inertial = float(third) / (steps + 1.0)
        numbers["inertia_share"] = inertial / (value - inertial)
        printed = Bound(value, "Theorem 4, (C1 + C2)/(T + 1)^(1/2) + C3/(T + 1)", "frozen inertia, no bias correction")
        if biased:
            value = float(closed_form("theorem-4", "bias_corrected_bound")(slope=told.slope, **largest))
            printed = printed._replace(value=None, reason="not for an inertia with bias correction")
            return Bounds(printed, Bound(value, "Theorem 4 with bias correction", "frozen inertia"), numbers)
    sharp = "Theorem 4 with half of C1 and C2, gradients without bound"
    if biased or lost >= 1.0:
        reason = "not for an inertia with bias correction" if biased else "ell eta (mu/(1 - mu) + 1/2) is not below 1"
        return Bounds(printed, Bound(None, sharp, reason), numbers)
    value = float(closed_form("theorem-4", "sharp_bound")(noise=told.noise, **common))
    if printed.value is not None and printed.value < value:
        return Bounds(printed, printed._replace(reason="the theorem's own is the tighter one here"), numbers)
    return Bounds(printed, Bound(value, sharp, "frozen inertia, no bias correction"), numbers)


def mean_square_gradient(
    landscape: Any, noise: Any, rule: Any, steps: npt.ArrayLike, origin: npt.ArrayLike
) -> Gradients:
    """Return E|grad L(theta_t)|^2 at recorded steps, exactly for the iteration.

    On a quadratic loss mean and covariance of a linear rule are propagated; elsewhere the density of SGD, coordinate by
    coordinate, through its own step.

    Parameters
    ----------
    landscape, noise, rule
        What is run, each checked.
    steps
        Recorded steps, (R,), rising from 0 or more.
    origin
        theta_0, (d,).

    Raises
    ------
    TypeError, ValueError
        Where there is no exact answer, in one line that says why.
    """
    at = np.atleast_1d(np.asarray(steps, dtype=np.int64))
    if np.any(np.diff(at) <= 0) or at[0] < 0:
        raise ValueError(f"steps={at.tolist()} must rise from 0 or more")
    start = np.ascontiguousarray(origin, dtype=np.float64)
    if isinstance(landscape, QuadraticSaddle) and isinstance(noise, IsotropicNoise | ConstantNoise | HessianNoise):
        return _of_quadratic(landscape, noise, rule, at, start)
    physics = particle(rule)
    if isinstance(physics, str) or physics.kind != "sgd":
        raise TypeError("theta alone is no Markov chain: a density in more dimensions is not evaluated")
    if landscape.dimension > 1 and not isinstance(landscape, SEPARABLE):
        raise TypeError(f"{type(landscape).__name__} is no sum over coordinates: the density is not evaluated")
    if landscape.dimension > 1 and not isinstance(noise, IsotropicNoise | ConstantNoise):
        raise TypeError(f"the noise of a coordinate depends on the others with {type(noise).__name__}")
    step, decay = physics.lr / physics.friction_mass, rule.weight_decay
    total, coarse = np.zeros(len(at)), np.zeros(len(at))
    for i, e in enumerate(np.eye(landscape.dimension)):
        line = Line(landscape, noise, np.zeros(landscape.dimension), e)
        for out, nodes in ((coarse, _WIDTHS[0]), (total, _WIDTHS[1])):
            out += _of_density(line, step, decay, at, float(start[i]), nodes)
    error = float(np.max(np.abs(coarse / total - 1.0), initial=0.0)) + LEAK
    return Gradients(total, "density of the iteration, propagated through its own step", error)


def _of_quadratic(landscape: Any, noise: Any, rule: Any, at: npt.NDArray[np.int64], start: Vector) -> Gradients:
    h, c = hessian_at(landscape, start), covariance_at(noise, landscape, start)
    step = covariance_recursion.response(rule, len(start))
    if not step.alike:
        raise TypeError(f"{type(rule).__name__} does not treat every coordinate alike: its mean is not propagated")
    scatter = covariance_recursion.spread(rule, h, c, at)
    along, basis = np.linalg.eigh(h)
    one = step.keep + along[:, None, None] * (step.push @ np.eye(1, len(step.keep)))
    y = np.zeros((len(along), len(step.keep), 1))
    y[:, 0, 0] = basis.T @ start
    mean = np.empty((len(at), len(along)))
    for r, k in enumerate(np.diff(at, prepend=0)):
        y = np.linalg.matrix_power(one, int(k)) @ y
        mean[r] = y[:, 0, 0]
    value = np.einsum("ij,rjk,ki->r", h, scatter, h) + np.sum((along * mean) ** 2, axis=1)
    return Gradients(value, "mean and covariance of the iteration, propagated", 1e-12)


def _of_density(
    line: Line, step: float, decay: float, at: npt.NDArray[np.int64], start: float, per_width: float
) -> Array:
    """Return E L'(x_t)^2 of x -= step (L' + decay x + C^(1/2) xi) from a point, at recorded steps."""

    def landing(x: Array) -> Array:
        return np.asarray(x - step * (line.slope(x) + decay * x))

    def width(x: Array) -> Array:
        return np.asarray(step * np.sqrt(line.variance(x)))

    first, sigma = float(landing(np.array([start]))[0]), float(width(np.array([start]))[0])
    if not sigma > 0.0:
        raise ValueError("there is no noise at the start: the density stays a point")
    out = np.full(len(at), float(line.slope([start])[0]) ** 2)
    after = at[at > 0]
    if not len(after):
        return out
    low, high = min(start, first) - _AHEAD * sigma, max(start, first) + _AHEAD * sigma
    while True:
        finest = float(width(np.linspace(low, high, 201)).min())
        nodes = math.ceil((high - low) / finest * per_width) if finest > 0.0 else MAX_WORK
        if nodes * int(after[-1]) > MAX_WORK:
            raise ValueError(
                f"{after[-1]} steps of this little noise are too many: more than {MAX_WORK:.0e} node-steps"
            )
        x = np.linspace(low, high, nodes)
        found, left, right = _propagated(x, landing(x), width(x), line.slope(x) ** 2, (first, sigma), after)
        if left <= LEAK and right <= LEAK:
            break
        # The interval is made longer where too much leaves: it ends where nothing arrives.
        reach = 0.5 * (high - low)
        low, high = low - reach * (left > LEAK), high + reach * (right > LEAK)
    out[at > 0] = found
    return out


def _propagated(
    x: Array, mean: Array, sigma: Array, square: Array, first: tuple[float, float], after: npt.NDArray[np.int64]
) -> tuple[Array, float, float]:
    """Return the mean of ``square`` after the recorded steps, and what has left the nodes below and above.

    It ends early, with less than all, where too much has left.
    """
    n = len(x)
    step: Any = sparse.csr_array(_transitions(x, mean, sigma))
    p = _transitions(x, *(np.array([v]) for v in first))[:, 0]  # after the first step, from a point
    now, found = 1, []
    for until in after.tolist():
        while now < until and max(p[n], p[n + 1]) <= LEAK:
            for _ in range(min(_LOOK, until - now)):
                p = step @ p
            now += min(_LOOK, until - now)
        found.append(float(square @ p[:n]))
    return np.array(found), float(p[n]), float(p[n + 1])


def _transitions(x: Array, mean: Array, sigma: Array) -> Array:
    """Return the chances of going from each source to each node, and below and above all, (n + 2, sources).

    The trapezoidal rule is exact to rounding for what is as smooth as a normal density two nodes wide. Where the
    sources are the nodes, what has left stays where it is.
    """
    z = (x[:, None] - mean) / sigma
    near = (x[1] - x[0]) / (math.sqrt(2.0 * math.pi) * sigma) * np.exp(-0.5 * z * z)
    out = np.vstack(
        [np.where(np.abs(z) < _REACH, near, 0.0), ndtr((x[0] - mean) / sigma), ndtr((mean - x[-1]) / sigma)]
    )
    if len(mean) < len(x):
        return out
    return np.hstack([out, np.vstack([np.zeros((len(x), 2)), np.eye(2)])])
