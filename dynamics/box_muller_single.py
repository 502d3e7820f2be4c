"""The Box-Muller transform in float32: two words make four normals, which then enter float64 arithmetic.

Cheaper by half, and coarser: each normal is off by up to 2e-6 and none is beyond 6.8, which one in 10^11 would be.
Escapes that hang on rarer noise than that need float64.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .generator import two_words
from .intrinsics import flip_single, fma, signed_single, split_single
from .jit import compiled

U = np.uint64
S = np.float32


@compiled
def log_ratio(t: Any) -> Any:
    """Return log(1 + t)/t for 1/sqrt(2) <= 1 + t <= sqrt(2); absolute error 1e-7."""
    p = fma(S(0.08959918469190598), t, S(-0.1448218822479248))
    p = fma(p, t, S(0.149173766374588))
    p = fma(p, t, S(-0.16543737053871155))
    p = fma(p, t, S(0.19958417117595673))
    p = fma(p, t, S(-0.25002947449684143))
    p = fma(p, t, S(0.3333415985107422))
    p = fma(p, t, S(-0.4999997913837433))
    return fma(p, t, S(1.0))


@compiled
def sine_ratio(y: Any) -> Any:
    """Return sin(pi v/2)/v of y = v^2 for |v| <= 1; absolute error 2e-7."""
    p = fma(S(0.00015167852689046413), y, S(-0.004674157593399286))
    p = fma(p, y, S(0.07968992739915848))
    p = fma(p, y, S(-0.6459637880325317))
    return fma(p, y, S(1.5707963705062866))


@compiled
def cosine(y: Any) -> Any:
    """Return cos(pi v/2) of y = v^2 for |v| <= 1; absolute error 2e-7."""
    p = fma(S(0.0008581906440667808), y, S(-0.020810628309845924))
    p = fma(p, y, S(0.2536507546901703))
    p = fma(p, y, S(-1.2336982488632202))
    return fma(p, y, S(0.9999999403953552))


@compiled
def box_muller_single(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two independent standard normals, float32, from two words of 32 bits."""
    exponent, t = split_single(S(a) + S(0.5))
    # Near u = 1 the word has the digits of u - 1 that u has lost.
    t = fma(signed_single(a), S(0.5), S(2.0**-33)) if exponent == S(32.0) else t
    square = fma(S(32.0) - exponent, S(1.3862943611198906), S(-2.0) * (t * log_ratio(t)))
    radius = math.sqrt(max(square, S(0.0)))
    v = signed_single(b)
    y = v * v
    return radius * (v * sine_ratio(y)), radius * flip_single(cosine(y), b)


class SingleNormals(NamedTuple):
    """Standard normals in float32, four from two words."""

    def at_once(self) -> int:
        """Return how many normals are made together."""
        return 4

    def make(self, generator: Any, stream: Any, words: Any, singles: Any, z: Any, i: int) -> None:
        """Write rows i to i + 3 of z for every lane.

        Three loops, since each runs at the width of its own numbers: 64 bits, 32 bits, 64 bits.
        """
        lanes = stream.shape[1]
        for j in range(lanes):
            a, b, s0, s1, s2, s3 = two_words(generator, stream[0, j], stream[1, j], stream[2, j], stream[3, j])
            stream[0, j] = s0
            stream[1, j] = s1
            stream[2, j] = s2
            stream[3, j] = s3
            words[0, j] = a
            words[1, j] = a >> U(32)
            words[2, j] = b
            words[3, j] = b >> U(32)
        for j in range(lanes):
            singles[0, j], singles[1, j] = box_muller_single(words[0, j], words[1, j])
            singles[2, j], singles[3, j] = box_muller_single(words[2, j], words[3, j])
        for k in range(4):
            for j in range(lanes):
                z[i + k, j] = singles[k, j]
