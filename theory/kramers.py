"""Escape over a barrier at low temperature: the general form for one direction, and ours where the printed one errs."""

import math

import numpy as np

from ..landscapes.interface import covariance_at, hessian_at
from .line import Array, Passage, common_basis, integral
from .quadrature import gauss_legendre, panel_nodes

EQUATION_3 = 1e-9
"""Share by which C / |H| may change along the way while Eq. 3 still counts as exact."""
_PROBES = 65
_VALLEY_PANELS, _VALLEY_NODES = 12, 12
_BESIDE = 1e-9


def log_escape_time(
    curvature_min: float, curvature_saddle: float, exponent: float, factor: float = 1.0, friction_mass: float = 1.0
) -> float:
    """Return ln tau of the general overdamped form.

    ::

        tau = 2 pi gamma M K / sqrt(H_a |H_b|) exp[gamma M int_a^b L'/D dx]

    Parameters
    ----------
    curvature_min, curvature_saddle
        H_a and |H_b| along the escape direction.
    exponent
        int_a^b L'/D dx.
    factor
        K of the convention, times the Kramers root of a particle with inertia.
    friction_mass
        gamma M.
    """
    prefactor = 2.0 * math.pi * friction_mass * factor / math.sqrt(curvature_min * curvature_saddle)
    return math.log(prefactor) + friction_mass * exponent


def convention_factor(c: float, diffusion_min: float, diffusion_saddle: float) -> float:
    """Return K = (D_b / D_a)^(1/2 - c): c is 0 for Ito, which a discrete update obeys, 1/2 Stratonovich, 1 anti-Ito."""
    return float((diffusion_saddle / diffusion_min) ** (0.5 - c))


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


def lag_correction(way: Passage, lr: float, lag: float, beside_jumps: float = 0.0) -> float:
    """Return what inertia, or a finite step, adds to ln tau where the noise depends on position; first order.

    ::

        lag int_a^b L' L''/D dx - beside_jumps sum p^2 |1/D_left - 1/D_right|

    It is zero for constant D. For a particle lag = 1 / gamma; for the iteration lag = (lr / 2) (1 + beta1) /
    (1 - beta1), and where C jumps, with slope p, beside_jumps = lr / 2. Trust it for max|H| / (gamma^2 M) below 0.1.

    Parameters
    ----------
    way
        The passage.
    lr
        Learning rate of D = lr C / 2.
    lag, beside_jumps
        The two coefficients (dynamical time).
    """
    line = way.line
    bent = integral(
        lambda x: line.slope(x) * line.curvature(x) / (0.5 * lr * line.variance(x)), way.minimum, way.saddle, way.edges
    )
    if beside_jumps == 0.0:
        return lag * bent
    inner = way.edges[(way.edges > way.minimum) & (way.edges < way.saddle)]
    off = _BESIDE * (way.saddle - way.minimum)
    leap = np.abs(1.0 / line.variance(inner + off) - 1.0 / line.variance(inner - off)) / (0.5 * lr)
    leap[leap * line.variance(inner) * lr < 1e-6] = 0.0
    return lag * bent - beside_jumps * float(np.sum(line.slope(inner) ** 2 * leap))


def transverse_factor(way: Passage, lr: float) -> float | None:
    """Return ln of what changing transverse curvatures do to tau, for transverse modes that relax fast.

    ::

        sum_i int_a^b h_i'(x) D_i(x) / (2 h_i(x) D_e(x)) dx

    For isotropic noise that is ln prod sqrt(h_bi / h_ai). None where the transverse directions turn on the way.
    """
    line = way.line
    d = len(line.base)
    if d == 1:
        return 0.0
    across = np.linalg.svd(line.direction[None, :])[2][1:].T
    bottom, top = (across.T @ hessian_at(line.landscape, p) @ across for p in (way.way.minimum, way.way.saddle))
    basis = common_basis(bottom, top)
    if basis is None:
        return None
    if np.allclose(bottom, top, rtol=1e-12, atol=0.0):
        return 0.0
    modes = across @ basis
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
    share = np.einsum("ki,nkl,li->ni", modes, covariances, modes) / along[:, None]
    heights = np.log(diagonal).reshape(*nodes.shape, -1)
    steepness = np.einsum("ij,pjk->pik", gauss_legendre(_VALLEY_NODES).derivative, heights)
    steepness /= np.diff(grid)[:, None, None]
    return float(0.5 * np.sum(weights[:, :, None] * steepness * share.reshape(steepness.shape)))


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
    volume = 0.5 * (np.linalg.slogdet(hessian_saddle)[1] - np.linalg.slogdet(hessian_min)[1])
    return math.log(2.0 * math.pi * friction_mass / unstable) + float(volume) + friction_mass * exponent


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
