"""Rotations: landscapes are written in their own frame, q = U^T theta, and turned by an orthogonal U."""

from typing import Any

import numpy as np

from .checks import check_rows, number, square
from .interface import Matrix, Rows, inlined

TOLERANCE = 1e-9
"""Largest entry of U^T U - I that still counts as rounding."""


def resolve(name: str, rotation: Any, d: int) -> Matrix:
    """Return U as a matrix (d, d), or (0, 0) for no rotation.

    Parameters
    ----------
    name
        The field, for errors.
    rotation
        None, an orthogonal matrix, or a seed for a random one (uniform over all rotations and reflections).
    d
        Number of parameters.

    Raises
    ------
    ValueError, TypeError
        Where the matrix has another size or is not orthogonal.
    """
    if rotation is None or np.size(rotation) == 0:
        return np.zeros((0, 0))
    if np.ndim(rotation) == 0:
        seed = number(name, rotation)
        if int(seed) != seed or seed < 0:
            raise ValueError(f"{name}={rotation} must be a matrix or a seed, a whole number of at least 0")
        check_rows(name, d)
        return random_rotation(int(seed), d)
    u = square(name, rotation)
    if len(u) != d:
        raise ValueError(f"{name} has shape {u.shape}; the landscape has {d} dimensions")
    deviation = float(np.abs(u.T @ u - np.eye(d)).max())
    if deviation > TOLERANCE:
        raise ValueError(f"{name} must be orthogonal: U^T U differs from the identity by {deviation:.2g}")
    return u


def random_rotation(seed: int, d: int) -> Matrix:
    """Return an orthogonal matrix, uniform by the Haar measure."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
    return np.ascontiguousarray(q * np.sign(np.diag(r)))


def unrotated(rotation: Any, d: int) -> Matrix:
    """Return a resolved rotation as a matrix (d, d): the identity where there is none."""
    return np.asarray(rotation) if np.size(rotation) else np.eye(d)


def add_product(matrix: Matrix, q: Rows, out: Rows) -> None:
    """Add matrix q to out; a kernel has its own way to the same bits (dynamics/tiles.py)."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = 0.0
            for k in range(q.shape[0]):
                total += matrix[i, k] * q[k, j]
            out[i, j] += total


def add_lower_product(matrix: Matrix, q: Rows, out: Rows) -> None:
    """Add matrix q to out, where the matrix is lower triangular."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = 0.0
            for k in range(i + 1):
                total += matrix[i, k] * q[k, j]
            out[i, j] += total


@inlined
def to_frame(rotation: Matrix, theta: Rows, q: Rows) -> None:
    """Write U^T theta to q."""
    for i in range(q.shape[0]):
        for j in range(q.shape[1]):
            q[i, j] = 0.0
    add_product(rotation.T, theta, q)


@inlined
def from_frame(rotation: Matrix, q: Rows, out: Rows) -> None:
    """Write U q to out; any matrix in the place of U will do."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0.0
    add_product(rotation, q, out)


@inlined
def add_rows(q: Rows, out: Rows) -> None:
    """Add q to out: U q without a rotation."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += q[i, j]


@inlined
def turn_matrix(rotation: Matrix, inner: Matrix, out: Matrix) -> None:
    """Write U inner U^T to out."""
    d = out.shape[0]
    half = np.empty((d, d))
    for i in range(d):
        for k in range(d):
            half[i, k] = 0.0
            for m in range(d):
                half[i, k] += rotation[i, m] * inner[m, k]
    for i in range(d):
        for k in range(d):
            out[i, k] = 0.0
            for m in range(d):
                out[i, k] += half[i, m] * rotation[k, m]


@inlined
def frame_coordinate(rotation: Matrix, theta: Rows, i: int, j: int) -> float:
    """Return coordinate i of U^T theta in lane j."""
    if rotation.shape[0] == 0:
        return float(theta[i, j])
    x = 0.0
    for k in range(theta.shape[0]):
        x += rotation[k, i] * theta[k, j]
    return x
