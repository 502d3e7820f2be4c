from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape.experiments import flatness
from saddlescape.experiments.figures.flatness import Data, Options, alt, caption, compute, data_of, draw, sharpness_law
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.style import GREY, REFERENCE_LOOKS, RULE_LOOKS
from saddlescape.experiments.flatness import FlatnessResult, FlatnessRun, Series, exponent_verdict, setup_of


def result(name: str, error: float = 1e-3) -> FlatnessResult:
    """Return a result whose times are those of the law, with exact times 2 % above it for SGD."""
    setup = setup_of(name, FlatnessRun(sharpness=np.array([1.0, 1.5, 2.0, 3.0, 4.0])))
    k, law = setup.sharpness, setup.laws["corrected"]
    variances, means = np.full(5, error**2), np.exp(law.log_time(k))
    exact = {"exact_discrete": 1.02 * means} if name == "sgd" else {}
    fits = flatness._fits(setup, k, {"measured": means, **exact}, variances)
    number = np.full(5, 300)
    slopes = flatness._slopes(setup, k, means, variances)
    verdict = exponent_verdict(fits["measured"], law.exponent)
    series = Series(
        setup, k, means, means, means, variances, number, number, exact, {}, fits, slopes, None, ({}, {}), verdict,
        interrupted=False,
    )  # fmt: skip
    return FlatnessResult(FlatnessRun(), [series], 1.0)


def lines(axes: Any, colour: str) -> list[Any]:
    return [line for line in axes.lines if line.get_color() == colour]


@pytest.mark.parametrize(("name", "power"), [("sgd", 1.0), ("adam", 0.5)])
def test_marks_are_measured_less_the_prefactor_and_lines_the_law(name: str, power: float) -> None:
    told = result(name)
    (series,) = told.series
    law = data_of(told).laws[name]
    axes = sharpness_law(law, ax=Figure().add_subplot(), rule=name)
    divided = np.log(series.means) - series.setup.laws["corrected"].log_prefactor(series.sharpness)
    marks = next(line for line in lines(axes, RULE_LOOKS[name].colour) if line.get_marker() == RULE_LOOKS[name].mark)
    np.testing.assert_allclose(marks.get_ydata(), divided, rtol=1e-13)
    (stated,) = lines(axes, REFERENCE_LOOKS["closed_form"].colour)
    k = np.asarray(stated.get_xdata())
    # As printed the slope on logarithmic axes is the power. Measured marks lie on the line; with the prefactor left in
    # they do not.
    assert np.polyfit(np.log(k), np.log(stated.get_ydata()), 1)[0] == pytest.approx(-power, rel=1e-10)
    (raw,) = lines(axes, GREY)
    np.testing.assert_allclose(raw.get_ydata(), np.log(series.means), rtol=1e-13)
    np.testing.assert_allclose(divided, law.climb * law.sharpness**-power, rtol=1e-10)
    assert np.max(np.abs(np.log(np.asarray(raw.get_ydata()) / divided))) > 0.1
    assert law.fit.exponent == pytest.approx(power, abs=1e-5)
    assert law.fit.low < law.fit.exponent < law.fit.high


def test_exact_times_are_drawn_where_there_are_any() -> None:
    colour = REFERENCE_LOOKS["exact_discrete"].colour
    law = data_of(result("sgd")).laws["sgd"]
    (line,) = lines(sharpness_law(law, ax=Figure().add_subplot()), colour)
    np.testing.assert_allclose(line.get_ydata(), law.exact - law.prefactor, rtol=1e-13)
    other = data_of(result("adam")).laws["adam"]
    assert lines(sharpness_law(other, ax=Figure().add_subplot(), rule="adam"), colour) == []


def test_the_caption_has_the_numbers_of_the_run() -> None:
    data = Data(data_of(result("sgd")).laws | data_of(result("adam", 1e-2)).laws)
    assert "the measured exponent is 1.000 [" in caption(data)
    assert "the statement's 0.5" in caption(data)
    assert "SGD, Adam" in alt(data)
    assert len(draw(data).axes) == 2


def test_a_rule_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="rules=sgd,adamw: there is no 'adamw' here; did you mean adam"):
        compute(Options(rules="sgd,adamw"), Parts())
    with pytest.raises(ValueError, match=r"sharpness=.* must be at least 4 numbers above 0"):
        compute(Options(sharpness=np.array([1.0, 2.0])), Parts())
