import math
from typing import Any

import pytest
from saddlescape.experiments.verdict import AGREES, DIFFERS, NO_REFERENCE
from saddlescape.experiments.verification import theorem_4
from saddlescape.experiments.verification.setting import Known, Point
from saddlescape.experiments.verify import judge, verify
from saddlescape.theory.closed_form import closed_form

LEVEL = 1.0 - 1e-4


def points(name: str, quick: bool = True) -> list[Point]:
    """Return what a setting measures, seed 2."""
    (setting,) = (each for each in theorem_4.settings(quick) if each.name.startswith(name))
    return setting.measure(2, None)


def outcome(point: Point, rung: str) -> str:
    return judge("theorem-4", "", point, LEVEL).comparisons[rung].outcome


def claims(point: Point, value: float) -> Point:
    return point._replace(known={"closed_form": Known(value)})


# Every test: seed 2, at most ten intervals at 1 - 1e-4, each nearly nominal: 1e-3 false alarms.
def test_bound_and_exact_answer_agree_where_gradients_are_bounded() -> None:
    *values, exponent = points("SGD, bounded")
    for each in values:
        assert [outcome(each, rung) for rung in ("exact_discrete", "closed_form", "corrected")] == [AGREES] * 3
    assert outcome(exponent, "exact_discrete") == AGREES
    assert outcome(exponent, "closed_form") == NO_REFERENCE
    for each in points("inertia 0.9, bounded")[:-1]:
        assert outcome(each, "closed_form") == AGREES


def test_nothing_is_claimed_of_true_adai_but_in_one_dimension() -> None:
    for each in points("Adai, bounded")[:-1]:
        for rung in ("exact_discrete", "closed_form", "corrected"):
            assert outcome(each, rung) == NO_REFERENCE
        assert each.known["closed_form"].reason == "no bound is claimed: mu depends on g"
    for each in points("Adai, inertia 0.9 in one dimension")[:-1]:
        assert outcome(each, "closed_form") == NO_REFERENCE
        assert outcome(each, "corrected") == AGREES


def test_the_bound_is_near_enough_on_parabolas_for_a_wrong_constant_to_be_contradicted() -> None:
    short = points("SGD, 8 equal")[0]
    assert [outcome(short, rung) for rung in ("exact_discrete", "closed_form", "corrected")] == [AGREES] * 3
    steps, ell, variance = 100, 4.0, 1.0
    lr = theorem_4.TIGHT / math.sqrt(steps + 1.0)
    gap = 8 * 0.5 * ell * lr * variance / (ell * (2.0 - lr * ell))
    slope = 8 * ell * lr * variance / (2.0 - lr * ell)
    common: dict[str, Any] = {"gap": gap, "c0": theorem_4.TIGHT, "inertia": 0.0, "steps": steps}
    bound, sharp = closed_form("theorem-4", "bound"), closed_form("theorem-4", "sharp_bound")
    right = float(bound(smoothness=ell, gradient=math.sqrt(slope + 8 * variance), **common))
    assert short.known["closed_form"].value == pytest.approx(right, rel=1e-9)
    # C2 without ell; the noise of one coordinate for that of eight; half of C2, which is what the sharp bound has.
    assert outcome(claims(short, float(bound(smoothness=1.0, gradient=3.0, **common))), "closed_form") == DIFFERS
    assert outcome(claims(short, float(bound(smoothness=ell, gradient=1.0, **common))), "closed_form") == DIFFERS
    half = float(sharp(smoothness=ell, noise=math.sqrt(4.0), **common))
    assert outcome(claims(short, half), "closed_form") == DIFFERS
    # And the sharp bound itself is within a tenth of what is measured.
    value = short.known["corrected"].value
    assert value is not None
    assert outcome(claims(short, 0.87 * value), "closed_form") == DIFFERS


def test_a_wrong_recursion_is_contradicted() -> None:
    for name in ("SGD, 8 equal", "inertia 0.9, the same"):
        for each in points(name):
            value = each.known["exact_discrete"].value
            assert value is not None
            assert outcome(each, "exact_discrete") == AGREES
            wrong = each._replace(known={"exact_discrete": Known(1.1 * value)})
            assert outcome(wrong, "exact_discrete") == DIFFERS


def test_a_wrong_exponent_is_contradicted() -> None:
    exponent = points("SGD, log cosh")[-1]
    assert outcome(exponent, "exact_discrete") == AGREES
    for wrong in (0.33, 0.75):
        assert outcome(exponent._replace(known={"exact_discrete": Known(wrong)}), "exact_discrete") == DIFFERS


def test_verify_finds_no_contradiction() -> None:
    told: list[float] = []
    found = verify(["theorem-4"], quick=True, seed=9, report=lambda share, what: told.append(share))
    assert found.contradictions == []
    assert all(row.upper for row in found.rows if row.quantity.startswith("T ="))
    assert not any(row.comparisons["closed_form"].outcome == DIFFERS for row in found.rows)
    assert told == sorted(told)
    assert min(told) >= 0.0
    assert max(told) <= 1.0 + 1e-12


@pytest.mark.slow
def test_five_decades_on_several_seeds() -> None:
    # The false-alarm rate of a run is 1 %: three runs, 3 %.
    for seed in (11, 100, 1000):
        found = verify(["theorem-4"], seed=seed)
        assert found.contradictions == []
        assert not any(row.comparisons["closed_form"].outcome == DIFFERS for row in found.rows)
        settled = [row for row in found.rows if row.quantity.endswith("T >= 1000")]
        assert len(settled) == 3
        assert not any(row.comparisons["corrected"].outcome == DIFFERS for row in settled)
