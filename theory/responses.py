"""Responses of a damped particle and of the heavy-ball iteration to a kick, finite at every curvature.

In units of the friction, gamma = 1: l+- = -1/2 +- q, q^2 = 1/4 - k, k = H / (gamma^2 M). For the iteration r+- are the
eigenvalues of its step, r^2 - (1 + beta - k) r + beta = 0, k = lr beta3 H. Each is written with its two exponents; the
functions have no 0/0 where one of them is 0 or 1, where the two meet, or beyond, where they are complex.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

from .quadrature import gauss_legendre

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

_NODES = 24
_SHORT = 4.0
_TERMS = 30


def response(stiffness: npt.ArrayLike, time: npt.ArrayLike) -> Array:
    """Return phi(s) = (e^{l+ s} - e^{l- s}) / (l+ - l-), where a particle is after a kick of unit velocity.

    Parameters
    ----------
    stiffness
        k = H / (gamma^2 M), of either sign; 1/4 is critical damping.
    time
        s = gamma t; arguments broadcast.
    """
    stiff, s = _floats(stiffness, time)
    return _response(_root(stiff), s)


def squared_response(stiffness: npt.ArrayLike, time: npt.ArrayLike) -> Array:
    """Return int_0^s phi^2, by the form that loses no digits there. Parameters as in response."""
    stiff, s = _floats(stiffness, time)
    q = _root(stiff)
    short = (1.0 + 2.0 * np.abs(q)) * s <= _SHORT
    near = np.abs(2.0 * q) <= 0.5
    out = np.empty(s.shape)
    out[short] = _by_quadrature(q[short], s[short])
    middle = ~short & near
    out[middle] = _near_critical(q[middle], s[middle])
    rest = ~short & ~near
    out[rest] = _by_exponentials(stiff[rest], q[rest], s[rest])
    return out


def iterated_response(count: npt.ArrayLike, stiffness: npt.ArrayLike, keep: npt.ArrayLike) -> Array:
    """Return U_n = (r+^n - r-^n) / (r+ - r-), what is left of a kick n - 1 steps later.

    Parameters
    ----------
    count
        n, whole, of at least 0.
    stiffness
        k = lr beta3 H.
    keep
        beta1 of at least 0; arguments broadcast.
    """
    return _doubled(count, stiffness, keep)[0]


def iterated_squares(count: npt.ArrayLike, stiffness: npt.ArrayLike, keep: npt.ArrayLike) -> Array:
    """Return sum over k = 1 ... n of U_k^2. Parameters as in iterated_response."""
    return _doubled(count, stiffness, keep)[1]


def _floats(*values: npt.ArrayLike) -> tuple[Array, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in values)))


def _root(stiff: Array) -> Complex:
    return np.asarray(np.sqrt(0.25 - stiff + 0j), dtype=np.complex128)


def _response(q: Complex, s: Array) -> Array:
    """Return e^{-s/2} sinh(q s) / q."""
    z = q * s
    # Both exponents are real parts of e^{l s} <= the answer's own size, so nothing overflows early.
    far = (np.exp((q - 0.5) * s) - np.exp(-(q + 0.5) * s)) / np.where(q == 0, 1.0, 2.0 * q)
    z2 = z * z
    near = s * np.exp(-0.5 * s) * (1.0 + z2 / 6.0 * (1.0 + z2 / 20.0 * (1.0 + z2 / 42.0 * (1.0 + z2 / 72.0))))
    return np.asarray(np.real(np.where(np.abs(z) < 0.1, near, far)), dtype=np.float64)


def _by_quadrature(q: Complex, s: Array) -> Array:
    rule = gauss_legendre(_NODES)
    at = s[:, None] * rule.nodes
    return np.asarray(s * (_response(q[:, None], at) ** 2 @ rule.weights), dtype=np.float64)


def _near_critical(q: Complex, s: Array) -> Array:
    """Sum sinh(q s)^2 / q^2 = sum_k 2^(2k+1) q^(2k) s^(2k+2) / (2k+2)! against e^{-s}."""
    ratio = np.real(4.0 * q * q)
    k = np.arange(_TERMS)
    return np.asarray(np.sum(2.0 * ratio[:, None] ** k * gammainc(2.0 * k + 3.0, s[:, None]), axis=1), dtype=np.float64)


def _by_exponentials(stiff: Array, q: Complex, s: Array) -> Array:
    fast = -(0.5 + q)
    slow = stiff / fast  # l+ l- = H / M: no cancellation at small H
    total = _growth(2.0 * slow, s) + _growth(2.0 * fast, s) - 2.0 * _growth(-np.ones_like(q), s)
    return np.asarray(np.real(total / (4.0 * q * q)), dtype=np.float64)


def _growth(rate: Complex, s: Array) -> Complex:
    """Return int_0^s e^{rate u} du."""
    z = rate * s
    return np.asarray(s * np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z)), dtype=np.complex128)


def _doubled(count: npt.ArrayLike, stiffness: npt.ArrayLike, keep: npt.ArrayLike) -> tuple[Array, Array]:
    """Return U_n and the sum of its squares by doubling: no division, whatever r+ and r- are.

    The step is x' = (1 - k) x - p - xi, p' = beta (k x + p + xi). From rest x has the variance sum U_k^2 after n steps,
    and -U_n is what x takes from p.
    """
    steps, k, beta = np.broadcast_arrays(*(np.asarray(x) for x in (count, stiffness, keep)))
    n, k, beta = steps.astype(np.int64), k.astype(np.float64), beta.astype(np.float64)
    # k -> 2 (1 + beta) - k turns r+- into -r+-, and U_n into (-1)^(n-1) U_n; the smaller of both loses no digits.
    mirrored = k > 1.0 + beta
    k = np.where(mirrored, 2.0 * (1.0 + beta) - k, k)
    one: tuple[Array, ...] = (1.0 - k, -np.ones_like(k), beta * k, beta)
    noise = (np.ones_like(k), -beta, beta * beta)
    power: tuple[Array, ...] = (np.ones_like(k), np.zeros_like(k), np.zeros_like(k), np.ones_like(k))
    held: tuple[Array, ...] = (np.zeros_like(k),) * 3
    with np.errstate(over="ignore", invalid="ignore"):
        for bit in reversed(range(int(n.max(initial=0)).bit_length())):
            held = _added(held, _carried(power, held))
            power = _product(power, power)
            odd = (n >> bit & 1).astype(bool)
            after = _added(noise, _carried(one, held))
            held = tuple(np.where(odd, a, b) for a, b in zip(after, held, strict=True))
            power = tuple(np.where(odd, a, b) for a, b in zip(_product(one, power), power, strict=True))
    return np.where(mirrored & (n % 2 == 0), power[1], -power[1]), held[0]


def _product(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the matrix product, row by row."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


def _carried(a: tuple[Array, ...], held: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return A S A^T of S = (xx, xp, pp)."""
    xx, xp, pp = held
    return (
        a[0] * a[0] * xx + 2.0 * a[0] * a[1] * xp + a[1] * a[1] * pp,
        a[0] * a[2] * xx + (a[0] * a[3] + a[1] * a[2]) * xp + a[1] * a[3] * pp,
        a[2] * a[2] * xx + 2.0 * a[2] * a[3] * xp + a[3] * a[3] * pp,
    )


def _added(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))
