"""Mean first-passage time of the overdamped diffusion in one dimension, exactly: the double integral, in log space."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .quadrature import gauss_legendre, panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

TAIL = 45.0
"""Units of T above the lowest point at which the lower end of the integral is cut off."""
STRIDE = 1.0
"""Largest change of the potential over one panel, in units of T."""
_NODES = 12
_MAX_PANELS = 20_000


class Passage(NamedTuple):
    """A mean first-passage time.

    Parameters
    ----------
    log_time
        ln tau, tau in dynamical time.
    error
        Estimated relative error of tau: the change on halving every panel.
    low
        Where the lower end of the integral is cut off.
    """

    log_time: float
    error: float
    low: float


def first_passage(
    slope: Function, diffusion: Function, start: float, exit: float, edges: npt.ArrayLike = (), c: float = 0.0
) -> Passage:
    """Return the mean time from start to exit of dx = -slope dt + (2 D)^(1/2) dW, read in convention c.

    ::

        tau(x) = int_x^exit e^{Phi(y)} D(y)^{-c} int_{-inf}^y e^{-Phi(z)} D(z)^{c-1} dz dy,    Phi' = slope / D

    Everything is added up in logarithms, so a barrier of hundreds of T is as exact as one of a few.

    Parameters
    ----------
    slope
        Minus the drift, x (n,) -> (n,).
    diffusion
        D, x (n,) -> (n,); above 0.
    start, exit
        Where the process starts, and the absorbing point above it.
    edges
        Places where slope' or D jump or bend.
    c
        0 Ito, 1/2 Stratonovich, 1 anti-Ito.

    Returns
    -------
    Passage
        ln tau, its estimated error and the lower cut-off.

    Raises
    ------
    ValueError
        Where the diffusion vanishes, or the process can leave downwards.
    """
    at = np.sort(np.asarray(edges, dtype=np.float64))
    low = lower_end(slope, diffusion, start, exit)
    grid = np.unique(np.concatenate([[low, start, exit], at[(at > low) & (at < exit)]]))
    grid = graded(slope, diffusion, grid)
    coarse = _double_integral(slope, diffusion, grid, start, c)
    fine = _double_integral(slope, diffusion, halved(grid), start, c)
    return Passage(fine, abs(float(np.expm1(fine - coarse))) + 1e-14, low)


def lower_end(slope: Function, diffusion: Function, start: float, exit: float, tail: float = TAIL) -> float:
    """Return a point below the start where the potential stands ``tail`` units of T above all that lies between.

    Raises
    ------
    ValueError
        Where no such point is found: the process can leave downwards.
    """
    step = (exit - start) / 64.0
    x, height, lowest = start, 0.0, 0.0
    rule = gauss_legendre(8)
    for k in range(4096):
        nodes = x - step * rule.nodes
        height -= step * float(rule.weights @ (slope(nodes) / _above_zero(diffusion(nodes), nodes)))
        x -= step
        lowest = min(lowest, height)
        if height - lowest > tail:
            return x
        if not np.isfinite(height):
            break
        if k % 64 == 63:
            step *= 1.5
    raise ValueError("no wall below the start: the process can leave downwards, and its mean escape time has no value")


def climb(rises: Array) -> float:
    """Return the largest height of any place above one below it.

    Parameters
    ----------
    rises
        What each panel of the way adds to the height, from below, (panels,).
    """
    height = np.concatenate([[0.0], np.cumsum(rises)])
    return float((height - np.minimum.accumulate(height)).max())


def _above_zero(d: Array, at: Array) -> Array:
    if not np.all(d > 0.0):
        raise ValueError(f"the noise vanishes at {float(at[np.argmin(d)]):.4g}, which no diffusion crosses")
    return d


def graded(slope: Function, diffusion: Function, grid: Array) -> Array:
    """Split panels until the potential changes by at most a stride over each."""
    rule = gauss_legendre(_NODES)
    while len(grid) < _MAX_PANELS:
        nodes, _ = panel_nodes(grid, _NODES)
        flat = nodes.ravel()
        force = np.abs(slope(flat) / _above_zero(diffusion(flat), flat)).reshape(nodes.shape)
        rise = np.diff(grid) * np.maximum(force @ rule.weights, 0.5 * force.max(axis=1))
        pieces = np.clip(np.ceil(rise / STRIDE), 1, 64).astype(int)
        if np.all(pieces == 1):
            return grid
        inner = [
            np.linspace(left, right, n, endpoint=False)
            for left, right, n in zip(grid[:-1], grid[1:], pieces, strict=True)
        ]
        grid = np.concatenate([*inner, grid[-1:]])
    raise ValueError(f"the potential needs more than {_MAX_PANELS} panels: the noise nearly vanishes on the way")


def halved(grid: Array) -> Array:
    """Return the edges of panels half as wide."""
    return np.sort(np.concatenate([grid, 0.5 * (grid[:-1] + grid[1:])]))


def _double_integral(slope: Function, diffusion: Function, grid: Array, start: float, c: float) -> float:
    rule = gauss_legendre(_NODES)
    nodes, weights = panel_nodes(grid, _NODES)
    width = np.diff(grid)[:, None]
    flat = nodes.ravel()
    d = _above_zero(diffusion(flat), flat).reshape(nodes.shape)
    force = slope(flat).reshape(nodes.shape) / d
    # The potential within each panel from its left end, and at the left ends.
    phi = width * force @ rule.antiderivative.T
    rises = np.sum(weights * force, axis=1)
    left = np.concatenate([[0.0], np.cumsum(rises)[:-1]])
    # Inner integral: ln F = ln int_{low}^y e^{-Phi} D^{c-1}, panel by panel.
    density = np.exp(-phi) * d ** (c - 1.0)
    log_panel = np.log(np.sum(weights * density, axis=1)) - left
    log_before = np.concatenate([[-np.inf], np.logaddexp.accumulate(log_panel)[:-1]])
    within = np.exp(log_before + left)[:, None] + width * density @ rule.antiderivative.T
    # Outer integral from the start.
    outer = weights * np.exp(phi) * d**-c * within
    log_outer = np.log(np.sum(outer, axis=1))
    return float(np.logaddexp.reduce(log_outer[grid[:-1] >= start]))
