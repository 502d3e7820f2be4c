import json
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.dynamics.estimates import share_interval
from saddlescape.experiments.figures import well_density as module
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.theory.particle import particle


@pytest.fixture(scope="module")
def plot() -> Any:
    return ss.plot.figure("well-density", **module.QUICK)


def test_the_stationary_law_is_boltzmann_s() -> None:
    # Constant noise: exp(-L / D), D = lr C / 2, of any norm.
    x = np.linspace(-1.8, 1.8, 801)
    law = module._stationary(ss.QuarticWell(0.25, tilt=0.1).check(), ss.IsotropicNoise(4.0), particle(ss.SGD(0.05)), x)
    height = 0.25 * (x * x - 1.0) ** 2 + 0.1 * x
    expected = np.exp(-height / 0.1)
    assert law / law.max() == pytest.approx(expected / expected.max(), rel=1e-6)


def test_the_law_of_noise_that_depends_on_position_is_ito_s() -> None:
    # Independent: a solution of Eq. 2 with no flux, L' P + (D P)' = 0, by differences. The anti-Ito law is rejected.
    well, noise = ss.QuarticWell(0.25).check(), ss.HessianNoise(0.1, floor=0.5).check()
    x = np.linspace(-0.5, 0.5, 2001)
    law = module._stationary(well, noise, particle(ss.SGD(0.05)), x)
    h = np.maximum(np.abs(3.0 * x * x - 1.0), 0.5)
    diffusion, slope = 0.5 * 0.05 * h / 0.1, x * (x * x - 1.0)
    flux = slope * law + np.gradient(diffusion * law, x)
    scale = np.abs(slope * law).max()
    away = np.abs(np.abs(x) - np.sqrt(1.0 / 6.0)) > 0.01  # where the floor takes over D has a bend
    assert np.abs(flux[away][5:-5]).max() < 1e-3 * scale
    other = diffusion * law
    wrong = slope * other + np.gradient(diffusion * other, x)
    assert np.abs(wrong[away][5:-5]).max() > 1e-2 * np.abs(slope * other).max()


def test_the_density_runs_through_the_histogram_and_ends_in_the_stationary_law(plot: Any) -> None:
    drawn = plot.data
    late = module.compute(
        module.Options(**module.QUICK)._replace(steps=20_000, trajectories=20),
        plot_parts(),
    )
    assert np.abs(late.densities[-1] - late.stationary).max() < 1e-3 * late.stationary.max()
    assert late.predicted[-1] == pytest.approx(late.balance, abs=1e-3)
    assert late.balance == pytest.approx(0.5, abs=1e-6)
    # 500 trajectories, seed 0, at t = 0.25 to 25: the measured share is within 5 standard errors of the density's, and
    # 0.01 for the learning rate (false alarm below 1e-5).
    share = drawn.beyond / 500
    error = np.sqrt(drawn.predicted * (1.0 - drawn.predicted) / 500)
    assert np.all(np.abs(share - drawn.predicted) < 5.0 * error + 0.01)
    assert not np.all(np.abs(share - 1.5 * drawn.predicted) < 5.0 * error + 0.01)


def plot_parts() -> Any:
    from saddlescape.experiments.figures.interface import Parts

    return Parts(ss.SGD(0.05).check(), ss.QuarticWell(0.25).check(), ss.IsotropicNoise(4.0).check())


def test_what_is_drawn_is_the_data(plot: Any) -> None:
    figure = plot.draw()
    drawn = plot.data
    assert len(figure.axes) == 7
    for k, axes in enumerate(figure.axes[:6]):
        assert axes.get_title(loc="left") == f"t = {drawn.shown[k] * 0.05:.3g}"
        line = next(line for line in axes.lines if line.get_label() == "Fokker–Planck")
        assert np.asarray(line.get_ydata()) == pytest.approx(drawn.densities[k])
    assert "0.5" in plot.caption
    assert restored(json.loads(json.dumps(stored(drawn))), module.Data).beyond.tolist() == drawn.beyond.tolist()


def test_occupancy_has_its_intervals() -> None:
    axes = ss.plot.occupancy([1.0, 10.0], [0, 30], 100, ax=Figure().add_subplot(), predicted=[0.01, 0.3], balance=0.5)
    (_, (_, caps), bars) = axes.containers[0]
    assert np.asarray(caps.get_ydata()) == pytest.approx(share_interval([0, 30], 100)[1])
    assert len(bars) == 1


def test_a_rule_with_inertia_has_a_histogram_and_a_reason(plot: Any) -> None:
    empty = np.zeros(0)
    bare = plot.data._replace(
        places=empty, densities=np.zeros((0, 0)), stationary=empty, predicted=empty, balance=float("nan"),
        reason="Momentum has inertia",
    )  # fmt: skip
    figure = module.draw(bare)
    assert not any("Planck" in str(line.get_label()) for axes in figure.axes for line in axes.lines)
    assert module.caption(bare).endswith("There is no Fokker–Planck line: Momentum has inertia.")


@pytest.mark.parametrize(
    ("landscape", "options", "text"),
    [
        (ss.QuarticWell(0.25, transverse_min=[1.0]), {}, "dimension=2 must be 1"),
        (ss.QuarticWell(0.25), {"steps": 7}, "steps=7 must be at least first"),
        (ss.QuarticWell(0.25), {"first": 0}, "first=0 must be at least 1"),
    ],
)
def test_refusals(landscape: ss.QuarticWell, options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ss.plot.figure("well-density", landscape=landscape, **options)


def test_times_of_panels_rise_whatever_is_asked_for() -> None:
    for first, last in ((1, 7), (5, 11), (5, 4000), (100, 110)):
        at = module._spaced(first, last, module.PANELS)
        assert at[0] == first
        assert at[-1] == last
        assert np.all(np.diff(at) > 0)
