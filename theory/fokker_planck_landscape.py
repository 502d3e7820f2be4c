"""Fokker-Planck densities and mean first-passage times of a landscape, its noise and a rule, on a grid found by trial.

The box starts around minimum, saddle and start; a coarse grid then says where the density lives, and the box is widened
where a wall is touched and cropped where nothing ever comes.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..dynamics.evaluate import gradients
from ..dynamics.setting import checked_parts, starting_point
from ..landscapes.checks import number
from ..landscapes.interface import Escape, Matrix, Vector, draw, has_eigenbasis, suited
from ..landscapes.pairs import check_escape
from . import fokker_planck, fokker_planck_plane
from .fokker_planck import Chain, Density, checked_times
from .fokker_planck_plane import MeanPassage
from .line import Line, edges, jumps
from .particle import Particle, particle
from .rational_exponential import propagate

Array = npt.NDArray[np.float64]
Cells = tuple[int, int]

TOUCHED = 1e-8
"""Share of the mass, or of the time before escape, at a wall of the box below which the wall does not matter."""
MANY = 20_000
"""Points from which on a landscape and its noise are compiled before they are evaluated."""
_PILOTS = {1: (400, 4000), 2: (40, 144)}
_ROUNDS = 12
_MOMENTS = 5


class _Motion(NamedTuple):
    """The overdamped diffusion dq = -gradient dt + (2 D)^(1/2) dW of a rule, in the coordinates q = basis^T theta."""

    landscape: Any
    noise: Any
    basis: Matrix
    pull: float
    heat: float

    def gradient(self, q: Array) -> Array:
        """Return minus the drift at q (d, n), (d, n)."""
        theta = np.ascontiguousarray(self.basis @ q)
        if q.shape[1] < MANY:
            g = gradients(self.landscape, theta)
        else:
            from ..dynamics.cache import kernel
            from ..dynamics.kernels import sloped

            form, g = suited(self.landscape, self.landscape), np.empty_like(theta)
            kernel(sloped, form)(form, theta, g)
        return np.asarray(self.pull * (self.basis.T @ g))

    def diffusion(self, q: Array) -> Array:
        """Return D at q (d, n), (d, d, n)."""
        theta = np.ascontiguousarray(self.basis @ q)
        d, n = theta.shape
        roots = np.empty((d, d, n))
        parts = suited(self.landscape, self.landscape), suited(self.noise, self.landscape)
        for i in range(d):
            z, out = np.zeros((d, n)), np.zeros((d, n))
            z[i] = 1.0
            if n < MANY:
                draw(self.noise, self.landscape, theta, z, out)
            else:
                from ..dynamics.cache import kernel
                from ..dynamics.kernels import drawn

                kernel(drawn, *parts)(*parts, theta, z, out)
            roots[i] = self.basis.T @ out
        return np.asarray(self.heat * np.einsum("kin,kjn->ijn", roots, roots))

    def slope(self, x: Array) -> Array:
        """Return minus the drift in one dimension, (n,)."""
        return np.asarray(self.gradient(x[None, :])[0])

    def spread(self, x: Array) -> Array:
        """Return D in one dimension, (n,)."""
        return np.asarray(self.diffusion(x[None, :])[0, 0])


def density_of(
    landscape: Any,
    noise: Any,
    rule: Any,
    times: npt.ArrayLike,
    *,
    origin: npt.ArrayLike | None = None,
    exit: float | None = None,
    cells: int | None = None,
) -> Density:
    """Return the density of the overdamped diffusion of a rule, in one or two dimensions.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    times
        Dynamical times t = steps x learning rate, from 0 on, rising, (R,).
    origin
        Where the process starts, (d,); default the minimum, or the saddle of a landscape without one.
    exit
        Absorbing level of e.theta, e the escape direction, which is then the first axis of the grid; default none.
    cells
        Number of cells along each axis; default 1000 in one dimension, 128 in two.

    Returns
    -------
    Density
        The density on the grid, with what has escaped and an estimate of the error.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule has inertia, the noise vanishes, the landscape has more than two
        dimensions, or no box holds the density.
    """
    at = checked_times(times)
    way, motion, p = _motion(landscape, noise, rule, exit is not None)
    point = _origin(motion.landscape, way, origin)
    level = None if exit is None else _level(way, motion, exit, point)
    some = np.unique(
        np.concatenate([at[[0, -1]], np.interp(np.linspace(0, len(at) - 1, _MOMENTS), range(len(at)), at)])
    )
    start = motion.basis.T @ point
    d = len(point)

    def marginals(low: Vector, high: Vector, pilot: int) -> list[Array]:
        chain, begin = _pilot(motion, low, high, start, p.convention, level is not None, pilot)
        masses = propagate(chain.generator(), np.append(begin, 0.0), some)[:, :-1].max(axis=0)
        return [masses] if d == 1 else [masses.reshape(pilot, pilot).sum(axis=1 - k) for k in range(2)]

    low, high = _box(marginals, *_first_box(motion, way, start, float(at[-1]), level), level)
    at_edges = _edges(motion, low, high)
    if d == 1:
        found = fokker_planck.density(
            motion.slope,
            motion.spread,
            at,
            float(start[0]),
            float(low[0]),
            float(high[0]),
            at_edges,
            p.convention,
            level is not None,
            cells or fokker_planck.CELLS,
        )
    else:
        size = (cells, cells) if cells else fokker_planck_plane.CELLS
        found = fokker_planck_plane.density(
            motion.gradient, motion.diffusion, at, start, low, high, at_edges, level is not None, size
        )
    return found._replace(basis=motion.basis)


def mean_first_passage_of(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    exit: float | None = None,
    origin: npt.ArrayLike | None = None,
    cells: Cells = fokker_planck_plane.PASSAGE_CELLS,
) -> MeanPassage:
    """Return the mean escape time of the overdamped diffusion of a rule in two dimensions.

    Parameters
    ----------
    landscape, noise, rule
        What is run; each is checked first.
    exit
        Absorbing level of e.theta, e the escape direction; default the far minimum.
    origin
        Where the process starts, (2,); default the minimum.
    cells
        Number of cells along e and across it.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule has inertia, the noise vanishes, or the landscape has not two
        dimensions.
    """
    way, motion, _ = _motion(landscape, noise, rule, True)
    if len(motion.basis) != 2:
        raise ValueError(
            f"dimension={len(motion.basis)} must be 2: in one, the double integral of the backward equation is exact"
        )
    point = _origin(motion.landscape, way, origin)
    level = _level(way, motion, exit, point)
    start = motion.basis.T @ point

    def marginals(low: Vector, high: Vector, pilot: int) -> list[Array]:
        grid = fokker_planck_plane.axes(low, high, (), (pilot, pilot))
        chain = fokker_planck_plane.plane_chain(motion.gradient, motion.diffusion, grid, True)
        time = fokker_planck_plane.occupation(chain, grid, start)
        return [time.sum(axis=1), time.sum(axis=0)]

    low, high = _box(marginals, *_first_box(motion, way, start, math.inf, level), level)
    return fokker_planck_plane.mean_first_passage(
        motion.gradient, motion.diffusion, start, low, high, _edges(motion, low, high), cells
    )


def _motion(landscape: Any, noise: Any, rule: Any, along: bool) -> tuple[Escape | None, _Motion, Particle]:
    """Return the way out, where there is one, the motion, along e where asked for, and the rule as a particle."""
    landscape, noise, rule = checked_parts(landscape, noise, rule)
    d = landscape.dimension
    if d > 2:
        raise ValueError(f"dimension={d} must be 1 or 2: a grid of more has too many cells")
    p = particle(rule)
    if isinstance(p, str):
        raise ValueError(p)
    if not math.isinf(p.friction):
        raise ValueError(f"{type(rule).__name__} has inertia: its density lives in position and velocity, not here")
    if getattr(rule, "weight_decay", 0.0) > 0.0:
        raise ValueError(
            f"weight_decay={rule.weight_decay:g} must be 0: with it the loss is L + lambda |theta|^2 / 2, another one"
        )
    try:
        way = landscape.escape()
    except ValueError:
        if along:
            raise
        way = None
    basis = np.eye(d)
    if along and way is not None:
        e = np.asarray(way.direction, dtype=np.float64)
        basis = e[:, None] if d == 1 else np.array([[e[0], -e[1]], [e[1], e[0]]])
    gain = 1.0 / p.friction_mass
    motion = _Motion(landscape, noise, basis, gain, 0.5 * p.lr * gain * gain)
    if way is not None and way.barrier > 0.0:
        check_escape(landscape, noise, way)
    if p.convention != 0.0 and d == 2:
        probe = np.random.default_rng(0).standard_normal((2, 24))
        matrices = motion.diffusion(probe)
        if np.abs(matrices - matrices[:, :, :1]).max() > 1e-12 * np.abs(matrices).max():
            raise ValueError(
                f"convention={p.convention:g} must be Ito (0) in two dimensions where the noise depends on position"
            )
    return way, motion, p


def _origin(landscape: Any, way: Escape | None, origin: npt.ArrayLike | None) -> Vector:
    if origin is not None:
        return starting_point(origin, landscape)
    if way is not None:
        return way.minimum
    points = np.concatenate([landscape.minima(), landscape.saddles()])
    if not len(points):
        raise ValueError("origin is required: the landscape knows no minimum and no saddle")
    return np.asarray(points[0])


def _level(way: Escape | None, motion: _Motion, exit: float | None, point: Vector) -> float:
    """Return the absorbing level of the first coordinate."""
    e = motion.basis[:, 0]
    if exit is None:
        if way is None or way.far_minimum is None:
            raise ValueError("exit is required: the landscape has no minimum beyond the saddle")
        level = float(e @ way.far_minimum)
    else:
        level = number("exit", exit)
    if not level > float(e @ point):
        raise ValueError(f"exit={level:g} must be above {float(e @ point):g}, where the process starts along e")
    return level


def _first_box(
    motion: _Motion, way: Escape | None, start: Vector, horizon: float, level: float | None
) -> tuple[Vector, Vector]:
    """Return a box around start, minimum and saddle, as wide as noise alone spreads or as they lie apart."""
    points = [start]
    if way is not None:
        points += [motion.basis.T @ v for v in (way.minimum, way.saddle)]
    q = np.array(points)
    apart = float(np.ptp(q, axis=0).max())
    there = motion.diffusion(start[:, None])[:, :, 0]
    alone = 6.0 * math.sqrt(2.0 * float(np.linalg.eigvalsh(there).max()) * min(horizon, 1e6))
    if not alone > 0.0:
        raise ValueError(f"there is no noise, or no time for it, at the start {(motion.basis @ start).tolist()}")
    reach = min(alone, 2.0 * apart) if apart > 0.0 else alone
    low, high = q.min(axis=0) - reach, q.max(axis=0) + reach
    if level is not None:
        high[0] = level
    return low, high


def _box(
    marginals: Callable[[Vector, Vector, int], list[Array]], low: Vector, high: Vector, level: float | None
) -> tuple[Vector, Vector]:
    """Return the box, widened where a wall is touched and cropped to where the density lives."""
    box = np.array([low, high])
    for pilot in _PILOTS[len(low)]:
        box, widened = np.array([low, high]), np.zeros((2, len(low)), dtype=bool)
        for _ in range(_ROUNDS):
            settled = True
            cell = (box[1] - box[0]) / pilot
            for k, mass in enumerate(marginals(box[0], box[1], pilot)):
                lived = np.flatnonzero(mass > TOUCHED)
                if len(lived) == 0:
                    raise ValueError("the density is too narrow, or too wide, for the cells of a grid")
                for side, touched, spare in ((0, mass[0], lived[0]), (1, mass[-1], pilot - 1 - lived[-1])):
                    outwards = (2 * side - 1) * cell[k]
                    if level is not None and k == 0 and side == 1:
                        continue
                    if touched > TOUCHED:
                        box[side, k] += 0.5 * pilot * outwards
                        widened[side, k] = True
                        settled = False
                    elif spare > 3 and not widened[side, k]:
                        box[side, k] -= (spare - 2) * outwards
                        settled &= spare < pilot // 6
            if settled:
                return box[0], box[1]
    raise ValueError(
        f"no box holds the density: one from {box[0].tolist()} to {box[1].tolist()} is still touched at its walls by "
        f"more than {TOUCHED:g}; ask for earlier times"
    )


def _pilot(
    motion: _Motion, low: Vector, high: Vector, start: Vector, c: float, absorbing: bool, cells: int
) -> tuple[Chain, Array]:
    """Return a coarse chain and where it starts."""
    if len(start) == 2:
        grid = fokker_planck_plane.axes(low, high, (), (cells, cells))
        chain = fokker_planck_plane.plane_chain(motion.gradient, motion.diffusion, grid, absorbing)
        return chain, fokker_planck_plane.plane_start(start, grid)
    line = np.linspace(low[0], high[0], cells + 1)
    chain = fokker_planck.line_chain(motion.slope, motion.spread, line, c, absorbing)
    return chain, fokker_planck.line_start(float(start[0]), line)


def _edges(motion: _Motion, low: Vector, high: Vector) -> Array:
    """Return where curvature or noise along the first axis jump, or bend; in two dimensions, where they jump."""
    d = len(low)
    base = np.zeros(d)
    if d == 2:
        base = motion.basis[:, 1] * 0.5 * (low[1] + high[1])
    column = 0 if d == 1 and has_eigenbasis(motion.landscape) else None
    line = Line(motion.landscape, motion.noise, base, motion.basis[:, 0], column)
    if d == 1:
        return edges(line, float(low[0]), float(high[0]))
    bottom, top = float(low[0]), float(high[0])
    found = sorted(jumps(line.curvature, bottom, top) + jumps(line.variance, bottom, top))
    return np.array([x for k, x in enumerate(found) if k == 0 or x - found[k - 1] > 1e-9 * (top - bottom)])
