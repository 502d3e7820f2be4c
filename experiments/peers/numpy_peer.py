"""NumPy at its best: SFC64, everything in place, blocks of trajectories that stay in the cache.

Lengths and gradients are measured in units that save passes over memory: the noise has deviation 1, and a step length
1. Escaped trajectories leave their places to those that wait, so that no step is computed in vain.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .interface import Case, Work

VARIANTS = ("float64", "float32")

WIDTH = 16_384
"""Trajectories of a block in one dimension."""
NUMBERS = 20_480
"""Coordinates times trajectories of a block in more: three to six arrays of it fit the second-level cache."""
STRIPS = 4
"""Of a triangular matrix."""

Rows: TypeAlias = npt.NDArray[Any]
Step: TypeAlias = Callable[[Rows, int], Rows]


def unavailable() -> str | None:
    """Return None: this package needs NumPy itself."""
    return None


def version() -> str:
    """Return the release."""
    return f"numpy {np.__version__}"


def prepare(case: Case, variant: str) -> Callable[[float], Work]:
    """Return the function that does a case; see ``interface.Contestant``."""
    dtype = np.dtype(variant)
    if case.barrier:
        return lambda scale: _escape(case, dtype, case.number(scale))
    return lambda scale: _spread(case, dtype, case.number(scale))


def _escape(case: Case, dtype: Any, trajectories: int) -> Work:
    """Run the first passage: y = x/s with s the noise of a step, y' = y (a - b y^2) + z."""
    draw = np.random.Generator(np.random.SFC64(1)).standard_normal
    s = case.lr * case.variance**0.5
    pull = 4.0 * case.barrier * case.lr
    a, b = 1.0 + pull, -pull * s * s
    width = min(WIDTH, trajectories)
    y = np.full(width, -1.0 / s, dtype)
    square, z = np.empty_like(y), np.empty_like(y)
    born = np.zeros(width, np.int64)
    waiting = trajectories - width
    step = total = censored = 0
    due = case.steps  # nobody's time is up before
    while len(y):
        step += 1
        square, z = square[: len(y)], z[: len(y)]
        draw(out=z, dtype=dtype)
        np.multiply(y, y, out=square)
        square *= b
        square += a
        y *= square
        y += z
        gone = np.flatnonzero(y >= 0.0)
        if step == due:
            late = np.flatnonzero((born == step - case.steps) & (y < 0.0))
            censored += len(late)
            gone = np.concatenate((gone, late))
            due = int(born[born > step - case.steps].min(initial=step)) + case.steps
        if len(gone):
            total += int((step - born[gone]).sum())
            again, left = gone[:waiting], gone[waiting:]
            waiting -= len(again)
            y[again] = -1.0 / s
            born[again] = step
            if len(left):
                keep = np.ones(len(y), bool)
                keep[left] = False
                y, born = y[keep], born[keep]
    return case.escaped(total, censored, trajectories)


def _spread(case: Case, dtype: Any, trajectories: int) -> Work:
    """Run blocks of trajectories, add up the second moments and return the variances at the end."""
    draw = np.random.Generator(np.random.SFC64(1)).standard_normal
    width = max(NUMBERS // case.dimension, 16)
    begin = {"sgd": _sgd, "momentum": _momentum, "adam": _adam, "adai": _adai}[case.rule]
    records = case.steps // (case.record or case.steps)
    second = np.zeros((records, case.dimension, case.dimension))
    for low in range(0, trajectories, width):
        shape = (case.dimension, min(width, trajectories - low))
        step, unit = begin(case, dtype, shape)
        z = np.empty(shape, dtype)
        for t in range(1, case.steps + 1):
            draw(out=z, dtype=dtype)
            x = step(z, t)
            if t * records % case.steps == 0:
                second[t * records // case.steps - 1] += unit * unit * (x @ x.T)
    return case.spread(np.diag(second[-1]) / trajectories, trajectories)


# Each of these returns (step, unit): step(z, t) spoils z and returns x, and theta = unit x.


def _sgd(case: Case, dtype: Any, shape: tuple[int, int]) -> tuple[Step, float]:
    """The root of the noise is lower triangular: strips of rows leave out most of what is 0."""
    x, noise = np.zeros(shape, dtype), np.empty(shape, dtype)
    keep = (1.0 - case.lr * case.curvatures).astype(dtype)[:, None]
    edges = [case.dimension * k // STRIPS for k in range(STRIPS + 1)]
    strips = [
        (noise[low:high], np.ascontiguousarray(case.noise_root[low:high, :high], dtype), high)
        for low, high in pairwise(edges)
    ]

    def step(z: Rows, t: int) -> Rows:
        for out, root, high in strips:
            np.matmul(root, z[:high], out=out)
        np.multiply(x, keep, out=x)
        np.add(x, noise, out=x)
        return x

    return step, case.lr


def _momentum(case: Case, dtype: Any, shape: tuple[int, int]) -> tuple[Step, float]:
    """Two positions in place of position and momentum: x'' = (1 + beta1 - lr beta3 h) x' - beta1 x + z."""
    pair = [np.zeros(shape, dtype), np.zeros(shape, dtype)]
    now = (1.0 + case.beta1 - case.lr * case.beta3 * case.curvatures).astype(dtype)[:, None]
    product = np.empty(shape, dtype)

    def step(z: Rows, t: int) -> Rows:
        before, x = pair
        np.multiply(before, -case.beta1, out=before)
        np.multiply(x, now, out=product)
        np.add(before, product, out=before)
        np.add(before, z, out=before)
        pair.reverse()
        return before

    return step, case.lr * case.beta3 * case.variance**0.5


def _adam(case: Case, dtype: Any, shape: tuple[int, int]) -> tuple[Step, float]:
    """Sums in place of means: M = m/(1 - beta1) and V = v/(1 - beta2)."""
    x, m, v, g = (np.zeros(shape, dtype) for _ in range(4))
    s = case.variance**0.5
    h = (case.lr * case.curvatures).astype(dtype)[:, None]

    def step(z: Rows, t: int) -> Rows:
        np.multiply(x, h, out=g)
        np.add(g, z, out=g)
        np.multiply(m, case.beta1, out=m)
        np.add(m, g, out=m)
        np.multiply(g, g, out=g)
        np.multiply(v, case.beta2, out=v)
        np.add(v, g, out=v)
        # theta -= lr mhat/(sqrt(vhat) + eps), in units of lr s
        weight = (1.0 - case.beta1) / (1.0 - case.beta1**t)
        np.sqrt(v, out=g)
        np.multiply(g, s / weight * ((1.0 - case.beta2) / (1.0 - case.beta2**t)) ** 0.5, out=g)
        np.add(g, case.eps / weight, out=g)
        np.divide(m, g, out=g)
        np.subtract(x, g, out=x)
        return x

    return step, case.lr * s


def _adai(case: Case, dtype: Any, shape: tuple[int, int]) -> tuple[Step, float]:
    """The inertias do not depend on the unit of the gradient."""
    x, m, v, g, mu = (np.zeros(shape, dtype) for _ in range(5))
    product = np.ones(shape, dtype)
    h = (case.lr * case.curvatures).astype(dtype)[:, None]

    def step(z: Rows, t: int) -> Rows:
        np.multiply(x, h, out=g)
        np.add(g, z, out=g)
        np.multiply(g, g, out=z)
        np.multiply(v, case.beta2, out=v)
        np.add(v, z, out=v)
        np.multiply(v, -case.beta0 * case.dimension / v.sum(axis=0), out=mu)
        np.add(mu, 1.0, out=mu)
        np.maximum(mu, 0.0, out=mu)
        np.minimum(mu, 1.0 - case.eps, out=mu)
        np.multiply(product, mu, out=product)
        # m = mu m + (1 - mu) g
        np.subtract(m, g, out=m)
        np.multiply(m, mu, out=m)
        np.add(m, g, out=m)
        np.subtract(1.0, product, out=z)
        np.divide(m, z, out=z)
        np.subtract(x, z, out=x)
        return x

    return step, case.lr * case.variance**0.5
