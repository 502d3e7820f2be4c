"""Gauss-Legendre panels, and the Gauss-Lobatto nodes of continuous elements."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

Array = npt.NDArray[np.float64]


class Rule(NamedTuple):
    """A Gauss-Legendre rule on [0, 1].

    Parameters
    ----------
    nodes, weights
        (m,).
    antiderivative
        (m, m): applied to values at the nodes it gives the integral from 0 to each node.
    derivative
        (m, m): applied to values at the nodes it gives the derivative there.
    """

    nodes: Array
    weights: Array
    antiderivative: Array
    derivative: Array


@lru_cache(maxsize=16)
def gauss_legendre(m: int) -> Rule:
    """Return the rule with m nodes, exact for polynomials of degree 2m - 1."""
    x, w = legendre.leggauss(m)
    values = legendre.legvander(x, m)
    k = np.arange(m)
    before = np.hstack([-np.ones((m, 1)), values[:, : m - 1]])  # P_{-1} = -1 makes k = 0 give x + 1
    raised = (values[:, 1:] - before) / (2 * k + 1)
    onto = (2 * k[:, None] + 1) / 2 * (values[:, :m] * w[:, None]).T
    slopes = np.column_stack([legendre.legval(x, legendre.legder(one)) for one in np.eye(m)])
    return Rule((x + 1.0) / 2.0, w / 2.0, raised @ onto / 2.0, 2.0 * slopes @ onto)


def panel_nodes(edges: Array, m: int) -> tuple[Array, Array]:
    """Return nodes and weights (panels, m) on the panels between rising edges (panels + 1,)."""
    rule = gauss_legendre(m)
    width = np.diff(edges)[:, None]
    return edges[:-1, None] + width * rule.nodes, width * rule.weights


def gauss_lobatto(p: int) -> tuple[Array, Array]:
    """Return the p + 1 nodes and weights on [-1, 1]."""
    one = np.eye(p + 1)[p]
    x = np.concatenate([[-1.0], np.sort(np.real(legendre.legroots(legendre.legder(one)))), [1.0]])
    return x, np.asarray(2.0 / (p * (p + 1) * legendre.legval(x, one) ** 2))


def _barycentric(x: Array) -> Array:
    apart = x[:, None] - x[None, :] + np.eye(len(x))
    return np.asarray(1.0 / apart.prod(axis=1))


def derivative_matrix(x: Array) -> Array:
    """Return the matrix that differentiates the polynomial through values at x; its rows add up to 0."""
    b = _barycentric(x)
    out = b[None, :] / b[:, None] / (x[:, None] - x[None, :] + np.eye(len(x)))
    np.fill_diagonal(out, 0.0)
    np.fill_diagonal(out, -out.sum(axis=1))
    return np.asarray(out)


def lagrange(x: Array, at: Array) -> Array:
    """Return the matrix that takes values at x to values at other points; its rows add up to 1."""
    gap = at[:, None] - x[None, :]
    hit = gap == 0.0
    out = _barycentric(x) / np.where(hit, 1.0, gap)
    out = np.where(hit.any(axis=1)[:, None], hit, out)
    return np.asarray(out / out.sum(axis=1)[:, None])
