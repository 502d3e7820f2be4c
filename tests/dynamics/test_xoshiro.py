import numpy as np
import pytest
from saddlescape.dynamics.xoshiro import advance_word

from .draws import beginnings, words
from .test_philox import numpy_philox

WORD = 2**64


def xoshiro256pp(state, count):
    """The published reference, in Python integers."""
    s = list(state)

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) % WORD

    out = []
    for _ in range(count):
        out.append((rotate((s[0] + s[3]) % WORD, 23) + s[0]) % WORD)
        t = (s[1] << 17) % WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
    return out


def test_words_are_the_published_ones():
    # The first outputs for the state 1, 2, 3, 4, as in the test vectors of the rand_xoshiro crate.
    expected = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205]
    assert xoshiro256pp([1, 2, 3, 4], 5) == expected
    state, found = (1, 2, 3, 4), []
    for _ in range(5):
        word, *state = advance_word(*map(np.uint64, state))
        found.append(int(word))
    assert found == expected


@pytest.mark.parametrize("trajectory", [1, 2, 77, 2**40 + 3])
@pytest.mark.parametrize(("seed", "purpose"), [(0, 0), (1, 2), (WORD - 1, 1)])
def test_a_stream_starts_from_a_philox_block(trajectory, seed, purpose):
    state = [int(x) for x in beginnings("xoshiro", [seed], [purpose], [trajectory])[0]]
    assert state == numpy_philox(trajectory, seed, purpose)
    assert [int(x) for x in words("xoshiro", seed, purpose, [trajectory], 5)[0]] == xoshiro256pp(state, 5)
