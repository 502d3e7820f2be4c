"""The Hessian's eigenvalues and eigenvectors at a point."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .frame import unrotated
from .interface import Matrix, Vector, at_point, has_eigenbasis, hessian_at
from .quadratic_saddle import QuadraticSaddle


def eigen_directions(landscape: Any, point: npt.ArrayLike) -> tuple[Vector, Matrix]:
    """Return eigenvalues (d,) and eigenvectors (d, d), in columns; a quadratic saddle's in its own order."""
    if isinstance(landscape, QuadraticSaddle):
        return landscape.curvatures, np.ascontiguousarray(unrotated(landscape.rotation, landscape.dimension))
    values, vectors = np.linalg.eigh(hessian_at(landscape, point))
    return values, np.ascontiguousarray(vectors)


def spectrum(landscape: Any, point: npt.ArrayLike) -> Vector:
    """Return the Hessian's eigenvalues, (d,), in no order; quick where the landscape knows its eigenvectors."""
    if has_eigenbasis(landscape):
        values = np.empty((landscape.dimension, 1))
        landscape.eigenvalues(at_point(point), values)
        return values[:, 0]
    return np.asarray(np.linalg.eigvalsh(hessian_at(landscape, point)), dtype=np.float64)
