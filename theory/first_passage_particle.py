"""Mean first-passage time of a damped particle in one dimension: the backward equation in (x, v), slab by slab."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import positive
from .first_passage_diffusion import climb, lower_end
from .quadrature import derivative_matrix, gauss_legendre, gauss_lobatto, lagrange, panel_nodes

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]
Velocity = Literal["rest", "thermal"]

TOLERANCE = 1e-4
"""Relative error at which refinement stops."""
HOTTEST = 16.0
"""Units of T by which the fastest velocity that is followed exceeds what the height of the way can give."""
MAX_WORK = 2e10
"""Largest number of multiplications of one solution: slabs x (velocities x nodes)^2 x degree, about."""
_BATCH = 16
_SHRINK = 0.25
_PROBE_PANELS, _PROBE_NODES = 96, 8


class Level(NamedTuple):
    """How finely one solution is resolved.

    Parameters
    ----------
    speed_panel
        Width of a velocity panel, in thermal velocities.
    speed_degree
        Polynomial degree on a velocity panel.
    slab
        Width of a slab, in units of the potential's own scale: T of climb, or (T / |L''|)^(1/2).
    slab_nodes
        Nodes in x on a slab.
    corner
        Velocity panels that shrink towards v = 0, on each side, each to a quarter of the one before.
    skin
        Width of the last slab before the exit, in mean free paths; its square root beside an edge.
    tail
        Units of T that the wall below stands above the lowest point.
    """

    speed_panel: float
    speed_degree: int
    slab: float
    slab_nodes: int
    corner: int
    skin: float
    tail: float


LEVELS = (
    Level(0.9, 4, 1.4, 4, 1, 1e-2, 30.0),
    Level(0.75, 5, 1.0, 5, 3, 1e-3, 34.0),
    Level(0.6, 6, 0.8, 6, 4, 1e-4, 38.0),
)
"""Resolutions that are tried in turn."""
HIGH = 14.0
"""Units of T to climb above which a way is high: who goes up it is many thermal velocities fast."""
HIGH_LEVELS = (Level(0.75, 9, 0.8, 6, 4, 1e-4, 38.0),)
"""Resolutions of a high way that are tried after those."""
UNRESOLVED = 0.5
"""Change on the last refinement from which a mean time is none."""


class Passage(NamedTuple):
    """A mean first-passage time.

    Parameters
    ----------
    log_time
        ln tau, tau in dynamical time.
    error
        Estimated relative error of tau: the change on the last refinement of everything at once.
    slabs, velocities
        Number of slabs and of velocities at the last refinement.
    """

    log_time: float
    error: float
    slabs: int
    velocities: int


def first_passage(
    slope: Function,
    diffusion: Function,
    friction: float,
    mass: float,
    start: float,
    exit: float,
    edges: npt.ArrayLike = (),
    velocity: Velocity = "rest",
    tolerance: float = TOLERANCE,
) -> Passage:
    """Return the mean time until x first reaches the exit, of dx = v dt, M dv = -(gamma M v + L') dt + (2 D)^(1/2) dW.

    ::

        v tau_x - (gamma v + L'(x) / M) tau_v + (D(x) / M^2) tau_vv = -1,    tau(exit, v) = 0 for v > 0

    D may depend on x and jump: x is smooth, so that Ito and anti-Ito are the same. The line is cut into slabs. Within
    one, x is resolved by a discontinuous Galerkin method upwind in v, and v by Gauss-Lobatto elements that shrink
    towards v = 0, where tau is singular at the exit. A slab is thereby reduced to what it sends through and back, and
    slabs are joined with row sums kept exact, so that nothing is lost to a high barrier.

    Parameters
    ----------
    slope
        L', x (n,) -> (n,).
    diffusion
        D, x (n,) -> (n,); above 0.
    friction
        gamma (1 / dynamical time).
    mass
        M; the temperature is D / (gamma M).
    start, exit
        Where the particle starts, and the absorbing point above it.
    edges
        Places where L'' or D jump or bend.
    velocity
        "rest", or "thermal": averaged over N(0, D / (gamma M^2)) at the start.
    tolerance
        Relative error at which refinement stops; the last level's error is reported where it stays above.

    Returns
    -------
    Passage
        ln tau, its estimated error and the size of the last refinement.

    Raises
    ------
    ValueError
        Where friction or mass are not above 0, the noise vanishes, the particle can leave downwards, or noise or
        friction would need more unknowns than are taken.

    Notes
    -----
    Heavy ball read as physics has D = lr C / 2, gamma = (1 - beta1) / lr and M = lr / beta3
    (:class:`saddlescape.theory.particle.Particle`).
    """
    if velocity not in ("rest", "thermal"):
        raise ValueError(f"velocity={velocity!r} must be 'rest' or 'thermal'")
    positive("friction", friction, "without it there is no temperature")
    positive("mass", mass, "without inertia the process is the overdamped one")
    if not exit > start:
        raise ValueError(f"exit={exit:g} must be above start={start:g}")
    way = _Way(slope, diffusion, friction, mass, start, exit, np.asarray(edges, dtype=np.float64))
    found = Passage(math.nan, math.inf, 0, 0)
    high = _scales(way, LEVELS[0].tail).climb > HIGH
    for level in (*LEVELS, *HIGH_LEVELS) if high else LEVELS:
        scales = _scales(way, level.tail)
        speeds, at = _speeds(scales, level), _slab_edges(way, scales, level)
        work = (len(at) - 1) * float(len(speeds.v) * level.slab_nodes) ** 2 * level.speed_degree
        if work > MAX_WORK:
            if math.isfinite(found.error):
                break
            raise ValueError(
                f"the way needs {len(at) - 1} slabs with {len(speeds.v)} velocities, {work:.2g} multiplications, more "
                f"than {MAX_WORK:.2g}: its height in units of the temperature, or the noise's range, is too large"
            )
        tau = _solve(way, speeds, at, level.slab_nodes, velocity)
        # Too coarse a level can lose a high barrier altogether.
        log_time = math.log(tau) if 0.0 < tau < math.inf else math.nan
        error = abs(float(np.expm1(log_time - found.log_time)))
        found = Passage(log_time, math.inf if math.isnan(error) else error + 1e-12, len(at) - 1, len(speeds.v))
        if error <= tolerance:
            break
    if not found.error < UNRESOLVED:
        raise ValueError(
            f"{found.slabs} slabs with {found.velocities} velocities do not resolve the way: it is too high"
        )
    return found


class _Way(NamedTuple):
    """What is asked."""

    slope: Function
    diffusion: Function
    friction: float
    mass: float
    start: float
    exit: float
    edges: Array


class _Scales(NamedTuple):
    """Sizes that the resolution follows: slowest and fastest thermal velocity, fastest followed, climb, ruler along x.

    ``length`` (n,) counts, at the points ``x`` (n,), how many of the potential's own scales lie below.
    """

    cold: float
    hot: float
    fastest: float
    climb: float
    x: Array
    length: Array


class _Speeds(NamedTuple):
    """Velocity nodes, and the operators d/dv, v d/dv and -d2/dv2 on them, (N,) and (N, N)."""

    v: Array
    slope: Array
    stretch: Array
    stiffness: Array
    bounds: Array
    degree: int


class _Slab(NamedTuple):
    """What a slab does to a particle: it leaves on the right or left, after some time.

    Entering from the left (v > 0 there) it is sent ``right`` or ``back_left``; from the right ``left`` or
    ``back_right``; the names say where it goes. Each pair of rows adds up to 1.

    ``end`` holds tau at the right end, for every velocity, given (tau from the right, tau from the left, 1).
    """

    right: Array
    back_left: Array
    time_left: Array
    left: Array
    back_right: Array
    time_right: Array
    end: Array


def _scales(way: _Way, tail: float) -> _Scales:
    def friction_diffusion(x: Array) -> Array:
        return way.diffusion(x) / (way.friction * way.mass)

    low = lower_end(way.slope, friction_diffusion, way.start, way.exit, tail)
    inner = way.edges[(way.edges > low) & (way.edges < way.exit)]
    grid = np.unique(np.concatenate([np.linspace(low, way.exit, _PROBE_PANELS + 1), [way.start], inner]))
    nodes, weights = panel_nodes(grid, _PROBE_NODES)
    flat = nodes.ravel()
    d = way.diffusion(flat).reshape(nodes.shape)
    if not np.all(d > 0.0):
        raise ValueError(f"the noise vanishes at {float(flat[np.argmin(d)]):.4g}: there is no temperature there")
    slope = way.slope(flat).reshape(nodes.shape)
    temperature = d / (way.friction * way.mass)
    rule = gauss_legendre(_PROBE_NODES)
    curvature = slope @ rule.derivative.T / np.diff(grid)[:, None]
    ruler = np.abs(slope) / temperature + np.sqrt(np.abs(curvature) / temperature) + 1.0 / (way.exit - low)
    height = np.concatenate([[0.0], np.cumsum(np.sum(weights * slope, axis=1))])
    drop = float(height[grid >= way.start].max() - height.min())
    thermal = np.sqrt(temperature / way.mass)
    hot = float(thermal.max())
    return _Scales(
        float(thermal.min()),
        hot,
        math.sqrt(2.0 * drop / way.mass + 2.0 * HOTTEST * hot * hot),
        climb(np.sum(weights * slope / temperature, axis=1)),
        grid,
        np.concatenate([[0.0], np.cumsum(np.sum(weights * ruler, axis=1))]),
    )


def _speeds(scales: _Scales, level: Level) -> _Speeds:
    """Return velocity elements: fine near 0, a share of the coldest thermal velocity, then wider up to the hottest."""
    bounds = [level.speed_panel * scales.cold]
    while bounds[-1] < scales.fastest:
        width = bounds[-1] - (bounds[-2] if len(bounds) > 1 else 0.0)
        if bounds[-1] > 4.0 * scales.cold:
            width = min(1.25 * width, level.speed_panel * scales.hot)
        bounds.append(bounds[-1] + width)
    corner = [bounds[0] * _SHRINK**k for k in range(level.corner, 0, -1)]
    upper = np.array([*corner, *bounds])
    every = np.concatenate([-upper[::-1], [0.0], upper])
    return _elements(every, level.speed_degree)


def _elements(bounds: Array, p: int) -> _Speeds:
    """Return continuous Gauss-Lobatto elements of degree p, with the mass lumped."""
    x, w = gauss_lobatto(p)
    d = derivative_matrix(x)
    n = (len(bounds) - 1) * p + 1
    v, mass = np.zeros(n), np.zeros(n)
    stiffness, slope, stretch = (np.zeros((n, n)) for _ in range(3))
    for k in range(len(bounds) - 1):
        s = slice(k * p, k * p + p + 1)
        half = 0.5 * (bounds[k + 1] - bounds[k])
        at = bounds[k] + half * (x + 1.0)
        v[s] = at
        mass[s] += half * w
        stiffness[s, s] += d.T @ (w[:, None] * d) / half
        slope[s, s] += w[:, None] * d
        stretch[s, s] += (w * at)[:, None] * d
    middle = n // 2
    v[middle] = 0.0
    per = mass[:, None]
    return _Speeds(v, slope / per, stretch / per, stiffness / per, bounds, p)


def _slab_edges(way: _Way, scales: _Scales, level: Level) -> Array:
    """Return slab edges: even on the potential's ruler, finer towards the exit and towards every edge."""
    low = scales.x[0]
    inner = np.unique(np.append(way.edges[(way.edges > low) & (way.edges < way.exit)], way.start))
    stops = np.concatenate([[low], inner, [way.exit]])
    out = [low]
    for k, (a, b) in enumerate(pairwise(stops)):
        from_, to = np.interp([a, b], scales.x, scales.length)
        n = max(2, math.ceil((to - from_) / level.slab))
        piece = np.interp(np.linspace(from_, to, n + 1), scales.length, scales.x)
        piece[0], piece[-1] = a, b
        # Mean free path of the particles that arrive.
        free = scales.cold / way.friction
        last = k == len(stops) - 2
        above = _towards(piece[-1], piece[-2], free * (level.skin if last else math.sqrt(level.skin)))
        below = _towards(piece[0], piece[1], free * math.sqrt(level.skin)) if k > 0 else np.empty(0)
        out += [*below[::-1], *piece[1:-1], *above, b]
    return np.array(out)


def _towards(end: float, beside: float, size: float) -> Array:
    """Return points from beside, without it, that approach the end until they are a size away."""
    gap = abs(beside - end)
    steps = max(1, math.ceil(math.log(max(gap / size, 1.0)) / -math.log(_SHRINK)))
    return np.asarray(end + (beside - end) * _SHRINK ** np.arange(1, steps + 1), dtype=np.float64)


def _solve(way: _Way, speeds: _Speeds, at: Array, nodes: int, velocity: Velocity) -> float:
    """Return tau: what lies below a slab is known by what it sends back, and when; up to the exit, then down again."""
    n = len(speeds.v) // 2
    # The wall turns v to -v. Velocities run from most negative to 0 and from 0 to most positive.
    back, stay = np.eye(n)[::-1], np.zeros(n)
    end, entered = np.empty(0), np.empty(0)
    passed: list[Array] = []
    for slab, b in zip(_slabs(way, speeds, at, nodes), at[1:], strict=True):
        inlet = _solve_rows(
            -back @ slab.back_left, back @ slab.right.sum(axis=1), back @ slab.right, back @ slab.time_left + stay
        )
        if b <= way.start:
            end, entered = slab.end, inlet
        else:
            through = slab.back_left @ inlet
            through[:, :n] += slab.right
            through[:, n] += slab.time_left
            passed.append(through)
        back = slab.back_right + slab.left @ inlet[:, :n]
        back /= back.sum(axis=1)[:, None]
        stay = slab.time_right + slab.left @ inlet[:, n]
    up = np.zeros(n)
    for through in reversed(passed):
        up = through[:, :n] @ up + through[:, n]
    tau = end @ np.concatenate([up, entered[:, :n] @ up + entered[:, n], [1.0]])
    if velocity == "rest":
        return float(tau[n])
    width = math.sqrt(float(way.diffusion(np.array([way.start]))[0]) / way.friction) / way.mass
    return _average(speeds, tau, width)


def _solve_rows(off: Array, deficit: Array, *right: Array) -> Array:
    """Solve (I + off) X = right where the rows of I + off add up to a deficit that is known without subtraction."""
    matrix = off.copy()
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, deficit - matrix.sum(axis=1))
    return np.asarray(np.linalg.solve(matrix, np.column_stack(right)), dtype=np.float64)


def _slabs(way: _Way, speeds: _Speeds, at: Array, q: int) -> Iterator[_Slab]:
    """Solve the backward equation on each slab for every way in: a discontinuous Galerkin element, upwind in v."""
    for k in range(0, len(at) - 1, _BATCH):
        yield from _batch(way, speeds, at[k : k + _BATCH + 1], q)


def _batch(way: _Way, speeds: _Speeds, at: Array, q: int) -> Iterator[_Slab]:
    """Solve some slabs at once."""
    v, width, slabs = speeds.v, np.diff(at), len(at) - 1
    count, n = len(v), len(v) // 2
    rule = gauss_legendre(q)
    at_left, at_right = lagrange(rule.nodes, np.array([0.0, 1.0]))
    lift_left, lift_right = at_left / rule.weights, at_right / rule.weights
    # What a particle finds ahead of it: the slab to its right for v > 0, to its left for v < 0.
    ahead = np.outer(lift_right, at_right) - rule.derivative
    behind = -np.outer(lift_left, at_left) - rule.derivative
    upwind = v[:, None, None] * np.where((v > 0.0)[:, None, None], ahead, behind)
    x = at[:-1, None] + width[:, None] * rule.nodes
    # Multiplied by the width.
    pull = width[:, None] * way.slope(x.ravel()).reshape(x.shape) / way.mass
    noise = width[:, None] * way.diffusion(x.ravel()).reshape(x.shape) / way.mass**2
    given = np.zeros((slabs, count, q, 2 * n + 1))
    up, down = np.arange(n + 1, count), np.arange(n)
    given[:, up, :, np.arange(n)] = (v[up, None] * lift_right)[:, None, :]
    given[:, down, :, n + np.arange(n)] = (-v[down, None] * lift_left)[:, None, :]
    given[:, :, :, 2 * n] = width[:, None, None]
    # Nodes k p ... k p + p - 1 of one velocity element know those of the two beside it.
    cuts = [*range(0, count - 1, speeds.degree), count]
    groups = [slice(a, b) for a, b in pairwise(cuts)]

    def block(rows: slice, columns: slice) -> Array:
        size, other = rows.stop - rows.start, columns.stop - columns.start
        out = np.zeros((slabs, size, q, other, q))
        i = np.arange(q)
        still = speeds.stretch[rows, columns] * way.friction
        out[:, :, i, :, i] = (
            still * width[:, None, None]
            + pull.T[:, :, None, None] * speeds.slope[rows, columns]
            + noise.T[:, :, None, None] * speeds.stiffness[rows, columns]
        )
        if rows == columns:
            own = np.arange(size)
            out[:, own, :, own, :] += upwind[rows][:, None]
        return out.reshape(slabs, size * q, other * q)

    found: list[Array] = []
    onward: list[Array] = []
    for k, here in enumerate(groups):
        own, right = block(here, here), given[:, here].reshape(slabs, -1, 2 * n + 1)
        if k > 0:
            below = block(here, groups[k - 1])
            own -= below @ onward[-1]
            right = right - below @ found[-1]
        following = [block(here, groups[k + 1])] if k + 1 < len(groups) else []
        solved = np.asarray(np.linalg.solve(own, np.concatenate([right, *following], axis=2)), dtype=np.float64)
        found.append(solved[:, :, : 2 * n + 1])
        onward.append(solved[:, :, 2 * n + 1 :])
    for k in range(len(groups) - 2, -1, -1):
        found[k] = found[k] - onward[k] @ found[k + 1]
    inside = np.concatenate(found, axis=1).reshape(slabs, count, q, -1)
    begin, end = (np.asarray(np.einsum("sciw,i->scw", inside, side)) for side in (at_left, at_right))
    enter_left, enter_right = begin[:, up], end[:, down]
    for rows in (enter_left, enter_right):
        rows[:, :, : 2 * n] /= rows[:, :, : 2 * n].sum(axis=2)[:, :, None]
    for left, right, last in zip(enter_left, enter_right, end, strict=True):
        yield _Slab(
            left[:, :n], left[:, n : 2 * n], left[:, 2 * n], right[:, n : 2 * n], right[:, :n], right[:, 2 * n], last
        )


def _average(speeds: _Speeds, tau: Array, width: float) -> float:
    """Return the mean of tau over N(0, width^2)."""
    p = speeds.degree
    grid = np.unique(np.concatenate([speeds.bounds, np.linspace(-12.0, 12.0, 49) * width]))
    grid = grid[(grid >= speeds.bounds[0]) & (grid <= speeds.bounds[-1])]
    nodes, weights = panel_nodes(grid, 12)
    reference = gauss_lobatto(p)[0]
    total = norm = 0.0
    for at, weight in zip(nodes, weights, strict=True):
        k = int(np.searchsorted(speeds.bounds, at[0]) - 1)
        half = 0.5 * (speeds.bounds[k + 1] - speeds.bounds[k])
        values = lagrange(reference, (at - speeds.bounds[k]) / half - 1.0) @ tau[k * p : k * p + p + 1]
        share = weight * np.exp(-0.5 * (at / width) ** 2)
        total += float(share @ values)
        norm += float(share.sum())
    return total / norm
