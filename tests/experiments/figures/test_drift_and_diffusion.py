import json
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.figure import Figure
from saddlescape.experiments.figures import drift_and_diffusion as module
from saddlescape.experiments.figures.stored import restored, stored
from saddlescape.theory import covariance_recursion

SADDLE, NOISE = ss.QuadraticSaddle([-0.01, 0.1]), ss.HessianNoise(1.0)
RULE = ss.Momentum(0.01, 0.9, 0.1)
NUMBER, T = 400, 400


@pytest.fixture(scope="module")
def split() -> module.Split:
    return module.momentum_split(SADDLE, NOISE, RULE, steps=T, trajectories=NUMBER)


def test_the_exact_parts_are_the_recursion_s(split: module.Split) -> None:
    # Independent of the closed forms: the covariance recursion from both starts; the drift is their difference.
    steps = np.rint(split.at / 0.01).astype(int)
    h, c = np.diag([-0.01, 0.1]), np.diag([0.01, 0.1])
    rest, thermal = (covariance_recursion.spread(RULE, h, c, steps, start)[:, 0, 0] for start in ("rest", "thermal"))
    assert split.exact_diffusion == pytest.approx(rest, rel=1e-9)
    assert split.exact_drift == pytest.approx(thermal - rest, rel=1e-6)


def test_what_is_measured_is_exact_within_its_interval(split: module.Split) -> None:
    # 400 trajectories, seed 0. The drift is one random number, the momentum at the start, at all times: its ratio to
    # the exact one is the same at each to rounding, and within 5 standard errors, 0.354, of 1 (false alarm 1e-6).
    steps = np.rint(split.time / 0.01).astype(int)
    at = np.searchsorted(np.rint(split.at / 0.01).astype(int), steps)
    known = np.rint(split.at[at] / 0.01).astype(int) == steps
    ratio = (split.drift / split.exact_drift[at])[known]
    assert np.ptp(ratio) < 1e-6
    assert abs(ratio[0] - 1.0) < 0.354
    assert np.all(np.abs(split.diffusion / split.exact_diffusion[at] - 1.0)[known] < 0.354)
    assert np.any(np.abs(split.diffusion / split.printed_diffusion[at] - 1.0)[known] > 0.9)


def test_the_parts_are_equal_at_the_crossing_and_printed_they_never_are(split: module.Split) -> None:
    before = split.at < split.crossing
    assert np.all(split.exact_drift[before] > split.exact_diffusion[before])
    assert np.all((split.exact_drift <= split.exact_diffusion)[~before])
    # Closed form on a flat loss: (1 - e^-x)^2 / (2 x) is at most 0.2036.
    assert np.max(split.printed_drift / split.printed_diffusion) < 0.2037


def test_where_the_drift_is_never_the_larger_there_is_no_crossing() -> None:
    split = module.momentum_split(SADDLE, NOISE, ss.Momentum(0.01, 0.3, 0.7), steps=50, trajectories=20)
    assert np.isnan(split.crossing)
    axes = module.momentum_parts(split, ax=Figure().add_subplot())
    assert not axes.texts


def test_what_is_drawn_is_the_data(split: module.Split) -> None:
    data = module.Data(-0.01, 0.01, (split, split._replace(beta1=0.99, time=split.time, crossing=float("nan"))))
    figure = module.draw(data)
    assert len(figure.axes) == 3
    lines = [line for line in figure.axes[0].lines if np.size(line.get_xdata()) == len(split.at)]
    for line, name in zip(lines, ("exact_diffusion", "exact_drift", "printed_diffusion", "printed_drift"), strict=True):
        assert np.asarray(line.get_ydata()) == pytest.approx(getattr(split, name))
    assert f"equal at t = {split.crossing:.3g}" in figure.axes[0].texts[0].get_text()
    assert f"t = {split.crossing:.3g} for β₁ = 0.9." in module.caption(data).replace(". Once", ".|Once").split("|")[0]
    again = restored(json.loads(json.dumps(stored(data))), module.Data)
    assert module.caption(again) == module.caption(data)
    assert len(module.draw(data._replace(splits=(split,))).axes) == 2


def test_the_ratio_s_interval_is_that_of_two_variances(split: module.Split) -> None:
    # 20,000 pairs of variances of 400 normal draws, seed 1: the coverage is 95 % within 5 standard errors, 0.8 %.
    generator = np.random.default_rng(1)
    drift, diffusion = (generator.chisquare(399, 20_000) / 399 for _ in range(2))
    low, high = module.ratio_interval(split._replace(drift=drift, diffusion=diffusion))
    assert np.mean((low <= 1.0) & (high >= 1.0)) == pytest.approx(0.95, abs=0.008)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"beta1": (0.5, 1.0)}, r"must lie in \(0, 1\)"),
        ({"beta1": (0.1, 0.2, 0.3, 0.4)}, "must be one to 3 values"),
        ({"lr": 0.0}, "lr=0"),
        ({"steps": 1}, "steps=1 must be at least 2"),
        ({"landscape": ss.QuarticWell(0.25)}, "must be a quadratic saddle"),
    ],
)
def test_refusals(given: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ss.plot.figure("drift-and-diffusion", **given)
