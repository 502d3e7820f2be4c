"""What a case comes out as, without sampling, from a few lines that share nothing with any contestant."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .interface import Case

NODES = 120
"""Of the quadrature over the well: four nodes to the noise of a step."""
DEPTH = 2.5
"""How far beyond the saddle the well is looked at; the loss there is eighteen temperatures above it."""


class Answer(NamedTuple):
    """One answer of a case.

    Parameters
    ----------
    value
        Without sampling.
    deviation
        Standard deviation over trajectories of what is averaged; over sqrt(N), the standard error.
    """

    value: float
    deviation: float


def exact_answers(case: Case) -> dict[str, Answer] | None:
    """Return the answers by name, or None where no formula or recursion gives them."""
    if case.barrier:
        return _first_passage(case)
    if case.rule in ("sgd", "momentum"):
        return _variances(case)
    return None


def _first_passage(case: Case) -> dict[str, Answer]:
    """Move the density of those that are still below 0 from step to step."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x, w = 0.5 * DEPTH * (nodes - 1.0), 0.5 * DEPTH * weights
    noise = case.lr * np.sqrt(case.variance)

    def arrive(begin: float) -> npt.NDArray[np.float64]:
        drift = begin - case.lr * 4.0 * case.barrier * begin * (begin * begin - 1.0)
        return np.asarray(np.exp(-0.5 * ((x - drift) / noise) ** 2) / (noise * np.sqrt(2.0 * np.pi)))

    step = np.stack([arrive(float(begin)) for begin in x], axis=1) * w
    density = arrive(-1.0)
    alive = [1.0]
    for _ in range(case.steps):
        alive.append(float(w @ density))
        density = step @ density
    share = np.array(alive)
    k = np.arange(case.steps)
    # E f(min(T, cap)) = f(0) + sum over k < cap of (f(k + 1) - f(k)) P(T > k)
    mean = float(share[:-1].sum())
    square = float(((2.0 * k + 1.0) * share[:-1]).sum())
    censored = float(share[-1])
    return {
        "mean_steps": Answer(mean, float(np.sqrt(square - mean * mean))),
        "censored": Answer(censored, float(np.sqrt(censored * (1.0 - censored)))),
    }


def _variances(case: Case) -> dict[str, Answer]:
    """Sum the squared responses to the gradient noise of each step; the Hessian is diagonal."""
    root = case.noise_root
    noise = (root * root).sum(axis=1) if len(root) else np.full(case.dimension, case.variance)
    beta3 = case.beta3 if case.rule == "momentum" else 1.0
    variance = np.zeros(case.dimension)
    # The response of theta to a unit of gradient noise, 0, 1, ... steps later.
    theta, m = np.full(case.dimension, -case.lr * beta3), np.full(case.dimension, beta3)
    for _ in range(case.steps):
        variance += noise * theta * theta
        m = case.beta1 * m + beta3 * case.curvatures * theta
        theta = theta - case.lr * m
    return {
        f"variance_{k}": Answer(float(variance[i]), float(variance[i] * np.sqrt(2.0)))
        for k, i in enumerate(case.watched)
    }
