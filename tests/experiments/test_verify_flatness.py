import pytest
from saddlescape.experiments.verdict import DIFFERS
from saddlescape.experiments.verification import flatness_selection
from saddlescape.experiments.verification.flatness_selection import flatness_setting
from saddlescape.experiments.verification.setting import Known, Point
from saddlescape.experiments.verify import judge

LEVEL = 1.0 - 1e-4


@pytest.fixture(scope="module")
def points() -> dict[str, list[Point]]:
    """SGD and Adam at their own barriers, seed 6: the exponents to 5 % and 7 %."""
    return {"sgd": flatness_setting("sgd", 60).measure(6, None), "adam": flatness_setting("adam", 12).measure(6, None)}


def test_the_exponent_is_that_of_the_iteration_and_the_paths_are_the_same(points: dict[str, list[Point]]) -> None:
    # One statistical comparison at 1 - 1e-4 a rule, seed 6; the paths are exact.
    for name, (exponent, paths) in points.items():
        found = judge("flatness-selection", name, exponent, LEVEL).comparisons
        assert found["exact_discrete"].outcome != DIFFERS
        assert found["closed_form"].outcome != DIFFERS
        assert paths.measured == 1.0
        assert judge("flatness-selection", name, paths, LEVEL).comparisons["exact_discrete"].outcome != DIFFERS
    exact = points["sgd"][0].known["exact_discrete"].value
    assert exact == pytest.approx(1.02, abs=0.02)
    assert points["adam"][0].known["exact_discrete"].reason


@pytest.mark.parametrize(("name", "claimed"), [("sgd", 0.5), ("adam", 1.0)])
def test_the_other_exponent_is_contradicted(name: str, claimed: float, points: dict[str, list[Point]]) -> None:
    wrong = points[name][0]._replace(known={"exact_discrete": Known(claimed)})
    assert judge("flatness-selection", name, wrong, LEVEL).comparisons["exact_discrete"].outcome == DIFFERS


def test_one_path_that_parts_is_contradicted(points: dict[str, list[Point]]) -> None:
    paths = points["sgd"][1]._replace(measured=0.998, interval=lambda level: (0.998, 0.998))
    assert judge("flatness-selection", "sgd", paths, LEVEL).comparisons["exact_discrete"].outcome == DIFFERS


def test_quick_leaves_rules_out() -> None:
    assert [each.name.split()[0] for each in flatness_selection.settings(quick=True)] == ["sgd"]
    every = [each.name.split()[0] for each in flatness_selection.settings(quick=False)]
    assert sorted(set(every)) == ["adai", "adam", "momentum", "sgd"]
