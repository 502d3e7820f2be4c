import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.regime import Data, Options, caption, compute, data_of, draw, regime_map
from saddlescape.experiments.regime import RegimeResult, regime_experiment


@pytest.fixture(scope="module")
def result() -> RegimeResult:
    return regime_experiment("theorem-2", points=9)


@pytest.fixture(scope="module")
def data(result: RegimeResult) -> Data:
    return data_of(result)


def test_the_maps_are_the_scans(result: RegimeResult, data: Data) -> None:
    planes = [(scan, form) for scan in result.scans for form in scan.log_ratios]
    assert len(data.maps) == len(planes)
    for each, (scan, form) in zip(data.maps, planes, strict=True):
        axes = regime_map(each, ax=Figure().add_subplot())
        drawn = np.ma.filled(axes.collections[0].get_array().astype(float), np.nan)
        np.testing.assert_array_equal(drawn.reshape(len(scan.y), len(scan.x)), scan.log_ratios[form])


def test_a_bound_is_drawn_where_its_number_takes_its_value(data: Data) -> None:
    # gamma t is the horizontal axis: the bound on it is a vertical line at its value.
    each = data.maps[0]
    (bound,) = (bound for bound in each.bounds if bound.number == "friction_time")
    alone = each._replace(bounds=(bound,), log_ratio=np.zeros_like(each.log_ratio))
    axes = regime_map(alone, ax=Figure().add_subplot())
    (line,) = axes.collections[1:]
    x = np.concatenate([path.vertices[:, 0] for path in line.get_paths()])
    np.testing.assert_allclose(x, bound.value, rtol=0.01)


def test_no_bound_is_drawn_where_a_form_holds_nowhere(data: Data) -> None:
    flat = data.maps[0]._replace(bounds=(), log_ratio=np.full_like(data.maps[0].log_ratio, 1.0), nowhere=True)
    axes = regime_map(flat, ax=Figure().add_subplot())
    assert len(axes.collections) == 1
    assert axes.get_title(loc="left").endswith("nowhere")


def test_the_caption_names_the_bounds(data: Data) -> None:
    said = caption(data)
    for bound in data.maps[0].bounds:
        assert f"{bound.number.replace('_', ' ')} is at {'most' if bound.below else 'least'} {bound.value:g}" in said


def test_a_bound_from_above_is_told() -> None:
    upper = data_of(regime_experiment("theorem-4", points=5))
    assert "bound from above" in caption(upper)
    assert len(draw(upper).axes) == len(upper.maps) + 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"statement": "theorem-9"}, "statement=theorem-9: there is no such statement; did you mean theorem-"),
        ({"tolerance": 1.0}, r"tolerance=1 must lie in \(0, 1\)"),
        ({"points": 1}, "points=1 must be at least 2"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compute(Options(**options), Parts())  # type: ignore[arg-type]
