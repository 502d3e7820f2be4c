from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED, ESCAPED
from saddlescape.experiments.figures.survival import Data, alt, caption, draw, exponential_qq, kaplan_meier, rungs
from saddlescape.theory.reference import Reference


def times_of(steps: Any, escaped: Any, time_step: float = 0.5, left_truncation: int = 0) -> EscapeTimes:
    outcome = np.where(escaped, ESCAPED, CENSORED).astype(np.int8)
    return EscapeTimes(np.asarray(steps), outcome, int(max(steps)), time_step, seed=0, left_truncation=left_truncation)


def axes() -> Any:
    return Figure().add_subplot()


def curve(ax: Any) -> tuple[Any, Any]:
    line = next(line for line in ax.lines if "Kaplan" in str(line.get_label()))
    return tuple(np.asarray(data, dtype=float) for data in line.get_data())  # type: ignore[return-value]


def product_limit(steps: Any, escaped: Any, at: float) -> float:
    """Return the share alive after a step, one trajectory after the other."""
    share = 1.0
    for step in sorted(set(steps)):
        if step > at:
            break
        at_risk = sum(other >= step for other in steps)
        share *= 1.0 - sum(e and s == step for s, e in zip(steps, escaped, strict=True)) / at_risk
    return share


def test_the_curve_is_the_product_limit_of_censored_times() -> None:
    draw_of = np.random.default_rng(0)
    steps, escaped = draw_of.integers(1, 40, 60), draw_of.random(60) < 0.6
    t, s = curve(kaplan_meier(times_of(steps, escaped), ax=axes()))
    for at, share in zip(t[1:-1], s[1:-1], strict=True):
        assert share == pytest.approx(product_limit(list(steps), list(escaped), at / 0.5), rel=1e-12)
    # The control: the share of those seen to escape later is another number where some are censored.
    naive = np.mean(steps * 0.5 > t[-2])
    assert abs(naive - s[-2]) > 0.01


def test_the_line_of_the_quantiles_has_the_mean_for_its_slope() -> None:
    times = times_of(np.random.default_rng(1).geometric(0.01, 500), np.ones(500, dtype=bool))
    ax = exponential_qq(times, ax=axes())
    points, line = ax.lines
    x, y = (np.asarray(data, dtype=float) for data in line.get_data())
    assert (x[0], y[0]) == (0.0, 0.0)
    assert y[1] / x[1] == pytest.approx(0.5 * np.mean(times.steps), rel=1e-12)
    # The points' own slope: 500 geometric times of mean 100 (seed 1), 4 standard errors of 4.5 %.
    u, v = (np.asarray(data, dtype=float) for data in points.get_data())
    assert u @ v / (u @ u) == pytest.approx(y[1] / x[1], rel=0.18)
    assert points.get_zorder() < line.get_zorder()


def test_a_correction_that_corrects_nothing_is_not_drawn() -> None:
    same = {"closed_form": 2.0, "corrected": Reference(2.0, ""), "exact_diffusion": Reference(None, "", "why")}
    assert rungs(same) == {"closed_form": 2.0}
    assert rungs(same | {"corrected": 2.1}) == {"closed_form": 2.0, "corrected": 2.1}
    assert rungs({"corrected": 2.0}) == {"corrected": 2.0}
    assert rungs(None) == {}


def test_every_rung_is_its_exponential_law() -> None:
    times = times_of(np.random.default_rng(2).geometric(0.02, 200), np.ones(200, dtype=bool))
    ax = kaplan_meier(times, ax=axes(), references={"exact_discrete": 25.0, "closed_form": 20.0})
    for label, mean in (("exact, this iteration: 25", 25.0), ("closed form, as printed: 20", 20.0)):
        line = next(line for line in ax.lines if line.get_label() == label)
        t, s = (np.asarray(data, dtype=float) for data in line.get_data())
        np.testing.assert_allclose(s, np.exp(-t / mean), rtol=1e-12)


def test_left_truncation_starts_the_curve_and_the_laws_later() -> None:
    steps = np.random.default_rng(3).geometric(0.02, 400)
    ax = kaplan_meier(times_of(steps, steps > 0, left_truncation=20), ax=axes(), references={"closed_form": 20.0})
    t, s = curve(ax)
    assert (t[0], s[0]) == (10.0, 1.0)
    later = steps[steps > 20]
    assert s[5] == pytest.approx(np.mean(later * 0.5 > t[5] + 1e-9), rel=1e-12)


def test_shares_are_ticks_and_the_censored_are_told() -> None:
    steps = np.minimum(np.random.default_rng(4).geometric(0.01, 1000), 250)
    ax = kaplan_meier(times_of(steps, steps < 250), ax=axes())
    assert [f"{tick:g}" for tick in sorted(ax.get_yticks())][-3:] == ["0.2", "0.5", "1"]
    share = 100.0 * np.mean(steps == 250)
    assert f"Kaplan–Meier, N = 1,000, {share:.3g} % censored" in ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("number", [1, 50])
def test_nothing_escaped(number: int) -> None:
    times = times_of(np.full(number, 30), np.zeros(number, dtype=bool))
    data = Data(times, {"closed_form": 20.0})
    figure = draw(data)
    said = [text.get_text() for text in figure.axes[0].texts]
    # S / ln(1/alpha) for the one-sided limit at 95 %.
    limit = 0.5 * 30 * number / np.log(20.0)
    assert said == [f"nothing escaped: the mean is above {times.interval(0.95)[0]:.4g}"]
    assert times.interval(0.95)[0] == pytest.approx(limit, rel=0.1)
    assert "is above" in caption(data)
    assert "nan" not in caption(data) + alt(data)
    assert figure.axes[1].texts[0].get_text() == "nothing escaped"
