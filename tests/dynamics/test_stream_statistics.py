"""The random streams under the tests that makers of random number generators run.

A statistic is a function that turns a sample into p-values, and `smallest` corrects the least of m of them for its
m - 1 companions (Bonferroni). A test demands of the streams that it exceeds ALARM, and of a flawed sample, the
negative control, that it does not: both by the same function. So the false-alarm rate of one assertion is ALARM, and
that of the whole file, with its hundred assertions or fewer, is below 1e-4. Seeds are fixed; sizes stand in each test.
What outside batteries say of the same words is in docs/generator_tests.md.
"""

import math
from typing import Any

import numpy as np
import pytest
from numba import njit
from saddlescape.dynamics import streams
from scipy import special, stats

from .draws import beginnings, exponentials, rows_of_normals, words

ALARM = 1e-6

GENERATORS = ["xoshiro", "threefry"]
PRECISIONS = ["float64", "float32"]
PURPOSES = [streams.PATH, streams.THERMAL, streams.BRIDGE]


def normals(generator, precision, seed, trajectories, steps, dimension, purpose=streams.PATH):
    """The normals of the first steps of the given trajectories (N,), as (N, steps, dimension)."""
    rows = rows_of_normals(generator, precision, seed, trajectories, steps * dimension, purpose)
    return rows.T.reshape(len(trajectories), steps, dimension)


# Verdicts.


def smallest(p):
    p = np.ravel(p)
    return min(1.0, p.size * p.min())


def of_score(score):
    """Two-sided p-values of standard normal scores."""
    return 2 * special.ndtr(-np.abs(score))


def of_count(law, count):
    """Two-sided p-values of counts: never below the true ones."""
    return np.minimum(1.0, 2 * np.minimum(law.cdf(count), law.sf(count - 1)))


def of_cells(count, probability):
    """Two-sided p-value of Pearson's chi-square: too good a fit is as wrong as a bad one."""
    count = np.ravel(count)
    expected = count.sum() * np.ravel(probability)
    statistic = np.sum((count - expected) ** 2 / expected)
    return min(1.0, 2 * min(special.chdtrc(count.size - 1, statistic), special.chdtr(count.size - 1, statistic)))


every_generator = pytest.mark.parametrize("generator", GENERATORS)
every_precision = pytest.mark.parametrize("precision", PRECISIONS)

# The law of one normal: moments, tails and distribution of the same draws.

BINS, REACH = 1 << 20, 8.0
EDGES = np.linspace(-REACH, REACH, BINS + 1)
TAILS = np.array([3.0, 4.0, 4.5, 5.0, 5.5, 6.0])  # all of them edges


@njit
def tally(draws, factor, bound, powers, histogram):
    """Add the powers 1 to 8 and the bins of draws that are first stretched by factor and then clipped at bound."""
    sums = np.zeros(8)
    for x in draws:
        z = max(-bound, min(factor * float(x), bound))
        power = 1.0
        for k in range(8):
            power *= z
            sums[k] += power
        histogram[max(0, min(int((z + REACH) * (BINS / (2 * REACH))), BINS - 1))] += 1
    powers += sums


def tallies(draw, size, flaws):
    """One pair (powers, histogram) for each flaw, a pair (factor, bound), of the arrays that draw(0), ... give."""
    results = [(np.zeros(8), np.zeros(BINS, np.int64)) for _ in flaws]
    number, seen = 0, 0
    while seen < size:
        draws = draw(number)[: size - seen]
        for flaw, result in zip(flaws, results, strict=True):
            tally(draws, *flaw, *result)
        number, seen = number + 1, seen + draws.size
    return results


def moments(result):
    """Orders 1 to 8 against the exact mean and variance of a sample moment.

    The mean of z^8 is itself skewed by 110/sqrt(n), which at n = 2^23 makes an alarm of order 8 thrice as likely.
    """
    powers, histogram = result
    orders, n = np.arange(1, 9), histogram.sum()
    mean = np.where(orders % 2, 0.0, special.factorial2(orders - 1))
    return of_score((powers / n - mean) / np.sqrt((special.factorial2(2 * orders - 1) - mean**2) / n))


def tails(result):
    """Exact binomial laws of the counts beyond 3 to 6 sigma, each side by itself."""
    _, histogram = result
    law = stats.binom(histogram.sum(), special.ndtr(-TAILS))
    cut = np.searchsorted(EDGES, TAILS)
    upper = [histogram[k:].sum() for k in cut]
    lower = [histogram[: BINS - k].sum() for k in cut]
    return of_count(law, np.array([upper, lower]))


def distance(result):
    """Kolmogorov-Smirnov over the edges of the bins: it alarms at most as often as over all draws.

    A bin holds at most 6.1e-6 of the law, so the distance is at most that much shorter than over all draws.
    """
    _, histogram = result
    n = histogram.sum()
    gap = np.max(np.abs(np.cumsum(histogram) / n - special.ndtr(EDGES[1:])))
    return [special.kolmogorov(math.sqrt(n) * gap)]


def surely_seen(size):
    """The least gap between two distribution functions that `distance` misses with a probability below ALARM.

    By the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart: 1.9e-3 for 2^23 draws, 1.8e-4 for 10^9.
    """
    return 2 * special.kolmogi(ALARM) / math.sqrt(size) + 6.1e-6


@every_generator
@every_precision
@pytest.mark.parametrize("size", [2**23, pytest.param(10**9, marks=pytest.mark.slow)])
def test_one_normal_has_its_moments_tails_and_distribution(generator, precision, size):
    def draw(number):
        return normals(generator, precision, 11, np.arange(4096) + 4096 * number, 256, 2).ravel("K")

    # A factor 1 + a moves the distribution function by up to a/sqrt(2 pi e).
    stretch = 1 + math.sqrt(2 * math.pi * math.e) * surely_seen(size)
    flaws = [(1.0, np.inf), (1.002, np.inf), (1.0, np.nextafter(4.5, 0)), (stretch, np.inf)]
    fair, scaled, clipped, stretched = tallies(draw, size, flaws)
    for statistic in (moments, tails, distance):
        assert smallest(statistic(fair)) > ALARM, statistic.__name__
    assert smallest(moments(scaled)) < ALARM
    assert smallest(tails(clipped)) < ALARM
    assert smallest(distance(stretched)) < ALARM


def kolmogorov(z):
    """The distance over all draws, two-sided in its own law: draws too evenly spread are as wrong."""
    z = np.sort(z, axis=None).astype(float)
    n, below = z.size, special.ndtr(z)
    gap = max(np.max(np.arange(1, n + 1) / n - below), np.max(below - np.arange(n) / n))
    far = special.kolmogorov(math.sqrt(n) * gap + 1 / (6 * math.sqrt(n)))
    return [2 * min(far, 1 - far)]


@every_generator
@every_precision
def test_one_normal_by_kolmogorov_and_smirnov_over_all_draws(generator, precision):
    # A million draws of the first step: surely seen is a gap of 5.4e-3.
    z = normals(generator, precision, 12, np.arange(500_000), 1, 2).ravel()
    assert smallest(kolmogorov(z)) > ALARM
    assert smallest(kolmogorov(1.025 * z)) < ALARM
    assert smallest(kolmogorov(special.ndtri((np.arange(z.size) + 0.5) / z.size))) < ALARM


@every_generator
def test_exponentials_by_kolmogorov_and_smirnov(generator):
    # A million draws, taken to normals.
    x = exponentials(generator, 13, np.arange(10_000), 100)
    assert smallest(kolmogorov(special.ndtri(-np.expm1(-0.5 * x)))) > ALARM
    assert smallest(kolmogorov(special.ndtri(-np.expm1(-0.505 * x)))) < ALARM


# The two normals of a pair.


def circles(pairs):
    """Chi-square of pairs (n, 2) over rings of equal probability times sectors: 16 by 16 and 128 by 128."""
    x, y = pairs.T.astype(float)
    radius, angle = -np.expm1(-0.5 * (x * x + y * y)), np.arctan2(y, x) / (2 * math.pi) + 0.5
    return [
        of_cells(
            np.bincount(
                np.minimum((k * radius).astype(int), k - 1) * k + np.minimum((k * angle).astype(int), k - 1),
                minlength=k * k,
            ),
            1 / (k * k),
        )
        for k in (16, 128)
    ]


@every_generator
@every_precision
def test_radius_and_angle_of_a_pair_are_independent(generator, precision):
    # 2^20 pairs.
    pairs = normals(generator, precision, 14, np.arange(4096), 256, 2).reshape(-1, 2)
    assert smallest(circles(pairs)) > ALARM
    assert smallest(circles(pairs + 0.015 * pairs[:, ::-1])) < ALARM
    # Neave's effect: both words of a transform from one congruential generator, x to 131 x mod 2^35.
    x = np.random.default_rng(1).integers(1, 1 << 35, len(pairs))
    radius, angle = np.sqrt(-2 * np.log(x / 2.0**35)), 2 * math.pi * (131 * x % (1 << 35)) / 2.0**35
    assert smallest(circles(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))) < ALARM


# Independence: of trajectories, steps, coordinates, seeds and purposes.

ROWS, COLUMNS, LAGS = 256, 1 << 14, 64


def trajectories_in_a_row(generator, precision, number):
    return normals(generator, precision, 21, np.arange(ROWS) + ROWS * number, COLUMNS // 2, 2).reshape(ROWS, -1)


def steps_in_a_row(generator, precision, number):
    z = normals(generator, precision, 22, np.arange(COLUMNS // 3) + COLUMNS * number, ROWS, 3)
    return z.transpose(1, 2, 0).reshape(ROWS, -1)


def coordinates_in_a_row(generator, precision, number):
    z = normals(generator, precision, 23, np.arange(COLUMNS // 4) + COLUMNS * number, 4, ROWS)
    return z.transpose(2, 1, 0).reshape(ROWS, -1)


def seeds_in_a_row(generator, precision, number):
    lanes = np.arange(128) + 128 * number
    return np.array([normals(generator, precision, s, lanes, COLUMNS // 128, 1).ravel() for s in range(ROWS)])


def purposes_in_a_row(generator, precision, number):
    lanes = np.arange(8192) + 8192 * number
    return np.array([normals(generator, precision, 24, lanes, 64, 1, purpose).ravel() for purpose in PURPOSES])


def seeds_of_one_bit(generator, precision, number):
    seeds = [0] + [1 << k for k in range(64)]
    lanes = np.arange(128) + 128 * number
    return np.array([normals(generator, precision, s, lanes, COLUMNS // 128, 1).ravel() for s in seeds])


def trajectories_of_one_bit(generator, precision, number):
    lanes = np.array([0] + [1 << k for k in range(64)], np.uint64)
    return normals(generator, precision, 25 + number, lanes, COLUMNS, 1).reshape(len(lanes), -1)


def seeds_by_trajectories(generator, precision, number):
    """Pairs (s, i) and (i, s) among all of them."""
    lanes, seeds = np.arange(16) + 16 * number, range(16 * number, 16 * number + 16)
    return np.concatenate([normals(generator, precision, s, lanes, COLUMNS, 1).reshape(16, -1) for s in seeds])


def correlations(samples):
    """Sums over columns of products of rows: of z, of their signs, of z with z^2, of z^2.

    Once for all pairs of rows with the same lag, and once for each pair of rows by itself. Not so for z^2 by z^2,
    whose products are so skewed that a sum over the columns of one pair is no normal in its tails.
    """
    totals: Any = 0.0
    columns = 0
    for z in samples:
        z = np.asarray(z, np.float32)
        square, sign = (z * z - 1) / np.float32(math.sqrt(2)), np.sign(z)
        totals += np.array([z @ z.T, sign @ sign.T, z @ square.T, square @ square.T])
        columns += z.shape[1]
    rows = totals.shape[1]
    lags = range(1, min(LAGS, max(1, rows // 4)) + 1)
    by_lag = [np.trace(totals, h, 1, 2) / math.sqrt(columns * (rows - h)) for h in lags]
    by_pair = totals[:3, *np.triu_indices(rows, 1)] / math.sqrt(columns)
    return of_score(np.concatenate([np.ravel(by_lag), np.ravel(by_pair)]))


PLANS = [
    *((plan, p) for plan in (steps_in_a_row, coordinates_in_a_row) for p in PRECISIONS),
    *(
        (plan, PRECISIONS[0])
        for plan in (
            trajectories_in_a_row,
            seeds_in_a_row,
            purposes_in_a_row,
            seeds_of_one_bit,
            trajectories_of_one_bit,
            seeds_by_trajectories,
        )
    ),
]


@every_generator
@pytest.mark.parametrize(("plan", "precision"), PLANS)
@pytest.mark.parametrize("repeats", [1, pytest.param(64, marks=pytest.mark.slow)])
def test_rows_are_independent(generator, plan, precision, repeats):
    # 4.2 million draws, fewer for bits and purposes; 268 million in the slow run.
    assert smallest(correlations(plan(generator, precision, k) for k in range(repeats))) > ALARM


def test_rows_that_depend_are_seen():
    z = trajectories_in_a_row(GENERATORS[0], PRECISIONS[0], 0)
    before, after = z[:-1], z[1:]
    assert smallest(correlations([after + 0.005 * before])) < ALARM
    assert smallest(correlations([after * (1 + 0.005 * (before * before - 1))])) < ALARM
    far = z.copy()
    far[200] += 0.1 * z[3]
    assert smallest(correlations([far])) < ALARM


def sums(z):
    """The sums of rows as normals: their distribution and their variance."""
    s = z.sum(axis=1) / math.sqrt(z.shape[1])
    return [*kolmogorov(s), of_count(stats.chi2(s.size), s @ s)]


@every_generator
@every_precision
def test_sums_over_steps_and_over_trajectories_spread_as_normals(generator, precision):
    # 2^14 sums of 256: many correlations too weak for any lag add up. A correlation of 4e-4 at all lags is seen.
    rng = np.random.default_rng(2)
    z = normals(generator, precision, 31, np.arange(1 << 14), 256, 1)[:, :, 0].astype(float)
    for rows in (z, z.reshape(256, 64, 256).transpose(1, 2, 0).reshape(1 << 14, 256)):
        assert smallest(sums(rows)) > ALARM
        assert smallest(sums(rows + 0.02 * rng.standard_normal((len(rows), 1)))) < ALARM


# Words.

SIZE = 1 << 20


def one_stream(generator):
    return words(generator, 41, streams.PATH, [0], SIZE)[0]


def over_trajectories(generator):
    return words(generator, 42, streams.PATH, np.arange(1024), SIZE // 1024).T.ravel()


def over_seeds(generator):
    return np.array([words(generator, s, streams.PATH, [0], SIZE // 1024)[0] for s in range(1024)]).T.ravel()


def first_words(generator):
    return words(generator, 43, streams.PATH, np.arange(SIZE), 1).ravel()


def second_words_of_seeds(generator):
    """The last word is the second of its stream: what a plain sum of two state words would leak at the first."""
    return np.concatenate([words(generator, s, streams.PATH, np.arange(SIZE // 1024), 2)[:, 1] for s in range(1024)])


every_order = pytest.mark.parametrize(
    "order", [one_stream, over_trajectories, over_seeds, first_words, second_words_of_seeds]
)


def xorshift(count):
    """Marsaglia's generator, linear in its 64 bits."""
    x, out = 88172645463325252, []
    for _ in range(count):
        x ^= (x << 13) % 2**64
        x ^= x >> 7
        x ^= (x << 17) % 2**64
        out.append(x)
    return np.array(out, np.uint64)


def columns(w):
    """Bits of words (n,) or (n, k), each as a column of its own packed into words: (64 k, n / 64 rounded up)."""
    octets = np.ascontiguousarray(w).view(np.uint8).reshape(len(w), -1)
    packed = np.packbits(np.unpackbits(octets, axis=1, bitorder="little"), axis=0)
    return np.ascontiguousarray(np.pad(packed, [(0, -len(packed) % 8), (0, 0)]).T).view(np.uint64)


def ones(columns):
    return np.bitwise_count(columns).sum(axis=-1, dtype=np.int64)


def bits(w):
    """Balance of each bit; how often it agrees with all other bits of its word, and with all bits of the next."""
    here, now, after = columns(w), columns(w[:-1]), columns(w[1:])
    within = np.concatenate([ones(here[:k] ^ here[k]) for k in range(1, len(here))])
    beyond = np.concatenate([ones(now ^ bit) for bit in after])
    n = len(w) - np.repeat([0, 1], [len(here) + within.size, beyond.size])
    return of_score((n - 2 * np.concatenate([ones(here), within, beyond])) / np.sqrt(n))


@every_generator
@every_order
def test_bits_are_balanced_and_uncorrelated(generator, order):
    # 2^18 words; 64 balances and 6112 products.
    assert smallest(bits(order(generator)[: 1 << 18])) > ALARM


def test_stuck_and_copied_bits_are_seen():
    w = over_trajectories(GENERATORS[0])[: 1 << 18]
    assert smallest(bits(w | np.uint64(1))) < ALARM
    copied = w[1:] ^ (w[1:] ^ w[:-1] >> np.uint64(30)) * (w[:-1] >> np.uint64(58) == 0)  # a 64th of all words
    assert smallest(bits(copied)) < ALARM


def weights(w):
    """Chi-square of six words in a row, each light (to 30 bits set), middling or heavy (from 34), 729 cells."""
    one = stats.binom(64, 0.5)
    law = np.array([one.cdf(30), one.cdf(33) - one.cdf(30), one.sf(33)])
    weight = np.bitwise_count(w[: w.size // 6 * 6]).astype(int)
    digits = ((weight > 30).astype(int) + (weight > 33)).reshape(-1, 6)
    cells = np.bincount(digits @ 3 ** np.arange(6), minlength=729)
    probability = law
    for _ in range(5):
        probability = np.multiply.outer(probability, law)
    return [of_cells(cells, probability)]


@every_generator
@every_order
def test_hamming_weights_come_in_fair_runs(generator, order):
    assert smallest(weights(order(generator))) > ALARM  # 2^20 words


def test_unfair_weights_are_seen():
    w = over_trajectories(GENERATORS[0])
    assert smallest(weights(w | np.uint64(1))) < ALARM
    sticky = w.copy()
    sticky[1::16] = sticky[::16] ^ np.uint64(0xFF)  # one word in 16 is the last one but for a byte
    assert smallest(weights(sticky)) < ALARM


def birthdays(w):
    """Marsaglia's spacings: 2^16 birthdays in 2^42 days, 16 equal spacings a group; of the upper and the lower bits."""
    p = []
    for shift in (22, 0):
        days = np.sort((w >> np.uint64(shift) & np.uint64((1 << 42) - 1)).reshape(-1, 1 << 16), axis=1)
        spacings = np.sort(np.diff(days, axis=1), axis=1)
        equal = np.count_nonzero(spacings[:, 1:] == spacings[:, :-1])
        p.append(of_count(stats.poisson(16.0 * len(days)), equal))
    return p


@every_generator
@every_order
def test_birthday_spacings(generator, order):
    assert smallest(birthdays(order(generator))) > ALARM  # 2^20 words, 256 equal spacings expected


def test_even_spacings_are_seen():
    weyl = np.arange(SIZE, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert smallest(birthdays(weyl)) < ALARM


def serial(w):
    """Chi-square of neighbours, 256 by 256 cells: upper by upper, lower by lower, lower by upper bytes."""
    upper, lower = (w >> np.uint64(56)).astype(int), (w & np.uint64(255)).astype(int)
    return [
        of_cells(np.bincount(x[::2] * 256 + y[1::2], minlength=1 << 16), 2.0**-16)
        for x, y in ((upper, upper), (lower, lower), (lower, upper))
    ]


@every_generator
@every_order
def test_neighbours_fill_the_square(generator, order):
    # 2^19 pairs, 8 a cell; over trajectories, they are neighbouring lanes.
    assert smallest(serial(order(generator))) > ALARM


def test_repeated_neighbours_are_seen():
    repeated = over_trajectories(GENERATORS[0])
    repeated[1::128] = repeated[::128]
    assert smallest(serial(repeated)) < ALARM


@njit
def rank(matrix):
    """The rank over GF(2) of rows (n, words)."""
    found = 0
    for column in range(64 * matrix.shape[1]):
        word, bit = column // 64, np.uint64(1) << np.uint64(column % 64)
        pivot = found
        while pivot < matrix.shape[0] and not matrix[pivot, word] & bit:
            pivot += 1
        if pivot == matrix.shape[0]:
            continue
        for k in range(matrix.shape[1]):
            matrix[found, k], matrix[pivot, k] = matrix[pivot, k], matrix[found, k]
        for row in range(pivot + 1, matrix.shape[0]):
            if matrix[row, word] & bit:
                for k in range(matrix.shape[1]):
                    matrix[row, k] ^= matrix[found, k]
        found += 1
    return found


def ranks(w):
    """Chi-square of the ranks 320, 319 and less of square matrices, each made of one bit of 320^2 words."""
    side = 320
    matrices = np.unpackbits(w[: w.size // side**2 * side**2].view(np.uint8).reshape(-1, 8), axis=1)
    matrices = np.packbits(matrices.T.reshape(-1, side, side), axis=2).view(np.uint64)
    found = [rank(m) for m in matrices]
    full = np.prod(1 - 0.5 ** np.arange(1, side + 1))
    law = np.array([full, 2 * full * (1 - 0.5**side)])
    cells = [found.count(side), found.count(side - 1), sum(r < side - 1 for r in found)]
    return [of_cells(cells, [*law, 1 - law.sum()])]


@every_generator
@every_order
def test_bits_obey_no_linear_recurrence(generator, order):
    # 320 matrices, all 64 bits: a linear recurrence of fewer than 319 bits shows; the state of a stream has 256.
    assert smallest(ranks(order(generator)[: SIZE // 2])) > ALARM


def test_a_linear_recurrence_is_seen():
    assert smallest(ranks(xorshift(320 * 320))) < ALARM


# Where streams begin.


def collisions(begin):
    """Equal words in (N, 4), whatever their places, and equal halves in each of the eight places."""
    everything = np.sort(begin, axis=None)
    twice = np.count_nonzero(everything[1:] == everything[:-1])
    halves = np.sort(np.ascontiguousarray(np.ascontiguousarray(begin).view(np.uint32).T), axis=1)
    equal = np.count_nonzero(halves[:, 1:] == halves[:, :-1], axis=1)
    laws = stats.poisson(np.array([everything.size**2 / 2.0**65, *[len(begin) ** 2 / 2.0**33] * 8]))
    return of_count(laws, np.array([twice, *equal]))


def million_trajectories(generator):
    n = np.arange(1_000_000)
    return beginnings(generator, 0 * n + 51, 0 * n, n)


def thousand_seeds(generator):
    n = np.arange(300_000)
    return beginnings(generator, n // 300, 0 * n, n % 300)


def three_purposes(generator):
    n = np.arange(300_000)
    return beginnings(generator, n // 3000, n % 3, n // 3 % 1000)


def splitmix(x):
    """The finalizer of splitmix64, of the x-th step of its counter."""
    x = np.asarray(x, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def weak_seeding(seeds, trajectories):
    """Four steps of splitmix64 from seed + 2^32 trajectory: seeds s and s + 1 share three words of state."""
    return splitmix((np.asarray(seeds) + (np.asarray(trajectories) << 32))[:, None] + np.arange(4))


@every_generator
@pytest.mark.parametrize("begin", [million_trajectories, thousand_seeds, three_purposes])
def test_streams_begin_apart(generator, begin):
    states = begin(generator)
    assert smallest(collisions(states)) > ALARM  # of 10^6 streams 116 halves are equal in each place, no word
    assert smallest(bits(states[: 1 << 15])) > ALARM  # 256 balances and 98176 products of bits


def test_shared_words_of_state_are_seen():
    n = np.arange(300_000)
    assert smallest(collisions(weak_seeding(n // 1000, n % 1000))) < ALARM
    assert smallest(collisions(weak_seeding(0 * n, n))) > ALARM  # the same flaw hides among the streams of one seed
    narrow = million_trajectories(GENERATORS[0])[: n.size] & ~np.uint64(3)
    assert smallest(collisions(narrow)) < ALARM


def avalanche(begin, seeds, trajectories):
    """Flips of each bit of seed and of trajectory: how many of the 256 bits turn, and how often each one does."""
    before = begin(seeds, trajectories)
    distances, turned = [], []
    for k in range(128):
        bit = np.uint64(1) << np.uint64(k % 64)
        flipped = begin(seeds ^ bit, trajectories) if k < 64 else begin(seeds, trajectories ^ bit)
        change = before ^ flipped
        distances.append(np.bitwise_count(change).sum(axis=1, dtype=np.int64))
        turned.append(ones(columns(change)))
    distances, n = np.array(distances), len(seeds)
    means = of_score((distances.mean(axis=1) - 128) / math.sqrt(64 / n))
    one = stats.binom(256, 0.5)
    cuts = np.arange(107, 150)  # 43 cells inside, all expected in the hundreds, and one at either end
    law = np.diff(np.concatenate([[0.0], one.cdf(cuts), [1.0]]))
    cells = np.bincount(np.searchsorted(cuts, distances.ravel()), minlength=law.size)
    return np.concatenate([means, [of_cells(cells, law)], of_score((2 * np.array(turned) - n) / math.sqrt(n)).ravel()])


def philox_of_rounds(seeds, trajectories, rounds):
    """The block (N, 4) that starts a stream, after fewer rounds than ten."""
    blocks = []
    for seed, trajectory in zip(seeds.tolist(), trajectories.tolist(), strict=True):
        c, k = [trajectory, 0, 0, 0], [seed, 0]
        for _ in range(rounds):
            a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(b >> 64) ^ c[1] ^ k[0], b % 2**64, (a >> 64) ^ c[3] ^ k[1], a % 2**64]
            k = [(k[0] + 0x9E3779B97F4A7C15) % 2**64, (k[1] + 0xBB67AE8584CAA73B) % 2**64]
        blocks.append(c)
    return np.array(blocks, np.uint64)


@every_generator
@pytest.mark.parametrize("reach", [2**10, 2**64 - 1])
def test_every_bit_of_seed_and_trajectory_turns_half_of_the_state(generator, reach):
    # 1024 pairs (seed, trajectory), small ones as people use and any; 32768 pairs of bits.
    rng = np.random.default_rng(3)
    seeds, trajectories = rng.integers(0, reach, (2, 1024), dtype=np.uint64)
    for purpose in PURPOSES:

        def begin(s, t, purpose=purpose):
            return beginnings(generator, s, np.full(len(s), purpose), t)

        assert smallest(avalanche(begin, seeds, trajectories)) > ALARM


def test_too_few_rounds_are_seen():
    seeds, trajectories = np.random.default_rng(4).integers(0, 2**64 - 1, (2, 64), dtype=np.uint64)

    def begin(rounds):
        return lambda s, t: philox_of_rounds(s, t, rounds)

    assert smallest(avalanche(begin(10), seeds, trajectories)) > ALARM
    assert smallest(avalanche(begin(3), seeds, trajectories)) < ALARM


@every_generator
def test_purposes_turn_half_of_the_state(generator):
    # 2 x 30 000 pairs of streams of different purposes.
    n = np.arange(30_000)
    states = [beginnings(generator, n // 100, np.full(n.size, p), n % 100) for p in PURPOSES]
    for k in range(3):
        assert smallest(bits(states[k] ^ states[k - 1])) > ALARM
    xored_into_one_word = np.broadcast_to(np.array([0, 0, 0, 1], np.uint64), states[0].shape)
    assert smallest(bits(xored_into_one_word)) < ALARM
