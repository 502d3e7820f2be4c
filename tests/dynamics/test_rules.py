import importlib
import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from saddlescape.dynamics import RULES, dispatch, interface
from saddlescape.dynamics.adai import Adai
from saddlescape.dynamics.adaiw import AdaiW
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.adamw import AdamW
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.sgd import SGD

from . import naive

PAIRS = {
    "sgd": (SGD(0.05, 0.3), naive.sgd, {}),
    "momentum": (Momentum(0.05, 0.9, 0.4, 0.3), naive.momentum, {}),
    "adam": (Adam(0.02, weight_decay=0.3), naive.adam, {}),
    "adamw": (AdamW(0.02, weight_decay=0.3), naive.adam, {"decoupled": True}),
    "adai": (Adai(0.05, weight_decay=0.3), naive.adai, {}),
    "adai clipped": (Adai(0.05, beta0=1.7, eps=0.3), naive.adai, {}),
    "adaiw": (AdaiW(0.05, weight_decay=0.3), naive.adai, {"decoupled": True}),
    "adaiv2": (Adai(0.05, weight_decay=0.3, dampening=0.4), naive.adai, {}),
    "adaiv2 undamped": (Adai(0.05, dampening=0.0), naive.adai, {}),
}


def replay(rule, start, gradients, lanes=1):
    """Run the rule's own methods in Python, every lane alike but for its gradients (T, d, lanes)."""
    rule = rule.check()
    steps, d = np.shape(gradients)[:2]
    g = np.array(gradients, dtype=float).reshape(steps, d, lanes)
    theta = np.repeat(np.array(start, dtype=float)[:, None], lanes, axis=1)
    state, gain, t = np.full((rule.rows(), d, lanes), np.nan), np.ones((d, lanes)), np.zeros(lanes)
    for j in range(lanes):
        interface.start(rule, j, theta, state)
    path = [theta.copy()]
    for k in range(steps):
        t += 1
        interface.decay(rule, theta, g[k])
        interface.adapt(rule, g[k], state, t, gain)
        interface.move(rule, theta, g[k], state, t, gain)
        path.append(theta.copy())
    return np.array(path)


def close(actual, expected):
    """Say whether two paths agree to 1e-12 of the way travelled."""
    scale = np.abs(expected).max() + 1e-300
    return bool(np.all(np.abs(actual - expected) <= 1e-12 * scale))


def gradient_sequence(rng, steps, d, kind):
    g = rng.normal(size=(steps, d)) * np.geomspace(0.1, 3.0, d)
    if kind == "all zero":
        g[:] = 0.0
    elif kind == "zero at first":
        g[: steps // 3] = 0.0
    elif kind == "one dead coordinate":
        g[:, -1] = 0.0
    elif kind == "huge":
        g *= 1e100
    elif kind == "tiny":
        g *= 1e-100
    return g


@pytest.mark.parametrize("kind", ["normal", "all zero", "zero at first", "one dead coordinate", "huge", "tiny"])
@pytest.mark.parametrize("d", [1, 50])
@pytest.mark.parametrize("name", PAIRS)
def test_rule_follows_its_equations(name, d, kind):
    rule, oracle, options = PAIRS[name]
    rng = np.random.default_rng(1)
    gradients, start = gradient_sequence(rng, 60, d, kind), rng.normal(size=d)
    expected = oracle(start, gradients, **rule._asdict(), **options)
    actual = replay(rule, start, gradients)[:, :, 0]
    assert np.all(np.isfinite(actual))
    assert close(actual, expected)


@given(data=st.data(), name=st.sampled_from(sorted(PAIRS)))
@settings(max_examples=60, deadline=None)
def test_rule_follows_its_equations_on_any_gradients(data, name):
    rule, oracle, options = PAIRS[name]
    d = data.draw(st.integers(1, 4))
    number = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-6 else 0.0)
    gradients = data.draw(st.lists(st.lists(number, min_size=d, max_size=d), min_size=1, max_size=12))
    start = [1.0] * d
    expected = oracle(start, gradients, **rule._asdict(), **options)
    assert close(replay(rule, start, gradients)[:, :, 0], expected)


@pytest.mark.parametrize("name", ["momentum", "adam", "adamw"])
def test_negative_control_another_beta1_is_told_apart(name):
    rule, oracle, options = PAIRS[name]
    rng = np.random.default_rng(2)
    gradients, start = rng.normal(size=(60, 5)), rng.normal(size=5)
    expected = oracle(start, gradients, **rule._replace(beta1=rule.beta1 + 1e-3)._asdict(), **options)
    assert not close(replay(rule, start, gradients)[:, :, 0], expected)


@pytest.mark.parametrize("name", ["adai", "adaiw", "adaiv2"])
def test_negative_control_another_beta0_or_mean_is_told_apart(name):
    rule, oracle, options = PAIRS[name]
    rng = np.random.default_rng(2)
    gradients, start = rng.normal(size=(60, 5)), rng.normal(size=5)
    expected = oracle(start, gradients, **rule._replace(beta0=rule.beta0 + 1e-4)._asdict(), **options)
    actual = replay(rule, start, gradients)[:, :, 0]
    assert not close(actual, expected)
    # Decoupled and L2 decay are two rules.
    other = oracle(start, gradients, **rule._asdict(), decoupled="decoupled" not in options)
    assert not close(actual, other)


@pytest.mark.parametrize("name", PAIRS)
def test_lanes_do_not_touch_each_other(name):
    # vbar is the mean over one trajectory: 3 lanes of very different gradients are three runs of one lane.
    rule = PAIRS[name][0]
    gradients = np.random.default_rng(3).normal(size=(30, 4, 3)) * [1.0, 1e-3, 50.0]
    start = [1.0, -2.0, 0.5, 3.0]
    together = replay(rule, start, gradients, lanes=3)
    for j in range(3):
        np.testing.assert_array_equal(together[:, :, j], replay(rule, start, gradients[:, :, j : j + 1])[:, :, 0])


# --- compiled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adam", "adamw", "adai", "adai clipped", "adaiw", "adaiv2"])
def test_compiled_rule_gives_the_same_bits(name):
    dispatch.register_new_helpers()
    rule = PAIRS[name][0].check()

    @njit(error_model="numpy")
    def run(rule, theta, gradients, kick, variance, state, t, gain):
        for j in range(theta.shape[1]):
            interface.start(rule, j, theta, state)
            if j % 2 == 1:
                interface.thermal(rule, j, kick, variance, state)
        for k in range(gradients.shape[0]):
            for j in range(t.shape[0]):
                t[j] += 1.0
            interface.decay(rule, theta, gradients[k])
            interface.adapt(rule, gradients[k], state, t, gain)
            interface.move(rule, theta, gradients[k], state, t, gain)

    results = []
    for call in (run, run.py_func):
        rng = np.random.default_rng(4)
        theta, gradients = rng.normal(size=(3, 16)), rng.normal(size=(40, 3, 16))
        state, gain, t = np.zeros((rule.rows(), 3, 16)), np.ones((3, 16)), np.zeros(16)
        call(rule, theta, gradients, np.array([1.0, -2.0, 0.3]), np.array([1.0, 2.0, 0.1]), state, t, gain)
        results.append((theta, state))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


# --- what the papers say ----------------------------------------------------------------------------------------------


def test_adai_without_any_gradient_has_the_largest_inertia():
    rule = Adai().check()
    g, state, gain = np.zeros((3, 1)), np.zeros((rule.rows(), 3, 1)), np.ones((3, 1))
    rule.adapt(g, state, np.ones(1), gain)
    np.testing.assert_array_equal(gain, 1.0 - rule.eps)


def test_adai_is_heavy_ball_in_one_dimension():
    gradients = np.random.default_rng(5).normal(size=(200, 1))
    rule = Adai(lr=0.03, beta0=0.2)
    corrected = 1.0 - 0.8 ** np.arange(1, 201)
    steps = np.diff(replay(rule, [1.0], gradients)[:, 0, 0]) * corrected
    plain = np.diff(replay(Momentum(0.03, 0.8, 0.2), [1.0], gradients)[:, 0, 0])
    np.testing.assert_allclose(steps, plain, rtol=1e-11, atol=1e-15)


def test_an_inertia_of_zero_ends_the_correction_for_good():
    rule = Adai(beta0=1.0).check()  # one dimension: mu = 0, m = g, no memory at all
    gradients = np.random.default_rng(6).normal(size=(50, 1))
    expected = 1.0 - rule.lr * np.cumsum(gradients)
    np.testing.assert_allclose(replay(rule, [1.0], gradients)[1:, 0, 0], expected, rtol=1e-13)
    state, gain = np.zeros((rule.rows(), 1, 1)), np.ones((1, 1))
    state[2] = 1.0
    rule.adapt(np.ones((1, 1)), state, np.ones(1), gain)
    assert state[2, 0, 0] == 0.0


@pytest.mark.parametrize(("rule", "rows"), [(Adam(beta1=0.5, beta2=0.6), (2, 3)), (Adai(), (2,))])
def test_running_products_reach_zero_and_never_linger_among_denormals(rule, rows):
    g, gain, state = np.ones((1, 1)), np.ones((1, 1)), np.zeros((rule.rows(), 1, 1))
    theta, smallest = np.zeros((1, 1)), 1.0
    rule.start(0, theta, state)
    for _ in range(6_000):
        rule.adapt(g, state, np.ones(1), gain)
        kept = [state[row, 0, 0] for row in rows]
        smallest = min([smallest] + [x for x in kept if x > 0.0])
    assert kept == [0.0] * len(rows)
    assert smallest > 1e-200


def test_adam_moves_by_the_learning_rate_at_first_and_ignores_scale():
    for scale in (1e-3, 1.0, 1e6):
        path = replay(Adam(lr=0.01, eps=0.0), [0.0, 0.0], scale * np.array([[2.0, -0.1]]))
        np.testing.assert_allclose(path[1, :, 0], [-0.01, 0.01], rtol=1e-14)


def test_adam_without_eps_stands_still_without_gradient():
    path = replay(Adam(eps=0.0), [1.0, 2.0], np.array([[0.0, 1.0]] * 5))
    np.testing.assert_array_equal(path[:, 0, 0], 1.0)
    assert path[-1, 1, 0] < 2.0


def test_decoupled_decay_shrinks_theta_alone():
    zero = np.zeros((10, 2))
    for rule in (AdamW(lr=0.1, weight_decay=0.5), AdaiW(lr=0.1, weight_decay=0.5)):
        np.testing.assert_allclose(replay(rule, [1.0, -4.0], zero)[-1, :, 0], [0.95**10, -4 * 0.95**10], rtol=1e-14)


# --- thermal start ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", [Momentum(0.05, 0.9, 0.4), Adam(0.02), AdamW(0.02), Adai(0.05), Adai(0.05, dampening=0.4), AdaiW(0.05)]
)
def test_thermal_momentum_is_stationary(rule):
    # One step on a flat loss leaves <m^2> as it is: m' = a m + b g with <m^2> = c C, g of variance C, a^2 c + b^2 = c;
    # a and b are read off the rule itself by unit vectors, v held at the variance.
    rule = rule.check()
    d, variance = 3, np.array([0.5, 1.0, 4.0])
    state = np.zeros((rule.rows(), d, 1))
    interface.start(rule, 0, np.zeros((d, 1)), state)
    interface.thermal(rule, 0, np.ones(d), variance, state)
    c = state[0, :, 0] ** 2
    gain = np.ones((d, 1))
    interface.adapt(rule, np.sqrt(variance)[:, None], state, np.ones(1), gain)  # g^2 = v: v stays

    def momentum_after(m, g):
        there = state.copy()
        there[0] = m
        rule.move(np.zeros((d, 1)), np.full((d, 1), g), there, np.ones(1), gain)
        return there[0, :, 0]

    a, b = momentum_after(1.0, 0.0), momentum_after(0.0, 1.0)
    np.testing.assert_allclose(a * a * c + b * b, c, rtol=1e-12)
    if not isinstance(rule, Momentum):  # no bias is left to correct
        for row in (2, 3) if isinstance(rule, Adam) else (2,):
            assert state[row, 0, 0] == 0.0


def test_thermal_adai_without_noise_is_at_rest():
    rule = Adai().check()
    state = np.ones((rule.rows(), 2, 1))
    rule.thermal(0, np.zeros(2), np.zeros(2), state)
    np.testing.assert_array_equal(state[:2], 0.0)


# --- stability --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        SGD(weight_decay=0.4),
        Momentum(beta1=0.8, beta3=0.5, weight_decay=0.4),
        Adai(weight_decay=0.4),
        Adai(beta0=1.5),
        Adai(dampening=0.3, beta0=0.4),
        AdaiW(weight_decay=0.4),
        AdaiW(weight_decay=0.4, dampening=0.5),
    ],
)
def test_largest_time_step_is_sharp_in_one_dimension(rule):
    curvature = 3.0
    largest = interface.max_time_step(rule, curvature)
    for factor in (0.99, 1.01):
        mine = rule._replace(lr=factor * largest)
        theta, state = np.array([[1.0]]), np.zeros((mine.rows(), 1, 1))
        interface.start(mine, 0, theta, state)
        gain, t = np.ones((1, 1)), np.zeros(1)
        path = np.empty(2_000)
        for k in range(len(path)):
            t += 1
            g = curvature * theta
            interface.decay(mine, theta, g)
            interface.adapt(mine, g, state, t, gain)
            interface.move(mine, theta, g, state, t, gain)
            path[k] = abs(theta[0, 0])
        # Once the first steps, which the bias correction makes long, are over.
        growth = path[-100:].max() / path[1_000:1_100].max()
        assert (growth > 2.0) if factor > 1.0 else (growth < 0.5)


def test_adai_diverges_beyond_its_bound_in_more_dimensions_too():
    rule = Adai(lr=0.0)
    rule = rule._replace(lr=1.01 * rule.max_time_step(3.0))
    theta, state, gain, t = np.ones((3, 1)), np.zeros((rule.rows(), 3, 1)), np.ones((3, 1)), np.zeros(1)
    interface.start(rule, 0, theta, state)
    for _ in range(2_000):
        t += 1
        g = np.array([[3.0], [1.0], [0.2]]) * theta
        rule.adapt(g, state, t, gain)
        rule.move(theta, g, state, t, gain)
        if abs(theta[0, 0]) > 1e6:
            return
    pytest.fail("stayed bounded")


# --- symbolic ---------------------------------------------------------------------------------------------------------


def test_momentum_on_symbols_gives_its_transition_matrix():
    lr, beta1, beta3, h, x, m, xi = sympy.symbols("eta beta1 beta3 H theta m xi")
    rule = Momentum(lr, beta1, beta3, sympy.Integer(0))
    theta, state = np.array([[x]], dtype=object), np.array([[[m]]], dtype=object)
    g = np.array([[h * x + xi]], dtype=object)
    rule.move(theta, g, state, None, None)
    after = sympy.Matrix([theta[0, 0], state[0, 0, 0]])
    assert sympy.expand(
        after.jacobian([x, m]) - sympy.Matrix([[1 - lr * beta3 * h, -lr * beta1], [beta3 * h, beta1]])
    ) == (sympy.zeros(2))
    assert sympy.expand(after.jacobian([xi]) - sympy.Matrix([-lr * beta3, beta3])) == sympy.zeros(2, 1)


def test_adaptive_rules_on_symbols_are_heavy_ball_with_their_gain():
    lr, beta1, mu, k, x, m, g, p = sympy.symbols("eta beta1 mu k theta m g p")
    for rule, expected_m, expected_step in (
        (Adam(lr=lr, beta1=beta1), beta1 * m + (1 - beta1) * g, k),
        (Adai(lr=lr), mu * m + (1 - mu) * g, 1 / (1 - p)),
    ):
        theta, state = np.array([[x]], dtype=object), np.array([[[m]], [[0]], [[p]], [[0]]], dtype=object)
        gain = np.array([[k if isinstance(rule, Adam) else mu]], dtype=object)
        rule.move(theta, np.array([[g]], dtype=object), state, None, gain)
        assert sympy.expand(state[0, 0, 0] - expected_m) == 0
        assert sympy.simplify(theta[0, 0] - (x - lr * expected_step * expected_m)) == 0


# --- errors and the list ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (Adam(lr=0.0), ValueError, "lr=0.0 must be above 0: a step must go down the gradient"),
        (Adam(beta1=1.0), ValueError, r"beta1=1.0 must lie in \[0, 1\): the momentum must fade"),
        (Adam(beta2=-0.1), ValueError, r"beta2=-0.1 must lie in \[0, 1\): the mean square must follow the gradient"),
        (Adam(eps=-1.0), ValueError, "eps=-1.0 must not be below 0: it is added to a root mean square"),
        (Adam(lr="x"), TypeError, "lr='x' must be a number, not str"),
        (Adam(lr=math.nan), ValueError, "lr=nan must be finite"),
        (AdamW(lr=0.5, weight_decay=2.0), ValueError, "weight_decay=2.0 must be below 1/lr=2: a step scales theta by"),
        (AdaiW(lr=0.5, weight_decay=2.5), ValueError, "weight_decay=2.5 must be below 1/lr=2: a step scales theta by"),
        (Adai(beta0=0.0), ValueError, "beta0=0.0 must be above 0: the inertia must fade"),
        (Adai(eps=0.0), ValueError, r"eps=0.0 must lie in \(0, 1\): the inertia is at most 1 - eps"),
        (Adai(eps=1), ValueError, r"eps=1 must lie in \(0, 1\): the inertia is at most 1 - eps"),
        (Adai(dampening=1.1), ValueError, r"dampening=1.1 must lie in \[0, 1\]: it is the power of 1 - mu before g"),
        (Adai(weight_decay=-1.0), ValueError, "weight_decay=-1.0 must not be below 0: a penalty pulls towards 0"),
    ],
)
def test_bad_arguments(rule, error, text):
    with pytest.raises(error, match=text):
        rule.check()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_checks_its_defaults_and_documents_its_fields(name):
    module, cls = RULES[name]
    rule = getattr(importlib.import_module(f"saddlescape.dynamics.{module}"), cls)
    checked = rule().check()
    assert type(checked) is rule
    assert checked.check() == checked
    assert all(isinstance(value, float) for value in checked)
    parameters = rule.__doc__.split("Parameters\n")[1]
    for field in rule._fields:
        assert f"\n    {field}\n" in parameters
