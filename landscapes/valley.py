"""What the double wells share: a profile V(x) along the escape coordinate and a valley across it.

L = V(x) + sum_i h_i(x) y_i^2 / 2 with (x, y) = U^T theta. The transverse curvature h_i is its value at the minima
there, its value at the saddle there, and goes from one to the other by the quintic step S(u) = u^3 (10 - 15 u + 6 u^2),
whose first two derivatives vanish at both ends: at a, b and c the Hessian is exactly the one asked for.

Functions here take the profile V as ``shape``: a NamedTuple of numbers with the methods height, slope, curvature and
anchors. A double well is a NamedTuple of fields with ``check`` and ``profile``, and DoubleWell; what a kernel compiles
is the simplest of LineWell, StraightWell and TurnedWell that will do.
"""

from typing import Any, NamedTuple

import numpy as np

from .checks import check_dimensions, vector
from .frame import add_product, add_rows, frame_coordinate, from_frame, to_frame, turn_matrix, unrotated
from .interface import Escape, Matrix, Rows, Vector, anchors, curvature, height, inlined, slope


def check_transverse(transverse_min: Any, transverse_saddle: Any) -> tuple[Vector, Vector]:
    """Return the transverse curvatures at the minima and at the saddle, each (d - 1,) and above 0."""
    bottom = vector("transverse_min", transverse_min if np.size(transverse_min) else np.zeros(0))
    check_dimensions("transverse_min", 1 + len(bottom))
    missing = transverse_saddle is None or (np.size(transverse_saddle) == 0 and len(bottom) > 0)
    top = bottom.copy() if missing else vector("transverse_saddle", transverse_saddle)
    if len(top) != len(bottom):
        raise ValueError(f"transverse_saddle has {len(top)} entries; transverse_min has {len(bottom)}")
    for name, h in (("transverse_min", bottom), ("transverse_saddle", top)):
        if not np.all(h > 0.0):
            raise ValueError(f"{name} holds {h.min():g}; each must be above 0: the valley must hold the trajectory")
    return bottom, top


def point(well: Any, x: float) -> Vector:
    """Return the point at x on the floor of the valley, (d,)."""
    return x * unrotated(well.rotation, well.dimension)[:, 0]


def escape(well: Any, shape: Any) -> Escape:
    """Return the way from the minimum a over the saddle b towards c."""
    a, b, c = anchors(shape)
    return Escape(
        minimum=point(well, a),
        saddle=point(well, b),
        far_minimum=point(well, c),
        direction=point(well, 1.0),
        barrier=height(shape, b) - height(shape, a),
    )


@inlined
def progress(a: float, b: float, c: float, x: float) -> tuple[float, float]:
    """Return u, 0 at both minima and 1 at the saddle, and du/dx."""
    rate = 1.0 / (b - a) if x < b else -1.0 / (c - b)
    u = (x - a) / (b - a) if x < b else (c - x) / (c - b)
    return min(max(u, 0.0), 1.0), rate


@inlined
def stays(bottom: Vector, top: Vector) -> bool:
    """Say whether no transverse curvature changes on the way, so that the Hessian is diagonal in the frame."""
    same = True
    for i in range(bottom.shape[0]):
        same = same and bottom[i] == top[i]
    return same


@inlined
def step_up(u: float) -> float:
    """Return S(u)."""
    return u * u * u * (10.0 - 15.0 * u + 6.0 * u * u)


@inlined
def valley_gradient(shape: Any, bottom: Vector, top: Vector, q: Rows, out: Rows) -> None:
    """Write the gradient with respect to q = (x, y)."""
    lanes = q.shape[1]
    for j in range(lanes):
        out[0, j] = slope(shape, q[0, j])
    if stays(bottom, top):
        for i in range(1, q.shape[0]):
            h = bottom[i - 1]
            for j in range(lanes):
                out[i, j] = h * q[i, j]
    else:
        a, b, c = anchors(shape)
        for i in range(1, q.shape[0]):
            low = bottom[i - 1]
            rise = top[i - 1] - low
            for j in range(lanes):
                u, rate = progress(a, b, c, q[0, j])
                y = q[i, j]
                out[i, j] = (low + rise * step_up(u)) * y
                out[0, j] += 15.0 * rise * rate * u * u * (1.0 - u) * (1.0 - u) * y * y


@inlined
def valley_hessian(shape: Any, bottom: Vector, top: Vector, q: Rows, j: int, out: Matrix) -> None:
    """Write the Hessian of lane j with respect to q."""
    d = q.shape[0]
    a, b, c = anchors(shape)
    u, rate = progress(a, b, c, q[0, j])
    first = 30.0 * rate * u * u * (1.0 - u) * (1.0 - u)
    second = 60.0 * rate * rate * u * (1.0 - u) * (1.0 - 2.0 * u)
    for i in range(1, d):
        for k in range(d):
            out[i, k] = 0.0
    out[0, 0] = curvature(shape, q[0, j])
    for i in range(1, d):
        rise = top[i - 1] - bottom[i - 1]
        y = q[i, j]
        out[0, 0] += 0.5 * rise * second * y * y
        out[0, i] = rise * first * y
        out[i, 0] = rise * first * y
        out[i, i] = bottom[i - 1] + rise * step_up(u)


@inlined
def valley_eigenvalues(shape: Any, bottom: Vector, x: Rows, out: Rows) -> None:
    """Write the eigenvalues of each lane, where the transverse curvatures stay; x is row 0 of an array."""
    for j in range(out.shape[1]):
        out[0, j] = curvature(shape, x[0, j])
    for i in range(1, out.shape[0]):
        h = bottom[i - 1]
        for j in range(out.shape[1]):
            out[i, j] = h


class LineWell(NamedTuple):
    """A well in one dimension: its profile and nothing else."""

    shape: Any

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write V'(x)."""
        for j in range(theta.shape[1]):
            out[0, j] = slope(self.shape, theta[0, j])

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write V''(x) of lane j."""
        out[0, 0] = curvature(self.shape, theta[0, j])

    def has_eigenbasis(self) -> bool:
        """Say that there is but one direction."""
        return True

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write V''(x)."""
        for j in range(theta.shape[1]):
            out[0, j] = curvature(self.shape, theta[0, j])

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add q to out."""
        add_rows(q, out)


class StraightWell(NamedTuple):
    """A well whose valley runs along the first axis."""

    shape: Any
    bottom: Vector
    top: Vector

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write the gradient."""
        valley_gradient(self.shape, self.bottom, self.top, theta, out)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j."""
        valley_hessian(self.shape, self.bottom, self.top, theta, j, out)

    def has_eigenbasis(self) -> bool:
        """Say whether the axes diagonalise the Hessian everywhere."""
        return stays(self.bottom, self.top)

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write the eigenvalues of each lane."""
        valley_eigenvalues(self.shape, self.bottom, theta, out)

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add q to out."""
        add_rows(q, out)


class TurnedWell(NamedTuple):
    """A well whose valley runs along the first column of U."""

    shape: Any
    bottom: Vector
    top: Vector
    rotation: Matrix

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write the gradient."""
        q = np.empty(theta.shape)
        p = np.empty(theta.shape)
        to_frame(self.rotation, theta, q)
        valley_gradient(self.shape, self.bottom, self.top, q, p)
        from_frame(self.rotation, p, out)

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j."""
        d = theta.shape[0]
        q = np.empty((d, 1))
        inner = np.empty((d, d))
        for i in range(d):
            q[i, 0] = frame_coordinate(self.rotation, theta, i, j)
        valley_hessian(self.shape, self.bottom, self.top, q, 0, inner)
        turn_matrix(self.rotation, inner, out)

    def has_eigenbasis(self) -> bool:
        """Say whether U diagonalises the Hessian everywhere."""
        return stays(self.bottom, self.top)

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write the eigenvalues of each lane in the order of U's columns."""
        x = np.zeros((1, theta.shape[1]))
        for k in range(theta.shape[0]):
            u = self.rotation[k, 0]
            for j in range(theta.shape[1]):
                x[0, j] += u * theta[k, j]
        valley_eigenvalues(self.shape, self.bottom, x, out)

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add U q to out."""
        add_product(self.rotation, q, out)


class DoubleWell:
    """What a well has beside its fields, ``check`` and ``profile``: mixed into a NamedTuple with the fields
    transverse_min, transverse_saddle and rotation.
    """

    __slots__ = ()

    @property
    def dimension(self: Any) -> int:
        """Number of parameters d."""
        return 1 + int(np.size(self.transverse_min))

    def suited(self: Any, landscape: Any = None) -> Any:
        """Return the well in the form that a kernel compiles: on a line, straight or turned."""
        if np.size(self.rotation):
            return TurnedWell(self.profile(), self.transverse_min, self.transverse_saddle, self.rotation)
        if self.dimension > 1:
            return StraightWell(self.profile(), self.transverse_min, self.transverse_saddle)
        return LineWell(self.profile())

    def value(self: Any, theta: Rows, out: Rows) -> None:
        """Write L to row 0 of out."""
        shape = self.profile()
        a, b, c = anchors(shape)
        for j in range(theta.shape[1]):
            x = frame_coordinate(self.rotation, theta, 0, j)
            u, _ = progress(a, b, c, x)
            total = height(shape, x)
            for i in range(1, theta.shape[0]):
                low, high = self.transverse_min[i - 1], self.transverse_saddle[i - 1]
                y = frame_coordinate(self.rotation, theta, i, j)
                total += 0.5 * (low + (high - low) * step_up(u)) * y * y
            out[0, j] = total

    def gradient(self: Any, theta: Rows, out: Rows) -> None:
        """Write the gradient to out."""
        self.suited().gradient(theta, out)

    def hessian(self: Any, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j to out."""
        self.suited().hessian(theta, j, out)

    def has_eigenbasis(self: Any) -> bool:
        """Say whether U diagonalises the Hessian everywhere: where the transverse curvatures do not change."""
        return stays(self.transverse_min, self.transverse_saddle)

    def eigenvalues(self: Any, theta: Rows, out: Rows) -> None:
        """Write the eigenvalues of each lane's Hessian in the order of U's columns."""
        self.suited().eigenvalues(theta, out)

    def add_turned(self: Any, q: Rows, out: Rows) -> None:
        """Add U q to out."""
        self.suited().add_turned(q, out)

    def minima(self: Any) -> Matrix:
        """Return both minima, (2, d), the start's first."""
        a, _, c = self.profile().anchors()
        return np.array([point(self, a), point(self, c)])

    def saddles(self: Any) -> Matrix:
        """Return the saddle, (1, d)."""
        return np.array([point(self, self.profile().anchors()[1])])

    def escape(self: Any) -> Escape:
        """Return the way from the near minimum over the saddle."""
        return escape(self, self.profile())
