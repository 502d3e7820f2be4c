"""Threefry2x64-20: a counter-based generator, another family by which a result can be checked."""

from typing import Any, NamedTuple

import numpy as np

from .jit import compiled
from .xoshiro import rotate_left

U = np.uint64


@compiled
def four_rounds(x0: Any, x1: Any, a: int, b: int, c: int, d: int) -> tuple[Any, Any]:
    """Return the words after four rounds with these rotations."""
    x0 = x0 + x1
    x1 = rotate_left(x1, a) ^ x0
    x0 = x0 + x1
    x1 = rotate_left(x1, b) ^ x0
    x0 = x0 + x1
    x1 = rotate_left(x1, c) ^ x0
    x0 = x0 + x1
    x1 = rotate_left(x1, d) ^ x0
    return x0, x1


@compiled
def threefry(counter0: Any, counter1: Any, key0: Any, key1: Any) -> tuple[Any, Any]:
    """Return the two words of a counter under a key."""
    key2 = U(0x1BD11BDAA9FC1A22) ^ key0 ^ key1
    x0, x1 = counter0 + key0, counter1 + key1
    x0, x1 = four_rounds(x0, x1, 16, 42, 12, 31)
    x0, x1 = x0 + key1, x1 + key2 + U(1)
    x0, x1 = four_rounds(x0, x1, 16, 32, 24, 21)
    x0, x1 = x0 + key2, x1 + key0 + U(2)
    x0, x1 = four_rounds(x0, x1, 16, 42, 12, 31)
    x0, x1 = x0 + key0, x1 + key1 + U(3)
    x0, x1 = four_rounds(x0, x1, 16, 32, 24, 21)
    x0, x1 = x0 + key1, x1 + key2 + U(4)
    x0, x1 = four_rounds(x0, x1, 16, 42, 12, 31)
    return x0 + key2, x1 + key0 + U(5)


class Threefry(NamedTuple):
    """Threefry2x64-20 [1]_: key (seed, trajectory), counter (pair of words, purpose).

    References
    ----------
    .. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
    """

    def begin(self, seed: Any, purpose: Any, trajectory: Any) -> tuple[Any, Any, Any, Any]:
        """Return counter and key of a stream at its beginning."""
        return U(0), U(purpose), U(seed), U(trajectory)

    def two_words(self, s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Return the next two words and the counter and key after them."""
        a, b = threefry(s0, s1, s2, s3)
        return a, b, s0 + U(1), s1, s2, s3
