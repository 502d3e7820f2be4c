"""Escape over a barrier at low temperature: what Theorem 3's closed forms need of a landscape and its noise."""

import math
from functools import cache

import numpy as np

from ..landscapes.interface import covariance_at, hessian_at
from .closed_form import closed_form
from .line import Array, Passage, common_basis, integral
from .quadrature import gauss_legendre, panel_nodes

EQUATION_3 = 1e-9
"""Share by which C / |H| may change along the way while Eq. 3 still counts as exact."""
_PROBES = 65
_VALLEY_PANELS, _VALLEY_NODES = 12, 12
_BESIDE = 1e-9
_SHORT_MEMORY = 1e-5


def climb(way: Passage, lr: float, low: float | None = None, high: float | None = None) -> float:
    """Return int L'/D dx from the minimum to the saddle, or between other limits, with D = lr C / 2."""
    line = way.line
    begin, end = way.minimum if low is None else low, way.saddle if high is None else high
    return integral(lambda x: line.slope(x) / (0.5 * lr * line.variance(x)), begin, end, way.edges)


def batch_size(way: Passage) -> float | None:
    """Return B where C = |H| / B holds along e everywhere from minimum to saddle (Eq. 3); None elsewhere."""
    x = way.minimum + (way.saddle - way.minimum) * (np.arange(_PROBES) + 0.5) / _PROBES
    x = np.concatenate([x, [way.minimum, way.saddle]])
    ratio = np.abs(way.line.curvature(x)) / way.line.variance(x)
    b = float(ratio[-2])
    return b if np.all(np.abs(ratio - b) <= EQUATION_3 * b) else None


def rescaled_climb(way: Passage) -> float:
    """Return int_a^b L'/C^(1/2) dx: (lr / 2) times the exponent of a rule that divides by the present noise's root."""
    line = way.line
    return integral(lambda x: line.slope(x) / np.sqrt(line.variance(x)), way.minimum, way.saddle, way.edges)


def lag_correction(way: Passage, lr: float, lag: float, jumps: float = 0.0) -> float:
    """Return what inertia, or a finite step, adds to ln tau where the noise depends on position.

    ::

        lag int_a^b L' L''/D dx + jumps sum p (1/D_+ - 1/D_-) (D_+^(1/2) - D_-^(1/2))

    It is zero for constant D. To first order in max|H| / (gamma^2 M) where D is smooth, to order 1/2 where it jumps;
    trust it below 0.1.

    Parameters
    ----------
    way
        The passage.
    lr
        Learning rate of D = lr C / 2.
    lag
        1 / gamma for a particle, (lr / 2) (1 + beta1) / (1 - beta1) for the iteration (dynamical time).
    jumps
        ``jump_weight`` of the particle or iteration, where C jumps, with slope p (root of dynamical time).
    """
    line = way.line
    bent = integral(
        lambda x: line.slope(x) * line.curvature(x) / (0.5 * lr * line.variance(x)), way.minimum, way.saddle, way.edges
    )
    if jumps == 0.0:
        return lag * bent
    inner = way.edges[(way.edges > way.minimum) & (way.edges < way.saddle)]
    off = _BESIDE * (way.saddle - way.minimum)
    before, after = (0.5 * lr * line.variance(inner + side) for side in (-off, off))
    real = np.abs(after - before) > 1e-6 * before
    added = closed_form("theorem-3", "jump")(line.slope(inner), before, after, 0.5, jumps)
    return lag * bent + float(np.sum(added[real]))


def jump_weight(time: float, keep: float | None = None) -> float:
    """Return b_c (2 time)^(1/2), the weight of a jump of C in ln tau.

    Parameters
    ----------
    time
        lr of an iteration, 1 / gamma of a particle.
    keep
        beta1 of the iteration; None for a particle.
    """
    return math.sqrt(2.0 * time) * (
        slip(keep) if keep is not None else float(closed_form("theorem-3", "particle_slip")())
    )


@cache
def slip(keep: float) -> float:
    """Return b_c of an iteration that keeps this share of its momentum: -sum c_n^2 / (2 pi V_n)^(1/2), regularised."""
    if keep == 0.0:
        return float(closed_form("theorem-3", "memoryless_slip")())
    if 1.0 - keep < _SHORT_MEMORY:
        return float(closed_form("theorem-3", "particle_slip")()) / math.sqrt(1.0 - keep)
    last = math.ceil(50.0 + 40.0 / (1.0 - keep))
    n = np.arange(1.0, last + 1.0)
    kept, wandered = (closed_form("theorem-3", name)(keep, n) for name in ("kept", "displacement"))
    # Beyond, c_n = 1 and V_n = n - const: Euler and Maclaurin's sum of (n - const)^(-1/2), less its growth.
    v = float(wandered[-1]) + 1.0
    tail = -2.0 * math.sqrt(v) + 0.5 / math.sqrt(v) + 1.0 / (24.0 * v**1.5) - 1.0 / (384.0 * v**3.5)
    return -float(np.sum(kept * kept / np.sqrt(wandered)) + tail) / math.sqrt(2.0 * math.pi)


def transverse_factor(way: Passage, rates: Array | None = None) -> float | None:
    """Return ln of what changing transverse curvatures do to tau, for transverse modes that relax fast.

    ::

        sum_i int_a^b h_i'(x) D_i(x) / (2 h_i(x) D_e(x)) dx

    For isotropic noise that is ln prod sqrt(h_bi / h_ai). None where the transverse directions turn on the way. What
    the noise along e itself does across the way is left out.

    Parameters
    ----------
    way
        The passage.
    rates
        Learning rate of each coordinate over that along e, (d,), for a rule that has one for each; e must be an axis.
    """
    line = way.line
    d = len(line.base)
    if d == 1:
        return 0.0
    across = np.linalg.svd(line.direction[None, :])[2][1:].T
    bottom, top = (across.T @ hessian_at(line.landscape, p) @ across for p in (way.way.minimum, way.way.saddle))
    if np.allclose(bottom, top, rtol=1e-12, atol=1e-12 * float(np.abs(bottom).max())):
        return 0.0
    if rates is None:
        basis = common_basis(bottom, top)
        if basis is None:
            return None
        modes, weights_across = across @ basis, np.ones(d - 1)
    else:
        other = np.abs(line.direction) < 0.5
        modes, weights_across = np.eye(d)[:, other], rates[other]
    grid = np.linspace(way.minimum, way.saddle, _VALLEY_PANELS + 1)
    grid = np.unique(np.concatenate([grid, way.edges[(way.edges > way.minimum) & (way.edges < way.saddle)]]))
    nodes, weights = panel_nodes(grid, _VALLEY_NODES)
    points = line.points(nodes.ravel()).T
    turned = np.array([modes.T @ hessian_at(line.landscape, p) @ modes for p in points])
    diagonal = np.diagonal(turned, axis1=1, axis2=2)
    if np.abs(turned - np.einsum("ki,ij->kij", diagonal, np.eye(d - 1))).max() > 1e-9 * np.abs(turned).max():
        return None
    if not np.all(diagonal > 0.0):
        return None
    covariances = np.array([covariance_at(line.noise, line.landscape, p) for p in points])
    along = np.einsum("k,nkl,l->n", line.direction, covariances, line.direction)
    across_noise = weights_across * np.einsum("ki,nkl,li->ni", modes, covariances, modes)
    heights = np.log(diagonal).reshape(*nodes.shape, -1)
    steepness = np.einsum("ij,pjk->pik", gauss_legendre(_VALLEY_NODES).derivative, heights)
    steepness /= np.diff(grid)[:, None, None]
    rise = closed_form("theorem-3", "transverse")(
        steepness, across_noise.reshape(steepness.shape), along.reshape(*nodes.shape, 1)
    )
    return float(np.sum(weights[:, :, None] * rise))


def isotropic_variance(way: Passage) -> float | None:
    """Return the noise variance where C is one multiple of the identity at minimum, saddle and around; else None."""
    line = way.line
    d = len(line.base)
    generator = np.random.default_rng(0)
    points = [way.way.minimum, way.way.saddle]
    span = float(np.linalg.norm(way.way.saddle - way.way.minimum))
    points += list(way.way.minimum + span * generator.standard_normal((6, d)))
    matrices = [covariance_at(line.noise, line.landscape, p) for p in points]
    v = float(matrices[0][0, 0])
    return v if all(np.allclose(m, v * np.eye(d), rtol=1e-12, atol=1e-12 * v) for m in matrices) else None


def log_eyring_kramers(hessian_min: Array, hessian_saddle: Array, exponent: float, friction_mass: float = 1.0) -> float:
    """Return ln tau for constant isotropic noise in any dimension, over a saddle that may lie anywhere.

    ::

        tau = (2 pi gamma M / |H_b-|) sqrt(|det H_b| / det H_a) exp(gamma M dL / D)

    Parameters
    ----------
    hessian_min, hessian_saddle
        H_a and H_b, (d, d); H_b has one negative eigenvalue H_b-.
    exponent
        dL / D.
    friction_mass
        gamma M.
    """
    unstable = -float(np.linalg.eigvalsh(hessian_saddle)[0])
    low, high = (float(np.linalg.slogdet(m)[1]) for m in (hessian_min, hessian_saddle))
    return float(closed_form("theorem-3", "log_eyring_kramers")(unstable, low, high, exponent, friction_mass))


def orbit_action(way: Passage, mass: float) -> float:
    """Return J, the action of the orbit that just reaches the saddle, 2 int (2 M (L(b) - L(x)))^(1/2) dx.

    It runs from its turning point on the far side of the minimum to the saddle; nan where there is no turning point.
    """
    line = way.line
    top = float(line.value([way.saddle])[0])
    span = way.saddle - way.minimum
    high, low = way.minimum, way.minimum - span
    for _ in range(40):
        if float(line.value([low])[0]) >= top:
            break
        high, low = low, low - 2.0 * (way.minimum - low)
    else:
        return math.nan
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(line.value([middle])[0]) >= top else (low, middle)

    # x = turning point + s^2 takes away the root's infinite slope there.
    def root(s: Array) -> Array:
        return np.asarray(2.0 * s * np.sqrt(np.maximum(2.0 * mass * (top - line.value(high + s * s)), 0.0)))

    at = np.sqrt(np.maximum(way.edges - high, 0.0))
    return 2.0 * integral(root, 0.0, math.sqrt(way.saddle - high), at)
