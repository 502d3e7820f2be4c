import time
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD
from saddlescape.theory import covariance_recursion, linear_diffusion
from saddlescape.theory.closed_form import closed_form

STEPS = [1, 2, 5, 64, 200]


def explicit(rule: Any, h: Any, c: Any, steps: list[int], thermal: bool = False) -> Any:
    """One step after the other, with the matrices of SGD and heavy ball written out."""
    d = len(h)
    one = np.eye(d)
    h = h + rule.weight_decay * one
    if isinstance(rule, SGD):
        a, g, s = one - rule.lr * h, -rule.lr * one, np.zeros((d, d))
    else:
        a = np.block(
            [[one - rule.lr * rule.beta3 * h, -rule.lr * rule.beta1 * one], [rule.beta3 * h, rule.beta1 * one]]
        )
        g = np.vstack([-rule.lr * rule.beta3 * one, rule.beta3 * one])
        s = np.zeros((2 * d, 2 * d))
        if thermal:
            s[d:, d:] = rule.beta3**2 * c / (1.0 - rule.beta1**2)
    out = []
    for k in range(max(steps)):
        s = a @ s @ a.T + g @ c @ g.T
        if k + 1 in steps:
            out.append(s[:d, :d])
    return np.array(out)


def symmetric(d: int, seed: int) -> Any:
    root = np.random.default_rng(seed).standard_normal((d, d))
    return root + root.T


RULES = [SGD(0.05), SGD(0.05, 0.3), Momentum(0.05, 0.9, 0.1), Momentum(0.02, 0.8, 1.0, 0.2), Momentum(0.05, 0.0, 0.7)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("momentum", ["rest", "thermal"])
@pytest.mark.parametrize("commuting", [True, False])
def test_against_one_step_after_the_other(rule: Any, momentum: str, commuting: bool) -> None:
    h = symmetric(4, 0) / 4.0
    c = h @ h + 0.1 * np.eye(4) if commuting else symmetric(4, 1) @ symmetric(4, 1)
    found = covariance_recursion.spread(rule, h, c, STEPS, momentum)
    exact = explicit(rule, h, c, STEPS, momentum == "thermal")
    assert np.abs(found - exact).max() < 1e-12 * np.abs(exact).max()
    wrong = explicit(rule._replace(lr=rule.lr * (1.0 + 1e-6)), h, c, STEPS, momentum == "thermal")
    assert np.abs(found - wrong).max() > 1e-8 * np.abs(exact).max()


def test_repeated_eigenvalues_and_no_noise() -> None:
    u = np.linalg.qr(symmetric(3, 2))[0]
    c = u @ np.diag([1.0, 2.0, 3.0]) @ u.T
    for h, noise in ((np.eye(3), c), (c, np.eye(3)), (np.zeros((3, 3)), c), (c, np.zeros((3, 3)))):
        found = covariance_recursion.spread(SGD(0.05), h, noise, STEPS)
        np.testing.assert_allclose(found, explicit(SGD(0.05), h, noise, STEPS), rtol=1e-11, atol=1e-16)


def test_sgd_is_its_closed_solution() -> None:
    h, c = np.array([-1.0, 0.0, 0.1, 40.0]), np.array([1.0, 2.0, 0.1, 3.0])
    steps = np.array([0, 1, 10, 100, 1000])
    found = covariance_recursion.spread(SGD(0.05), np.diag(h), np.diag(c), steps)
    exact = closed_form("theorem-1", "iterated_spread")(h, c, 0.05, steps[:, None])
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), exact, rtol=1e-10)


def test_small_steps_tend_to_the_diffusion() -> None:
    h, ratio = np.array([-1.0, 0.5]), []
    for lr in (0.01, 0.005):
        rule = Momentum(lr, 1.0 - 2.0 * lr, 2.0 * lr)  # gamma 2, gamma M 1 at every lr
        found = covariance_recursion.spread(rule, np.diag(h), np.eye(2) / lr, [round(3.0 / lr)])
        exact = linear_diffusion.spread(h, 0.5, 3.0, 2.0, 1.0)
        ratio.append(np.diagonal(found[0]) / exact - 1.0)
    np.testing.assert_allclose(ratio[0] / ratio[1], 2.0, rtol=0.1)  # first order in lr


def test_many_dimensions_take_seconds() -> None:
    d = 300
    h = symmetric(d, 3) / 30.0
    before = time.perf_counter()
    found = covariance_recursion.spread(Momentum(0.01, 0.9, 0.1), h, symmetric(d, 4) @ symmetric(d, 4), [1, 100, 1000])
    assert found.shape == (3, d, d)
    assert time.perf_counter() - before < 30.0


def test_what_is_not_linear_is_refused() -> None:
    with pytest.raises(TypeError, match="Adam is not linear in the gradient"):
        covariance_recursion.spread(Adam(), np.eye(1), np.eye(1), [1])
    with pytest.raises(ValueError, match="must rise from 0 or more"):
        covariance_recursion.spread(SGD(), np.eye(1), np.eye(1), [5, 5])
