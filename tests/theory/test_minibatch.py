import itertools
from typing import Any

import numpy as np
import pytest
from saddlescape.theory.minibatch import LeastSquares

GENERATOR = np.random.default_rng(0)
DATA = LeastSquares(GENERATOR.standard_normal((5, 2)), GENERATOR.standard_normal(5)).check()
POINT = np.array([0.3, -0.8])


def loss(theta: Any) -> float:
    return float(0.5 * np.mean((DATA.inputs @ theta - DATA.targets) ** 2))


def test_gradient_and_hessian_are_those_of_the_loss() -> None:
    steps = 1e-5 * np.eye(2)
    slope = [(loss(POINT + e) - loss(POINT - e)) / 2e-5 for e in steps]
    assert DATA.gradients(POINT).mean(axis=0) == pytest.approx(slope, rel=1e-8)
    assert DATA.hessian @ (POINT - DATA.minimum()) == pytest.approx(DATA.gradients(POINT).mean(axis=0), rel=1e-12)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_the_covariance_is_that_of_all_batches_listed(batch: int, replacement: bool) -> None:
    # Oracle: every batch there is, each as likely as any other.
    every = itertools.product(range(5), repeat=batch) if replacement else itertools.permutations(range(5), batch)
    means = np.array([DATA.gradients(POINT)[list(each)].mean(axis=0) for each in every])
    listed = np.cov(means.T, bias=True) if len(means) > 1 else np.zeros((2, 2))
    assert DATA.covariance(POINT, batch, replacement=replacement) == pytest.approx(listed, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("replacement", [True, False])
def test_every_batch_is_drawn_as_often_as_any_other(replacement: bool) -> None:
    # One coordinate tells the samples apart: seed 1, 20,000 batches of 2; chi-square at 1e-4.
    data = LeastSquares(np.ones((4, 1)), -(2.0 ** np.arange(4))).check()
    drawn = 2.0 * data.draws(np.zeros(1), 2, 20_000, np.random.default_rng(1), replacement=replacement)[:, 0]
    sums = {}
    for a, b in itertools.product(range(4), repeat=2) if replacement else itertools.permutations(range(4), 2):
        sums[2.0**a + 2.0**b] = sums.get(2.0**a + 2.0**b, 0) + 1
    expected = np.array(list(sums.values())) * 20_000 / sum(sums.values())
    counted = np.array([np.count_nonzero(drawn == total) for total in sums])
    assert counted.sum() == 20_000
    limit = {True: 35.6, False: 25.7}[replacement]  # chi-square with 9 and 5 degrees of freedom
    assert float(np.sum((counted - expected) ** 2 / expected)) < limit


def test_draws_are_the_same_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = DATA.draws(POINT, 3, 50, np.random.default_rng(2))
    monkeypatch.setattr("saddlescape.theory.minibatch._AT_ONCE", 24)
    assert np.array_equal(whole, DATA.draws(POINT, 3, 50, np.random.default_rng(2)))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (np.ones(3), r"inputs has shape \(3,\); it must have one row for each of 3 targets"),
        (np.ones((2, 1)), r"inputs has shape \(2, 1\)"),
        (np.full((3, 1), np.nan), "inputs must be finite"),
    ],
)
def test_samples_that_do_not_fit_are_refused(inputs: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LeastSquares(inputs, np.ones(3)).check()


def test_a_batch_without_replacement_is_no_larger_than_the_sample() -> None:
    with pytest.raises(ValueError, match="batch_size=6 must be at most 5"):
        DATA.covariance(POINT, 6, replacement=False)
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        DATA.draws(POINT, 0, 10, np.random.default_rng(0))
