from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape import IsotropicNoise, PseudoHuber, QuadraticSaddle
from saddlescape.experiments.figures.convergence import (
    Curve,
    Data,
    Options,
    caption,
    compute,
    draw,
    gradient_decay,
)
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.style import REFERENCE_LOOKS, RULE_LOOKS

T = np.array([10.0, 100.0, 1000.0])
VALUE = 1.6 * (T + 1.0) ** -0.5
NONE = np.full(3, np.nan)
SGD = Curve(
    T, VALUE, 0.9 * VALUE, 1.2 * VALUE,
    {"closed_form": 4.0 * VALUE, "corrected": 2.0 * VALUE, "exact_discrete": 1.01 * VALUE}, (0.5, 0.48, 0.52),
)  # fmt: skip
ADAI = SGD._replace(known=dict.fromkeys(SGD.known, NONE), exponent=(np.nan, np.nan, np.nan))


def axes() -> Any:
    return Figure().add_subplot()


@pytest.mark.parametrize("power", [0.0, 0.5])
def test_lines_and_marks_are_the_data_times_the_power(power: float) -> None:
    ax = gradient_decay(SGD, ax=axes(), power=power)
    for name, known in SGD.known.items():
        found = [line for line in ax.lines if np.array_equal(line.get_xdata(), T)
                 and np.allclose(line.get_ydata(), known * (T + 1.0) ** power, rtol=1e-13)]  # fmt: skip
        assert found[0].get_color() == REFERENCE_LOOKS[name].colour
    marks = next(line for line in ax.lines if line.get_color() == RULE_LOOKS["sgd"].colour)
    assert marks.get_marker() == RULE_LOOKS["sgd"].mark
    y = np.asarray(marks.get_ydata())
    np.testing.assert_allclose(y, VALUE * (T + 1.0) ** power, rtol=1e-13)
    # Level with the power 1/2 and only with it.
    assert bool(np.ptp(np.log(y)) < 1e-12) is (power == 0.5)


def test_marks_of_several_rules_stand_apart() -> None:
    ax = gradient_decay(SGD, ax=axes(), shift=1.1)
    marks = next(line for line in ax.lines if line.get_color() == RULE_LOOKS["sgd"].colour)
    np.testing.assert_allclose(marks.get_xdata(), 1.1 * T)


def test_what_is_not_known_is_neither_drawn_nor_in_the_legend() -> None:
    ax = gradient_decay(ADAI, ax=axes(), rule="adai")
    assert {line.get_color() for line in ax.lines} == {RULE_LOOKS["adai"].colour}
    figure = draw(Data("parts", {"adai": ADAI}))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Adai"]
    assert "p =" not in caption(Data("parts", {"adai": ADAI}))
    assert "SGD decays like T^−p with p = 0.500 [0.480, 0.520]" in caption(Data("parts", {"sgd": SGD}))


@pytest.mark.parametrize(
    ("options", "landscape", "says"),
    [
        ({"rules": "adam"}, PseudoHuber(), "there is no 'adam'"),
        ({"horizons": (10, 5)}, PseudoHuber(), "must be whole numbers of steps that rise"),
        ({"c0": 0.0}, PseudoHuber(), "c0=0.0"),
        ({}, QuadraticSaddle((1.0, 0.5)), "QuadraticSaddle must be pseudo-huber"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], landscape: Any, says: str) -> None:
    with pytest.raises(Exception, match=says) as caught:
        compute(Options(**options), Parts(landscape=landscape.check(), noise=IsotropicNoise(2.5)))
    assert type(caught.value).__name__ in ("ValueError", "InputError")
