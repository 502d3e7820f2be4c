import math
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape import (
    SGD,
    HessianNoise,
    IsotropicNoise,
    MuellerBrown,
    PiecewiseQuadraticWell,
    rare_escapes,
    references,
)
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.low_temperature import (
    Data,
    Options,
    Points,
    caption,
    compute,
    draw,
    low_temperature_ratio,
)
from saddlescape.experiments.figures.measured import Measured, measured

WELL, NOISE = PiecewiseQuadraticWell().check(), HessianNoise(0.7).check()
PARTS = Parts(landscape=WELL, noise=NOISE)


def time_of(mean: float, low: float, high: float, *cautions: str) -> Measured:
    return Measured(mean, low, high, mean / 0.02, 10**6, 0.05, 8, 0, "splitting", cautions)


POINTS = Points(
    np.array([4.0, 8.0]),
    np.array([0.02, 0.01]),
    np.array([0.2, 0.2]),
    np.array([np.nan, np.nan]),
    (time_of(10.0, 8.0, 12.5), time_of(200.0, 160.0, 250.0, "too few")),
    ({"closed_form": 20.0, "corrected": 10.0}, {"closed_form": 500.0, "corrected": 200.0}),
)


def test_a_form_is_divided_by_the_measured_time_and_its_interval_turned_over() -> None:
    axes = low_temperature_ratio(POINTS.climb, POINTS.times, POINTS.forms, ax=Figure().add_subplot())
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
    assert any(len(line) == 2 and np.allclose(line, [2.0, 2.5]) for line in lines)
    ends = {
        round(float(y), 9)
        for bar in axes.collections
        for segment in bar.get_segments()  # type: ignore[attr-defined]
        for y in segment[:, 1]
    }
    assert {20.0 / 12.5, 20.0 / 8.0, 500.0 / 250.0, 500.0 / 160.0} <= ends
    hollow = [line for line in axes.lines if line.get_marker() == "d" and line.get_markerfacecolor() == "white"]
    assert [np.asarray(line.get_xdata()).tolist() for line in hollow] == [[8.0]]


def test_the_caption_gives_both_ends_and_tells_of_cautions() -> None:
    said = caption(Data("batch_size", {"sgd": {"lr": POINTS}}))
    assert "ΔL/T = 4 → 8 by a smaller learning rate" in said
    assert "printed 2 → 2.5 [2, 3.12], corrected 1 → 1 [0.8, 1.25]" in said
    assert "Hollow: 1 points" in said
    draw(Data("batch_size", {"sgd": {"lr": POINTS}}))


def test_the_corrected_form_comes_true_and_the_printed_one_does_not() -> None:
    # 16 repetitions, 1,000 trials, seed 3; two intervals at 1 - 1e-4: false-alarm rate 2e-4.
    noise, rule = HessianNoise(0.2).check(), SGD(0.004).check()
    times = rare_escapes(WELL, noise, rule, repetitions=16, trials=1000, seed=3)
    low, high = times.interval(1.0 - 1e-4)
    known = references(WELL, noise, rule)
    assert known.exact_discrete.value is not None
    assert known.corrected.value is not None
    assert known.closed_form.value is not None
    assert low < known.exact_discrete.value < high
    assert abs(known.corrected.value / known.exact_discrete.value - 1.0) < 0.03
    assert known.closed_form.value > high


def test_what_is_computed_is_what_rare_escapes_says() -> None:
    options = Options(rules="sgd", lowered="noise", climbs=(5.0,), repetitions=8, trials=100)  # type: ignore[arg-type]
    points = compute(options, PARTS).points["sgd"]["noise"]
    noise = HessianNoise(float(points.noise[0]))
    again = rare_escapes(WELL, noise, SGD(0.02), repetitions=8, trials=100)
    assert points.times[0].mean == again.mean
    assert points.times[0][1:3] == again.interval(0.95)
    assert points.times[0].total_steps == again.total_steps
    assert points.forms[0]["exact_discrete"] == references(WELL, noise, SGD(0.02)).exact_discrete.value


def test_what_nothing_bounds_is_nan() -> None:
    nothing = EscapeTimes(np.full(3, 10), np.full(3, CENSORED, np.int8), 10, 0.1, seed=0)
    kept = measured(nothing)
    assert math.isnan(kept.high)
    assert math.isnan(kept.error)
    assert kept.low == nothing.interval(0.95)[0]
    assert (kept.escaped, kept.unseen, kept.method) == (0, 3, "direct")
    assert measured(kept) is kept


@pytest.mark.parametrize(
    ("options", "parts", "says"),
    [
        ({"lowered": "lr,temperature"}, PARTS, "lowered=lr,temperature: there is no 'temperature' here"),
        ({"climbs": (4.0, 0.0)}, PARTS, "climbs=.* must be numbers above 0"),
        ({"rules": "sgd,sdg"}, PARTS, "there is no 'sdg' here; did you mean sgd?"),
        ({"exact": "sdg"}, PARTS, "there is no 'sdg' here; did you mean sgd?"),
        ({"rules": "sgd"}, Parts(None, MuellerBrown().check(), IsotropicNoise(1.0)), "has no barrier over a temp"),
        ({"rules": "adai"}, Parts(None, MuellerBrown().check(), IsotropicNoise(1.0)), "no transverse curvatures"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    options: dict[str, Any], parts: Parts, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any, **more: Any) -> Any:
        pytest.fail("it ran")

    monkeypatch.setattr("saddlescape.dynamics.rare_escapes.rare_escapes", never)
    with pytest.raises(ValueError, match=says) as caught:
        compute(Options(**options), parts)
    assert "\n" not in str(caught.value)
