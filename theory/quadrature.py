"""Gauss-Legendre panels."""

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
