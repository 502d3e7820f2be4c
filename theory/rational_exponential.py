"""The exponential of a generator in time: L-stable steps of order nine, every matrix factored once and used again."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

POLES = 5
"""m of the Pade approximant [m - 1 / m], of order 2m - 1; odd, for one real pole and (m - 1) / 2 pairs."""
STEPS = 24
"""Default number of equal steps from each time to the next."""


class Approximant(NamedTuple):
    """exp(z) = sum_k residues_k / (z - poles_k) near 0: the real pole, then one of each pair, its residue doubled."""

    poles: Complex
    residues: Complex


@lru_cache(maxsize=4)
def pade(m: int = POLES) -> Approximant:
    """Return the Pade approximant [m - 1 / m] of exp in partial fractions.

    It is A-stable and vanishes at infinity (Ehle), so that steps need not follow what a grid is too coarse to show;
    that it is nowhere above 1 left of the imaginary axis makes it fit for drift as well as for diffusion.

    References
    ----------
    Hairer, Wanner, "Solving Ordinary Differential Equations II", section IV.4.
    """
    k = 2 * m - 1
    above = [math.comb(m - 1, j) * math.factorial(k - j) / math.factorial(k) for j in range(m)]
    below = [(-1) ** j * math.comb(m, j) * math.factorial(k - j) / math.factorial(k) for j in range(m + 1)]
    numerator, denominator = np.polynomial.Polynomial(above), np.polynomial.Polynomial(below)
    poles = np.asarray(denominator.roots(), dtype=np.complex128)
    residues = np.asarray(numerator(poles) / denominator.deriv()(poles), dtype=np.complex128)
    real = np.abs(poles.imag) < 1e-9
    upper = poles.imag >= 1e-9
    doubled = 2.0 * residues[upper]
    # exp(0) = 1 to the last digit: mass is conserved.
    total = float(np.real(np.sum(-residues / poles)))
    ordered = np.asarray(np.concatenate([poles[real].real + 0j, poles[upper]]), dtype=np.complex128)
    weights = np.asarray(np.concatenate([residues[real], doubled]) / total, dtype=np.complex128)
    return Approximant(ordered, weights)


def propagate(generator: Any, initial: Array, times: Array, steps: int = STEPS) -> Array:
    """Return exp(t A) p at rising times (R,), as (R, n).

    Parameters
    ----------
    generator
        A, sparse (n, n).
    initial
        p at time 0, (n,).
    times
        From 0 on, rising.
    steps
        Equal steps from each time to the next; where they keep their length, matrices are not factored again.
    """
    columns = csc_array(generator)
    one = eye_array(columns.shape[0], format="csc")
    poles, residues = pade()
    p, now, length = initial, 0.0, 0.0
    factors: list[Any] = []
    out = np.empty((len(times), len(initial)))
    for r, time in enumerate(times):
        step = (time - now) / steps
        if step > 0.0 and not abs(step - length) < 1e-12 * step:
            factors = [_factored(one * (z.real if z.imag == 0.0 else z) - step * columns) for z in poles]
            length = step
        for _ in range(steps if step > 0.0 else 0):
            parts = [-(c * f.solve(p.astype(f.L.dtype))).real for c, f in zip(residues, factors, strict=True)]
            p = np.asarray(np.sum(parts, axis=0))
        out[r], now = p, time
    return out


def _factored(matrix: Any) -> Any:
    # Diagonally dominant, with a symmetric pattern: no pivoting, and an ordering made for that.
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
