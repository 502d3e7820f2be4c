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
    QuarticWell,
    escape_times,
    rare_escapes,
    references,
)
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED, ESCAPED
from saddlescape.experiments.figures import arrhenius
from saddlescape.experiments.figures.arrhenius import (
    Data,
    Options,
    Points,
    arrhenius_plot,
    arrhenius_ratio,
    caption,
    compute,
    draw,
    ratios,
)
from saddlescape.experiments.figures.cooling import climb_of
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.measured import measured
from saddlescape.experiments.figures.style import REFERENCE_LOOKS

BARRIERS = np.array([0.1, 0.2, 0.3])
NOISE = HessianNoise(0.7).check()
RULE = SGD(0.05).check()
WELLS = [PiecewiseQuadraticWell(barrier=barrier).check() for barrier in BARRIERS]


def times_of(mean: float, escaped: int, trajectories: int = 100) -> EscapeTimes:
    """Return times whose maximum-likelihood mean is this (dynamical time)."""
    steps = np.full(trajectories, max(1, round(mean * max(escaped, 1) / (0.05 * trajectories))))
    outcome = np.where(np.arange(trajectories) < escaped, ESCAPED, CENSORED).astype(np.int8)
    return EscapeTimes(steps, outcome, int(steps.max()), 0.05, seed=0)


@pytest.fixture(scope="module")
def known() -> list[Any]:
    return [references(well, NOISE, RULE) for well in WELLS]


TIMES = [times_of(36.0, 100), times_of(300.0, 40), times_of(100.0, 0)]


def data(known: list[Any]) -> Data:
    return Data("barrier", BARRIERS, {"sgd": Points(BARRIERS * 70.0 / 3.0, tuple(map(measured, TIMES)), tuple(known))})


def line_of(axes: Any, rung: str) -> tuple[Any, Any]:
    found = next(
        line for line in axes.lines
        if line.get_color() == REFERENCE_LOOKS[rung].colour and len(line.get_xdata()) == 3
        and line.get_linewidth() == REFERENCE_LOOKS[rung].width
        and line._unscaled_dash_pattern == _dashes(REFERENCE_LOOKS[rung].dashes)
    )  # fmt: skip
    return tuple(np.asarray(each, dtype=float) for each in found.get_data())  # type: ignore[return-value]


def _dashes(style: Any) -> Any:
    from matplotlib.lines import _get_dash_pattern  # type: ignore[attr-defined]

    return _get_dash_pattern(style)


@pytest.mark.parametrize("rung", list(REFERENCE_LOOKS))
def test_the_lines_pass_through_the_references(rung: str, known: list[Any]) -> None:
    axes = arrhenius_plot(BARRIERS, TIMES, known, ax=Figure().add_subplot())
    expected = [getattr(each, rung).value for each in known]
    x, y = line_of(axes, rung)
    np.testing.assert_array_equal(x, BARRIERS)
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    ratio = arrhenius_ratio(BARRIERS, TIMES, known, ax=Figure().add_subplot())
    exact = np.array([each.exact_discrete.value for each in known])
    np.testing.assert_allclose(line_of(ratio, rung)[1], expected / exact, rtol=1e-14)


def test_the_printed_line_has_slope_one_in_the_barrier_over_the_temperature(known: list[Any]) -> None:
    climb = BARRIERS * 70.0 / 3.0  # (2 B dL / eta) (s/H_a + (1 - s)/H_b), s = 1/3
    logs = np.log([each.closed_form.value for each in known])
    np.testing.assert_allclose(np.diff(logs) / np.diff(climb), 1.0, rtol=1e-9)


def test_measured_over_exact_with_open_intervals(known: list[Any]) -> None:
    base, ratio, low, high = ratios(TIMES, known)
    assert base == "exact_discrete"
    assert ratio[0] == pytest.approx(TIMES[0].mean / known[0].exact_discrete.value, rel=1e-14)
    assert np.isinf(ratio[2])
    assert np.isinf(high[2])
    assert low[2] == pytest.approx(TIMES[2].interval(0.95)[0] / known[2].exact_discrete.value, rel=1e-14)


def test_without_an_exact_iteration_at_every_point_another_rung_is_divided_by(known: list[Any]) -> None:
    nothing = known[1].exact_discrete._replace(value=None, reason="not solved")
    partly = [known[0], known[1]._replace(exact_discrete=nothing), known[2]]
    assert ratios(TIMES, partly)[0] == "corrected"
    axes = arrhenius_ratio(BARRIERS, TIMES, partly, ax=Figure().add_subplot())
    assert axes.get_ylabel() == "τ / corrected"
    none = [each._replace(**dict.fromkeys(each._fields, nothing)) for each in known]
    assert ratios(TIMES, none)[0] == ""
    draw(data(none))


def test_censored_points_are_hollow_and_those_without_escapes_an_arrow(known: list[Any]) -> None:
    axes = arrhenius_plot(BARRIERS, TIMES, known, ax=Figure().add_subplot())
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1 and line.get_marker() == "o"]
    assert [str(line.get_markerfacecolor()) == "white" for line in marks] == [False, True]
    limit = TIMES[2].interval(0.95)[0]
    assert any(np.allclose(line.get_ydata(), limit) for line in axes.lines if len(line.get_xdata()) == 1)
    labels = [text.get_text() for text in draw(data(known)).legends[0].get_texts()]
    assert "nothing escaped: above this" in labels
    assert "hollow: some censored" in labels
    assert "at 1 all of them" in caption(data(known))


def test_splitting_takes_over_where_escapes_outlast_max_steps() -> None:
    options = Options(rules="sgd", values=(0.1, 0.3), trajectories=50, repetitions=8, trials=100)  # type: ignore[arg-type]
    found = compute(options, Parts(landscape=WELLS[0], noise=NOISE)).points["sgd"]
    assert [times.method for times in found.times] == ["direct", "splitting"]
    direct = escape_times(WELLS[0], NOISE, RULE, trajectories=range(50), seed=0, max_steps=20_000)
    split = rare_escapes(WELLS[2], NOISE, RULE, repetitions=range(8, 16), trials=100, seed=0)
    assert found.times == (measured(direct), measured(split))
    axes = arrhenius_plot(found.climb, found.times, found.references, ax=Figure().add_subplot())
    ringed = [line for line in axes.lines if line.get_markersize() == arrhenius.RING["markersize"]]
    assert [float(np.asarray(line.get_ydata())[0]) for line in ringed] == [split.mean]
    told = caption(Data("barrier", BARRIERS[[0, 2]], {"sgd": found}))
    assert "at 1 points by 50 trajectories, at 1 by splitting" in told
    only = compute(options._replace(method="direct"), Parts(landscape=WELLS[0], noise=NOISE)).points["sgd"]
    assert [times.method for times in only.times] == ["direct", "direct"]


@pytest.mark.parametrize(
    ("options", "landscape", "noise", "says"),
    [
        ({"sweep": "tilt"}, WELLS[0], NOISE, "sweep=tilt must be one of barrier, batch_size, variance"),
        ({}, MuellerBrown(), IsotropicNoise(1.0), "MuellerBrown has no field barrier; sweep variance instead"),
        ({"sweep": "variance"}, WELLS[0], NOISE, "has no field variance; sweep barrier or batch_size instead"),
        ({"values": (0.1, -0.2)}, WELLS[0], NOISE, "must be numbers above 0"),
        ({"rules": "sgd,sdg"}, WELLS[0], NOISE, "there is no 'sdg' here; did you mean sgd?"),
        ({"method": "both"}, WELLS[0], NOISE, "method=both must be one of auto, direct, splitting"),
        ({"trajectories": 0}, WELLS[0], NOISE, "trajectories=0 must be at least 1"),
        ({"lr": -1.0}, WELLS[0], NOISE, "lr=-1.0"),
        ({}, QuarticWell(), NOISE, "has no barrier over a temperature"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    options: dict[str, Any], landscape: Any, noise: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any, **more: Any) -> Any:
        pytest.fail("it ran")

    monkeypatch.setattr("saddlescape.dynamics.escape_times.escape_times", never)
    monkeypatch.setattr("saddlescape.dynamics.rare_escapes.rare_escapes", never)
    with pytest.raises(ValueError, match=says) as caught:
        compute(Options(**options), Parts(landscape=landscape.check(), noise=noise))
    assert "\n" not in str(caught.value)


def test_what_is_swept_rises_with_the_barrier_over_the_temperature() -> None:
    pairs, values = arrhenius._swept(Options(sweep="variance"), Parts(None, QuarticWell().check(), IsotropicNoise(2.0)))
    np.testing.assert_allclose(values, [5.0, 2.5, 5.0 / 3.0, 1.25, 1.0, 2.0 / 3.0, 4.0 / 9.0, 4.0 / 13.0])
    assert [noise.variance for _, noise in pairs] == list(values)
    climbs = [climb_of(*pair, RULE) for pair in pairs]
    np.testing.assert_allclose(np.array(climbs) / climbs[0], values[0] / values, rtol=1e-6)
