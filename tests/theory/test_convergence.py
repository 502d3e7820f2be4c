import math

import numpy as np
import pytest
from saddlescape import (
    SGD,
    Adai,
    AdamW,
    ConstantNoise,
    HessianNoise,
    IsotropicNoise,
    Momentum,
    MuellerBrown,
    PseudoHuber,
    QuadraticSaddle,
    StyblinskiTang,
    from_expression,
    saddle_spread,
)
from saddlescape.dynamics.evaluate import gradients
from saddlescape.theory.convergence import bounds, constants, frozen_inertia, mean_square_gradient

NOISE = IsotropicNoise(2.5).check()
STEPS = [0, 1, 2, 7, 40, 200]


def test_constants() -> None:
    valley = PseudoHuber((1.0, 0.25), (3.0, 4.0)).check()
    told = constants(valley, NOISE, [1.0, -2.0])
    u = np.array([1.0 / 3.0, -0.125])
    gap = np.sum(np.array([9.0, 64.0]) * (np.sqrt(1.0 + u * u) - 1.0))
    assert told == pytest.approx((gap, 1.0, 5.0, math.sqrt(5.0)), rel=1e-14)
    assert told.gradient == pytest.approx(math.sqrt(30.0), rel=1e-15)
    noise = ConstantNoise(np.array([[2.0, 0.5], [0.5, 1.0]])).check()
    assert constants(QuadraticSaddle([3.0, 1.0]).check(), noise, [1.0, 1.0]) == (2.0, 3.0, math.inf, math.sqrt(3.0))
    for landscape, other, said in (
        (QuadraticSaddle([1.0, -1.0]).check(), NOISE, "QuadraticSaddle has no known smoothness"),
        (MuellerBrown().check(), NOISE, "MuellerBrown has no known smoothness"),
        (valley, HessianNoise(1.0).check(), "HessianNoise has no known bound"),
    ):
        with pytest.raises(TypeError, match=said):
            constants(landscape, other, [0.0, 0.0])


def test_frozen_inertia() -> None:
    assert frozen_inertia(SGD(0.1).check(), 3) == (0.0, False)
    assert frozen_inertia(Momentum(0.1, 0.8, 1.0 - 0.8).check(), 3) == (0.8, False)
    assert frozen_inertia(Adai(0.1, beta0=0.3).check(), 1) == (0.7, True)
    assert frozen_inertia(Adai(0.1, beta0=2.0).check(), 1) == (0.0, False)
    for rule, said in (
        (Adai(0.1), "mu depends on g"),
        (Momentum(0.1, 0.8, 1.0), "beta3=1 is not 1 - beta1 = 0.2"),
        (SGD(0.1, weight_decay=0.1), "weight decay"),
        (AdamW(0.1), "weight decay|AdamW has no inertia"),
    ):
        with pytest.raises(TypeError, match=said):
            frozen_inertia(rule.check(), 2)


def test_bounds_that_are_not_claimed_say_why() -> None:
    valley = PseudoHuber((1.0, 0.25)).check()
    told = constants(valley, NOISE, [1.0, 1.0])
    adai = bounds(Adai(0.1).check(), told, 100, 2)
    assert adai.closed_form.value is None
    assert adai.corrected.value is None
    assert adai.closed_form.reason == "no bound is claimed: mu depends on g"
    line = bounds(Adai(0.01).check(), told, 100, 1)
    assert line.closed_form.value is None
    assert line.corrected.value is not None
    wild = bounds(Momentum(0.3, 0.9, 0.1).check(), told, 10, 2)
    assert wild.closed_form.value is not None
    assert wild.corrected.value is None
    assert "not below 1" in wild.corrected.reason
    no_slope = bounds(SGD(0.1).check(), told._replace(slope=math.inf), 100, 2)
    assert no_slope.closed_form.value is None
    assert no_slope.corrected.value is not None


def test_a_density_on_a_parabola_is_the_recursion() -> None:
    line, saddle = from_expression("0.35*x**2"), QuadraticSaddle([0.7]).check()
    for rule in (SGD(0.3).check(), SGD(0.05, weight_decay=0.2).check()):
        density = mean_square_gradient(line, NOISE, rule, STEPS, [2.0])
        recursion = mean_square_gradient(saddle, NOISE, rule, STEPS, [2.0])
        np.testing.assert_allclose(density.mean_square, recursion.mean_square, rtol=1e-9)
        assert density.error < 1e-7
        wrong = mean_square_gradient(saddle, IsotropicNoise(2.5 * 1.0001).check(), rule, STEPS[1:], [2.0])
        assert np.all(np.abs(wrong.mean_square / density.mean_square[1:] - 1.0) > 1e-7)


def test_heavy_ball_without_inertia_is_sgd() -> None:
    valley = PseudoHuber((1.0, 0.25)).check()
    one = mean_square_gradient(valley, NOISE, Momentum(0.2, 0.0, 0.5).check(), STEPS, [1.0, 2.0])
    other = mean_square_gradient(valley, NOISE, SGD(0.1).check(), STEPS, [1.0, 2.0])
    np.testing.assert_allclose(one.mean_square, other.mean_square, rtol=1e-12)


@pytest.mark.parametrize("rule", [SGD(0.2), Momentum(0.2, 0.8, 0.2)])
def test_recursion_of_a_turned_parabola_against_its_own_step(rule) -> None:
    landscape = QuadraticSaddle([2.0, 0.3], rotation=1).check()
    noise = ConstantNoise(np.array([[1.0, 0.4], [0.4, 0.5]])).check()
    u, start = np.asarray(landscape.rotation), np.array([0.5, -1.0])
    H, C = u @ np.diag([2.0, 0.3]) @ u.T, np.array([[1.0, 0.4], [0.4, 0.5]])
    b, w = (0.0, 1.0) if isinstance(rule, SGD) else (0.8, 0.2)
    eye = np.eye(2)
    A = np.block([[eye - 0.2 * w * H, -0.2 * b * eye], [w * H, b * eye]])
    push = np.vstack([-0.2 * w * eye, w * eye])
    y, S = np.array([*start, 0.0, 0.0]), np.zeros((4, 4))
    expected = []
    for _ in range(max(STEPS) + 1):
        expected.append(np.trace(H @ (S[:2, :2] + np.outer(y[:2], y[:2])) @ H))
        y, S = A @ y, A @ S @ A.T + push @ C @ push.T
    found = mean_square_gradient(landscape, noise, rule.check(), STEPS, start)
    np.testing.assert_allclose(found.mean_square, np.array(expected)[STEPS], rtol=1e-11)


@pytest.mark.parametrize(
    ("landscape", "origin", "lr"),
    [
        (PseudoHuber((1.0, 0.25), (1.0, 2.0)), (1.0, -4.0), 0.3),
        (PseudoHuber((3.0,), (0.2,)), (2.0,), 0.02),
        (StyblinskiTang(2), (-2.9, 2.7), 0.005),
    ],
)
def test_density_against_simulation(landscape, origin, lr) -> None:
    # N = 40,000, seed 5, 15 comparisons at 4.5 standard errors: 1e-4 false alarms.
    landscape, record = landscape.check(), [1, 2, 7, 40, 200]
    rule = SGD(lr).check()
    spread = saddle_spread(
        landscape, NOISE, rule, steps=200, trajectories=40_000, seed=5, record=record, origin=origin, keep_paths=True
    )
    assert spread.paths is not None
    flat = spread.paths.transpose(2, 0, 1).reshape(len(origin), -1)
    square = np.sum(gradients(landscape, flat) ** 2, axis=0).reshape(40_000, len(record))
    exact = mean_square_gradient(landscape, NOISE, rule, record, origin).mean_square
    error = square.std(axis=0) / math.sqrt(40_000)
    assert np.all(np.abs(square.mean(axis=0) - exact) < 4.5 * error + 1e-9 * exact)
    # Negative control: noise 10 % too large is seen.
    other = mean_square_gradient(landscape, IsotropicNoise(2.75).check(), rule, record, origin).mean_square
    assert np.any(np.abs(square.mean(axis=0) - other) > 4.5 * error)


def test_what_cannot_be_had_is_refused_with_its_reason() -> None:
    valley = PseudoHuber((1.0, 0.25)).check()
    for landscape, noise, rule, said in (
        (valley, NOISE, Momentum(0.1, 0.9, 0.1), "theta alone is no Markov chain"),
        (valley, NOISE, Adai(0.1), "theta alone is no Markov chain"),
        (MuellerBrown(), NOISE, SGD(1e-4), "MuellerBrown is no sum over coordinates"),
        (valley, HessianNoise(1.0), SGD(0.1), "the noise of a coordinate depends"),
        (QuadraticSaddle([1.0, 2.0]), NOISE, Adai(0.1), "Adai is not linear"),
    ):
        with pytest.raises(TypeError, match=said):
            mean_square_gradient(landscape.check(), noise.check(), rule.check(), [3], [1.0, 1.0])
    with pytest.raises(ValueError, match="node-steps"):
        mean_square_gradient(valley, NOISE, SGD(1e-4).check(), [10**6], [1.0, 1.0])
    with pytest.raises(ValueError, match="no noise at the start"):
        mean_square_gradient(valley, IsotropicNoise(0.0).check(), SGD(0.1).check(), [3], [1.0, 1.0])
    with pytest.raises(ValueError, match="must rise"):
        mean_square_gradient(valley, NOISE, SGD(0.1).check(), [3, 3], [1.0, 1.0])
