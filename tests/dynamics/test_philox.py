import numpy as np
import pytest
from saddlescape.dynamics.philox import philox

WORD = 2**64


def numpy_philox(trajectory, seed, purpose):
    # NumPy advances its counter before it makes a block.
    counter = (trajectory - 1) % 2**256
    words = np.array([(counter >> (64 * k)) % WORD for k in range(4)], np.uint64)
    generator = np.random.Philox(key=np.array([seed, purpose], np.uint64), counter=words)
    return [int(x) for x in generator.random_raw(4)]


@pytest.mark.parametrize("counter", [0, 1, 2, 77, 2**40 + 3])
@pytest.mark.parametrize(("key0", "key1"), [(0, 0), (1, 2), (WORD - 1, 1), (5, 6)])
def test_a_block_is_numpys(counter, key0, key1):
    assert [int(x) for x in philox(np.uint64(counter), np.uint64(key0), key1)] == numpy_philox(counter, key0, key1)
