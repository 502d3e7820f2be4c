"""The compiled product against the plain text, bit for bit, at every ragged size."""

import numpy as np
import pytest
from numba import njit
from saddlescape.dynamics import dispatch  # noqa: F401  teaches Numba the calls
from saddlescape.dynamics.tiles import NARROW, ROWS, WIDE
from saddlescape.landscapes.frame import add_lower_product, add_product


@njit
def product(matrix, q, out):
    add_product(matrix, q, out)


@njit
def lower_product(matrix, q, out):
    add_lower_product(matrix, q, out)


@pytest.mark.parametrize("d", [1, 3, ROWS, ROWS + 1, 2 * ROWS + 3])
@pytest.mark.parametrize("lanes", [1, 7, NARROW, NARROW + 1, WIDE, WIDE + NARROW + 3])
def test_the_product_is_the_plain_one(d, lanes):
    rng = np.random.default_rng(d * 100 + lanes)
    matrix, q, start = rng.normal(size=(d, d)), rng.normal(size=(d, lanes)), rng.normal(size=(d, lanes))
    for fast, plain, m in (
        (product, add_product, matrix),
        (product, add_product, matrix.T),
        (lower_product, add_lower_product, np.tril(matrix)),
    ):
        found, expected = start.copy(), start.copy()
        fast(m, q, found)
        plain(m, q, expected)
        assert np.array_equal(found, expected)
        np.testing.assert_allclose(found, start + m @ q, rtol=0, atol=1e-13)


def test_what_is_above_the_diagonal_is_left_out():
    matrix, q, out = np.ones((6, 6)), np.ones((6, 9)), np.zeros((6, 9))
    add_lower_product(matrix, q, out)
    assert out[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
