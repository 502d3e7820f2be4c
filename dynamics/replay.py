"""A rule on given gradients: the rule alone, for parity with other libraries."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import vector
from ..landscapes.interface import suited


def replay(rule: Any, gradients: npt.ArrayLike, start: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Apply a rule to given gradients, with no landscape and no noise.

    Parameters
    ----------
    rule
        The rule; a Langevin integrator, which asks for gradients of its own, is refused.
    gradients
        One gradient a step, (T, d).
    start
        theta before the first step, (d,).

    Returns
    -------
    ndarray
        theta before the first step and after each, (T + 1, d).

    Raises
    ------
    ValueError, TypeError
        Where the shapes do not fit.
    """
    from .cache import kernel
    from .kernels import replayed

    rule = rule.check()
    if hasattr(rule, "advance"):
        raise TypeError(f"{type(rule).__name__} evaluates the loss itself; replay needs a rule that is given gradients")
    theta = vector("start", start)
    given = np.array(gradients, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != len(theta):
        raise ValueError(f"gradients has shape {given.shape}; it must be (T, {len(theta)}), as start has {len(theta)}")
    path = np.empty((len(given) + 1, len(theta)))
    state = np.zeros((rule.rows(), len(theta), 1))
    rule = suited(rule, None)
    kernel(replayed, rule)(rule, given[:, :, None].copy(), theta[:, None].copy(), state, np.ones((len(theta), 1)), path)
    return path
