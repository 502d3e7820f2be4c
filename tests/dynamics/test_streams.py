import math

import mpmath as mp
import numpy as np
import pytest
from numba import njit
from saddlescape.dynamics import streams
from scipy import special

WORD = 2**64


def numpy_philox(trajectory, seed, purpose):
    # NumPy advances its counter before it makes a block.
    counter = (trajectory - 1) % 2**256
    generator = np.random.Philox(key=np.array([seed, purpose], np.uint64), counter=_words(counter))
    return [int(x) for x in generator.random_raw(4)]


def _words(x):
    return np.array([(x >> (64 * k)) % WORD for k in range(4)], np.uint64)


def xoshiro256pp(state, count):
    """The published reference, in Python integers."""
    s = list(state)

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) % WORD

    words = []
    for _ in range(count):
        words.append((rotate((s[0] + s[3]) % WORD, 23) + s[0]) % WORD)
        t = (s[1] << 17) % WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
    return words


def normals(seed, trajectories, pairs, purpose=streams.PATH):
    """(2 pairs, N) normals of trajectories 0 to N - 1."""
    stream = np.zeros((4, trajectories), np.uint64)
    z = np.empty((2 * pairs, trajectories))
    _fill(stream, z, np.uint64(seed), purpose)
    return z


@njit
def _fill(stream, z, seed, purpose):
    for j in range(stream.shape[1]):
        streams.seed_lane(stream, j, seed, purpose, j)
    for p in range(z.shape[0] // 2):
        streams.fill_normals(stream, z, 2 * p, z, 2 * p + 1)


@pytest.mark.parametrize("trajectory", [1, 2, 77, 2**40 + 3])
@pytest.mark.parametrize(("seed", "purpose"), [(0, 0), (1, 2), (2**64 - 1, 1)])
def test_a_stream_starts_from_numpys_philox_block(trajectory, seed, purpose):
    stream = np.zeros((4, 3), np.uint64)
    streams.seed_lane(stream, 1, np.uint64(seed), purpose, np.uint64(trajectory))
    assert [int(x) for x in stream[:, 1]] == numpy_philox(trajectory, seed, purpose)
    assert not stream[:, [0, 2]].any()


def test_philox_of_counter_0_is_numpys():
    assert [int(x) for x in streams.philox(0, 5, 6)] == numpy_philox(0, 5, 6)


def test_words_are_xoshiro256_plus_plus():
    # The first outputs for the state 1, 2, 3, 4, as in the test vectors of the rand_xoshiro crate.
    expected = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205]
    assert xoshiro256pp([1, 2, 3, 4], 5) == expected
    state, words = (1, 2, 3, 4), []
    for _ in range(5):
        word, *state = streams.advance_word(*map(np.uint64, state))
        words.append(int(word))
    assert words == expected


@pytest.mark.parametrize(
    ("compiled", "exact", "low", "high", "error"),
    [
        (streams.log_ratio, lambda t: mp.log1p(t) / t, 1 / math.sqrt(2) - 1, math.sqrt(2) - 1, 1.1e-10),
        (streams.sine_ratio, lambda y: mp.sin(mp.pi / 2 * mp.sqrt(y)) / mp.sqrt(y), 0.0, 1.0, 2.8e-11),
        (streams.cosine, lambda y: mp.cos(mp.pi / 2 * mp.sqrt(y)), 0.0, 1.0, 8e-13),
    ],
)
def test_polynomials_are_as_good_as_stated(compiled, exact, low, high, error):
    points = [x for x in np.linspace(low, high, 2001) if x]
    worst = max(abs(compiled(x) - exact(mp.mpf(x))) for x in points)
    assert worst < error
    assert worst > error / 10  # the statement is not idle


def test_normals_are_the_box_muller_transform_of_the_words():
    rng = np.random.default_rng(3)
    corners = [0, 1, WORD - 1, WORD - 2, WORD // 2, WORD // 2 - 1]
    words = [int(x) for x in rng.integers(0, WORD, 400, dtype=np.uint64)] + corners
    for a, b in zip(words, reversed(words), strict=True):
        x, y = streams.box_muller(np.uint64(a), np.uint64(b))
        radius = mp.sqrt(-2 * mp.log((mp.mpf(a >> 1) + mp.mpf("0.5")) / 2**63))
        v = mp.mpf(b - WORD if b >= WORD // 2 else b) / 2**63
        sign = -1 if b & 1 else 1
        assert abs(x - radius * mp.sin(mp.pi / 2 * v)) < 1e-9
        assert abs(y - sign * radius * mp.cos(mp.pi / 2 * v)) < 1e-9


def test_the_largest_normal_is_finite():
    x, y = streams.box_muller(np.uint64(0), np.uint64(0))
    assert x == 0.0
    assert y == pytest.approx(math.sqrt(128 * math.log(2)), abs=1e-8)


# Statistical tests below: fixed seed, false-alarm rate 1e-4 each, two-sided.
ALARM = special.ndtri(1 - 0.5e-4)


def test_moments_to_order_8():
    z = normals(11, 4096, 256).ravel()  # 2 097 152 draws
    for order in range(1, 9):
        mean = 0.0 if order % 2 else special.factorial2(order - 1)
        variance = special.factorial2(2 * order - 1) - mean**2
        assert abs(np.mean(z**order) - mean) < ALARM * math.sqrt(variance / z.size), order


def test_the_law_is_normal_by_kolmogorov_smirnov():
    z = np.sort(normals(12, 4096, 256).ravel())
    n = z.size
    distance = np.max(np.abs(special.ndtr(z) - (np.arange(n) + 0.5) / n)) + 0.5 / n
    critical = special.kolmogi(1e-4) / math.sqrt(n)
    assert distance < critical
    # Negative control: one per cent too wide is seen.
    assert np.max(np.abs(special.ndtr(1.01 * z) - (np.arange(n) + 0.5) / n)) > critical


@pytest.mark.parametrize(
    "pair",
    [
        lambda: (normals(1, 65536, 1)[0, :-1], normals(1, 65536, 1)[0, 1:]),  # neighbouring trajectories
        lambda: (normals(1, 65536, 1)[0], normals(2, 65536, 1)[0]),  # neighbouring seeds
        lambda: (normals(1, 65536, 1)[0], normals(1, 65536, 1)[1]),  # the two of a pair
        lambda: (normals(1, 65536, 2)[1], normals(1, 65536, 2)[2]),  # following pairs
        lambda: (normals(1, 65536, 1)[0], normals(1, 65536, 1, streams.THERMAL)[0]),  # purposes
    ],
)
def test_streams_are_uncorrelated(pair):
    x, y = pair()
    for f, g in ((x, y), (x * x - 1, y * y - 1)):
        r = np.corrcoef(f, g)[0, 1]
        assert abs(r) < ALARM / math.sqrt(x.size)
    assert abs(np.corrcoef(x, x + 50 * y)[0, 1]) > ALARM / math.sqrt(x.size)  # a correlation of 2 % is seen


@pytest.mark.parametrize("d", [1, 2, 3])
def test_normals_are_numbered_by_step_and_coordinate(d):
    stream = np.zeros((4, 8), np.uint64)
    z0, z1 = np.empty((d, 8)), np.empty((d, 8))
    reference = normals(4, 8, 2 * d)
    for j in range(8):
        streams.seed_lane(stream, j, np.uint64(4), 0, j)
    for half in range(2):
        streams.fill_two_steps(stream, z0, z1)
        expected = reference[half * 2 * d : (half + 1) * 2 * d]
        assert np.array_equal(np.concatenate([z0, z1]), expected)
