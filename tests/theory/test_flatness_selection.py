import math

import numpy as np
import pytest
import sympy as sp
from saddlescape.dynamics.adai import Adai
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.interface import advance
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.flatness_selection import k
from saddlescape.theory.proposition_2 import volume
from saddlescape.theory.statements import derivation
from saddlescape.theory.symbols import B, H_a, H_b, barrier, beta0, beta1, eta, friction_mass, gamma, n, s, trace_norm

from .symbolic import same

DERIVED = derivation("flatness-selection")


def test_derivation_ends_in_the_laws():
    # The statement: ln(tau/Pi_k) = A k^-p, Pi_k ~ k^-p (root_k + 1)/2, typed independently.
    linear = 2 * B * barrier / eta * (s / H_a + (1 - s) / H_b)
    rooted = 2 * sp.sqrt(B) * barrier / eta * (s / sp.sqrt(H_a) + (1 - s) / sp.sqrt(H_b))
    climbs = {"momentum": friction_mass * linear / k, "adai": linear / k, "adam": rooted / sp.sqrt(k)}
    root = {
        "momentum": sp.sqrt(1 + 4 * k * H_b / (gamma * friction_mass)),
        "adai": sp.sqrt(1 + 4 * eta * k * trace_norm / (n * beta0)),
        "adam": sp.sqrt(1 + 4 * eta * sp.sqrt(k * B * H_b) / (1 - beta1)),
    }
    before = {
        "momentum": 2 * sp.pi * friction_mass / (k * H_b),
        "adai": 2 * sp.pi / (k * H_b),
        "adam": 2 * sp.pi * sp.exp(volume / 4) / sp.sqrt(k * B * H_b),
    }
    for name in climbs:
        assert same(DERIVED.form(f"{name}_climb").expression, climbs[name])
        found = sp.exp(DERIVED.form(f"{name}_log_prefactor").expression)
        assert same(found, before[name] * (root[name] + 1) / 2)
        assert not same(found, before[name])
    for one in DERIVED.forms:
        assert same(one.finite, one.expression)


@pytest.mark.parametrize(("power", "slope"), [(1.0, -0.935), (0.5, -0.465)])
def test_raw_slopes_are_wrong(power, slope):
    # A = 10, k from .5 to 2, H_b 1, without root; a straight line through ln ln tau.
    at = np.geomspace(0.5, 2.0, 41)
    raw = np.log(math.log(2 * math.pi) - power * np.log(at) + 10.0 * at**-power)
    assert np.polyfit(np.log(at), raw, 1)[0] == pytest.approx(slope, abs=0.006)
    limit = next(one.result for one in DERIVED.limits if one.name == "the slope of raw ln tau")
    values = {"A": 10, "p": power, "lnPi_1": math.log(2 * math.pi)}
    there = float(limit.subs({symbol: values[symbol.name] for symbol in limit.free_symbols}))
    middle = np.gradient(raw, np.log(at))[20]
    assert there == pytest.approx(middle, rel=1e-3)


def test_laws_are_the_statements_at_another_curvature():
    climb, prefactor = (closed_form("flatness-selection", f"adai_{part}") for part in ("climb", "log_prefactor"))
    exponent = closed_form("theorem-3", "exponent")(2.0 * 3.0, 3.0, 0.25, 0.14, 0.01, 1 / 3)
    printed = closed_form("proposition-4", "log_escape_time")(3.0, exponent, 0.01, 0.1, 4, 3.0 * 1.8)
    law = climb(2.0, 1.0, 0.25, 0.14, 0.01, 1 / 3, 3.0) + prefactor(1.0, 0.01, 0.1, 4, 1.8, 3.0)
    assert float(law) == pytest.approx(float(printed), rel=1e-14)


def path(rule, well, noise, theta, normals):
    """Return theta of every step, un-jitted, (T, d, lanes)."""
    theta = theta.copy()
    d, lanes = theta.shape
    state, g, gain = np.zeros((rule.rows(), d, lanes)), np.empty((d, lanes)), np.ones((d, lanes))
    out = []
    for j in range(lanes):
        rule.start(j, theta, state)
    for t, z in enumerate(normals, 1):
        advance(rule, well, noise, theta, z, g, state, np.full(lanes, float(t)), gain)
        out.append(theta.copy())
    return np.array(out)


RULES = {
    "SGD": lambda lr: SGD(lr),
    "Momentum": lambda lr: Momentum(lr, 0.9, 0.1),
    "Adai": lambda lr: Adai(lr),
    "Adam": lambda lr: Adam(lr, eps=0.0),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("sharpness", [4.0, 16.0])
def test_path_for_path_to_the_last_bit(name, sharpness):
    # A power of 4: its root scales floating-point numbers exactly, and so do all sums and products of a step.
    root, rule = math.sqrt(sharpness), RULES[name]
    flat = PiecewiseQuadraticWell(2.0, 1.0, 0.25, transverse_min=[0.5, 0.5, 0.25]).check()
    sharp = PiecewiseQuadraticWell(
        2.0 * sharpness, sharpness, 0.25, transverse_min=sharpness * flat.transverse_min
    ).check()
    assert np.array_equal(sharp.escape().minimum * root, flat.escape().minimum)
    noise = HessianNoise(0.5).check()
    normals = np.random.default_rng(5).standard_normal((150, 4, 3))
    start = np.repeat(flat.escape().minimum[:, None], 3, axis=1)
    stretch = root if name == "Adam" else sharpness
    lr = 2.0**-9
    sharp_path = path(rule(lr), sharp, noise, start / root, normals)
    flat_path = path(rule(stretch * lr), flat, noise, start, normals)
    assert np.array_equal(root * sharp_path, flat_path)
    wrong = path(rule((sharpness if name == "Adam" else root) * lr), flat, noise, start, normals)
    assert not np.allclose(root * sharp_path, wrong, rtol=1e-3)
    assert np.ptp(flat_path[:, 0]) > 0.05
