import math

import numpy as np
import pytest
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.interface import covariance_at, hessian_at, noise_root_at, suited
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.pairs import check_escape, check_pair
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.landscapes.styblinski_tang import StyblinskiTang

from . import samples

KINDS = ["isotropic", "constant", "diagonal", "hessian", "hessian-floor"]


class Given:
    """A landscape whose Hessian is one given matrix, with no eigenbasis known."""

    def __init__(self, h):
        self.h, self.dimension = h, len(h)

    def hessian(self, theta, j, out):
        out[:] = self.h


def absolute(h, floor):
    values, vectors = np.linalg.eigh(h)
    return vectors * np.maximum(np.abs(values), floor) @ vectors.T


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", samples.LANDSCAPES)
def test_what_is_drawn_has_the_stated_covariance(name, kind):
    landscape = samples.LANDSCAPES[name]
    noise = samples.noises(landscape.dimension)[kind]
    for x in samples.points(landscape, 3):
        root = noise_root_at(suited(noise, landscape), landscape, x)
        c = covariance_at(noise, landscape, x)
        np.testing.assert_allclose(root @ root.T, c, rtol=0, atol=1e-12 * max(np.abs(c).max(), 1.0))


@pytest.mark.parametrize("name", samples.LANDSCAPES)
def test_hessian_noise_is_the_absolute_hessian_over_the_batch_size(name):
    landscape = samples.LANDSCAPES[name]
    for x in samples.points(landscape, 2):
        h = hessian_at(landscape, x)
        for floor in (0.0, 0.8):
            c = covariance_at(HessianNoise(0.7, floor).check(), landscape, x)
            np.testing.assert_allclose(c, absolute(h, floor) / 0.7, rtol=0, atol=1e-12 * np.abs(h).max())


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 6, 12])
@pytest.mark.parametrize(
    "case", ["random", "diagonal", "zero", "identity", "saddle of equals", "one direction", "graded"]
)
def test_every_solver_gives_the_root_of_the_absolute_hessian(d, case):
    rng = np.random.default_rng(d)
    q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    values = {
        "random": rng.standard_normal(d),
        "zero": np.zeros(d),
        "identity": np.ones(d),
        "saddle of equals": np.where(np.arange(d) % 2, 1.0, -1.0),
        "one direction": np.where(np.arange(d) == 0, -3.0, 0.0),
        "graded": 10.0 ** -np.arange(d),
    }
    h = np.diag(rng.standard_normal(d)) if case == "diagonal" else q * values[case] @ q.T
    landscape, noise = Given(0.5 * (h + h.T)), HessianNoise(0.7, 0.0)
    root = noise_root_at(suited(noise, landscape), landscape, np.zeros(d))
    np.testing.assert_allclose(
        root @ root.T, absolute(h, 0.0) / 0.7, rtol=0, atol=1e-14 * d * max(np.abs(h).max(), 1.0)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["saddle-turned", "piecewise-bent-turned", "quartic-bent", "mueller-brown", "quartic"])
def test_draw_adds_and_leaves_z_and_theta_as_they_are(name, kind):
    landscape = samples.LANDSCAPES[name]
    noise = suited(samples.noises(landscape.dimension)[kind], landscape)
    theta = np.ascontiguousarray(samples.points(landscape).T)
    z = np.random.default_rng(1).standard_normal(theta.shape)
    kept = theta.copy(), z.copy()
    once, twice = np.zeros(theta.shape), np.full(theta.shape, 5.0)
    noise.draw(landscape, theta, z, once)
    noise.draw(landscape, theta, z, twice)
    np.testing.assert_allclose(twice, once + 5.0, atol=1e-12)
    assert np.array_equal(theta, kept[0])
    assert np.array_equal(z, kept[1])
    for j in range(theta.shape[1]):
        alone = np.zeros((theta.shape[0], 1))
        noise.draw(landscape, theta[:, [j]], z[:, [j]], alone)
        np.testing.assert_allclose(once[:, [j]], alone, rtol=1e-13, atol=1e-13)


def test_singular_and_diagonal_covariances_are_allowed():
    v = np.array([1.0, -2.0, 0.5])
    singular = ConstantNoise(np.outer(v, v)).check()
    root = noise_root_at(singular, StyblinskiTang(3), np.zeros(3))
    np.testing.assert_allclose(root @ root.T, np.outer(v, v), atol=1e-14)
    diagonal = ConstantNoise([4.0, 0.0, 9.0]).check()
    assert np.array_equal(noise_root_at(diagonal, StyblinskiTang(3), np.zeros(3)), np.diag([2.0, 0.0, 3.0]))
    assert np.array_equal(ConstantNoise(np.diag([4.0, 0.0, 9.0])).check().root, diagonal.root)


@pytest.mark.parametrize(
    ("noise", "text"),
    [
        (IsotropicNoise(-1.0), "variance=-1.0 must not be below 0"),
        (ConstantNoise([[1.0, 0.5], [0.4, 1.0]]), "covariance must be symmetric: two entries differ by 0.1"),
        (ConstantNoise([[1.0, 2.0], [2.0, 1.0]]), "semidefinite: its smallest eigenvalue is -1, below 0"),
        (ConstantNoise([[1.0, 2.0]]), "covariance has shape .1, 2.; it must be square"),
        (ConstantNoise([[math.nan]]), "covariance must be finite"),
        (HessianNoise(0.0), "batch_size=0.0 must be above 0"),
        (HessianNoise(floor=-0.1), "floor=-0.1 must not be below 0"),
        (HessianNoise(batch_size="7"), "batch_size='7' must be a number, not str"),
    ],
)
def test_refusals_name_the_field_the_value_and_the_bound(noise, text):
    with pytest.raises((ValueError, TypeError), match=text) as caught:
        noise.check()
    assert "\n" not in str(caught.value)


def test_a_noise_for_another_dimension_is_refused():
    noise = ConstantNoise(np.eye(3)).check()
    with pytest.raises(ValueError, match="covariance is for 3 dimensions; StyblinskiTang has 2"):
        check_pair(StyblinskiTang(2), noise)
    check_pair(StyblinskiTang(3), noise)
    check_pair(StyblinskiTang(7), IsotropicNoise())


@pytest.mark.parametrize(
    "well",
    [QuarticWell(), QuarticWell(tilt=0.2), QuarticWell(transverse_min=(1.0, 2.0), rotation=3), StyblinskiTang(2)],
)
def test_noise_that_vanishes_at_an_inflection_is_refused_and_a_floor_mends_it(well):
    well = well.check()
    with pytest.raises(
        ValueError, match=r"vanishes along the escape direction at the inflection point .* floor above 0"
    ):
        check_escape(well, HessianNoise().check(), well.escape())
    check_escape(well, HessianNoise(floor=0.05).check(), well.escape())
    check_escape(well, IsotropicNoise().check(), well.escape())


def test_the_inflection_named_is_the_one_of_the_quartic():
    well = QuarticWell().check()
    with pytest.raises(ValueError, match=r"\[-0.5774\]"):
        check_escape(well, HessianNoise().check(), well.escape())


@pytest.mark.parametrize("rotation", [None, 1])
def test_a_curvature_that_jumps_is_not_refused(rotation):
    for across in ((), (3.0,)):
        well = PiecewiseQuadraticWell(transverse_min=across, rotation=rotation).check()
        check_escape(well, HessianNoise().check(), well.escape())
    saddle = QuadraticSaddle().check()
    check_escape(saddle, HessianNoise().check(), saddle.escape())


def test_no_noise_is_refused():
    well = PiecewiseQuadraticWell(transverse_min=(1.0,)).check()
    for noise in (IsotropicNoise(0.0), ConstantNoise([0.0, 1.0])):
        with pytest.raises(ValueError, match="no variance along the escape direction at the minimum: without noise"):
            check_escape(well, noise.check(), well.escape())
    check_escape(well, ConstantNoise([1.0, 0.0]).check(), well.escape())
