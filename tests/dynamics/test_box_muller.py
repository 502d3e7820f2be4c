import math

import mpmath as mp
import numpy as np
import pytest
from saddlescape.dynamics import box_muller as double
from saddlescape.dynamics import box_muller_single as single

WORD, HALF_WORD = 2**64, 2**32


@pytest.mark.parametrize(
    ("compiled", "exact", "low", "high", "error"),
    [
        (double.log_ratio, lambda t: mp.log1p(t) / t, 1 / math.sqrt(2) - 1, math.sqrt(2) - 1, 1.1e-10),
        (double.sine_ratio, lambda y: mp.sin(mp.pi / 2 * mp.sqrt(y)) / mp.sqrt(y), 0.0, 1.0, 2.8e-11),
        (double.cosine, lambda y: mp.cos(mp.pi / 2 * mp.sqrt(y)), 0.0, 1.0, 8e-13),
        (single.log_ratio, lambda t: mp.log1p(t) / t, 1 / math.sqrt(2) - 1, math.sqrt(2) - 1, 1.5e-7),
        (single.sine_ratio, lambda y: mp.sin(mp.pi / 2 * mp.sqrt(y)) / mp.sqrt(y), 0.0, 1.0, 2e-7),
        (single.cosine, lambda y: mp.cos(mp.pi / 2 * mp.sqrt(y)), 0.0, 1.0, 1.5e-7),
    ],
)
def test_polynomials_are_as_good_as_stated(compiled, exact, low, high, error):
    kind = np.float64 if error < 1e-9 else np.float32
    points = [kind(x) for x in np.linspace(low, high, 2001) if x]
    worst = max(abs(float(compiled(x)) - exact(mp.mpf(float(x)))) for x in points)
    assert worst < error
    assert worst > error / 10  # the statement is not idle


def exact_pair(a, b, size):
    """The transform of two words of this many values, in 50 digits."""
    with mp.workdps(50):
        u = (mp.mpf(a >> 1) + mp.mpf("0.5")) * 2 / size if size == WORD else (mp.mpf(a) + mp.mpf("0.5")) / size
        radius = mp.sqrt(-2 * mp.log(u))
        v = mp.mpf(b - size if b >= size // 2 else b) * 2 / size
        sign = -1 if b & 1 else 1
        return radius * mp.sin(mp.pi / 2 * v), sign * radius * mp.cos(mp.pi / 2 * v)


@pytest.mark.parametrize(
    ("transform", "kind", "size", "error"),
    [
        (double.box_muller, np.uint64, WORD, 1e-9),
        (single.box_muller_single, np.uint32, HALF_WORD, 2e-6),
    ],
)
def test_normals_are_the_box_muller_transform_of_the_words(transform, kind, size, error):
    rng = np.random.default_rng(3)
    corners = [0, 1, 2, size // 2, size // 2 - 1]
    words = [int(x) for x in rng.integers(0, size, 2000, dtype=kind)] + corners
    worst = 0.0
    for a, b in zip(words, reversed(words), strict=True):
        for found, expected in zip(transform(kind(a), kind(b)), exact_pair(a, b, size), strict=True):
            worst = max(worst, abs(float(found) - expected))
    assert worst < error
    assert worst > error / 100


@pytest.mark.parametrize(
    ("transform", "kind", "size", "error"),
    [(double.box_muller, np.uint64, WORD, 2e-8), (single.box_muller_single, np.uint32, HALF_WORD, 2e-6)],
)
def test_the_smallest_radii_are_as_good_as_stated(transform, kind, size, error):
    worst = 0.0
    for a in (size - 3**k for k in range(20)):
        for found, expected in zip(transform(kind(a), kind(5)), exact_pair(a, 5, size), strict=True):
            worst = max(worst, abs(float(found) - expected))
    assert worst < error


def test_the_largest_normals_are_finite():
    x, y = double.box_muller(np.uint64(0), np.uint64(0))
    assert x == 0.0
    assert y == pytest.approx(math.sqrt(128 * math.log(2)), abs=1e-8)
    x, y = single.box_muller_single(np.uint32(0), np.uint32(0))
    assert x == 0.0
    assert float(y) == pytest.approx(math.sqrt(66 * math.log(2)), abs=2e-6)
