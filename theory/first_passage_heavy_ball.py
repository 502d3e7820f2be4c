"""Mean first-passage time of the heavy-ball iteration itself in one dimension: a chain in (x, m), no sampling."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve
from scipy.special import ndtr

from ..landscapes.checks import fraction, positive
from .first_passage_diffusion import climb, lower_end
from .quadrature import gauss_legendre, gauss_lobatto, lagrange, panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]
Momentum = Literal["rest", "thermal"]

TOLERANCE = 1e-4
"""Relative error at which refinement stops."""
HOTTEST = 16.0
"""Units of T by which the largest momentum that is followed exceeds what the height of the way can give."""
UNRESOLVED = 0.5
"""Change on the last refinement from which a mean time is none."""
MAX_STORED = 1.5e8
"""Largest number of transitions that are held at a time."""
MAX_WORK = 4e11
"""Largest number of multiplications of one elimination."""
_REACH = 7.5
_PROBE_PANELS, _PROBE_NODES = 96, 8
_RULE_NODES = 8
_RULE_PANEL = 1.5


class Level(NamedTuple):
    """How finely one solution is resolved.

    Parameters
    ----------
    heat_panel, kick_panel
        Width of a momentum panel in thermal momenta, and at m = 0 in units of one step's noise at most.
    degree
        Polynomial degree on a momentum panel.
    panel
        Width of a position panel, in units of the potential's own scale: T of climb, or (T / |L''|)^(1/2).
    nodes
        Nodes on a position panel.
    skin
        Width of the position panels at the exit, in units of one step's noise; four times that at an edge.
    tail
        Units of T above the lowest point at which positions are cut off below.
    """

    heat_panel: float
    kick_panel: float
    degree: int
    panel: float
    nodes: int
    skin: float
    tail: float


LEVELS = (
    Level(2.5, 5.0, 5, 3.0, 8, 5.0, 30.0),
    Level(2.5, 5.0, 6, 3.0, 9, 3.5, 34.0),
    Level(2.0, 4.0, 7, 2.5, 10, 2.5, 38.0),
)
"""Resolutions that are tried in turn."""
HIGH = 14.0
"""Units of T to climb above which a way is high: who goes up it is many thermal momenta fast."""
HIGH_LEVELS = (
    Level(2.5, 5.0, 7, 3.5, 6, 8.0, 30.0),
    Level(2.5, 5.0, 8, 3.5, 7, 5.0, 30.0),
    Level(2.0, 4.0, 8, 3.0, 8, 1.2, 34.0),
)
"""Resolutions of a high way: tau falls by exp(m* / thermal) over a thermal momentum, m* that of the way up."""


class Passage(NamedTuple):
    """A mean first-passage time of the heavy-ball iteration.

    Parameters
    ----------
    steps
        Mean number of steps.
    error
        Estimated relative error: the change on the last refinement of everything at once.
    positions, momenta
        Number of nodes of the last refinement along x and m.
    """

    steps: float
    error: float
    positions: int
    momenta: int


def first_passage(
    lr: float,
    beta1: float,
    beta3: float,
    slope: Function,
    variance: Function,
    curvature_min: float,
    start: float,
    exit: float,
    edges: npt.ArrayLike = (),
    momentum: Momentum = "rest",
    tolerance: float = TOLERANCE,
) -> Passage:
    """Return the mean number of steps until x >= exit of m = beta1 m + beta3 (slope + variance^(1/2) xi), x -= lr m.

    ::

        tau(x, m) = 1 + int_{x' < exit} N(m'; beta1 m + beta3 slope(x), beta3^2 variance(x)) tau(x', m') dm',
        x' = x - lr m'

    by collocation: tau is a polynomial on each panel of x and of m, and the integral along the line x' = x - lr m' is
    taken panel by panel. Exit probabilities are exact. Panels of x are eliminated from below, each time with the
    diagonal set by what a row is known to lose, so that nothing is lost to a high barrier. What a climb of 40 T costs
    is resolution: tau changes by that many e-folds along the way up, in the momentum as much as in the position.

    Parameters
    ----------
    lr
        Learning rate.
    beta1
        Share of the momentum kept each step; 0 is SGD with learning rate lr beta3.
    beta3
        Weight of the new gradient.
    slope
        L', x (n,) -> (n,).
    variance
        C, x (n,) -> (n,); above 0.
    curvature_min
        Curvature of the minimum, which says how far the iteration spreads about it.
    start, exit
        Where the iteration starts, and the absorbing level above it.
    edges
        Places where L'' or C jump or bend.
    momentum
        "rest", or "thermal": averaged over N(0, beta3^2 C / (1 - beta1^2)), C at the start.
    tolerance
        Relative error at which refinement stops; the last level's error is reported where it stays above.

    Returns
    -------
    Passage
        Mean steps, estimated relative error and number of nodes.

    Raises
    ------
    ValueError
        Where a parameter is out of bounds, the iteration is unstable in the minimum or can leave downwards, the noise
        vanishes, more nodes would be needed than are taken, or those that are taken do not agree on tau.

    Notes
    -----
    Adam whose second moment stays at v is this iteration with lr / (sqrt(v) + eps) for lr and beta3 = 1 - beta1.
    """
    if momentum not in ("rest", "thermal"):
        raise ValueError(f"momentum={momentum!r} must be 'rest' or 'thermal'")
    positive("lr", lr, "a step must go down the gradient")
    fraction("beta1", beta1, "the momentum must fade")
    positive("beta3", beta3, "the gradient must enter the momentum")
    if not lr * beta3 * curvature_min < 2.0 * (1.0 + beta1):
        raise ValueError(
            f"lr={lr:g} diverges on curvature {curvature_min:g} of the minimum with beta1={beta1:g}, beta3={beta3:g}: "
            f"it must be below 2 (1 + beta1) / (beta3 h) = {2.0 * (1.0 + beta1) / (beta3 * curvature_min):.6g}"
        )
    if not exit > start:
        raise ValueError(f"exit={exit:g} must be above start={start:g}")
    way = _Way(lr, beta1, beta3, slope, variance, start, exit, np.asarray(edges, dtype=np.float64))
    steps, before, error, grid = 0.0, 0.0, math.inf, None
    for level in HIGH_LEVELS if _scales(way, curvature_min, LEVELS[0].tail).climb > HIGH else LEVELS:
        finer = _grid(way, _scales(way, curvature_min, level.tail), level)
        try:
            _affordable(finer, way)
        except ValueError:
            if grid is None:
                raise
            break
        before, grid = steps, finer
        steps = _solve(way, grid, momentum)
        error = abs(before / steps - 1.0)
        if error <= tolerance:
            break
    assert grid is not None
    if not 0.0 < steps < math.inf or (before != 0.0 and not error < UNRESOLVED):
        raise ValueError(
            f"{len(grid.x_bounds) - 1} panels with {len(grid.m)} momenta do not resolve the way: it is too high"
        )
    return Passage(steps, error + 1e-12, (len(grid.x_bounds) - 1) * grid.q, len(grid.m))


class _Way(NamedTuple):
    """What is asked."""

    lr: float
    beta1: float
    beta3: float
    slope: Function
    variance: Function
    start: float
    exit: float
    edges: Array


class _Scales(NamedTuple):
    """Sizes that the resolution follows: thermal momenta, the largest one followed, the climb, and a ruler along x.

    ``length`` (n,) counts, at the points ``x`` (n,), how many of the potential's own scales lie below.
    """

    cold: float
    hot: float
    largest: float
    climb: float
    x: Array
    length: Array


class _Grid(NamedTuple):
    """Panels along x of q Gauss nodes each, and panels along m of degree + 1 Gauss-Lobatto nodes that they share."""

    x_bounds: Array
    q: int
    m_bounds: Array
    degree: int
    m: Array


def _scales(way: _Way, curvature_min: float, tail: float) -> _Scales:
    per_variance = 0.5 * way.lr * way.beta3 / (1.0 - way.beta1)
    # The iteration spreads wider than its diffusion, in x and in m.
    wide = 1.0 / (1.0 - 0.5 * way.lr * way.beta3 * max(curvature_min, 0.0) / (1.0 + way.beta1))
    low = lower_end(way.slope, lambda x: per_variance * way.variance(x), way.start, way.exit, tail * wide)
    inner = way.edges[(way.edges > low) & (way.edges < way.exit)]
    grid = np.unique(np.concatenate([np.linspace(low, way.exit, _PROBE_PANELS + 1), [way.start], inner]))
    nodes, weights = panel_nodes(grid, _PROBE_NODES)
    flat = nodes.ravel()
    c = way.variance(flat).reshape(nodes.shape)
    if not np.all(c > 0.0):
        raise ValueError(f"the noise vanishes at {float(flat[np.argmin(c)]):.4g}, where a step is not spread out")
    slope = way.slope(flat).reshape(nodes.shape)
    temperature = per_variance * c
    curvature = slope @ gauss_legendre(_PROBE_NODES).derivative.T / np.diff(grid)[:, None]
    ruler = np.abs(slope) / temperature + np.sqrt(np.abs(curvature) / temperature)
    height = np.concatenate([[0.0], np.cumsum(np.sum(weights * slope, axis=1))])
    beyond = grid >= way.start
    drop = float(height[beyond].max() - height.min())
    thermal = way.beta3 * np.sqrt(c / (1.0 - way.beta1**2))
    hot = float(thermal.max()) * math.sqrt(wide)
    flying = math.sqrt(2.0 * drop * way.beta3 / way.lr + 2.0 * HOTTEST * hot * hot)
    steepest = float(np.abs(slope[beyond[:-1]]).max())
    drifting = way.beta3 * steepest / (1.0 - way.beta1) + math.sqrt(2.0 * HOTTEST) * hot
    return _Scales(
        float(thermal.min()),
        hot,
        min(flying, drifting),
        climb(np.sum(weights * slope / temperature, axis=1)),
        grid,
        np.concatenate([[0.0], np.cumsum(np.sum(weights * ruler, axis=1))]),
    )


def _grid(way: _Way, scales: _Scales, level: Level) -> _Grid:
    kick = scales.cold * math.sqrt(1.0 - way.beta1**2)
    bounds = _momentum_bounds(scales, kick, level)
    reference = gauss_lobatto(level.degree)[0]
    half = 0.5 * np.diff(bounds)
    inside = bounds[:-1, None] + half[:, None] * (reference[:-1] + 1.0)
    m = np.append(inside.ravel(), bounds[-1])
    return _Grid(_position_bounds(way, scales, way.lr * kick, level), level.nodes, bounds, level.degree, m)


def _momentum_bounds(scales: _Scales, kick: float, level: Level) -> Array:
    """Return rising panel ends: a few steps' noise wide at 0, then wider, up to some thermal momenta."""
    width = min(level.kick_panel * kick, level.heat_panel * scales.cold)
    upper = [width]
    while upper[-1] < scales.largest:
        widest = level.heat_panel * (scales.cold if upper[-1] < 4.0 * scales.cold else scales.hot)
        width = min(1.4 * width, max(widest, width))
        upper.append(upper[-1] + width)
    return np.array([*(-u for u in reversed(upper)), 0.0, *upper])


def _position_bounds(way: _Way, scales: _Scales, kick: float, level: Level) -> Array:
    """Return rising panel ends: even on the potential's ruler, finer towards the exit and the edges inside."""
    low = float(scales.x[0])
    inner = way.edges[(way.edges > low) & (way.edges < way.exit)]
    stops = np.concatenate([[low], np.unique(inner), [way.exit]])
    density = np.diff(scales.length) / np.diff(scales.x)
    out = [np.array([low])]
    for a, b in pairwise(stops):
        near = np.geomspace(1e-3 * kick, b - a, 400)
        probe = np.unique(np.concatenate([[a], a + near[:-1], b - near[:-1], np.linspace(a, b, 801)[1:]]))
        probe = probe[(probe >= a) & (probe <= b)]
        middle = 0.5 * (probe[:-1] + probe[1:])
        spots = np.clip(np.searchsorted(scales.x, middle) - 1, 0, len(density) - 1)
        width = level.panel / np.maximum(density[spots], 1e-300)
        skin = level.skin * (1.0 if b == way.exit else 4.0)
        width = np.minimum(width, np.maximum(skin * kick, 0.5 * (b - middle)))
        if a > low:
            width = np.minimum(width, np.maximum(4.0 * level.skin * kick, 0.5 * (middle - a)))
        count = np.concatenate([[0.0], np.cumsum(np.diff(probe) / width)])
        n = max(1, math.ceil(count[-1]))
        piece = np.interp(np.linspace(0.0, count[-1], n + 1)[1:], count, probe)
        piece[-1] = b
        out.append(piece)
    return np.concatenate(out)


def _reach(way: _Way, grid: _Grid) -> npt.NDArray[np.int64]:
    """Return first and last panel that a step from each panel can land on, (panels, 2)."""
    panels = len(grid.x_bounds) - 1
    furthest = way.lr * (way.beta1 * grid.m[-1])
    x = (grid.x_bounds[:-1, None] + np.diff(grid.x_bounds)[:, None] * gauss_legendre(grid.q).nodes).ravel()
    stride = furthest + way.lr * way.beta3 * _REACH * np.sqrt(way.variance(x))
    shift = way.lr * way.beta3 * way.slope(x)
    first = np.searchsorted(grid.x_bounds, x - shift - stride, side="right") - 1
    last = np.searchsorted(grid.x_bounds, x - shift + stride, side="left") - 1
    first, last = np.clip(first, 0, panels - 1), np.clip(last, 0, panels - 1)
    return np.column_stack([first.reshape(panels, -1).min(axis=1), last.reshape(panels, -1).max(axis=1)])


def _affordable(grid: _Grid, way: _Way) -> None:
    reach = _reach(way, grid)
    own = np.arange(len(reach))
    ahead = np.maximum.accumulate(reach[:, 1]) - own
    behind = np.array([int(np.sum(reach[k + 1 :, 0] <= k)) for k in own])
    size = float(grid.q * len(grid.m))
    # The rows that wait for the panel that is eliminated; of one that is, what lies ahead.
    waiting = float(np.max((2.0 + behind) * (1.0 + ahead + 0.5 * behind)))
    above = grid.x_bounds[1:] >= way.start
    stored = size**2 * (waiting + 0.5 * float(np.sum(ahead[above])))
    work = size**3 * float(np.sum(1.0 + 0.5 * ahead + 0.25 * ahead * behind))
    if stored > MAX_STORED or work > MAX_WORK:
        raise ValueError(
            f"beta1={way.beta1:g} with lr={way.lr:g} needs {stored:.2g} transitions and {work:.2g} multiplications, "
            f"more than {MAX_STORED:.2g} and {MAX_WORK:.2g}: one step's noise is too small against the way, or the "
            "range of momenta too wide"
        )


class _Rows(NamedTuple):
    """What the nodes of one panel of x do: transitions by panel, (size, size) each, and the probability to leave."""

    to: dict[int, Array]
    leave: Array


def _solve(way: _Way, grid: _Grid, momentum: Momentum) -> float:
    """Eliminate panel by panel from below; a panel's own diagonal is what its rows are known to give away."""
    c = float(way.variance(np.array([way.start]))[0])
    spread = way.beta3 * math.sqrt(c * (1.0 / (1.0 - way.beta1**2) if momentum == "thermal" else 1.0))
    mean = way.beta3 * way.slope(np.array([way.start]))
    first: dict[int, Array] = {}
    stay = 1.0 - float(_step(way, grid, way.start, mean, spread, first, 0)[0])
    tau = _eliminate(_rows(way, grid), _reach(way, grid)[:, 0], min(first), grid)
    # The start is a row of its own: its quadrature error goes into its total, as elsewhere into the diagonal.
    total = sum(float(block[0, 0].sum()) for block in first.values())
    return 1.0 + stay / total * sum(float(block[0, 0] @ tau[j]) for j, block in first.items())


def _rows(way: _Way, grid: _Grid) -> Iterator[_Rows]:
    """Yield what the nodes of each panel of x do, from below, with the nodes in the order (m, x)."""
    q, size = grid.q, grid.q * len(grid.m)
    for a, b in pairwise(grid.x_bounds):
        x = a + (b - a) * gauss_legendre(q).nodes
        sigma = way.beta3 * np.sqrt(way.variance(x))
        shift = way.beta3 * way.slope(x)
        to: dict[int, Array] = {}
        leave = np.empty((len(grid.m), q))
        for i in range(q):
            leave[:, i] = _step(way, grid, float(x[i]), way.beta1 * grid.m + shift[i], float(sigma[i]), to, i)
        yield _Rows({j: block.reshape(size, size) for j, block in to.items()}, leave.ravel())


def _eliminate(rows: Iterator[_Rows], lowest: npt.NDArray[np.int64], needed: int, grid: _Grid) -> dict[int, Array]:
    """Return tau on every panel from ``needed`` up, (size,) each.

    ``lowest`` (panels,) is the first panel that each one's steps land on.
    """
    panels, q = len(lowest), grid.q
    # Who comes from the left arrives with m < 0.
    up = (len(grid.m) // 2 + 1) * q
    size = len(grid.m) * q
    blocks: list[dict[int, Array]] = []
    leave: list[Array] = []
    time: list[Array] = []
    onward: dict[int, dict[int, Array]] = {}
    for k in range(panels):
        # A panel is worked out when the first one that it can land on, or the one above that, goes.
        while len(blocks) <= max(k, int(np.flatnonzero(lowest <= k + 1)[-1])):
            to, out = next(rows)
            blocks.append(to)
            leave.append(out)
            time.append(np.ones(size))
        own = -blocks[k].get(k, np.zeros((size, size)))
        np.fill_diagonal(own, 0.0)
        away = leave[k] - own.sum(axis=1)
        ahead = {j: b[:, :up] for j, b in blocks[k].items() if j > k}
        for b in ahead.values():
            away += b.sum(axis=1)
        np.fill_diagonal(own, away)
        order = sorted(ahead)
        right = np.column_stack([*(ahead[j] for j in order), time[k], leave[k]])
        found = lu_solve(lu_factor(own, check_finite=False), right, check_finite=False)
        solved = {j: found[:, n * up : (n + 1) * up] for n, j in enumerate(order)}
        time[k] = found[:, -2]
        if k >= needed:
            onward[k] = solved
        blocks[k].clear()
        for i in range(k + 1, len(blocks)):
            into = blocks[i].pop(k, None)
            if into is None:
                continue
            touched, columns = _filled(into, 1), _filled(into, 0)
            passed = into[touched, columns] @ found[columns]
            time[i][touched] += passed[:, -2]
            leave[i][touched] += passed[:, -1]
            for n, j in enumerate(order):
                if j not in blocks[i]:
                    blocks[i][j] = np.zeros((size, size))
                blocks[i][j][touched, :up] += passed[:, n * up : (n + 1) * up]
    tau: dict[int, Array] = {}
    for k in range(panels - 1, needed - 1, -1):
        tau[k] = time[k]
        for j, b in onward[k].items():
            tau[k] = tau[k] + b @ tau[j][:up]
    return tau


def _filled(block: Array, axis: int) -> slice:
    """Return the range of rows (axis 1) or columns (axis 0) that are not zero throughout."""
    at = np.flatnonzero(block.any(axis=axis))
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


def _step(way: _Way, grid: _Grid, x: float, mean: Array, sigma: float, to: dict[int, Array], i: int) -> Array:
    """Add where a step from x leads whose new momentum is N(mean, sigma^2), mean (n,), to row i of each panel's block.

    Blocks are (n, q, size), a panel's nodes in the order (m, x). Returns the probability to leave, (n,).
    """
    count, q, p = len(mean), grid.q, grid.degree
    gate = (x - way.exit) / way.lr  # m' must exceed it to stay
    leave = ndtr((gate - mean) / sigma)
    low = max(float(mean.min()) - _REACH * sigma, gate)
    high = max(float(mean.max()) + _REACH * sigma, low + sigma)
    cuts = np.concatenate([grid.m_bounds, (x - grid.x_bounds) / way.lr])
    cuts = np.unique(np.concatenate([[low, high], cuts[(cuts > low) & (cuts < high)]]))
    pieces = np.ceil(np.diff(cuts) / (_RULE_PANEL * sigma)).astype(int)
    cuts = np.concatenate(
        [*(np.linspace(a, b, n, endpoint=False) for a, b, n in zip(cuts[:-1], cuts[1:], pieces, strict=True)), [high]]
    )
    m, weights = panel_nodes(cuts, _RULE_NODES)
    z = (m[:, None, :] - mean[None, :, None]) / sigma
    density = np.where(np.abs(z) < _REACH, np.exp(-0.5 * z * z), 0.0) * weights[:, None, :]
    density /= math.sqrt(2.0 * math.pi) * sigma
    middle = 0.5 * (cuts[:-1] + cuts[1:])
    # Beyond the last momentum and below the lowest position tau is what it is there.
    x_panel = np.clip(np.searchsorted(grid.x_bounds, x - way.lr * middle) - 1, 0, len(grid.x_bounds) - 2)
    m_panel = np.clip(np.searchsorted(grid.m_bounds, middle) - 1, 0, len(grid.m_bounds) - 2)
    width = np.diff(grid.x_bounds)[x_panel, None]
    place = np.clip((x - way.lr * m - grid.x_bounds[x_panel, None]) / width, 0.0, 1.0)
    half = 0.5 * np.diff(grid.m_bounds)[m_panel, None]
    pace = np.clip((m - grid.m_bounds[m_panel, None]) / half - 1.0, -1.0, 1.0)
    on_x = lagrange(gauss_legendre(q).nodes, place.ravel()).reshape(*m.shape, q)
    on_m = lagrange(gauss_lobatto(p)[0], pace.ravel()).reshape(*m.shape, p + 1)
    both = (on_m[:, :, :, None] * on_x[:, :, None, :]).reshape(*m.shape, -1)
    shares = density @ both
    for j, panel, share in zip(x_panel.tolist(), m_panel.tolist(), shares, strict=True):
        if j not in to:
            to[j] = np.zeros((count, q, q * len(grid.m)))
        to[j][:, i, panel * p * q : (panel * p + p + 1) * q] += share
    return np.asarray(leave, dtype=np.float64)
