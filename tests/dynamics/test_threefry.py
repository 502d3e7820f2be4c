import numpy as np
import pytest
from saddlescape.dynamics.threefry import threefry

from .draws import words

PI = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)


@pytest.mark.parametrize(
    ("given", "expected"),
    [  # the known answers that come with Random123
        ((0, 0, 0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
        ((2**64 - 1,) * 4, (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
        (PI, (0x263C7D30BB0F0AF1, 0x56BE8361D3311526)),
    ],
)
def test_words_are_the_published_ones(given, expected):
    assert tuple(int(x) for x in threefry(*map(np.uint64, given))) == expected


def test_a_stream_is_a_counter_under_seed_and_trajectory():
    counters = [threefry(np.uint64(n), np.uint64(2), np.uint64(7), np.uint64(9)) for n in range(3)]
    assert words("threefry", 7, 2, [9], 6)[0].tolist() == [int(x) for pair in counters for x in pair]
