import numpy as np
import pytest
from saddlescape.landscapes import LANDSCAPES as TABLE
from saddlescape.landscapes.checks import number
from saddlescape.landscapes.frame import unrotated
from saddlescape.landscapes.interface import gradient_at, hessian_at, value_at

from . import samples

every = pytest.mark.parametrize("name", samples.LANDSCAPES)
every_escape = pytest.mark.parametrize("name", samples.WITH_ESCAPE)


def differences(function, x, step):
    """Central differences, fourth order: error step^4, rounding 1e-16/step."""
    columns = []
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = step
        columns.append(
            (8.0 * (function(x + e) - function(x - e)) - (function(x + 2 * e) - function(x - 2 * e))) / (12.0 * step)
        )
    return np.array(columns).T


@every
def test_gradient_is_the_derivative_of_the_value(name):
    landscape = samples.LANDSCAPES[name]
    for x in samples.points(landscape):
        # A value's own size sets the rounding: 1e-16 / 1e-3 of it.
        scale = 1.0 + abs(value_at(landscape, x)) + np.abs(hessian_at(landscape, x)).max()
        expected = differences(lambda p: value_at(landscape, p), x, 1e-3)
        np.testing.assert_allclose(gradient_at(landscape, x), expected, rtol=0, atol=1e-8 * scale)


@every
def test_hessian_is_the_derivative_of_the_gradient_and_symmetric(name):
    landscape = samples.LANDSCAPES[name]
    for x in samples.points(landscape):
        h = hessian_at(landscape, x)
        scale = 1.0 + np.abs(h).max()
        np.testing.assert_allclose(
            h, differences(lambda p: gradient_at(landscape, p), x, 1e-3), rtol=0, atol=1e-8 * scale
        )
        np.testing.assert_allclose(h, h.T, rtol=0, atol=1e-14 * scale)


@every
def test_lanes_do_not_mix(name):
    landscape = samples.LANDSCAPES[name]
    theta = np.ascontiguousarray(samples.points(landscape).T)
    value, gradient = np.full(theta.shape, np.nan), np.full(theta.shape, np.nan)
    landscape.value(theta, value)
    landscape.gradient(theta, gradient)
    for j, x in enumerate(theta.T):
        assert value[0, j] == value_at(landscape, x)
        assert np.array_equal(gradient[:, j], gradient_at(landscape, x))
        h, alone = np.full((2, len(x), len(x)), np.nan)
        landscape.hessian(theta, j, h)
        landscape.hessian(x[:, None], 0, alone)
        assert np.array_equal(h, alone)
        np.testing.assert_allclose(h, hessian_at(landscape, x), rtol=0, atol=1e-14 * (1.0 + np.abs(h).max()))


@every
def test_minima_and_saddles_are_critical_with_the_right_signs(name):
    landscape = samples.LANDSCAPES[name]
    for points, negative in ((landscape.minima(), 0), (landscape.saddles(), 1)):
        assert points.shape[1:] == (landscape.dimension,)
        for x in points:
            h = np.linalg.eigvalsh(hessian_at(landscape, x))
            scale = np.abs(h).max() * max(np.abs(x).max(), 1.0)
            assert np.abs(gradient_at(landscape, x)).max() <= 2e-15 * scale
            assert np.sum(h < -1e-15 * scale) == negative


@every_escape
def test_escape_goes_over_a_listed_saddle_along_its_unstable_direction(name):
    landscape = samples.WITH_ESCAPE[name]
    way = landscape.escape()
    e = way.direction
    assert e.shape == (landscape.dimension,)
    assert abs(e @ e - 1.0) < 1e-14
    assert np.abs(landscape.saddles() - way.saddle).max(axis=1).min() == 0.0
    h = hessian_at(landscape, way.saddle)
    assert e @ h @ e < 0.0
    np.testing.assert_allclose(h @ e, (e @ h @ e) * e, rtol=0, atol=1e-12 * np.abs(h).max())
    scale = max(abs(value_at(landscape, way.minimum)), 1e-2)
    assert abs(way.barrier - (value_at(landscape, way.saddle) - value_at(landscape, way.minimum))) <= 1e-14 * scale
    if name.startswith("saddle"):
        assert way.far_minimum is None
        assert way.barrier == 0.0
    else:
        assert np.abs(landscape.minima() - way.minimum).max(axis=1).min() < 1e-14
        assert np.abs(landscape.minima() - way.far_minimum).max(axis=1).min() < 1e-14
        assert way.barrier > 0.0
        assert e @ way.minimum < e @ way.saddle < e @ way.far_minimum


@pytest.mark.parametrize("name", samples.EIGENBASIS)
def test_eigenbasis_diagonalises_the_hessian_everywhere(name):
    landscape = samples.EIGENBASIS[name]
    d = landscape.dimension
    theta = np.ascontiguousarray(samples.points(landscape).T)
    values, turned = np.empty(theta.shape), np.ones((d, d))
    landscape.eigenvalues(theta, values)
    landscape.add_turned(np.eye(d), turned)
    u = turned - 1.0
    np.testing.assert_allclose(u.T @ u, np.eye(d), atol=1e-14)
    for j, x in enumerate(theta.T):
        np.testing.assert_allclose(u * values[:, j] @ u.T, hessian_at(landscape, x), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in samples.LANDSCAPES if name.endswith("turned")])
def test_a_rotated_landscape_is_the_landscape_rotated(name):
    turned = samples.LANDSCAPES[name]
    plain = turned._replace(rotation=None).check()
    u = unrotated(turned.rotation, turned.dimension)
    for x in samples.points(turned):
        q = u.T @ x
        assert abs(value_at(turned, x) - value_at(plain, q)) < 1e-13
        np.testing.assert_allclose(gradient_at(turned, x), u @ gradient_at(plain, q), rtol=0, atol=1e-13)
        np.testing.assert_allclose(hessian_at(turned, x), u @ hessian_at(plain, q) @ u.T, rtol=0, atol=1e-13)
    way, there = turned.escape(), plain.escape()
    np.testing.assert_allclose(way.minimum, u @ there.minimum, atol=1e-14)
    np.testing.assert_allclose(way.direction, u @ there.direction, atol=1e-14)


@every
def test_check_changes_nothing_the_second_time(name):
    once = samples.LANDSCAPES[name]
    for first, second in zip(once, once.check(), strict=True):
        assert np.array_equal(first, second)
        assert type(first) is type(second)
        if isinstance(first, np.ndarray):
            assert second.dtype == np.float64
            assert second.flags.c_contiguous


def test_every_sample_kind_is_in_the_table():
    from importlib import import_module

    for module, made_by in TABLE.values():
        assert callable(getattr(import_module(f"saddlescape.landscapes.{module}"), made_by))
    assert len(TABLE) == 7


def test_numbers_are_numbers():
    with pytest.raises(TypeError, match=r"barrier=True must be a number, not bool"):
        number("barrier", True)
