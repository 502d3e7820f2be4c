"""One random stream per trajectory, and standard normals for all lanes of a block at once.

Trajectory i of seed s owns a xoshiro256++ stream [1]_ whose 256 bits of state are the Philox4x64-10 block [2]_ with key
(s, purpose) and counter (i, 0, 0, 0). Philox is a bijection of the counter, so no two trajectories of a seed share a
state; purposes keep the path, thermal starts and bridge tests apart. A path is a function of (s, i) alone: the same
bits for any thread, lane, block or split.

Two words make two normals by the Box-Muller transform with our own polynomials (docs/normal_polynomials.py): absolute
error below 1e-9 out to the largest value that a word can give, 9.4. They use fused multiply-adds, written out, so that
every machine gives the same bits.

References
----------
.. [1] D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021).
.. [2] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11.
"""

import math
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

from .jit import compiled, compiled_in_place

intrinsic: Any = numba_intrinsic  # Numba passes the typing context itself, which no checker knows

PATH, THERMAL, BRIDGE = 0, 1, 2
"""Purposes of a stream."""

Word: TypeAlias = Any
"""A uint64, in compiled code."""

U = np.uint64
I = np.int64  # noqa: E741


@intrinsic
def float_bits(typing_context: Any, x: Any) -> Any:
    """Reinterpret a float64 as an int64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), build


@intrinsic
def bits_float(typing_context: Any, x: Any) -> Any:
    """Reinterpret an int64 as a float64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), build


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), build


@intrinsic
def high_product(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the upper 64 bits of the 128-bit product of two uint64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), build


@compiled
def philox(counter: Word, key0: Word, key1: Word) -> tuple[Word, Word, Word, Word]:
    """Return the Philox4x64-10 block of counter (counter, 0, 0, 0)."""
    c0, c1, c2, c3 = U(counter), U(0), U(0), U(0)
    k0, k1 = U(key0), U(key1)
    for _ in range(10):
        high0, low0 = high_product(U(0xD2E7470EE14C6C93), c0), U(0xD2E7470EE14C6C93) * c0
        high1, low1 = high_product(U(0xCA5A826395121157), c2), U(0xCA5A826395121157) * c2
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += U(0x9E3779B97F4A7C15)
        k1 += U(0xBB67AE8584CAA73B)
    return c0, c1, c2, c3


@compiled
def seed_lane(stream: Any, j: int, seed: int, purpose: int, trajectory: int) -> None:
    """Put lane j of stream (4, lanes) at the beginning of a trajectory's stream."""
    stream[0, j], stream[1, j], stream[2, j], stream[3, j] = philox(U(trajectory), U(seed), U(purpose))


@compiled
def rotate_left(x: Word, k: int) -> Word:
    """Rotate the 64 bits of x."""
    return (x << U(k)) | (x >> U(64 - k))


@compiled
def advance_word(s0: Word, s1: Word, s2: Word, s3: Word) -> tuple[Word, Word, Word, Word, Word]:
    """Return the next xoshiro256++ word and the state after it."""
    word = rotate_left(s0 + s3, 23) + s0
    shifted = s1 << U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotate_left(s3, 45)
    return word, s0, s1, s2, s3


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
def exponential(word: Word) -> Any:
    """Return -2 log u, u in (0, 1] from the upper 63 bits of a word: chi-square with two degrees of freedom."""
    u = np.float64(I(word >> U(1))) + 0.5
    bits = float_bits(u)
    # Split u = 2^exponent (1 + t) with 1 + t in [1/sqrt(2), sqrt(2)).
    exponent = (bits - I(0x3FE6A09E667F3BCD)) >> I(52)
    t = bits_float(bits - (exponent << I(52))) - 1.0
    # -2 log(u 2^-63) = 2 log 2 (63 - exponent) - 2 log(1 + t)
    return max(fma(63.0 - np.float64(exponent), 1.3862943611198906, -2.0 * (t * log_ratio(t))), 0.0)


@compiled
def box_muller(a: Word, b: Word) -> tuple[float, float]:
    """Return two independent standard normals from two words."""
    radius = math.sqrt(exponential(a))
    # An angle in [-pi/2, pi/2) from the signed word; its lowest bit decides the half-plane.
    v = np.float64(I(b)) * 1.0842021724855044e-19
    y = v * v
    c = bits_float(float_bits(cosine(y)) ^ (I(b) << I(63)))
    return radius * (v * sine_ratio(y)), radius * c


@compiled_in_place
def fill_normals(stream: Any, first: Any, i: int, second: Any, k: int) -> None:
    """Write two normals for every lane: to row i of first and to row k of second."""
    for j in range(stream.shape[1]):
        a, s0, s1, s2, s3 = advance_word(stream[0, j], stream[1, j], stream[2, j], stream[3, j])
        b, s0, s1, s2, s3 = advance_word(s0, s1, s2, s3)
        stream[0, j] = s0
        stream[1, j] = s1
        stream[2, j] = s2
        stream[3, j] = s3
        first[i, j], second[k, j] = box_muller(a, b)


@compiled_in_place
def fill_two_steps(stream: Any, z0: Any, z1: Any) -> None:
    """Write the normals of two steps; they are numbered step d + coordinate and made in pairs, whatever d is."""
    d = z0.shape[0]
    for pair in range(d):
        i, k = 2 * pair, 2 * pair + 1
        if k < d:
            fill_normals(stream, z0, i, z0, k)
        elif i >= d:
            fill_normals(stream, z1, i - d, z1, k - d)
        else:
            fill_normals(stream, z0, i, z1, k - d)


@compiled_in_place
def fill_exponentials(stream: Any, out: Any) -> None:
    """Write -2 log u for every lane."""
    for j in range(stream.shape[1]):
        a, s0, s1, s2, s3 = advance_word(stream[0, j], stream[1, j], stream[2, j], stream[3, j])
        stream[0, j] = s0
        stream[1, j] = s1
        stream[2, j] = s2
        stream[3, j] = s3
        out[j] = exponential(a)
