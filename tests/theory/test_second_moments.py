import math

import numpy as np
import pytest
from saddlescape.dynamics.adai import Adai
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.interface import adapt
from saddlescape.dynamics.sgd import SGD
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.theory.line import passage
from saddlescape.theory.second_moments import Frozen, frozen

WELL = PiecewiseQuadraticWell(2.0, 1.0, 0.25, transverse_min=[0.5, 0.2, 0.1]).check()
NOISE = HessianNoise(0.14)


def held(rule, noise=NOISE, well=WELL):
    found = frozen(passage(well, noise), rule.check())
    assert isinstance(found, Frozen)
    return found


def long_run_gain(rule, deviations):
    """Return the mean gain of adapt on gradients of these standard deviations, (d,), at a beta2 near 1."""
    generator = np.random.default_rng(1)
    d = len(deviations)
    state, gain, total = np.zeros((rule.rows(), d, 1)), np.ones((d, 1)), np.zeros(d)
    rule.start(0, np.zeros((d, 1)), state)
    for t in range(1, 12_001):
        adapt(rule, deviations[:, None] * generator.standard_normal((d, 1)), state, np.array([float(t)]), gain)
        total += gain[:, 0] if t > 2000 else 0.0
    return total / 10_000


def test_adam_is_heavy_ball_at_its_own_learning_rates():
    rule = Adam(0.02, beta2=0.999, eps=0.1)
    found = held(rule)
    v = np.array([2.0, 0.5, 0.2, 0.1]) / 0.14
    np.testing.assert_allclose(found.second_moments, v, rtol=1e-13)
    rates = 0.02 / (np.sqrt(v) + 0.1)
    assert found.particle.lr == pytest.approx(rates[0], rel=1e-13)
    np.testing.assert_allclose(found.rates, rates / rates[0], rtol=1e-13)
    assert found.stretch == pytest.approx(0.02 / rates[0], rel=1e-13)
    assert found.particle.time_step == 0.02
    assert (found.particle.keep, found.particle.friction_mass) == (pytest.approx(0.9), 1.0)
    assert found.particle.friction == pytest.approx(0.1 / rates[0])
    # The rule's own gain in the long run; 1e4 steps of memory 1e3 know v to about 2 % (4 standard errors, seed 1).
    np.testing.assert_allclose(0.02 * long_run_gain(rule, np.sqrt(v)), rates, rtol=0.04)


def test_adai_s_inertia_at_the_minimum():
    found = held(Adai(0.01))
    assert 1.0 - found.particle.keep == pytest.approx(0.1 * 4 * 2.0 / 2.8, rel=1e-13)
    assert found.particle.friction == pytest.approx((0.8 / 2.8) / 0.01)
    assert (found.stretch, found.rates.tolist()) == (1.0, [1.0] * 4)
    gain = long_run_gain(Adai(0.01, beta2=0.999), np.sqrt(found.second_moments))
    assert 1.0 - gain[0] == pytest.approx(0.8 / 2.8, rel=0.03)
    # Clipped at both ends.
    assert held(Adai(0.01, beta0=0.9)).particle.kind == "sgd"
    weak = ConstantNoise(np.diag([1e-6, 1.0, 1.0, 1.0])).check()
    assert held(Adai(0.01), weak).particle.keep == pytest.approx(0.999)
    assert held(Adai(0.01), IsotropicNoise(3.0)).particle.keep == pytest.approx(0.9)


def test_no_memory_is_sgd():
    found = held(Adam(0.02, beta1=0.0)).particle
    assert found.kind == "sgd"
    assert math.isinf(found.friction)


def test_why_not():
    turned = PiecewiseQuadraticWell(transverse_min=[1.0, 2.0], rotation=4).check()
    assert "coordinate axis" in str(frozen(passage(turned, NOISE), Adam().check()))
    axes = np.eye(3)
    axes[1:, 1:] = np.array([[0.6, -0.8], [0.8, 0.6]])
    across = PiecewiseQuadraticWell(transverse_min=[1.0, 2.0], rotation=axes).check()
    assert "diagonal at the minimum" in str(frozen(passage(across, NOISE), Adai().check()))
    assert "dampening=0.3" in str(frozen(passage(WELL, NOISE), Adai(dampening=0.3).check()))
    assert "SGD has no second moments" in str(frozen(passage(WELL, NOISE), SGD().check()))
    silent = ConstantNoise(np.diag([1.0, 1.0, 1.0, 0.0])).check()
    assert "without noise" in str(frozen(passage(WELL, silent), Adam(eps=0.0).check()))
