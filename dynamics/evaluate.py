"""A landscape and its noise at given points, quick in any dimension.

At few points in few dimensions the methods run as plain Python; elsewhere their loops are compiled. The bits are the
same either way.
"""

from typing import Any

import numpy as np

from ..landscapes.interface import Matrix, Rows, Vector, at_point, gradient, noise_root_at, suited

DENSE = 8
"""Dimensions above which methods are compiled before they are called."""
MANY = 20_000
"""Numbers above which they are in any dimension."""


def gradients(landscape: Any, theta: Rows) -> Rows:
    """Return the gradient at each column of theta, (d, n)."""
    theta = np.ascontiguousarray(theta, np.float64)
    out = np.empty_like(theta)
    if len(theta) <= DENSE and theta.size <= MANY:
        gradient(landscape, theta, out)
    else:
        from .cache import kernel
        from .kernels import sloped

        form = suited(landscape, landscape)
        kernel(sloped, form)(form, theta, out)
    return out


def noise_root(landscape: Any, noise: Any, theta: Vector) -> Matrix:
    """Return C^(1/2) at a point (d,), the noise's own."""
    d = len(theta)
    if d <= DENSE:
        return np.ascontiguousarray(noise_root_at(noise, landscape, theta))
    from .cache import kernel
    from .kernels import drawn

    parts = suited(landscape, landscape), suited(noise, landscape)
    root = np.zeros((d, d))
    kernel(drawn, *parts)(*parts, np.repeat(at_point(theta), d, axis=1), np.eye(d), root)
    return root
