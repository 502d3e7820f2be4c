"""xoshiro256++: the generator of choice, quick and sound."""

from typing import Any, NamedTuple

import numpy as np

from .jit import compiled
from .philox import philox

U = np.uint64


@compiled
def rotate_left(x: Any, k: int) -> Any:
    """Rotate the 64 bits of x."""
    return (x << U(k)) | (x >> U(64 - k))


@compiled
def advance_word(s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return the next word and the state after it."""
    word = rotate_left(s0 + s3, 23) + s0
    shifted = s1 << U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotate_left(s3, 45)
    return word, s0, s1, s2, s3


class Xoshiro(NamedTuple):
    """xoshiro256++ [1]_: 256 bits of state a stream, which begin as the Philox block of the stream's own number.

    Philox is a bijection of the counter, so no two trajectories of a seed share a state.

    References
    ----------
    .. [1] D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021).
    """

    def begin(self, seed: Any, purpose: Any, trajectory: Any) -> tuple[Any, Any, Any, Any]:
        """Return the state of a stream at its beginning."""
        return philox(trajectory, seed, purpose)

    def two_words(self, s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Return the next two words and the state after them."""
        a, s0, s1, s2, s3 = advance_word(s0, s1, s2, s3)
        b, s0, s1, s2, s3 = advance_word(s0, s1, s2, s3)
        return a, b, s0, s1, s2, s3
