from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import saddle_point as module


@pytest.fixture(scope="module")
def plot() -> Any:
    return ss.plot.figure("saddle-point", **module.QUICK)


def test_the_sections_are_parabolas_of_the_curvatures(plot: Any) -> None:
    data = plot.data
    assert data.curvatures == pytest.approx([-1.0, 3.0], rel=1e-12)
    for h, section in zip(data.curvatures, data.sections, strict=True):
        assert section == pytest.approx(0.5 * h * data.along**2, abs=1e-12)
    # The eigen-directions are the columns of the rotation, up to a sign.
    assert np.abs(data.directions.T @ np.array([[0.8, -0.6], [0.6, 0.8]])) == pytest.approx(np.eye(2), abs=1e-12)


def test_the_exact_variance_is_theorem_1_of_the_iteration(plot: Any) -> None:
    data = plot.data
    steps = np.rint(data.moments / 0.01)[:, None]
    h = data.curvatures
    exact = 0.01 * np.abs(h) * (1.0 - (1.0 - 0.01 * h) ** (2 * steps)) / (h * (2.0 - 0.01 * h))
    assert data.exact == pytest.approx(exact, rel=1e-9)
    # Chi-square with 49 degrees of freedom, seed 0: six ratios within 5 standard errors, a false alarm in 1e-5.
    assert np.abs(np.log(data.variance / exact)).max() < 5.0 * np.sqrt(2.0 / 49.0)
    assert np.abs(np.log(data.variance / exact[:, ::-1])).max() > 5.0 * np.sqrt(2.0 / 49.0)


def test_what_is_drawn_is_the_data(plot: Any) -> None:
    left, middle, right = plot.draw().axes
    assert {"unstable\n−1", "stable\n3"} <= {text.get_text() for text in left.texts}
    for line, section in zip(middle.lines, plot.data.sections, strict=False):
        assert np.array_equal(np.asarray(line.get_ydata()), section)
    clouds = [np.asarray(line.get_xydata()) for line in right.lines if line.get_markersize() == 3.6]
    assert len(clouds) == 3
    for k, cloud in enumerate(clouds[::-1]):
        assert np.array_equal(cloud, plot.data.clouds[:, k])


def test_arrows_point_down_the_loss() -> None:
    axes = ss.plot.eigen_arrows(
        ss.QuadraticSaddle([-1.0, 3.0]), [0.0, 0.0], [-1.0, 3.0], np.eye(2), ax=Figure().subplots()
    )
    arrows: list[Any] = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 4
    saddle = ss.QuadraticSaddle([-1.0, 3.0]).check()
    for arrow in arrows:
        tip, tail = (module.values(saddle, np.reshape(at, (2, 1)))[0] for at in (arrow.xy, arrow.xyann))
        assert tip < tail


def test_what_is_no_saddle_of_a_plane_is_refused() -> None:
    for landscape, said in (
        (ss.QuadraticSaddle([1.0, 3.0]), "must be one below 0 and one above"),
        (ss.QuadraticSaddle([-1.0, -3.0]), "must be one below 0 and one above"),
        (ss.QuadraticSaddle([-1.0, 3.0, 1.0]), "dimension=3 of QuadraticSaddle must be 2"),
    ):
        with pytest.raises(ValueError, match=said):
            ss.plot.figure("saddle-point", landscape=landscape)
