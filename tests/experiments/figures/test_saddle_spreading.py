import json
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.dynamics.saddle_spread import SaddleSpread
from saddlescape.experiments.figures import saddle_spreading as module
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.experiments.figures.style import REFERENCE_LOOKS

H = np.array([0.5, -1.0, -0.1])
STEPS = np.array([1, 10, 50, 150])
PARTS = ss.QuadraticSaddle(H), ss.HessianNoise(1.0), ss.Momentum(0.01, 0.9, 0.1)


def example(number: int = 400, rotation: int | None = None) -> module.Data:
    """Normal draws with the exact covariance in the place of an ensemble."""
    saddle = PARTS[0]._replace(rotation=rotation)
    told = ss.spread_references(saddle, *PARTS[1:], STEPS, "thermal")
    assert told.exact_discrete is not None
    generator = np.random.default_rng(3)
    drawn = np.stack([generator.multivariate_normal(np.zeros(3), each, number) for each in told.exact_discrete], axis=1)
    covariance = np.stack([np.cov(drawn[:, r].T) for r in range(len(STEPS))])
    along = drawn @ told.directions
    spread = SaddleSpread(
        STEPS, drawn.mean(axis=0), covariance, along.var(axis=0, ddof=1), (along**4).mean(axis=0), told.curvatures,
        told.directions, number, 0, True, 0.01, 3, paths=drawn,
    )  # fmt: skip
    return module.Data(spread, told, (1, 0), (1, 2, 3), along[:50, -1][:, [1, 0]])


def points(axes: Any) -> list[Any]:
    return [line for line in axes.lines if line.get_linestyle() == "None"]


def test_lines_are_the_references_and_marks_the_variances() -> None:
    data = example()
    axes = ss.plot.variances(data.spread, references=data.references, ax=Figure().add_subplot())
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]
    known = data.references.variances()
    for k, i in enumerate((1, 2, 0)):  # from the lowest curvature
        for j, name in enumerate(("closed_form", "exact_diffusion", "exact_discrete")):
            line = lines[3 * k + j]
            assert np.asarray(line.get_ydata()) == pytest.approx(known[name][:, i])  # type: ignore[index]
            assert line.get_color() == REFERENCE_LOOKS[name].colour
        assert np.asarray(points(axes)[k].get_ydata()) == pytest.approx(data.spread.variance[:, i])


def test_ratios_are_of_the_best_rung_and_each_line_ends_in_its_mark() -> None:
    data = example()
    axes = ss.plot.variance_ratios(data.spread, data.references, ax=Figure().add_subplot())
    known = data.references.variances()
    closed, exact = known["closed_form"], known["exact_discrete"]
    assert closed is not None
    assert exact is not None
    lines = [line for line in axes.lines if line.get_color() == REFERENCE_LOOKS["closed_form"].colour]
    for line, i, look in zip(lines, (1, 2, 0), module.direction_looks(H[[1, 2, 0]]), strict=True):
        assert np.asarray(line.get_ydata()) == pytest.approx(closed[:, i] / exact[:, i])
        assert line.get_marker() == look.mark
    assert "this iteration" in axes.get_title(loc="left")
    by_other = ss.plot.variance_ratios(
        data.spread, data.references, ax=Figure().add_subplot(), against="exact_diffusion"
    )
    assert "diffusion" in by_other.get_title(loc="left")
    with pytest.raises(ValueError, match="against='corrected' must be one of"):
        ss.plot.variance_ratios(data.spread, data.references, against="corrected")


@pytest.mark.parametrize("rotation", [None, 5])
def test_ellipses_are_at_two_standard_deviations(rotation: int | None) -> None:
    # Every point p of an ellipse has p^T S^-1 p = 4, with S in the plane of the two directions, rotated or not.
    data = example(rotation=rotation)
    spread, told = data.spread, data.references
    axes = ss.plot.ellipses(spread, references=told, ax=Figure().add_subplot(), records=(0, 3))
    basis = spread.directions[:, (1, 0)]
    assert told.exact_discrete is not None
    for r, k in ((0, 0), (3, 1)):
        marks = [line for line in points(axes) if line.get_marker() == "o"][k]
        solid = [line for line in axes.lines if line.get_linestyle() == "-"][k]
        for line, covariance in ((marks, spread.covariance[r]), (solid, told.exact_discrete[r])):
            p = np.array(line.get_data(), dtype=float)
            inside = np.linalg.inv(basis.T @ covariance @ basis)
            assert np.einsum("ip,ij,jp->p", p, inside, p) == pytest.approx(4.0)
    assert len(points(axes)[0].get_xdata()) == 400  # the paths


def test_directions_go_from_dark_to_light_and_no_two_share_a_mark() -> None:
    looks = module.direction_looks([0.3, -1.0, 0.1])
    assert [look.label for look in looks] == ["curvature 0.3", "curvature -1", "curvature 0.1"]
    light = [sum(int(look.colour[k : k + 2], 16) for k in (1, 3, 5)) for look in looks]
    assert light[1] < light[2] < light[0]
    assert len({look.mark for look in looks}) == 3


def test_the_caption_counts_its_intervals() -> None:
    # 400 draws, seed 3: of 12 intervals at 95 % fewer than 8 would hold with a chance below 1e-4.
    data = example()
    told = module.caption(data)
    held = int(told.split("Of 12 intervals ")[1].split()[0])
    assert 8 <= held <= 12
    wrong = data._replace(spread=data.spread._replace(variance=1.5 * data.spread.variance))
    assert int(module.caption(wrong).split("Of 12 intervals ")[1].split()[0]) < 4
    assert "t = 1.5" in told
    assert "3 nested ellipses" in module.alt(data)


def test_it_is_drawn_again_from_json_and_without_references() -> None:
    data = example()
    data = data._replace(spread=data.spread._replace(paths=None))
    again = restored(json.loads(json.dumps(stored(data))), module.Data)
    assert module.caption(again) == module.caption(data)
    assert len(module.draw(again).axes) == 3
    axes = ss.plot.ellipses(data.spread, ax=Figure().add_subplot())
    assert all(line.get_linestyle() == "None" for line in axes.lines)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="dimension=1 must be at least 2: an ellipse lies in a plane"):
        ss.plot.figure("saddle-spreading", landscape=ss.QuadraticSaddle([-1.0]))
    with pytest.raises(ValueError, match="momentum='warm' must be"):
        ss.plot.figure("saddle-spreading", momentum="warm")
