"""Gradient noise proportional to the Hessian."""

import math
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .checks import not_negative, positive
from .interface import Matrix, Rows, add_turned, eigenvalues, has_eigenbasis, hessian, hessian_at

SWEEPS = 8
"""Jacobi sweeps: convergence is quadratic, and d <= 5 is at rounding after five."""


class HessianNoise(NamedTuple):
    """The noise of minibatches near a critical point (Eq. 3): C = max([H]^+, floor) / B.

    [H]^+ is the Hessian with its eigenvalues replaced by their absolute values.

    Parameters
    ----------
    batch_size
        B; any number above 0.
    floor
        Smallest eigenvalue that [H]^+ is given (curvature): keeps the noise alive where a curvature passes through 0.
    """

    batch_size: float = 0.7
    floor: float = 0.0

    def check(self) -> Self:
        """Return the noise with a batch size above 0 and a floor of at least 0."""
        return self._replace(
            batch_size=positive("batch_size", self.batch_size, "the noise is divided by it"),
            floor=not_negative("floor", self.floor, "it bounds magnitudes of curvatures"),
        )

    def covariance_at(self, landscape: Any, theta: npt.ArrayLike) -> Matrix:
        """Return C at one point (d,)."""
        values, vectors = np.linalg.eigh(hessian_at(landscape, theta))
        return np.asarray(vectors * (np.maximum(np.abs(values), self.floor) / self.batch_size) @ vectors.T)

    def suited(self, landscape: Any) -> "HessianNoise":
        """Return the same noise with the solver that this landscape needs: a kernel compiles no other."""
        d = landscape.dimension
        if d == 1:
            return LineHessianNoise(*self)
        if has_eigenbasis(landscape):
            return EigenbasisHessianNoise(*self)
        return (PlaneHessianNoise if d == 2 else JacobiHessianNoise if d <= 5 else EighHessianNoise)(*self)

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        self.suited(landscape).draw(landscape, theta, z, g)


class EigenbasisHessianNoise(HessianNoise):
    """Uses the landscape's own eigenvectors: U sqrt(Lambda) z has covariance C."""

    __slots__ = ()

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        scale = 1.0 / self.batch_size
        q = np.empty(z.shape)
        eigenvalues(landscape, theta, q)
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                q[i, j] = math.sqrt(scale * max(abs(q[i, j]), self.floor)) * z[i, j]
        add_turned(landscape, q, g)


class LineHessianNoise(HessianNoise):
    """Needs no solver: one dimension."""

    __slots__ = ()

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        scale = 1.0 / self.batch_size
        for j in range(theta.shape[1]):
            # A place of g holds the second derivative for a moment: an array of its own would cost more than a step.
            kept = g[0, 0]
            hessian(landscape, theta, j, g)
            h = g[0, 0]
            g[0, 0] = kept
            g[0, j] += math.sqrt(scale * max(abs(h), self.floor)) * z[0, j]


class PlaneHessianNoise(HessianNoise):
    """Uses the closed form of the root in two dimensions: mean and half difference of the roots of the eigenvalues."""

    __slots__ = ()

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        scale = 1.0 / self.batch_size
        h = np.empty((2, 2))
        for j in range(theta.shape[1]):
            hessian(landscape, theta, j, h)
            centre = 0.5 * (h[0, 0] + h[1, 1])
            half = 0.5 * (h[0, 0] - h[1, 1])
            off = h[0, 1]
            radius = math.sqrt(half * half + off * off)
            upper = math.sqrt(scale * max(abs(centre + radius), self.floor))
            lower = math.sqrt(scale * max(abs(centre - radius), self.floor))
            same = 0.5 * (upper + lower)
            apart = 0.5 * (upper - lower) / radius if radius > 0.0 else 0.0
            g[0, j] += (same + apart * half) * z[0, j] + apart * off * z[1, j]
            g[1, j] += apart * off * z[0, j] + (same - apart * half) * z[1, j]


class JacobiHessianNoise(HessianNoise):
    """Diagonalises every lane's Hessian at once by cyclic Jacobi rotations."""

    __slots__ = ()

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        scale = 1.0 / self.batch_size
        d, lanes = theta.shape
        a = np.empty((d, d, lanes))
        v = np.zeros((d, d, lanes))
        h = np.empty((d, d))
        for j in range(lanes):
            hessian(landscape, theta, j, h)
            for i in range(d):
                v[i, i, j] = 1.0
                for k in range(d):
                    a[i, k, j] = h[i, k]
        for _ in range(SWEEPS):
            for p in range(d - 1):
                for r in range(p + 1, d):
                    for j in range(lanes):
                        off = a[p, r, j]
                        gap = 0.5 * (a[r, r, j] - a[p, p, j])
                        reach = abs(gap) + math.sqrt(gap * gap + off * off)
                        tangent = off / (reach if reach > 0.0 else 1.0)
                        tangent = tangent if gap >= 0.0 else -tangent
                        c = 1.0 / math.sqrt(1.0 + tangent * tangent)
                        s = tangent * c
                        for i in range(d):
                            x = a[i, p, j]
                            y = a[i, r, j]
                            a[i, p, j] = c * x - s * y
                            a[i, r, j] = s * x + c * y
                        for i in range(d):
                            x = a[p, i, j]
                            y = a[r, i, j]
                            a[p, i, j] = c * x - s * y
                            a[r, i, j] = s * x + c * y
                            x = v[i, p, j]
                            y = v[i, r, j]
                            v[i, p, j] = c * x - s * y
                            v[i, r, j] = s * x + c * y
        for k in range(d):
            for j in range(lanes):
                along = 0.0
                for i in range(d):
                    along += v[i, k, j] * z[i, j]
                along *= math.sqrt(scale * max(abs(a[k, k, j]), self.floor))
                for i in range(d):
                    g[i, j] += along * v[i, k, j]


class EighHessianNoise(HessianNoise):
    """Diagonalises one lane's Hessian after the other."""

    __slots__ = ()

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C^(1/2) z to g."""
        scale = 1.0 / self.batch_size
        d = theta.shape[0]
        h = np.empty((d, d))
        for j in range(theta.shape[1]):
            hessian(landscape, theta, j, h)
            values, vectors = np.linalg.eigh(h)
            for k in range(d):
                along = 0.0
                for i in range(d):
                    along += vectors[i, k] * z[i, j]
                along *= math.sqrt(scale * max(abs(values[k]), self.floor))
                for i in range(d):
                    g[i, j] += along * vectors[i, k]
