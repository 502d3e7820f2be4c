import json
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.dynamics.estimates import share_interval
from saddlescape.experiments.figures import saddle_density as module
from saddlescape.experiments.figures.densities import binned
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.theory.fokker_planck_landscape import density_of
from scipy.stats import binom

N, H = 4000, np.array([-1.0, 2.0])


def data(seed: int = 0, off: float = 1.0) -> module.Data:
    """Normal draws of the exact variances, or of others, in the place of an ensemble."""
    steps = np.array([5, 10, 20, 40])
    exact = 0.05 * np.abs(H) * ((1 - 0.05 * H) ** (2 * steps[:, None]) - 1) / (-H * (2 - 0.05 * H))
    generator = np.random.default_rng(seed)
    histograms = []
    for k in range(2):
        widths = np.sqrt(exact[:, k])
        histograms.append(
            tuple(
                binned(off * generator.standard_normal(N) * w, np.linspace(-3.6 * w, 3.6 * w, module.BINS + 1))
                for w in widths
            )
        )
    known = {"exact_discrete": exact, "exact_diffusion": 1.05 * exact}
    return module.Data(0.05, steps, H, tuple(histograms), known, "exact_discrete", N, 0)


def test_shares_are_bounded_by_clopper_and_pearson() -> None:
    # The defining property, by the binomial law itself: at each end the tail is 2.5 %.
    low, high = share_interval([0, 3, 40, 50], 50)
    assert low[0] == 0.0
    assert high[3] == 1.0
    assert binom.sf([2, 39, 49], 50, low[1:]) == pytest.approx(0.025)
    assert binom.cdf([0, 3, 40], 50, high[:3]) == pytest.approx(0.025)


def test_a_histogram_is_a_density_with_those_left_out_counted() -> None:
    counted = binned([0.1, 0.2, 0.7, 5.0], [0.0, 0.5, 1.0])
    assert counted.density == pytest.approx([1.0, 0.5])
    axes: Any = ss.plot.histogram(counted, ax=Figure().add_subplot())
    assert axes.patches[0].get_data().values == pytest.approx([1.0, 0.5])


def test_the_line_is_the_fokker_planck_density() -> None:
    # Independent: the equation solved by finite volumes, against the normal law with Theorem 1's variance.
    saddle, noise, rule = ss.QuadraticSaddle([-1.0]), ss.HessianNoise(1.0), ss.SGD(0.05)
    found = density_of(saddle, noise, rule, [0.5, 1.0])
    variance = ss.spread_references(saddle, noise, rule, [10, 20]).exact_diffusion
    assert variance is not None
    axes = Figure().add_subplot()
    ss.plot.normal_law(float(variance[1, 0]), ax=axes)
    ss.plot.fokker_planck(found, 1, ax=axes)
    (x, y), (at, solved) = (np.array(line.get_data(), dtype=float) for line in axes.lines)
    assert np.interp(x, at, solved) == pytest.approx(y, abs=2e-4 * y.max())


def test_every_panel_has_the_laws_of_its_own_variance() -> None:
    drawn = data()
    figure = module.draw(drawn)
    for k in range(2):
        for r in range(4):
            axes = figure.axes[4 * k + r]
            for line, rung in zip(axes.lines, ("exact_discrete", "exact_diffusion"), strict=True):
                top = 1.0 / np.sqrt(2.0 * np.pi * drawn.variances[rung][r, k])
                assert np.max(np.asarray(line.get_ydata(), dtype=float)) == pytest.approx(top)


def test_intervals_hold_the_exact_law_and_reject_another() -> None:
    # Seed 0: 8 panels of 36 bins. Each interval misses with at most 5 %; more than 30 of 288 missed has a chance
    # below 1e-4 even at that. A width 10 % off misses many more.
    held, number = module._held(data())
    assert number == 288
    assert held >= number - 30
    assert module._held(data(off=1.1))[0] < number - 60


def test_what_is_said_are_the_numbers_of_the_run() -> None:
    told = module.caption(data())
    assert "4,000 trajectories" in told
    assert f"Of 288 intervals {module._held(data())[0]} hold" in told
    assert "No law is exact" in module.caption(data()._replace(exact=""))
    assert "4 bell-shaped" in module.alt(data())


def test_data_come_back_from_json() -> None:
    whole = data()
    again = restored(json.loads(json.dumps(stored(whole))), module.Data)
    assert module.caption(again) == module.caption(whole)
    assert again.histograms[1][3].counts.tolist() == whole.histograms[1][3].counts.tolist()


@pytest.mark.parametrize(
    ("options", "curvatures", "text"),
    [
        ({"steps": 8}, [-1.0, 1.0], "steps=8 must be at least first"),
        ({"first": 0}, [-1.0, 1.0], "first=0 must be at least 1"),
        ({}, [0.5, 1.0], "must have one below 0"),
        ({}, [-0.5, -1.0], "must have one above 0"),
    ],
)
def test_refusals(options: dict[str, int], curvatures: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ss.plot.figure("saddle-density", landscape=ss.QuadraticSaddle(curvatures), **options)
