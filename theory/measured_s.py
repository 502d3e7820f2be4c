"""The s of Theorem 3, measured: which part of a climb is paid at the noise of the minimum.

The printed exponent is a sum, E = E_a + E_b = (2 B dL / lr) (s / H_ae + (1 - s) / |H_be|): what is paid at the noise of
the minimum and what at the saddle's. Where D(x) is known, E is an integral and s a property of the landscape. Escaping
paths tell the integrand without it. First arrivals of a diffusion at x after the basin have in the long run the rate
J(x),

    1/J(x) = Z int^x exp(Phi(y) - Phi(a)) dy,  Z = (2 pi gamma M / (H_a D_a))^(1/2) gamma M,  Phi' = gamma M L'/D,

with Ito's scale function, which has no further factor, and a Gaussian cloud about the minimum. So the *climb* is

    Phi(x) - Phi(a) = ln d(1/J)/dx - ln Z,

and its slope against the loss is gamma M / D(x): a straight line that bends where the noise changes. J is what a
splitting measures, one level after the other.

An iteration is seen only on its own steps. One that is first seen at a level or beyond behaves as a diffusion would at
b_c standard deviations of a step further up, b_c = -zeta(1/2) / (2 pi)^(1/2): the level stands for that place. What is
left differs from the diffusion's climb by a share lr H_a / 2, as the cloud about the minimum does, and beyond a jump of
C by what theorem 3's corrected form adds.
"""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..dynamics.reactive_paths import ReactivePaths, half_width, left_out
from ..landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from .closed_form import closed_form
from .kramers import batch_size, climb, jump_weight, lag_correction
from .line import Array, Passage, passage, separable
from .particle import Particle, particle
from .quadrature import panel_nodes

_NODES = 6


class Interval(NamedTuple):
    """A number with its interval.

    Parameters
    ----------
    value, low, high
        The number and the ends of its interval.
    """

    value: float
    low: float
    high: float


class Climb(NamedTuple):
    """What the climb from the minimum has cost on the way, measured and as D(x) says.

    Parameters
    ----------
    x
        e.theta, (n,), from the lowest level to the saddle.
    loss
        L above the minimum there, (n,).
    climb, low, high
        Measured Phi(x) - Phi(a) and its interval, (n,).
    theory
        gamma M int_a^x L'/D dx, (n,).
    """

    x: Array
    loss: Array
    climb: Array
    low: Array
    high: Array
    theory: Array


class MeasuredShare(NamedTuple):
    """The s of Theorem 3, measured in two ways, beside what it should be.

    Parameters
    ----------
    printed
        The s that makes the printed exponent int_a^b L'/D dx, |H_b|/(H_a + |H_b|) of the piecewise-quadratic well. It
        lies outside (0, 1) where the noise on the way is not between those at its ends.
    total
        From the whole climb: the s that makes the printed exponent the one measured. None at H_a = |H_b|, where s has
        no effect.
    total_expected
        The same with theorem 3's corrections for a finite step.
    split
        From where it is paid: s = H_a E_a/(H_a E_a + |H_b| E_b), E_a measured up to the joint and E_b from there to
        the saddle; neither B nor dL is used. None where the noise does not change at a joint.
    split_expected
        The same with those corrections.
    joint
        e.theta of the joint.
    joint_climb, saddle_climb
        The measured climbs up to there and to the saddle.
    """

    printed: float
    total: Interval | None
    total_expected: float | None
    split: Interval | None
    split_expected: float | None
    joint: float | None
    joint_climb: Interval | None
    saddle_climb: Interval


class _Setting(NamedTuple):
    """What is known of the way, the rule and the minimum; ln Z is the logarithm of the cloud's Z."""

    way: Passage
    part: Particle
    h_a: float
    h_b: float
    log_z: float


class _Profile(NamedTuple):
    """By how much the climb differs from the integral at places (n,): measured, and with each repetition left out.

    ``upper`` is the place that the end of each cell stands for: what was measured in it is of the way up to there.
    """

    x: Array
    upper: Array
    off: Array
    others: Array


def climb_of(paths: ReactivePaths, landscape: Any, noise: Any, rule: Any, level: float = 0.95) -> Climb:
    """Return what the climb has cost on the way, measured on escaping paths.

    Parameters
    ----------
    paths
        What reactive_paths returned for these, with the default origin.
    landscape, noise, rule
        The same as there; a rule without inertia.
    level
        Confidence level.

    Raises
    ------
    ValueError
        Where the way is no process of its own, or the rule has inertia.
    """
    setting = _setting(landscape, noise, rule)
    way, found = setting.way, _profile(paths, setting)
    below = found.x <= way.saddle
    x = found.x[below]
    theory = _exponents(setting, x)
    climbed, width = theory + found.off[below], half_width(found.others[:, below], level)
    bottom = float(way.line.value([way.minimum])[0])
    return Climb(x, way.line.value(x) - bottom, climbed, climbed - width, climbed + width, theory)


def measured_share(paths: ReactivePaths, landscape: Any, noise: Any, rule: Any, level: float = 0.95) -> MeasuredShare:
    """Return the s of Theorem 3, measured on escaping paths, with its interval from the scatter of the repetitions.

    Parameters
    ----------
    paths, landscape, noise, rule, level
        As in ``climb_of``.

    Raises
    ------
    ValueError
        As in ``climb_of``.

    References
    ----------
    Xie et al., "Adaptive Inertia", ICML 2022, Theorem 3.
    """
    setting = _setting(landscape, noise, rule)
    way, part, h_a, h_b = setting.way, setting.part, setting.h_a, setting.h_b
    found = _profile(paths, setting)

    def interval(value: Any, others: Array) -> Interval:
        width = float(half_width(others, level))
        return Interval(float(value), float(value) - width, float(value) + width)

    top, top_others = _at_place(found, setting, way.saddle)
    exact = float(_exponents(setting, np.array([way.saddle]))[0])
    corrected = exact + lag_correction(way, part.lr, part.lag, jump_weight(part.lr, part.keep))
    unlike = not math.isclose(h_a, h_b)
    known = MeasuredShare(
        printed=float(_share(setting, exact)) if unlike else 0.5,
        total=interval(_share(setting, top), _share(setting, top_others)) if unlike else None,
        total_expected=float(_share(setting, corrected)) if unlike else None,
        split=None,
        split_expected=None,
        joint=None,
        joint_climb=None,
        saddle_climb=interval(top, top_others),
    )
    well = landscape.check()
    if not isinstance(well, PiecewiseQuadraticWell):
        return known
    joint = -well.profile().joint
    low, low_others = _at_place(found, setting, joint, joint)
    below = float(_exponents(setting, np.array([joint]))[0]) * (1.0 - part.lag * h_a)
    return known._replace(
        split=interval(_split(low, top - low, h_a, h_b), _split(low_others, top_others - low_others, h_a, h_b)),
        split_expected=float(_split(below, corrected - below, h_a, h_b)),
        joint=joint,
        joint_climb=interval(low, low_others),
    )


def _setting(landscape: Any, noise: Any, rule: Any) -> _Setting:
    """Return what is known of the way, the rule and the minimum."""
    landscape, noise = landscape.check(), noise.check()
    part = particle(rule.check())
    if isinstance(part, str):
        raise ValueError(part)
    if part.kind != "sgd":
        raise ValueError(f"the climb is read off places alone: of {type(rule).__name__} they do not tell enough")
    way = passage(landscape, noise)
    if not separable(way):
        raise ValueError("the way along e is no process of its own: slope or noise change across it")
    h_a, h_b = (abs(float(way.line.curvature([place])[0])) for place in (way.minimum, way.saddle))
    diffusion = 0.5 * part.lr * float(way.line.variance([way.minimum])[0])
    ratio = part.friction_mass
    return _Setting(way, part, h_a, h_b, 0.5 * math.log(2.0 * math.pi * ratio / (h_a * diffusion)) + math.log(ratio))


def _profile(paths: ReactivePaths, setting: _Setting) -> _Profile:
    """Return what was measured in the cells of the grid.

    Within a cell the climb is taken to have the shape of the integral, so that neither its curvature nor the bend at a
    jump of the noise matters, however wide cells are; from cell to cell it is free.
    """
    grid = paths.grid
    nodes, weights = panel_nodes(grid, _NODES)
    places = nodes + overshoot(setting, nodes.ravel()).reshape(nodes.shape)
    shape = np.log(np.sum(weights * np.exp(_exponents(setting, places.ravel()).reshape(nodes.shape)), axis=1))
    fluxes = paths.fluxes / paths.escapes.time_step
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [fluxes.mean(axis=0), *left_out(fluxes)]
        off = np.array([np.log(np.diff(1.0 / flux)) for flux in means]) - shape - setting.log_z
    x, upper = (level + overshoot(setting, level) for level in (0.5 * (grid[1:] + grid[:-1]), grid[1:]))
    order = np.argsort(x)
    return _Profile(x[order], upper[order], off[0, order], off[1:, order])


def overshoot(setting: _Setting, x: Array) -> Array:
    """Return by how much the place that a level at x stands for is further up."""
    step = setting.part.lr / setting.part.friction_mass * np.sqrt(setting.way.line.variance(x))
    return np.asarray(closed_form("theorem-3", "memoryless_slip")() * step)


def _at_place(found: _Profile, setting: _Setting, x: float, upper: float = math.inf) -> tuple[float, Array]:
    """Return the climb up to x, and with each repetition left out, (R,), from cells that end at a place or below."""
    known = float(_exponents(setting, np.array([x]))[0])
    of_way = found.upper <= upper
    others = np.array([np.interp(x, found.x[of_way], each) for each in found.others[:, of_way]])
    return known + float(np.interp(x, found.x[of_way], found.off[of_way])), known + others


def _exponents(setting: _Setting, x: Array) -> Array:
    """Return gamma M int_a^x L'/D dx at places (n,)."""
    way, lr, ratio = setting.way, setting.part.lr, setting.part.friction_mass
    order = np.argsort(x)
    pieces = [ratio * climb(way, lr, low, high) for low, high in pairwise([way.minimum, *x[order]])]
    out = np.empty(len(x))
    out[order] = np.cumsum(pieces)
    return out


def _share(setting: _Setting, exponent: Any) -> Any:
    """Return the s that makes the printed exponent this one; B is that of Eq. 3 at the minimum."""
    way = setting.way
    b = batch_size(way) or setting.h_a / float(way.line.variance([way.minimum])[0])
    share = closed_form("theorem-3", "share")
    return share(exponent / setting.part.friction_mass, setting.h_a, setting.h_b, way.way.barrier, b, setting.part.lr)


def _split(below: Any, above: Any, h_a: float, h_b: float) -> Any:
    """Return s of what is paid below and above the place where the noise changes."""
    return h_a * below / (h_a * below + h_b * above)
