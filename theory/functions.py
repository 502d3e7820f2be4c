"""Functions whose removable singularities are removed: numerically here, and as sympy functions in finite.py."""

import numpy as np
import numpy.typing as npt
from scipy.special import exprel

from .responses import iterated_response, iterated_squares, response, squared_response

Array = npt.NDArray[np.float64]

__all__ = ["exprel", "geometric", "iterated_response", "iterated_squares", "response", "squared_response"]


def geometric(count: npt.ArrayLike, loss: npt.ArrayLike) -> Array:
    """Return sum over k < count of (1 - loss)^k = (1 - (1 - loss)^count) / loss, which is count at loss 0.

    Parameters
    ----------
    count
        Number of terms, whole or not.
    loss
        At most 1, of either sign; exact to rounding however small. Arguments broadcast.
    """
    terms, r = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (count, loss)))
    tame = np.where(r < 1.0, r, 0.5)
    rate = np.log1p(-tame)
    unit = np.where(tame == 0.0, 1.0, -rate / np.where(tame == 0.0, 1.0, tame))
    return np.asarray(np.where(r < 1.0, terms * exprel(terms * rate) * unit, np.minimum(terms, 1.0)))
