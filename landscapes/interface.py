"""What a landscape and a gradient noise are, and the calls by which every other floor reaches them.

A landscape, a noise and an update rule are each one ``NamedTuple`` of numbers and arrays with a few plain methods.
The methods work on arrays of shape (d, lanes), one trajectory a lane, **the lane loop innermost**: that is the one
convention an author must know. Python runs such a method as it is; a kernel compiles the same text.

Kernels, and methods that need another object's method, go through the functions of this module: in Python they call
the method, in compiled code :mod:`saddlescape.dynamics.dispatch` puts the class's own method in their place.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.float64]
"""(d, lanes): one coordinate a row, one trajectory a column."""
Vector: TypeAlias = npt.NDArray[np.float64]
"""(d,)."""
Matrix: TypeAlias = npt.NDArray[np.float64]
"""(d, d)."""


class Escape(NamedTuple):
    """The way out of a minimum: from a, over b, to the minimum beyond.

    Parameters
    ----------
    minimum
        a, where trajectories start, (d,).
    saddle
        b, (d,).
    far_minimum
        The minimum beyond the saddle, (d,), or None where there is none.
    direction
        e, the unit vector along the saddle's unstable direction, pointing away from a, (d,).
    barrier
        L(b) - L(a) (loss).
    """

    minimum: Vector
    saddle: Vector
    far_minimum: Vector | None
    direction: Vector
    barrier: float


class Landscape(Protocol):
    """A loss in d dimensions."""

    @property
    def dimension(self) -> int:
        """Number of parameters d."""
        ...

    def check(self) -> Self:
        """Return the same landscape, validated and with its defaults resolved; ValueError or TypeError otherwise."""
        ...

    def value(self, theta: Rows, out: Rows) -> None:
        """Write L(theta) of each lane to row 0 of out."""
        ...

    def gradient(self, theta: Rows, out: Rows) -> None:
        """Write the gradient of each lane to out, (d, lanes)."""
        ...

    def hessian(self, theta: Rows, j: int, out: Matrix) -> None:
        """Write the Hessian of lane j to out, (d, d)."""
        ...

    def minima(self) -> Matrix:
        """Return the known local minima, (number, d)."""
        ...

    def saddles(self) -> Matrix:
        """Return the known saddles with one unstable direction or more, (number, d)."""
        ...

    def escape(self) -> Escape:
        """Return the way out of the minimum that an escape experiment starts from."""
        ...


class EigenbasisLandscape(Landscape, Protocol):
    """A landscape whose Hessian has the same eigenvectors U everywhere, so that its square root needs no solver."""

    def has_eigenbasis(self) -> bool:
        """Say whether U is known for these fields."""
        ...

    def eigenvalues(self, theta: Rows, out: Rows) -> None:
        """Write the eigenvalues of each lane's Hessian to out, (d, lanes), in the order of U's columns."""
        ...

    def add_turned(self, q: Rows, out: Rows) -> None:
        """Add U q to out, (d, lanes)."""
        ...


class Noise(Protocol):
    """A gradient noise: g = grad L + C(theta)^(1/2) xi, xi ~ N(0, I)."""

    def check(self) -> Self:
        """Return the same noise, validated and with its defaults resolved; ValueError or TypeError otherwise."""
        ...

    def draw(self, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
        """Add C(theta)^(1/2) z to g, both (d, lanes); z is left as it is."""
        ...


def gradient(landscape: Any, theta: Rows, out: Rows) -> None:
    """Call the landscape's gradient."""
    landscape.gradient(theta, out)


def hessian(landscape: Any, theta: Rows, j: int, out: Matrix) -> None:
    """Call the landscape's Hessian."""
    landscape.hessian(theta, j, out)


def has_eigenbasis(landscape: Any) -> bool:
    """Say whether the landscape knows the eigenvectors of its Hessian; one without the method does not."""
    return hasattr(landscape, "has_eigenbasis") and bool(landscape.has_eigenbasis())


def eigenvalues(landscape: Any, theta: Rows, out: Rows) -> None:
    """Call the landscape's eigenvalues; ask ``has_eigenbasis`` first."""
    landscape.eigenvalues(theta, out)


def add_turned(landscape: Any, q: Rows, out: Rows) -> None:
    """Call the landscape's add_turned; ask ``has_eigenbasis`` first."""
    landscape.add_turned(q, out)


def height(shape: Any, x: float) -> float:
    """Call a profile's height, V(x)."""
    return shape.height(x)  # type: ignore[no-any-return]


def slope(shape: Any, x: float) -> float:
    """Call a profile's slope, V'(x)."""
    return shape.slope(x)  # type: ignore[no-any-return]


def curvature(shape: Any, x: float) -> float:
    """Call a profile's curvature, V''(x)."""
    return shape.curvature(x)  # type: ignore[no-any-return]


def anchors(shape: Any) -> tuple[float, float, float]:
    """Call a profile's anchors: a, b, c on the escape coordinate, the minimum, the saddle and the far minimum."""
    return shape.anchors()  # type: ignore[no-any-return]


def suited(part: Any, landscape: Any) -> Any:
    """Return a landscape, noise or rule as it suits a landscape: the same, or the form that a kernel should compile."""
    return part.suited(landscape) if hasattr(part, "suited") else part


def draw(noise: Any, landscape: Any, theta: Rows, z: Rows, g: Rows) -> None:
    """Call the noise's draw."""
    noise.draw(landscape, theta, z, g)


Function = TypeVar("Function", bound=Callable[..., Any])
INLINED: list[Callable[..., Any]] = []


def inlined(function: Function) -> Function:
    """Mark a helper that methods call: Python runs it as it is, a kernel compiles it in place."""
    INLINED.append(function)
    return function


ROUTED: list[Callable[..., Any]] = []


def routed(function: Function) -> Function:
    """Mark a free function that calls the method of its own name of its first argument: so does compiled code."""
    ROUTED.append(function)
    return function


def at_point(theta: npt.ArrayLike) -> Rows:
    """Return one point as an array of one lane, (d, 1)."""
    return np.array(theta, dtype=np.float64).reshape(-1, 1)


def value_at(landscape: Any, theta: npt.ArrayLike) -> float:
    """Return L at one point (d,)."""
    out = np.empty((1, 1))
    landscape.value(at_point(theta), out)
    return float(out[0, 0])


def gradient_at(landscape: Any, theta: npt.ArrayLike) -> Vector:
    """Return the gradient at one point (d,)."""
    point = at_point(theta)
    out = np.empty_like(point)
    landscape.gradient(point, out)
    return out[:, 0]


def hessian_at(landscape: Any, theta: npt.ArrayLike) -> Matrix:
    """Return the Hessian at one point, (d, d)."""
    point = at_point(theta)
    turned = getattr(landscape, "rotation", None)
    if turned is not None and np.size(turned) and has_eigenbasis(landscape):
        # The method's plain loops take d^3 steps of Python; this is the same matrix.
        values = np.empty_like(point)
        landscape.eigenvalues(point, values)
        return np.asarray(turned * values[:, 0] @ turned.T)
    out = np.empty((len(point), len(point)))
    landscape.hessian(point, 0, out)
    return out


def noise_root_at(noise: Any, landscape: Any, theta: npt.ArrayLike) -> Matrix:
    """Return R with R R^T = C(theta), (d, d): what the noise's own draw does to each unit vector."""
    point = at_point(theta)
    d = len(point)
    out = np.zeros((d, d))
    noise.draw(landscape, np.repeat(point, d, axis=1), np.eye(d), out)
    return out


def covariance_at(noise: Any, landscape: Any, theta: npt.ArrayLike) -> Matrix:
    """Return the gradient-noise covariance C(theta), (d, d)."""
    if hasattr(noise, "covariance_at"):
        return np.asarray(noise.covariance_at(landscape, theta), dtype=np.float64)
    root = noise_root_at(noise, landscape, theta)
    return np.asarray(root @ root.T)
