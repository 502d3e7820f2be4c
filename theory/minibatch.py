"""Real minibatches: a least-squares problem, the exact covariance of its minibatch gradient, and draws of it."""

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import vector, whole
from ..landscapes.interface import Matrix, Vector

Array = npt.NDArray[np.float64]

_AT_ONCE = 1 << 20
"""Samples that are drawn at once: bounds the memory."""


class LeastSquares(NamedTuple):
    """L = (1/m) sum_j (x_j theta - y_j)^2 / 2, a finite sum over samples.

    Parameters
    ----------
    inputs
        x_j, (m, d).
    targets
        y_j, (m,).
    """

    inputs: Array
    targets: Vector

    def check(self) -> Self:
        """Return the same data as arrays of one length; ValueError or TypeError otherwise."""
        targets = vector("targets", self.targets)
        inputs = np.ascontiguousarray(self.inputs, dtype=np.float64)
        if inputs.ndim != 2 or len(inputs) != len(targets):
            raise ValueError(
                f"inputs has shape {inputs.shape}; it must have one row for each of {len(targets)} targets"
            )
        if not np.all(np.isfinite(inputs)):
            raise ValueError("inputs must be finite")
        return self._replace(inputs=inputs, targets=targets)

    @property
    def samples(self) -> int:
        """Number of samples m."""
        return len(self.targets)

    @property
    def hessian(self) -> Matrix:
        """H, the same everywhere, (d, d)."""
        return np.asarray(self.inputs.T @ self.inputs / self.samples, dtype=np.float64)

    def minimum(self) -> Vector:
        """Return a minimum, (d,)."""
        return np.asarray(np.linalg.lstsq(self.inputs, self.targets)[0], dtype=np.float64)

    def gradients(self, theta: npt.ArrayLike) -> Array:
        """Return every sample's gradient at one point (d,), as (m, d)."""
        residuals = self.inputs @ np.asarray(theta, dtype=np.float64) - self.targets
        return np.asarray(residuals[:, None] * self.inputs)

    def covariance(self, theta: npt.ArrayLike, batch_size: int, replacement: bool = True) -> Matrix:
        """Return the covariance of a minibatch's gradient at one point (d,), exactly, (d, d).

        Parameters
        ----------
        theta
            The point.
        batch_size
            B.
        replacement
            Whether a sample can be drawn twice.

        Raises
        ------
        ValueError, TypeError
            Where B is no whole number of at least 1, or above m without replacement.
        """
        b = self._check_batch(batch_size, replacement)
        each = self.gradients(theta)
        centred = each - each.mean(axis=0)
        left = 1.0 if replacement else (self.samples - b) / max(self.samples - 1, 1)
        return np.asarray(centred.T @ centred * (left / (self.samples * b)), dtype=np.float64)

    def draws(
        self,
        theta: npt.ArrayLike,
        batch_size: int,
        count: int,
        generator: np.random.Generator,
        replacement: bool = True,
    ) -> Array:
        """Return the gradients of so many minibatches at one point (d,), as (count, d). Parameters as in covariance."""
        b = self._check_batch(batch_size, replacement)
        each = self.gradients(theta)
        piece = max(1, _AT_ONCE // (b if replacement else self.samples))
        out = np.empty((count, each.shape[1]))
        for first in range(0, count, piece):
            rows = min(piece, count - first)
            if replacement:
                chosen = generator.integers(self.samples, size=(rows, b))
            else:
                chosen = np.argpartition(generator.random((rows, self.samples)), b - 1, axis=1)[:, :b]
            out[first : first + rows] = each[chosen].mean(axis=1)
        return out

    def _check_batch(self, batch_size: int, replacement: bool) -> int:
        b = whole("batch_size", batch_size, 1, "a batch has a sample")
        if not replacement and b > self.samples:
            raise ValueError(f"batch_size={b} must be at most {self.samples}, the samples there are: none comes twice")
        return b
