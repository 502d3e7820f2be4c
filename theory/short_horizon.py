"""The first steps of a nonlinear rule at a saddle, exactly: an integral over all the normals that have entered.

Adam and Adai divide by, or forget at the rate of, what they have seen: no covariance recursion closes. After T steps in
d dimensions theta is a function of d T normals, run through the rule's own step at the nodes of a product rule in
spherical coordinates. Both rules scale as a power of the noise, so that little depends on the radius, and what is not
smooth at the origin is smooth on the sphere.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import roots_genlaguerre

from ..dynamics.interface import adapt, decay, move, start
from ..landscapes.interface import Matrix
from .quadrature import gauss_legendre

Array = npt.NDArray[np.float64]

MOST_NORMALS = 4
"""Largest d T."""
_RADII = 5
_ANGLES = {1: (2, 2), 2: (16, 24), 3: (8, 12), 4: (5, 7)}


class SecondMoment(NamedTuple):
    """Second moments of theta.

    Parameters
    ----------
    moment
        <theta theta^T>, (T, d, d), after each of the steps.
    error
        Largest change of a diagonal element, relative, on taking more nodes.
    """

    moment: Array
    error: float


def second_moment(rule: Any, hessian: Matrix, root: Matrix, steps: int) -> SecondMoment:
    """Return the second moments of theta after 1 ... T steps from the saddle, at rest.

    Parameters
    ----------
    rule
        Any rule whose step needs the gradient at the present point only.
    hessian
        H, (d, d).
    root
        C^(1/2), (d, d): the noise of the gradient is root xi.
    steps
        T.

    Raises
    ------
    ValueError
        Where d T is above 4, so that the product rule would be too large.
    TypeError
        Where the rule needs more than the present gradient.
    """
    d = len(hessian)
    if d * steps > MOST_NORMALS:
        raise ValueError(f"steps={steps} in {d} dimensions need an integral over {d * steps} > {MOST_NORMALS} normals")
    if hasattr(rule, "advance"):
        raise TypeError(f"{type(rule).__name__} needs the gradient at more than one point")
    few, many = _ANGLES[d * steps]
    coarse, fine = (_moments(rule, hessian, root, steps, angles) for angles in (few, many))
    own = np.diagonal(fine, axis1=1, axis2=2)
    change = np.abs(np.diagonal(coarse, axis1=1, axis2=2) - own)
    return SecondMoment(fine, float(np.max(change / np.where(own > 0.0, own, 1.0))) + 1e-13)


def normal_nodes(count: int, angles: int, radii: int = _RADII) -> tuple[Array, Array]:
    """Return nodes (count, lanes) and weights (lanes,) of a rule for expectations over independent standard normals.

    Parameters
    ----------
    count
        Number of normals.
    angles, radii
        Nodes of each right angle, by Gauss-Legendre, so that a jump where a normal changes its sign costs nothing, and
        of the radius: r^2 / 2 by generalised Gauss-Laguerre.
    """
    half_square, weight = roots_genlaguerre(radii, 0.5 * count - 1.0)
    points, weights = np.sqrt(2.0 * half_square)[None, :], weight / weight.sum()
    if count == 1:
        return np.hstack([points, -points]), np.concatenate([weights, weights]) / 2.0
    right = gauss_legendre(angles)
    # x_1 = r cos a_1, x_2 = r sin a_1 cos a_2, ...: what is left of the radius goes on to the next coordinate.
    for k in range(count - 1):
        quarters = 2 if k < count - 2 else 4
        angle = (0.5 * math.pi * (np.arange(quarters)[:, None] + right.nodes)).ravel()
        weight = np.tile(right.weights, quarters) * np.abs(np.sin(angle)) ** (count - 2 - k)
        rest = points[-1]
        turned = [np.outer(rest, part(angle)).ravel() for part in (np.cos, np.sin)]
        points = np.vstack([np.repeat(points[:-1], len(angle), axis=1), *turned])
        weights = np.outer(weights, weight / weight.sum()).ravel()
    return points, weights


def _moments(rule: Any, hessian: Matrix, root: Matrix, steps: int, angles: int) -> Array:
    d = len(hessian)
    nodes, weights = normal_nodes(d * steps, angles)
    lanes = nodes.shape[1]
    theta, gain = np.zeros((d, lanes)), np.ones((d, lanes))
    state = np.zeros((rule.rows(), d, lanes))
    for j in range(lanes):
        start(rule, j, theta, state)
    out = np.empty((steps, d, d))
    for k in range(steps):
        g = hessian @ theta + root @ nodes[k * d : (k + 1) * d]
        t = np.full(lanes, k + 1.0)
        decay(rule, theta, g)
        adapt(rule, g, state, t, gain)
        move(rule, theta, g, state, t, gain)
        out[k] = (theta * weights) @ theta.T
    return out
