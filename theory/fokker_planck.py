"""Fokker-Planck densities (Eq. 2): the density of the overdamped diffusion in time, by finite volumes.

One dimension here, two in ``fokker_planck_plane``; ``fokker_planck_landscape`` finds the grid of a landscape. A grid is
a Markov chain among its cells, whose rates are the Scharfetter-Gummel fluxes: mass is conserved, densities stay
positive, and the stationary law is exact.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from .quadrature import gauss_legendre
from .rational_exponential import STEPS, propagate

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Function = Callable[[Array], Array]

CELLS = 1000
"""Default number of cells in one dimension."""
ROUNDING = 1e-11
"""Share of the largest density by which another may lie below 0 and still count as rounding."""
_NODES = 4
_STEEP = 10.0


class Density(NamedTuple):
    """A density on a grid, at R times.

    Parameters
    ----------
    edges
        Edges of the cells along each axis of the grid, d arrays, rising.
    times
        Dynamical times, (R,).
    values
        Mean density over each cell, (R, cells) or (R, cells, cells).
    escaped
        Mass absorbed at the exit so far: the probability of escape, (R,).
    mass
        Mass on the grid and absorbed, minus 1, (R,).
    least
        Smallest density over the largest, (R,): below 0 where the scheme failed to stay positive.
    error
        Estimated error, (R,): mass that is elsewhere (L1 distance) on a grid of half as many cells, with half the time
        step; about three times the error itself where cells resolve the density.
    basis
        Axes of the grid, in columns: theta = basis q, (d, d).
    """

    edges: tuple[Array, ...]
    times: Array
    values: Array
    escaped: Array
    mass: Array
    least: Array
    error: Array
    basis: Array

    @property
    def centres(self) -> tuple[Array, ...]:
        """Centres of the cells along each axis."""
        return tuple(0.5 * (e[1:] + e[:-1]) for e in self.edges)

    @property
    def positive(self) -> bool:
        """Whether no density lies below 0 by more than rounding."""
        return bool(np.all(self.least >= -ROUNDING))

    @property
    def masses(self) -> Array:
        """Mass of each cell, in the shape of values."""
        return np.asarray(self.values * volumes(self.edges))

    def mean(self) -> Array:
        """Return the mean of q over the mass on the grid, (R, d)."""
        m = self.masses
        total = m.reshape(len(m), -1).sum(axis=1)
        return np.stack([_marginal(m, k) @ c / total for k, c in enumerate(self.centres)], axis=1)

    def covariance(self) -> Array:
        """Return the covariance of q over the mass on the grid, (R, d, d), each cell's at its centre."""
        m, mean = self.masses, self.mean()
        total = m.reshape(len(m), -1).sum(axis=1)
        d = len(self.edges)
        out = np.empty((len(m), d, d))
        grid = np.meshgrid(*self.centres, indexing="ij")
        for r in range(len(m)):
            for i in range(d):
                for k in range(d):
                    off = (grid[i] - mean[r, i]) * (grid[k] - mean[r, k])
                    out[r, i, k] = np.sum(m[r] * off) / total[r]
        return out


class Chain(NamedTuple):
    """Jumps among the cells of a grid: rates from source to target, (number,); state n is absorption.

    Parameters
    ----------
    source, target
        States, from 0 to n - 1; n only as a target.
    rate
        1 / dynamical time.
    states
        n.
    """

    source: Integers
    target: Integers
    rate: Array
    states: int

    def generator(self) -> Any:
        """Return A of dp/dt = A p, sparse (n + 1, n + 1); every column adds up to 0."""
        at = np.concatenate([self.target, self.source]), np.concatenate([self.source, self.source])
        size = self.states + 1
        return coo_array((np.concatenate([self.rate, -self.rate]), at), shape=(size, size)).tocsc()


def density(
    slope: Function,
    diffusion: Function,
    times: npt.ArrayLike,
    start: float | Function,
    low: float,
    high: float,
    edges: npt.ArrayLike = (),
    c: float = 0.0,
    absorbing: bool = False,
    cells: int = CELLS,
) -> Density:
    """Return the density of dx = -slope dt + (2 D)^(1/2) dW, read in convention c, between two reflecting walls.

    ::

        dP/dt = d/dx [slope P + D^c d/dx (D^{1-c} P)]

    Parameters
    ----------
    slope
        Minus the drift, x (n,) -> (n,).
    diffusion
        D, x (n,) -> (n,); above 0.
    times
        Dynamical times from 0 on, rising, (R,).
    start
        A point, whose mass the two nearest cells share so that its mean is right (it is spread by at most half a
        cell); or a density, x (n,) -> (n,), of any norm.
    low, high
        The walls.
    edges
        Places where slope' or D jump or bend: they become edges of cells.
    c
        0 Ito, 1/2 Stratonovich, 1 anti-Ito.
    absorbing
        Whether the upper wall absorbs what reaches it.
    cells
        Number of cells.

    Raises
    ------
    ValueError
        Where the diffusion vanishes, or times or walls are out of order.
    """
    at = checked_times(times)
    halves = cell_edges(low, high, edges, max(cells // 2, 2))
    found = []
    for grid, steps in ((halved(halves), STEPS), (halves, 2 * STEPS)):
        chain = line_chain(slope, diffusion, grid, c, absorbing)
        found.append(propagate(chain.generator(), np.append(line_start(start, grid), 0.0), at, steps))
    fine, coarse = found
    distance = np.abs(fine[:, :-1].reshape(len(at), -1, 2).sum(axis=2) - coarse[:, :-1]).sum(axis=1)
    return result((halved(halves),), at, fine, distance + np.abs(fine[:, -1] - coarse[:, -1]), np.eye(1))


def line_chain(slope: Function, diffusion: Function, edges: Array, c: float, absorbing: bool) -> Chain:
    """Return the chain of a diffusion in one dimension, with the stationary law exact in every cell.

    With w = D^{c-1} e^{-Phi} and Phi' = slope / D, Eq. 2 reads dP/dt = d/dx [D^c e^{-Phi} d/dx (P / w)]: between the
    centres of two cells the flux is constant where (P / w) falls by flux x int D^{-c} e^{Phi}, and a cell's P / w is
    its mass over int w. Both integrals are taken by Gauss-Legendre. Where drift packs the stationary mass of a cell
    against one of its edges, the flux is eased by as much as that mass exceeds w at the centre x the cell's width: a
    steady drift is then exact in cells of any width.
    """
    rule = gauss_legendre(_NODES)
    n = len(edges) - 1
    half = 0.5 * np.diff(edges)[:, None]
    right = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * rule.nodes
    left = edges[:-1, None] + half * rule.nodes
    d_left, d_right = above_zero(diffusion, left), above_zero(diffusion, right)
    force_left = slope(left.ravel()).reshape(left.shape) / d_left
    force_right = slope(right.ravel()).reshape(right.shape) / d_right
    # Phi from each cell's centre.
    phi_left = -half * (force_left @ (rule.weights - rule.antiderivative).T)
    phi_right = half * (force_right @ rule.antiderivative.T)
    down, up = half[:, 0] * (force_left @ rule.weights), half[:, 0] * (force_right @ rule.weights)
    rise = up[:-1] + down[1:]
    steep = np.maximum(np.abs(up), np.abs(down)) > _STEEP
    phi_left[steep], phi_right[steep] = 0.0, 0.0
    mass = half[:, 0] * (
        (d_left ** (c - 1.0) * np.exp(-phi_left) + d_right ** (c - 1.0) * np.exp(-phi_right)) @ rule.weights
    )
    resist_left = half[:, 0] * ((d_left**-c * np.exp(phi_left)) @ rule.weights)
    resist_right = half[:, 0] * ((d_right**-c * np.exp(phi_right)) @ rule.weights)
    climb = np.clip(rise, -2.0 * _STEEP, 2.0 * _STEEP)
    across = resist_right[:-1] + np.exp(climb) * resist_left[1:]
    states = np.arange(n, dtype=np.int64)
    source, target = [states[:-1], states[1:]], [states[1:], states[:-1]]
    centre, width = 0.5 * (edges[:-1] + edges[1:]), 2.0 * half[:, 0]
    d = above_zero(diffusion, centre)
    packed = mass / (width * d ** (c - 1.0))
    ease = np.sqrt(packed[:-1] * packed[1:])
    rate = [ease / (mass[:-1] * across), ease / (mass[1:] * across * np.exp(-climb))]
    # Cells over which the potential changes by many T: only the drift counts.
    coarse = steep[:-1] | steep[1:]
    for k, (side, sign) in enumerate(((slice(None, -1), -1.0), (slice(1, None), 1.0))):
        plain = d[side] / (width[side] * np.diff(centre)) * tilted(sign * rise)
        rate[k] = np.where(coarse, plain, rate[k])
    if absorbing:
        source, target = [*source, states[-1:]], [*target, np.array([n])]
        rate.append(packed[-1:] / (mass[-1:] * resist_right[-1:]))
    return Chain(np.concatenate(source), np.concatenate(target), np.concatenate(rate), n)


def tilted(work: Array) -> Array:
    """Return work / (1 - e^{-work}): how a jump along the force is sped up, and one against it slowed down."""
    small = np.abs(work) < 1e-4
    w = np.where(small, 1.0, work)
    with np.errstate(over="ignore"):
        out = np.where(w > 0.0, w / -np.expm1(-np.abs(w)), -w / np.expm1(np.minimum(np.abs(w), 700.0)))
    return np.where(small, 1.0 + 0.5 * work + work * work / 12.0, out)


def line_start(start: float | Function, edges: Array) -> Array:
    """Return the mass of each cell at time 0, (n,)."""
    if not callable(start):
        return share(0.5 * (edges[1:] + edges[:-1]), float(start))
    rule = gauss_legendre(_NODES)
    width = np.diff(edges)[:, None]
    nodes = edges[:-1, None] + width * rule.nodes
    mass = width[:, 0] * (start(nodes.ravel()).reshape(nodes.shape) @ rule.weights)
    return normalised(mass)


def normalised(mass: Array) -> Array:
    """Return masses over their sum; ValueError where one is below 0 or there is none."""
    if not (np.all(mass >= 0.0) and mass.sum() > 0.0):
        raise ValueError(f"start holds {mass.min():g}: it must be a density, at least 0 and somewhere above it")
    return np.asarray(mass / mass.sum())


def share(centres: Array, point: float) -> Array:
    """Return masses of cells (n,) that add up to 1 and have their mean at the point; the nearest two, one outside."""
    out = np.zeros(len(centres))
    k = int(np.clip(np.searchsorted(centres, point) - 1, 0, len(centres) - 2))
    part = min(max((point - centres[k]) / (centres[k + 1] - centres[k]), 0.0), 1.0)
    out[k], out[k + 1] = 1.0 - part, part
    return out


def checked_times(times: npt.ArrayLike) -> Array:
    """Return times as (R,), from 0 on and rising; ValueError otherwise."""
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if at.ndim != 1 or not len(at) or not np.all(np.isfinite(at)):
        raise ValueError("times must be one row of finite numbers")
    if at[0] < 0.0 or not np.all(np.diff(at) > 0.0):
        raise ValueError(f"times={np.array2string(at, threshold=6)} must rise, from 0 on")
    return at


def cell_edges(low: float, high: float, at: npt.ArrayLike, cells: int) -> Array:
    """Return edges of cells of nearly one width, with an edge at every given place between low and high."""
    if not high > low:
        raise ValueError(f"high={high:g} must be above low={low:g}")
    knots, counts = pieces(low, high, at, cells)
    inner = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(knots[:-1], knots[1:], counts, strict=True)]
    return np.concatenate([*inner, [high]])


def pieces(low: float, high: float, at: npt.ArrayLike, cells: int) -> tuple[Array, Integers]:
    """Return low, the places between and high, with how many cells each piece gets."""
    given = np.asarray(at, dtype=np.float64).ravel()
    knots = np.unique(np.concatenate([[low, high], given[(given > low) & (given < high)]]))
    counts = np.maximum(np.rint(cells * np.diff(knots) / (high - low)), 1)
    return knots, counts.astype(np.int64)


def halved(edges: Array) -> Array:
    """Return the edges of cells half as wide."""
    return np.sort(np.concatenate([edges, 0.5 * (edges[1:] + edges[:-1])]))


def volumes(edges: tuple[Array, ...]) -> Array:
    """Return the length or area of each cell."""
    widths = [np.diff(e) for e in edges]
    return widths[0] if len(widths) == 1 else np.multiply.outer(widths[0], widths[1])


def result(edges: tuple[Array, ...], times: Array, masses: Array, error: Array, basis: Array) -> Density:
    """Return masses of cells and of what is absorbed, (R, n + 1), as a density."""
    volume = volumes(edges)
    values = masses[:, :-1].reshape(len(times), *volume.shape) / volume
    flat = values.reshape(len(times), -1)
    least = flat.min(axis=1) / np.maximum(flat.max(axis=1), 1e-300)
    return Density(edges, times, values, masses[:, -1], masses.sum(axis=1) - 1.0, least, error, basis)


def above_zero(diffusion: Function, at: Array) -> Array:
    """Return D in the shape of the points; ValueError where it vanishes."""
    d = diffusion(at.ravel()).reshape(at.shape)
    if not np.all(d > 0.0):
        where = float(at.ravel()[np.argmin(d)])
        raise ValueError(f"the noise vanishes at {where:.4g}, which no diffusion crosses")
    return np.asarray(d)


def _marginal(masses: Array, axis: int) -> Array:
    return masses if masses.ndim == 2 else np.asarray(masses.sum(axis=2 - axis))
