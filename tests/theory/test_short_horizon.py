import math

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.theory import covariance_recursion
from saddlescape.theory.short_horizon import normal_nodes, second_moment


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_rule_has_the_moments_of_normals(count: int) -> None:
    x, weights = normal_nodes(count, 12)
    assert weights.sum() == pytest.approx(1.0, rel=1e-13)
    for k in range(count):
        for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)):
            assert (weights * x[k] ** power).sum() == pytest.approx(moment, rel=1e-9, abs=1e-13)
        for other in range(k):
            assert (weights * x[k] ** 2 * x[other] ** 2).sum() == pytest.approx(1.0, rel=1e-9)
    # A jump where a normal changes its sign: P(x > 0) and E|x|, from the signs of all.
    assert (weights * (x[-1] > 0)).sum() == pytest.approx(0.5, rel=1e-12)
    assert (weights * (x[0] > 0)).sum() == pytest.approx(0.5, rel=1e-12)


def test_linear_rules_give_the_covariance_recursion() -> None:
    h, root = np.array([[-1.0, 0.3], [0.3, 0.5]]), np.array([[1.0, 0.0], [0.4, 0.7]])
    for rule in (ss.SGD(0.1), ss.Momentum(0.1, 0.8, 0.2)):
        found = second_moment(rule, h, root, 2)
        np.testing.assert_allclose(found.moment, covariance_recursion.spread(rule, h, root @ root.T, [1, 2]), rtol=1e-3)
    single = second_moment(ss.Momentum(0.1, 0.8, 0.2), np.array([[-1.0]]), np.array([[1.3]]), 3)
    exact = covariance_recursion.spread(
        ss.Momentum(0.1, 0.8, 0.2), np.array([[-1.0]]), np.array([[1.69]]), np.arange(1, 4)
    )
    np.testing.assert_allclose(single.moment, exact, rtol=1e-9)


def test_adam_takes_its_first_step_by_the_sign_and_its_second_in_closed_form() -> None:
    # With bias correction, eps = 0 and no curvature, step 1 is lr sign(g1); step 2 is lr mhat/sqrt(vhat) with
    # mhat = (b g1 + g2)/(1 + b), vhat = (c g1^2 + g2^2)/(1 + c): on the circle, an integral over one angle.
    b, c, lr = 0.9, 0.999, 0.01
    found = second_moment(ss.Adam(lr, b, c, 0.0), np.array([[0.0]]), np.array([[2.0]]), 2)
    assert found.moment[0, 0, 0] == pytest.approx(lr * lr, rel=1e-12)
    angle = 2.0 * math.pi * (np.arange(200_000) + 0.5) / 200_000
    g1, g2 = np.cos(angle), np.sin(angle)
    step = (b * g1 + g2) / (1 + b) / np.sqrt((c * g1**2 + g2**2) / (1 + c))
    exact = lr * lr * np.mean((np.sign(g1) + step) ** 2)
    assert found.moment[1, 0, 0] == pytest.approx(exact, rel=1e-7)
    assert found.error < 1e-6


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ValueError, match=r"steps=3 in 2 dimensions need an integral over 6 > 4 normals"):
        second_moment(ss.Adam(), np.eye(2), np.eye(2), 3)
    with pytest.raises(TypeError, match="Langevin needs the gradient at more than one point"):
        second_moment(ss.Langevin(0.1).check(), np.eye(1), np.eye(1), 1)


def test_simulated_first_steps() -> None:
    # 100,000 trajectories, seed 5, 6 intervals at 1 - 1e-4: false-alarm rate 6e-4. A beta0 20 % off is rejected.
    saddle, noise = ss.QuadraticSaddle(np.array([-1.0, 0.1])), ss.HessianNoise(1.0)
    h, root = np.diag([-1.0, 0.1]), np.diag(np.sqrt([1.0, 0.1]))
    rule = ss.Adai(0.05, 0.3)
    spread = ss.saddle_spread(saddle, noise, rule, steps=2, trajectories=100_000, seed=5, record=[1, 2])
    low, high = spread.interval(1.0 - 1e-4)

    def holds(rule: ss.Adai) -> bool:
        exact = np.diagonal(second_moment(rule, h, root, 2).moment, axis1=1, axis2=2)
        return bool(np.all((low <= exact) & (exact <= high)))

    assert holds(rule)
    assert not holds(ss.Adai(0.05, 0.36))
