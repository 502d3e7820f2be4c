"""Philox4x64-10, the counter-based generator from which streams are seeded.

References
----------
.. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
"""

from typing import Any

import numpy as np

from .intrinsics import high_product
from .jit import compiled

U = np.uint64


@compiled
def philox(counter: Any, key0: Any, key1: Any) -> tuple[Any, Any, Any, Any]:
    """Return the four words of the block of counter (counter, 0, 0, 0)."""
    c0, c1, c2, c3 = U(counter), U(0), U(0), U(0)
    k0, k1 = U(key0), U(key1)
    for _ in range(10):
        high0, low0 = high_product(U(0xD2E7470EE14C6C93), c0), U(0xD2E7470EE14C6C93) * c0
        high1, low1 = high_product(U(0xCA5A826395121157), c2), U(0xCA5A826395121157) * c2
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += U(0x9E3779B97F4A7C15)
        k1 += U(0xBB67AE8584CAA73B)
    return c0, c1, c2, c3
