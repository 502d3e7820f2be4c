from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics.adai import Adai, inertia
from saddlescape.dynamics.adaiw import AdaiW
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.adamw import AdamW
from saddlescape.dynamics.sgd import SGD
from saddlescape.theory import frozen_gain
from saddlescape.theory.closed_form import closed_form

STEPS = [0, 1, 2, 5, 30]
RULES = [
    Adam(0.02),
    Adam(0.02, 0.8, eps=0.1, weight_decay=0.3),
    AdamW(0.02, weight_decay=0.3),
    Adai(0.05),
    Adai(0.05, beta0=3.0),
    Adai(0.05, weight_decay=0.2, dampening=0.7),
    AdaiW(0.05, weight_decay=0.2),
]


def symmetric(d: int, seed: int) -> Any:
    root = np.random.default_rng(seed).standard_normal((d, d))
    return root + root.T


def by_hand(rule: Any, h: Any, c: Any, steps: list[int], thermal: bool, corrected: bool = True) -> Any:
    """The rules' equations, written out: theta_T is linear in each step's noise and in the momentum at the start."""
    d, v = len(h), np.diag(c)
    if isinstance(rule, Adam):
        keep, weight, scale = np.full(d, rule.beta1), np.full(d, 1 - rule.beta1), rule.lr / (np.sqrt(v) + rule.eps)
    else:
        q = rule.dampening
        keep = np.array([inertia((x / v.mean()) ** (1 / (3 - 2 * q)), rule.beta0, rule.eps) for x in v])
        weight, scale = (1 - keep) ** q, np.full(d, rule.lr * rule.beta0 ** (1 - q))
    decoupled = isinstance(rule, AdamW | AdaiW)
    shrink = 1 - rule.lr * rule.weight_decay if decoupled else 1.0
    penalty = 0.0 if decoupled else rule.weight_decay
    total = max(steps)
    out = {step: np.zeros((d, d)) for step in steps}
    for start in range(total + 1):
        # A unit impulse of noise in step ``start`` (0: in the momentum before the first step), one a column.
        theta, m = np.zeros((d, d)), np.zeros((d, d))
        if start == 0:
            if not thermal:
                continue
            m = np.diag(weight / np.sqrt(1 - keep**2))
        for t in range(1, total + 1):
            g = h @ theta + penalty * theta + (np.eye(d) if t == start else 0.0)
            theta = shrink * theta
            m = keep[:, None] * m + weight[:, None] * g
            left = 1 - keep**t if corrected and not thermal else np.ones(d)
            theta = theta - (scale / left)[:, None] * m
            if t in out:
                out[t] += theta @ c @ theta.T
    return np.array([out[step] for step in steps])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_against_the_response_to_every_impulse(rule: Any, momentum: str) -> None:
    h = symmetric(3, 0) / 3.0
    root = symmetric(3, 1)
    c = root @ root
    found = frozen_gain.spread(rule, h, c, STEPS, momentum)
    exact = by_hand(rule, h, c, STEPS, momentum == "thermal")
    assert np.abs(found - exact).max() < 1e-12 * np.abs(exact).max()
    wrong = by_hand(rule._replace(lr=rule.lr * (1 + 1e-6)), h, c, STEPS, momentum == "thermal")
    assert np.abs(found - wrong).max() > 1e-8 * np.abs(exact).max()
    plain = frozen_gain.spread(rule, h, c, STEPS, corrected=False)
    assert np.abs(plain - by_hand(rule, h, c, STEPS, False, False)).max() < 1e-12 * np.abs(plain).max()


def test_it_is_the_derived_closed_form() -> None:
    h, c, steps = np.array([-1.0, 0.0, 0.3]), np.array([0.7, 0.2, 1.3]), np.array([1, 40, 3000])
    at = steps[:, None]
    for momentum, name in (("rest", "iterated_rest"), ("thermal", "iterated_thermal")):
        found = frozen_gain.spread(Adam(1e-3, eps=0.0), np.diag(h), np.diag(c), steps, momentum, corrected=False)
        form = closed_form("proposition-1", f"frozen_{name}")(h, c, c, 1e-3, 0.9, at)
        np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), form, rtol=1e-10)
        found = frozen_gain.spread(Adai(1e-3), np.diag(h), np.diag(c), steps, momentum, corrected=False)
        mu = 1.0 - 0.1 * c / c.mean()
        form = closed_form("proposition-3", f"frozen_{name}")(h, c, mu, 1e-3, at)
        np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), form, rtol=1e-10)


def test_second_moments_may_be_given() -> None:
    one = frozen_gain.spread(Adam(0.01, eps=0.0), np.eye(2), np.eye(2), [10], second_moment=4.0)
    other = frozen_gain.spread(Adam(0.005, eps=0.0), np.eye(2), np.eye(2), [10], second_moment=[1.0, 1.0])
    np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("rule", [ss.Adam(0.01, beta2=1 - 1e-9), ss.Adai(0.05, beta2=1 - 1e-9)])
def test_simulated_with_second_moments_that_do_not_move(rule: Any) -> None:
    # 20 000 trajectories, seed 3; the thermal start sets v = C and beta2 keeps it there. 3 directions x the recorded
    # steps, at a false-alarm rate of 1e-3 for both rules together (Bonferroni).
    saddle, noise = ss.QuadraticSaddle([-1.0, 0.3, 0.05]), ss.HessianNoise(1.0)
    spread = ss.saddle_spread(saddle, noise, rule, steps=200, trajectories=20_000, seed=3, momentum="thermal")
    h = np.diag([-1.0, 0.3, 0.05])
    keep = spread.steps > 0

    def missed(own: Any) -> int:
        exact = frozen_gain.spread(own, h, np.abs(h), spread.steps, "thermal")
        expected = np.einsum("ki,rkl,li->ri", spread.directions, exact, spread.directions)[keep]
        low, high = spread.interval(1 - 1e-3 / (2 * 3 * int(keep.sum())))
        return int(np.count_nonzero((expected < low[keep]) | (expected > high[keep])))

    assert missed(rule) == 0
    assert missed(rule._replace(lr=1.05 * rule.lr)) > 10


def test_what_has_no_second_moments_is_refused() -> None:
    with pytest.raises(TypeError, match="SGD has no second moments to hold"):
        frozen_gain.spread(SGD(), np.eye(1), np.eye(1), [1])
    with pytest.raises(ValueError, match="must rise from 0 or more"):
        frozen_gain.spread(Adam(), np.eye(1), np.eye(1), [5, 5])
