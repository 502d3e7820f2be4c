import numpy as np
import numpy.typing as npt
import pytest
from saddlescape.theory import elimination

Array = npt.NDArray[np.float64]


def random_chain(n: int, reach: int) -> tuple[Array, Array, Array]:
    generator = np.random.default_rng(3)
    band = generator.random((n, 2 * reach + 1))
    columns = np.arange(n)[:, None] + np.arange(-reach, reach + 1)
    band[(columns < 0) | (columns >= n)] = 0.0
    leave = 0.1 * generator.random(n)
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(max(0, i - reach), min(n, i + reach + 1)):
            if i != j:
                matrix[i, j] = -band[i, reach + j - i]
    return band, leave, matrix + np.diag(leave - matrix.sum(axis=1))


def test_elimination_against_a_dense_solution() -> None:
    band, leave, matrix = random_chain(30, 4)
    kept = band.copy()
    factors = elimination.eliminate(band, leave)
    right = np.random.default_rng(4).random(30)
    assert np.allclose(factors.solve(right), np.linalg.solve(matrix, right), rtol=1e-12, atol=0.0)
    assert np.allclose(factors.solve_left(right), np.linalg.solve(matrix.T, right), rtol=1e-12, atol=0.0)
    assert np.array_equal(band, kept)


def test_a_leak_of_1e_30_is_kept() -> None:
    # Two states that exchange at rate 1; the second leaks: mean times 2 / leak + 1 and 2 / leak.
    leak = 1e-30
    factors = elimination.eliminate(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), np.array([0.0, leak]))
    assert np.allclose(factors.solve(np.ones(2)) * leak, 2.0, rtol=1e-15, atol=0.0)
    assert np.allclose(factors.solve_left(np.array([1.0, 0.0])) * leak, 1.0, rtol=1e-15, atol=0.0)


def test_a_chain_that_is_never_absorbed_is_refused() -> None:
    with pytest.raises(ValueError, match="no way out of state 1 of 2"):
        elimination.eliminate(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), np.zeros(2))
