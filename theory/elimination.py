"""Banded elimination without a single subtraction (Grassmann, Taksar, Heyman): absorbed Markov chains to full accuracy.

M = diag(a) - R with rates or probabilities R >= 0 off the diagonal and row sums M 1 = leave >= 0. A mean time of 1e13
steps rests on row sums that are right to 1e-13; so they are given, and the diagonal is never read.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Elimination(NamedTuple):
    """Factors of M.

    Parameters
    ----------
    band
        (n, 2 reach + 1): element (i, j) at [i, reach + j - i].
    away
        Pivots (n,).
    """

    band: Array
    away: Array

    def solve(self, right: Array) -> Array:
        """Return M^{-1} right, both (n,); for rates and right = 1 the mean time to absorption from each state."""
        square, n = _square(self.band), len(self.away)
        reach = self.band.shape[1] // 2
        y = right.copy()
        for k in range(n - 1):
            far = min(k + 1 + reach, n)
            y[k + 1 : far] += square[k + 1 : far, k] / self.away[k] * y[k]
        for k in range(n - 1, -1, -1):
            far = min(k + 1 + reach, n)
            y[k] = (y[k] + square[k, k + 1 : far] @ y[k + 1 : far]) / self.away[k]
        return y

    def solve_left(self, left: Array) -> Array:
        """Return left M^{-1}, both (n,); for rates and left a law the mean time spent in each state."""
        square, n = _square(self.band), len(self.away)
        reach = self.band.shape[1] // 2
        x = left.copy()
        for k in range(n):
            far = min(k + 1 + reach, n)
            x[k] /= self.away[k]
            x[k + 1 : far] += square[k, k + 1 : far] * x[k]
        for k in range(n - 2, -1, -1):
            far = min(k + 1 + reach, n)
            x[k] += square[k + 1 : far, k] @ x[k + 1 : far] / self.away[k]
        return x


def eliminate(band: Array, leave: Array) -> Elimination:
    """Factor M from the first state up.

    Parameters
    ----------
    band
        R as a band, (n, 2 reach + 1): element (i, j) at [i, reach + j - i]; the diagonal is not read.
    leave
        Rate or probability of absorption from each state, (n,).

    Raises
    ------
    ValueError
        Where absorption cannot be reached.
    """
    band, leave = np.array(band, order="C"), leave.copy()
    square, n = _square(band), len(band)
    reach = band.shape[1] // 2
    away = np.empty(n)
    for k in range(n):
        far = min(k + 1 + reach, n)
        out = square[k, k + 1 : far]
        # What a state does not keep is the sum of what it gives away.
        away[k] = out.sum() + leave[k]
        if not away[k] > 0.0:
            raise ValueError(f"there is no way out of state {k} of {n}: its mean time has no value")
        into = square[k + 1 : far, k] / away[k]
        leave[k + 1 : far] += into * leave[k]
        square[k + 1 : far, k + 1 : far] += np.multiply.outer(into, out)
    return Elimination(band, away)


def _square(band: Array) -> Array:
    """Return the band as a view (n, n) whose elements are right within the band, and others' elsewhere."""
    n, width = band.shape
    size = band.itemsize
    return np.lib.stride_tricks.as_strided(band.reshape(-1)[width // 2 :], (n, n), ((width - 1) * size, size))
