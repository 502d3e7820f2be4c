"""Fokker-Planck densities and mean first-passage times of the overdamped diffusion in two dimensions, Ito (Eq. 2).

A grid is a Markov chain that jumps between cells. At every cell D is a sum of rho_k e_k e_k^T with whole-numbered
offsets e_k and rho_k >= 0 (Selling's formula, three offsets at most), and each jump is tilted by the force D^{-1} b
along it (Scharfetter-Gummel): the first two moments are those of the diffusion, its correlations included, and every
rate is at least 0. Rates belong to the cell that is left, which is Ito's reading.

References
----------
Fehrenbach, Mirebeau, "Sparse non-negative stencils for anisotropic diffusion", J. Math. Imaging Vis. 49 (2014).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from .elimination import Elimination, eliminate
from .fokker_planck import Chain, Density, checked_times, normalised, pieces, result, share, tilted
from .rational_exponential import STEPS, propagate

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Field = Callable[[Array], Array]
Cells = tuple[int, int]

CELLS: Cells = (128, 128)
"""Default number of cells along each axis for a density."""
PASSAGE_CELLS: Cells = (160, 80)
"""The same for a mean first-passage time: along the way out, and across it."""
REACH = 12
"""Cells that a jump may reach along an axis: a stencil that needs more gives way to one that is not positive."""
_BESIDE = 1e-6


class Axis(NamedTuple):
    """Cells along one axis, and a smooth map onto it from s in [0, 1], where they are equally wide.

    Parameters
    ----------
    knots
        Places that must be edges of cells, with both walls, (k + 2,).
    counts
        Cells from each knot to the next, (k + 1,).
    """

    knots: Array
    counts: Integers

    @property
    def cells(self) -> int:
        """Number of cells n."""
        return int(self.counts.sum())

    def edges(self) -> Array:
        """Return the edges of the cells, (n + 1,)."""
        return self.at(np.arange(self.cells + 1) / self.cells)

    def at(self, s: Array, derivative: int = 0) -> Array:
        """Return the places of s, or a derivative with respect to s n: the number of cells from the lower wall."""
        low, high = float(self.knots[0]), float(self.knots[-1])
        if len(self.knots) == 2:
            straight = [low + (high - low) * s, np.full(len(s), high - low), np.zeros(len(s))]
            return np.asarray(straight[derivative] / self.cells**derivative)
        onto = np.concatenate([[0.0], np.cumsum(self.counts) / self.cells])
        return np.asarray(PchipInterpolator(onto, self.knots)(s, derivative) / self.cells**derivative)

    def cell_of(self, place: float) -> float:
        """Return how many cells a place lies above the lower wall, by bisection."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.at(np.array([middle]))[0] < place else (low, middle)
        return 0.5 * (low + high) * self.cells

    def refined(self) -> "Axis":
        """Return the axis with every cell halved."""
        return self._replace(counts=2 * self.counts)


class MeanPassage(NamedTuple):
    """A mean first-passage time in two dimensions.

    Parameters
    ----------
    time
        Mean time from the start (dynamical time), extrapolated from three grids, each with half the cells' width.
    error
        Estimated relative error of it: how far the extrapolation went, and what it would be off by if the last two
        changes do not stand at 4 to 1.
    edges
        Edges of the cells along each axis of the finest grid.
    times
        Mean time from each of its cells, (cells, cells).
    """

    time: float
    error: float
    edges: tuple[Array, Array]
    times: Array


def density(
    gradient: Field,
    diffusion: Field,
    times: npt.ArrayLike,
    start: npt.ArrayLike | Field,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    edges: npt.ArrayLike = (),
    absorbing: bool = False,
    cells: Cells = CELLS,
) -> Density:
    """Return the density of dq = -gradient dt + (2 D)^(1/2) dW, Ito, in a box with reflecting walls.

    ::

        dP/dt = div(P gradient) + sum_ij d_i d_j (D_ij P)

    Parameters
    ----------
    gradient
        Minus the drift, (2, n) -> (2, n).
    diffusion
        D, (2, n) -> (2, 2, n), positive definite.
    times
        Dynamical times from 0 on, rising, (R,).
    start
        A point (2,), whose mass the nearest four cells share so that its mean is right; or a density, (2, n) -> (n,),
        of any norm.
    low, high
        Corners of the box, (2,). No probability flows across its walls.
    edges
        Values of the first coordinate where D jumps: they become edges of cells.
    absorbing
        Whether the upper wall of the first coordinate absorbs what reaches it.
    cells
        Number of cells along each axis.

    Raises
    ------
    ValueError
        Where D is not positive definite, or times or walls are out of order.
    """
    at = checked_times(times)
    coarse = axes(low, high, edges, (max(cells[0] // 2, 2), max(cells[1] // 2, 2)))
    fine = (coarse[0].refined(), coarse[1].refined())
    found = []
    for grid, steps in ((fine, STEPS), (coarse, 2 * STEPS)):
        chain = plane_chain(gradient, diffusion, grid, absorbing)
        found.append(propagate(chain.generator(), np.append(plane_start(start, grid), 0.0), at, steps))
    n, m = coarse[0].cells, coarse[1].cells
    merged = found[0][:, :-1].reshape(len(at), n, 2, m, 2).sum(axis=(2, 4)).reshape(len(at), -1)
    distance = np.abs(merged - found[1][:, :-1]).sum(axis=1) + np.abs(found[0][:, -1] - found[1][:, -1])
    return result((fine[0].edges(), fine[1].edges()), at, found[0], distance, np.eye(2))


def mean_first_passage(
    gradient: Field,
    diffusion: Field,
    start: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    edges: npt.ArrayLike = (),
    cells: Cells = PASSAGE_CELLS,
) -> MeanPassage:
    """Return the mean time from start until the first coordinate of dq = -gradient dt + (2 D)^(1/2) dW, Ito, is high.

    The chain's mean times are eliminated without a subtraction, so that the barrier may be any number of T; the grid's
    error is of second order in the width of the cells, and is extrapolated away.

    Parameters
    ----------
    gradient, diffusion, low, high, edges, cells
        As for ``density``; the upper wall of the first coordinate absorbs.
    start
        Where the process starts, (2,).

    Raises
    ------
    ValueError
        Where D is not positive definite, or so oblique that no stencil of rates at least 0 is found.
    """
    point = np.asarray(start, dtype=np.float64)
    grid = axes(low, high, edges, (max(cells[0] // 4, 2), max(cells[1] // 4, 2)))
    found, tau = [], np.empty(0)
    for level in range(3):
        if level > 0:
            grid = (grid[0].refined(), grid[1].refined())
        tau = factors(plane_chain(gradient, diffusion, grid, True), grid).solve(np.ones(grid[0].cells * grid[1].cells))
        tau = _by_rows(tau, grid)
        found.append(float(plane_start(point, grid) @ tau.ravel()))
    rough, middle, fine = found
    once, twice = (4.0 * middle - rough) / 3.0, (4.0 * fine - middle) / 3.0
    error = abs(twice - once) / 3.0 + 0.05 * abs(twice - fine)
    return MeanPassage(twice, error / twice + 1e-13, (grid[0].edges(), grid[1].edges()), tau)


def axes(low: npt.ArrayLike, high: npt.ArrayLike, edges: npt.ArrayLike, cells: Cells) -> tuple[Axis, Axis]:
    """Return the axes of a box, the first with an edge of cells at every given place."""
    bottom, top = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if not np.all(top > bottom):
        raise ValueError(f"high={top.tolist()} must be above low={bottom.tolist()}")
    return Axis(*pieces(bottom[0], top[0], edges, cells[0])), Axis(*pieces(bottom[1], top[1], (), cells[1]))


def plane_chain(gradient: Field, diffusion: Field, grid: tuple[Axis, Axis], absorbing: bool) -> Chain:
    """Return the chain of a diffusion in two dimensions; state i m + j is cell (i, j) of (n, m).

    The process is first carried to coordinates that count cells, where Ito's formula adds a drift if the cells are of
    unequal width. Force along a jump: Simpson's rule over its beginning, middle and end, with the mean of both sides
    where the middle is an edge of cells, on which D may jump.
    """
    n, m = grid[0].cells, grid[1].cells
    force, tensor = _forces(gradient, diffusion, grid)
    offsets, weights = selling(tensor)
    i, j = (v.ravel() for v in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    source, target, rate = [], [], []
    for e in np.unique(offsets.reshape(-1, 2), axis=0):
        k, cell = np.nonzero(np.all(offsets == e, axis=2) & (weights != 0.0))
        for step in (e, -e):
            rho, a, b = weights[k, cell], i[cell], j[cell]
            along, beside = a + step[0], b + step[1]
            # Jumps across a reflecting wall are left out both ways: no flux along D's own direction at the wall.
            inside = (along >= 0) & (along < n) & (beside >= 0) & (beside < m)
            source.append(cell[inside])
            target.append(along[inside] * m + beside[inside])
            rate.append(rho[inside] * tilted(_simpson(force, step, a[inside], b[inside])))
            out = absorbing & (along >= n)
            # A jump that ends on the absorbing wall is the shorter, and the rate to it the higher, by one share.
            part = (n - a[out] - 0.5) / max(step[0], 1)
            source.append(cell[out])
            target.append(np.full(len(part), n * m))
            rate.append(rho[out] / part * tilted(part * (step @ force[:, 3 * a[out] + 1, 2 * b[out] + 1])))
    return Chain(np.concatenate(source), np.concatenate(target), np.concatenate(rate), n * m)


def plane_start(start: npt.ArrayLike | Field, grid: tuple[Axis, Axis]) -> Array:
    """Return the mass of each cell at time 0, (n m,)."""
    if callable(start):
        x, y = (axis.at((np.arange(axis.cells) + 0.5) / axis.cells) for axis in grid)
        points = np.array([v.ravel() for v in np.meshgrid(x, y, indexing="ij")])
        area = np.multiply.outer(np.diff(grid[0].edges()), np.diff(grid[1].edges())).ravel()
        return normalised(start(points) * area)
    point = np.asarray(start, dtype=np.float64)
    if point.shape != (2,):
        raise ValueError(f"start has shape {point.shape}; it must be a point of two coordinates")
    x, y = (share(np.arange(0.5, axis.cells), axis.cell_of(p)) for axis, p in zip(grid, point, strict=True))
    return np.multiply.outer(x, y).ravel()


def factors(chain: Chain, grid: tuple[Axis, Axis]) -> Elimination:
    """Return the chain's factors, its states in the order with the narrower band; ``_by_rows`` puts them back."""
    if not np.all(chain.rate >= 0.0):
        raise ValueError(
            f"the diffusion is so oblique that jumps of {REACH} cells do not make it of rates at least 0: "
            "give the noise a floor, take cells in the proportion of its spread, or turn the axes"
        )
    order = _order(grid)
    source, target = order[chain.source], np.append(order, chain.states)[chain.target]
    stays = target < chain.states
    reach = int(np.abs(target - source)[stays].max())
    band = np.zeros((chain.states, 2 * reach + 1))
    np.add.at(band, (source[stays], reach + (target - source)[stays]), chain.rate[stays])
    leave = np.zeros(chain.states)
    np.add.at(leave, source[~stays], chain.rate[~stays])
    return eliminate(band, leave)


def occupation(chain: Chain, grid: tuple[Axis, Axis], start: npt.ArrayLike) -> Array:
    """Return the share of the time before absorption that is spent in each cell, (n, m)."""
    begin = np.empty(chain.states)
    begin[_order(grid)] = plane_start(start, grid)
    time = _by_rows(factors(chain, grid).solve_left(begin), grid)
    return np.asarray(time / time.sum())


def selling(tensor: Array) -> tuple[Integers, Array]:
    """Return offsets (3, cells, 2) and weights (3, cells) of D = sum_k weight_k e_k e_k^T for D of each cell.

    Selling's formula: of an obtuse superbase, three vectors of whole numbers that add up to 0 and no two of which make
    an acute angle in the metric D, the offsets are the vectors turned by a right angle and every weight is at least 0.
    Where an offset exceeds ``REACH``, the nine-point stencil of central differences stands in, with a weight below 0.

    Parameters
    ----------
    tensor
        (2, 2, cells), positive definite, in units of cells.
    """
    cells = tensor.shape[2]
    base = np.zeros((cells, 3, 2), dtype=np.int64)
    base[:, 0, 0] = base[:, 1, 1] = 1
    base[:, 2] = -1
    turns = ((1, 2, 0), (2, 0, 1), (0, 1, 2))
    for _ in range(64):
        acute = np.zeros(cells, dtype=bool)
        for first, second, third in turns:
            angle = _form(base[:, first], tensor, base[:, second])
            # Rounding must not turn a right angle for ever.
            turn = (angle > 1e-14 * (tensor[0, 0] + tensor[1, 1])) & ~acute
            f, s = base[turn, first], base[turn, second]
            base[turn, first], base[turn, third] = -f, f - s
            acute |= turn
        if not np.any(acute):
            break
    offsets = np.empty((3, cells, 2), dtype=np.int64)
    weights = np.empty((3, cells))
    for k, (first, second, third) in enumerate(turns):
        weights[k] = np.maximum(-_form(base[:, first], tensor, base[:, second]), 0.0)
        offsets[k, :, 0], offsets[k, :, 1] = -base[:, third, 1], base[:, third, 0]
    far = np.any((np.abs(offsets).max(axis=2) > REACH) & (weights > 0.0), axis=0)
    off = tensor[0, 1, far]
    offsets[0, far], offsets[1, far] = (1, 0), (0, 1)
    offsets[2, far, 0], offsets[2, far, 1] = 1, np.where(off > 0.0, 1, -1)
    weights[:, far] = tensor[0, 0, far] - np.abs(off), tensor[1, 1, far] - np.abs(off), np.abs(off)
    # e and -e are one direction.
    lead = np.where(offsets[:, :, 0] != 0, offsets[:, :, 0], offsets[:, :, 1])
    return offsets * np.where(lead < 0, -1, 1)[:, :, None], weights


def _forces(gradient: Field, diffusion: Field, grid: tuple[Axis, Axis]) -> tuple[Array, Array]:
    """Return D^{-1} b in units of cells at (2, 3 n, 2 m + 1), and D at the centres, (2, 2, n m).

    Along the first axis each cell has its lower edge, just inside, its centre and its upper edge, just inside; along
    the second come all edges and centres.
    """
    n, m = grid[0].cells, grid[1].cells
    inside = np.array([_BESIDE, 0.5, 1.0 - _BESIDE])
    s = ((np.arange(n)[:, None] + inside) / n).ravel(), np.arange(2 * m + 1) / (2 * m)
    place, first, second = ([axis.at(u, k) for axis, u in zip(grid, s, strict=True)] for k in range(3))
    points = np.array([v.ravel() for v in np.meshgrid(*place, indexing="ij")])
    shape = (len(s[0]), len(s[1]))
    d = diffusion(points).reshape(2, 2, *shape)
    determinant = d[0, 0] * d[1, 1] - d[0, 1] * d[1, 0]
    if not np.all((determinant > 1e-12 * (d[0, 0] + d[1, 1]) ** 2) & (d[0, 0] > 0.0)):
        where = points[:, np.argmin(determinant)]
        raise ValueError(f"the noise vanishes in some direction at {where.round(4).tolist()}: D must be positive")
    drift = -gradient(points).reshape(2, *shape)
    speed = (1.0 / first[0][:, None], 1.0 / first[1][None, :])
    bend = (-second[0][:, None] * speed[0] ** 3, -second[1][None, :] * speed[1] ** 3)
    b = np.array([speed[k] * drift[k] + bend[k] * d[k, k] for k in range(2)])
    d = np.array([[speed[i] * speed[k] * d[i, k] for k in range(2)] for i in range(2)])
    determinant = d[0, 0] * d[1, 1] - d[0, 1] * d[1, 0]
    force = np.array([d[1, 1] * b[0] - d[0, 1] * b[1], d[0, 0] * b[1] - d[1, 0] * b[0]]) / determinant
    return force, d[:, :, 1::3, 1::2].reshape(2, 2, -1)


def _simpson(force: Array, step: Integers, a: Integers, b: Integers) -> Array:
    """Return the integral of the force along jumps from cells (a, b)."""
    end_a, end_b = a + step[0], b + step[1]
    twice = 2 * a + 1 + step[0]
    # An even number of half cells from the wall is an edge between cells twice / 2 - 1 and twice / 2.
    edge = twice % 2 == 0
    below = np.where(edge, 3 * (twice // 2) - 1, 3 * (twice // 2) + 1)
    above = np.where(edge, 3 * (twice // 2), 3 * (twice // 2) + 1)
    middle = b + end_b + 1
    total = force[:, 3 * a + 1, 2 * b + 1] + force[:, 3 * end_a + 1, 2 * end_b + 1]
    total = total + 2.0 * (force[:, below, middle] + force[:, above, middle])
    return np.asarray(step @ total / 6.0)


def _form(u: Integers, tensor: Array, v: Integers) -> Array:
    return np.asarray(np.einsum("ci,ijc,cj->c", u, tensor, v))


def _order(grid: tuple[Axis, Axis]) -> Integers:
    """Return the place of each state, counted row by row, in the elimination."""
    n, m = grid[0].cells, grid[1].cells
    rows = np.arange(n * m).reshape(n, m)
    return rows.ravel() if m <= n else np.arange(n * m).reshape(m, n).T.ravel()


def _by_rows(values: Array, grid: tuple[Axis, Axis]) -> Array:
    return values[_order(grid)].reshape(grid[0].cells, grid[1].cells)
