from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.verdict import AGREES, DIFFERS
from saddlescape.experiments.verification import equation_3
from saddlescape.experiments.verification.setting import Known, Point
from saddlescape.experiments.verify import judge, verify
from saddlescape.theory.closed_form import closed_form

LEVEL = 1.0 - 1e-4
AT = np.array(equation_3.TRUTH)


def points(name: str) -> list[Point]:
    """Return what a setting measures, seed 5."""
    (setting,) = (each for each in equation_3.settings(quick=False) if name in each.name)
    return setting.measure(5, None)


def outcomes(name: str, rung: str) -> list[str]:
    return [judge("equation-3", name, each, LEVEL).comparisons[rung].outcome for each in points(name)]


# Three comparisons a setting at 1 - 1e-4 each, seed 5, 50,000 or 200,000 minibatches: false alarm 3e-4 a test.
@pytest.mark.parametrize("setting", equation_3.settings(quick=False), ids=lambda setting: setting.name)
def test_every_setting_agrees_with_the_finite_sum(setting: Any) -> None:
    for each in setting.measure(5, None):
        assert judge("equation-3", setting.name, each, LEVEL).comparisons["exact_discrete"].outcome == AGREES


def test_eq_3_holds_at_the_minimum_for_independent_residuals_of_variance_1() -> None:
    assert outcomes("residuals of variance 1, B=8", "closed_form") == [AGREES] * 3
    assert outcomes("residuals of variance 1, B=64", "closed_form") == [AGREES] * 3
    data = equation_3.sample(lambda x: np.ones(len(x)))
    assert data.minimum() == pytest.approx(AT, rel=1e-12)
    assert 8.0 * data.covariance(AT, 8) == pytest.approx(data.hessian, rel=1e-12)


@pytest.mark.parametrize("name", ["grow with the input", "variance 4", "without replacement", "variance 1, away"])
def test_it_fails_wherever_one_of_its_assumptions_does(name: str) -> None:
    assert outcomes(name, "closed_form") == [DIFFERS] * 3


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_another_power_of_the_batch_size_is_contradicted(power: float) -> None:
    for each in points("residuals of variance 1, B=8"):
        value = each.known["closed_form"].value
        assert value is not None
        wrong = each._replace(known={"exact_discrete": Known(value * 8.0 ** (1.0 - power))})
        assert judge("equation-3", "", wrong, LEVEL).comparisons["exact_discrete"].outcome == DIFFERS


def test_the_covariance_with_the_wrong_correction_for_replacement_is_contradicted() -> None:
    for each in points("without replacement"):
        wrong = each._replace(known={"exact_discrete": each.known["closed_form"]})
        assert judge("equation-3", "", wrong, LEVEL).comparisons["exact_discrete"].outcome == DIFFERS


def test_quick_is_a_part_of_it_and_verify_finds_no_contradiction() -> None:
    found = verify(["equation-3"], quick=True, seed=1)
    assert len(found.rows) == 6
    assert found.contradictions == []
    assert closed_form("equation-3", "near_critical")(curvature=-2.0, batch_size=4.0) == 0.5
