import math
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.adamw import AdamW
from saddlescape.dynamics.escape_times import escape_ensemble
from saddlescape.dynamics.sgd import SGD
from saddlescape.experiments.sweep.expectation import (
    Expectation,
    censored_share,
    expect,
    fixed,
    lived_steps,
    nominal_step,
)
from saddlescape.experiments.sweep.speed import block_steps
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory.references import closed_references, references


def quartic(variance: float, **run: Any) -> Any:
    return escape_ensemble(QuarticWell(), IsotropicNoise(variance), SGD(), **run)


@pytest.mark.parametrize(("mean", "cap"), [(1.0, 5), (2.0, 3), (7.5, 40), (100.0, 30), (1e4, 20)])
def test_mean_life_and_share_cut_off_are_those_of_a_geometric_law(mean: float, cap: int) -> None:
    q, n = 1.0 / mean, np.arange(1, cap + 1)
    chance = q * (1.0 - q) ** (n - 1)
    beyond = 1.0 - chance.sum()
    assert lived_steps(math.log(mean), cap) == pytest.approx(float(chance @ n + beyond * cap), rel=1e-12)
    assert censored_share(math.log(mean), cap) == pytest.approx(float(beyond), rel=1e-9, abs=1e-15)


def test_lives_that_no_number_can_hold_are_cut_off() -> None:
    assert lived_steps(1e5, 1000.0) == 1000.0
    assert censored_share(1e5, 1000.0) == 1.0
    assert Expectation(1e5, 1.0, 1.0, 0.0, 0.0, 0.0, "").steps == math.inf


@pytest.mark.parametrize("variance", [4.0, 16.0])
def test_a_pilot_finds_the_exact_mean(variance: float) -> None:
    expected = expect(quartic(variance))
    exact = references(QuarticWell(), IsotropicNoise(variance), SGD()).exact_discrete.steps
    assert expected.source == "pilot, 1024 escapes"
    assert exact is not None
    # Seed 0, 1024 near-exponential times: four standard errors of ln of the mean, false alarms below 1e-4.
    assert abs(expected.log_steps - math.log(exact)) < 4.0 / math.sqrt(1024)
    # Negative control: another noise is seen.
    other = references(QuarticWell(), IsotropicNoise(0.5 * variance), SGD()).exact_discrete.steps
    assert other is not None
    assert abs(expected.log_steps - math.log(other)) > 4.0 / math.sqrt(1024)


def test_the_closed_form_tells_what_a_pilot_cannot_see() -> None:
    expected = expect(quartic(0.2))
    assert expected.source == "closed form, corrected"
    _, ours = closed_references(QuarticWell(), IsotropicNoise(0.2), SGD())
    assert ours.log_value is not None
    assert expected.log_steps == ours.log_value - math.log(0.05)
    assert expected.censored > 0.999999
    assert expected.lived == pytest.approx(1e6)


def test_a_closed_form_is_not_needed_where_all_is_seen_and_none_is_believed_that_the_pilot_rules_out() -> None:
    # Adam with weight decay has no closed form: only that it takes longer than the pilot is known.
    well = escape_ensemble(QuarticWell(), IsotropicNoise(0.01), AdamW(lr=0.001, weight_decay=0.01))
    expected = expect(well)
    assert not expected.known
    assert expected.lived == well.end.max_steps
    assert math.isnan(expected.censored)
    assert "no escape" in expected.source


def test_expectations_do_not_depend_on_the_seed_or_on_trajectories() -> None:
    assert expect(quartic(4.0, seed=5)) == expect(quartic(4.0, seed=7)) == expect(quartic(4.0, left_truncation=9))


def test_more_dimensions_turned_wells_and_eigenvectors_cost_more() -> None:
    plain, wide = QuarticWell().check(), QuarticWell(transverse_min=np.ones(9)).check()
    turned = QuarticWell(transverse_min=np.ones(9), rotation=1).check()
    noise = IsotropicNoise().check()
    assert nominal_step(plain, noise) < nominal_step(wide, noise) < nominal_step(turned, noise)
    assert nominal_step(wide, HessianNoise().check()) == nominal_step(wide, noise)


def test_a_block_of_equal_lives_costs_its_rounds() -> None:
    # 12 trajectories of 32 steps in 8 lanes: a full round, and one of 4 lanes in a block that cannot be narrower.
    assert block_steps(12, 8, fixed(32), 32, lambda lanes: float(lanes)) == 2 * 32 * 8
    # 160 in 128 lanes: 32 are left after the first round.
    assert block_steps(160, 128, fixed(32), 32, lambda lanes: float(lanes)) == 32 * 128 + 32 * 32


def test_a_block_of_exponential_lives_costs_its_body_and_its_tail() -> None:
    expected = Expectation(math.log(1e5), 1e5, 0.0, 1.0, 0.0, 0.0, "")
    constant = block_steps(4096, 128, expected, 10**9, lambda lanes: 1.0)
    # All lanes are busy for (N - 128) tau / 128, then the last goes after tau H(128): within the spread of one draw.
    harmonic = sum(1.0 / k for k in range(1, 129))
    assert constant == pytest.approx(1e5 * ((4096 - 128) / 128 + harmonic), rel=0.1)
    # A cost in proportion to the lanes is hardly more than that of the steps lived: narrowing works.
    lived = block_steps(4096, 128, expected, 10**9, lambda lanes: float(lanes)) / (4096 * 1e5)
    assert 1.0 < lived < 1.1
