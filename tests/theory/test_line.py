import math

import numpy as np
import pytest
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.mueller_brown import MuellerBrown
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory.line import integral, jumps, passage, separable, vanishing


def test_jumps_are_found_to_the_last_digit_and_slopes_are_not_jumps() -> None:
    at = math.sqrt(0.1)
    assert jumps(lambda x: np.where(x < at, 0.0, 1.0) + x, -1.0, 1.0) == [pytest.approx(at, abs=1e-15)]
    assert jumps(lambda x: np.tanh(50.0 * x), -1.0, 1.0) == []
    assert jumps(np.zeros_like, -1.0, 1.0) == []


def test_edges_of_the_piecewise_quadratic_well() -> None:
    way = passage(PiecewiseQuadraticWell(curvature_far=4.0).check(), HessianNoise(0.7))
    joint = math.sqrt(1.0 / 3.0)
    np.testing.assert_allclose(way.edges, [-joint, joint], atol=1e-14)


def test_a_floor_bends_the_noise() -> None:
    way = passage(QuarticWell().check(), HessianNoise(0.7, 0.3))
    bends = [s * math.sqrt((1.0 + h) / 3.0) for s in (-1, 1) for h in (-0.3, 0.0, 0.3)]
    np.testing.assert_allclose(way.edges, sorted(bends), atol=2e-5)


def test_separable() -> None:
    noise = HessianNoise(0.7)
    turned = PiecewiseQuadraticWell(transverse_min=[1.0, 2.0], rotation=1)
    assert separable(passage(turned.check(), noise))
    assert not separable(passage(turned._replace(transverse_saddle=[1.0, 3.0]).check(), noise))
    assert not separable(passage(MuellerBrown().check(), IsotropicNoise()))


def test_vanishing() -> None:
    assert vanishing(passage(QuarticWell().check(), HessianNoise(0.7))) is not None
    assert vanishing(passage(QuarticWell().check(), IsotropicNoise(0.0))) is not None
    assert vanishing(passage(PiecewiseQuadraticWell().check(), HessianNoise(0.7))) is None


def test_integral_of_the_slope_is_the_barrier() -> None:
    way = passage(PiecewiseQuadraticWell().check(), IsotropicNoise())
    assert integral(way.line.slope, way.minimum, way.saddle, way.edges) == pytest.approx(0.25, rel=1e-14)
