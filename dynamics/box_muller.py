"""The Box-Muller transform in float64: two words make two normals.

Our own polynomials (docs/normal_polynomials.py): absolute error below 1e-9 out to the largest value that a word can
give, 9.4, and 2e-8 where both normals are below 1e-7, as one pair in 10^14 is. They use fused multiply-adds, written
out, so that every machine gives the same bits.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .generator import two_words
from .intrinsics import bits_float, float_bits, fma
from .jit import compiled

U = np.uint64
I = np.int64  # noqa: E741


@compiled
def log_ratio(t: float) -> Any:
    """Return log(1 + t)/t for 1/sqrt(2) <= 1 + t <= sqrt(2); absolute error 1.1e-10."""
    p = fma(-0.06152314735187182, t, 0.10845459974425885)
    p = fma(p, t, -0.10857497321724216)
    p = fma(p, t, 0.10995920266930188)
    p = fma(p, t, -0.12410914523953272)
    p = fma(p, t, 0.14287541221418615)
    p = fma(p, t, -0.16670546596274144)
    p = fma(p, t, 0.20000044484892557)
    p = fma(p, t, -0.2499993097428697)
    p = fma(p, t, 0.3333333235259894)
    p = fma(p, t, -0.5000000034827107)
    return fma(p, t, 1.0000000000182099)


@compiled
def sine_ratio(y: float) -> Any:
    """Return sin(pi v/2)/v of y = v^2 for |v| <= 1; absolute error 2.7e-11."""
    p = fma(-3.4318696095577313e-06, y, 0.00016025479179520167)
    p = fma(p, y, -0.0046816578836564576)
    p = fma(p, y, 0.07969260374857579)
    p = fma(p, y, -0.6459640955820016)
    return fma(p, y, 1.5707963267682237)


@compiled
def cosine(y: float) -> Any:
    """Return cos(pi v/2) of y = v^2 for |v| <= 1; absolute error 8e-13."""
    p = fma(4.4922408673280605e-07, y, -2.517220775892615e-05)
    p = fma(p, y, 0.0009192400133889211)
    p = fma(p, y, -0.020863473689817096)
    p = fma(p, y, 0.2536695067243375)
    p = fma(p, y, -1.2337005500627407)
    return fma(p, y, 0.9999999999992518)


@compiled
def exponential(word: Any) -> Any:
    """Return -2 log u, u in (0, 1] from the upper 63 bits of a word: chi-square with two degrees of freedom."""
    u = np.float64(I(word >> U(1))) + 0.5
    bits = float_bits(u)
    # Split u = 2^exponent (1 + t) with 1 + t in [1/sqrt(2), sqrt(2)).
    exponent = (bits - I(0x3FE6A09E667F3BCD)) >> I(52)
    t = bits_float(bits - (exponent << I(52))) - 1.0
    # -2 log(u 2^-63) = 2 log 2 (63 - exponent) - 2 log(1 + t)
    return max(fma(63.0 - np.float64(exponent), 1.3862943611198906, -2.0 * (t * log_ratio(t))), 0.0)


@compiled
def box_muller(a: Any, b: Any) -> tuple[float, float]:
    """Return two independent standard normals from two words."""
    radius = math.sqrt(exponential(a))
    # An angle in [-pi/2, pi/2) from the signed word; its lowest bit decides the half-plane.
    v = np.float64(I(b)) * 1.0842021724855044e-19
    y = v * v
    c = bits_float(float_bits(cosine(y)) ^ (I(b) << I(63)))
    return radius * (v * sine_ratio(y)), radius * c


class DoubleNormals(NamedTuple):
    """Standard normals in float64, two from two words."""

    def at_once(self) -> int:
        """Return how many normals are made together."""
        return 2

    def make(self, generator: Any, stream: Any, words: Any, singles: Any, z: Any, i: int) -> None:
        """Write rows i and i + 1 of z for every lane."""
        for j in range(stream.shape[1]):
            a, b, s0, s1, s2, s3 = two_words(generator, stream[0, j], stream[1, j], stream[2, j], stream[3, j])
            stream[0, j] = s0
            stream[1, j] = s1
            stream[2, j] = s2
            stream[3, j] = s3
            z[i, j], z[i + 1, j] = box_muller(a, b)
