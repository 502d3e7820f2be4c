from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import flat_and_sharp as module
from saddlescape.experiments.figures.style import REFERENCE_LOOKS

TEXT = "0.25*(x**2 - 1)**2*(1 + x + 0.5*x**2)"


@pytest.fixture(scope="module")
def plot() -> Any:
    return ss.plot.figure("flat-and-sharp", **module.QUICK)


def loss(x: Any) -> Any:
    return 0.25 * (x * x - 1.0) ** 2 * (1.0 + x + 0.5 * x * x)


def test_the_minima_have_the_same_loss_and_the_rises_are_those_of_the_formula(plot: Any) -> None:
    p = plot.data.profile
    assert p.minima == pytest.approx([-1.0, 1.0], abs=1e-12)
    assert p.bottoms == pytest.approx([0.0, 0.0], abs=1e-15)
    # L'' = 2 q(x) at x = +-1, with q = 1 + x + x^2/2.
    assert p.curvatures == pytest.approx([1.0, 5.0], rel=1e-12)
    assert p.rises == pytest.approx(loss(np.array([-1.2, 1.2])), rel=1e-12)
    assert p.loss == pytest.approx(loss(p.x), abs=1e-12)


def test_the_stationary_law_is_ito_s(plot: Any) -> None:
    # Independent: (D P)' + L' P = 0, integrated by quadrature. That of constant noise is far off.
    x = np.linspace(-2.2, 1.8, 40_001)
    step = x[1] - x[0]
    slope, bend = np.gradient(loss(x), step), np.gradient(np.gradient(loss(x), step), step)
    diffusion = 0.5 * 0.01 * np.maximum(np.abs(bend), 1.0) / 0.07
    climb = slope / diffusion
    phi = np.concatenate([[0.0], np.cumsum(0.5 * step * (climb[1:] + climb[:-1]))])
    law = np.exp(phi.min() - phi) / diffusion
    left = float(law[x < plot.data.profile.saddle].sum() / law.sum())
    assert plot.data.law_share == pytest.approx(left, abs=2e-3)
    constant = np.exp(-loss(x) / (0.5 * 0.01 * 1.0 / 0.07))
    assert abs(constant[x < plot.data.profile.saddle].sum() / constant.sum() - left) > 0.05


def test_what_is_drawn_is_the_data(plot: Any) -> None:
    drawn = plot.draw()
    top, bottom, right = drawn.axes
    assert "rise 0.141" in "".join(text.get_text() for text in top.texts)
    law = next(line for line in bottom.lines if "stationary" in str(line.get_label()))
    assert np.array_equal(np.asarray(law.get_ydata()), plot.data.law)
    for k, one in enumerate(plot.data.leaving):
        for name, value in one.references.items():
            mark = REFERENCE_LOOKS[name].mark
            assert any(line.get_marker() == mark and line.get_ydata()[0] == value and line.get_xdata()[0] >= k
                       for line in right.lines)  # fmt: skip
    assert [text.get_text() for text in right.get_xticklabels()] == ["flat minimum", "sharp minimum"]


def test_escapes_both_ways_agree_with_the_exact_iteration(plot: Any) -> None:
    # 60 escapes each, seed 0; both 95 % intervals widened to about 5 standard errors: a false alarm in 1e-6.
    for one in plot.data.leaving:
        assert one.escaped == 60
        exact = one.references["exact_discrete"]
        assert abs(np.log(one.mean / exact)) < 5.0 / np.sqrt(one.escaped)
    flat, sharp = plot.data.leaving
    assert flat.references["exact_discrete"] > 4.0 * sharp.references["exact_discrete"]


def test_the_way_back_is_that_of_the_mirrored_well() -> None:
    well, mirrored = ss.QuarticWell(0.25, tilt=0.05).check(), ss.QuarticWell(0.25, tilt=-0.05).check()
    back, way = module.WayBack(well).escape(), mirrored.escape()
    assert back.barrier == pytest.approx(way.barrier, rel=1e-12)
    assert back.minimum == pytest.approx(-way.minimum)
    assert back.direction == pytest.approx(-way.direction)
    setting = ss.IsotropicNoise(4.0), ss.SGD(0.05)
    there, here = (ss.references(each, *setting).exact_discrete.value for each in (module.WayBack(well), mirrored))
    assert there == pytest.approx(here, rel=1e-9)
    assert there != pytest.approx(ss.references(well, *setting).exact_discrete.value, rel=0.1)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="dimension=2 must be 1"):
        ss.plot.figure("flat-and-sharp", landscape=ss.StyblinskiTang())
    with pytest.raises(ValueError, match=r"displacement=0\.9 must be below 0\.768"):
        ss.plot.figure("flat-and-sharp", displacement=0.9)
    with pytest.raises(ValueError, match="steps=10 must be at least 400"):
        ss.plot.figure("flat-and-sharp", steps=10)


def test_the_panel_takes_a_landscape() -> None:
    axes = ss.plot.rise_of_loss(ss.QuarticWell(0.25), 0.1, ax=Figure().subplots())
    assert axes.get_ylabel() == "loss L"
