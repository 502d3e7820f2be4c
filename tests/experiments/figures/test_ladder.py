from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from saddlescape import SGD, Adam, HessianNoise, PiecewiseQuadraticWell, references
from saddlescape.dynamics.escape_times import EscapeTimes
from saddlescape.dynamics.outcomes import CENSORED, ESCAPED
from saddlescape.experiments.figures.interface import Parts
from saddlescape.experiments.figures.ladder import Case, Data, Options, _percent, caption, compute, draw, escape_ladder
from saddlescape.experiments.figures.style import REFERENCE_LOOKS

WELL, NOISE = PiecewiseQuadraticWell().check(), HessianNoise(0.7).check()


def times_of(mean: float, escaped: int = 400) -> EscapeTimes:
    steps = np.full(400, round(mean / 0.05))
    outcome = np.where(np.arange(400) < escaped, ESCAPED, CENSORED).astype(np.int8)
    return EscapeTimes(steps, outcome, int(steps.max()), 0.05, seed=0)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {
        "sgd": Case(times_of(850.0), references(WELL, NOISE, SGD(0.05))),
        "adam": Case(times_of(1700.0), references(WELL, NOISE, Adam(0.08))),
    }


def marks(axes: Any, rung: str) -> list[float]:
    mark = REFERENCE_LOOKS[rung].mark
    return [
        float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == mark and len(line.get_xdata()) == 1
    ]


def said(axes: Any) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


def test_every_mark_is_its_reference_over_the_exact_iteration_or_over_simulated(cases: dict[str, Case]) -> None:
    axes = escape_ladder(cases, ax=Figure().add_subplot())
    sgd, adam = (cases[name].references for name in cases)
    exact = sgd.exact_discrete.value
    assert marks(axes, "exact_discrete") == [1.0]
    assert marks(axes, "exact_diffusion") == [pytest.approx(sgd.exact_diffusion.value / exact, rel=1e-14)]
    for rung in ("closed_form", "corrected"):
        expected = [getattr(sgd, rung).value / exact, getattr(adam, rung).value / cases["adam"].times.mean]
        assert marks(axes, rung) == pytest.approx(expected, rel=1e-14)


def test_the_steps_between_rungs_are_told_in_percent(cases: dict[str, Case]) -> None:
    known = cases["sgd"].references
    text = said(escape_ladder(cases, ax=Figure().add_subplot()))
    lr = known.exact_diffusion.value / known.exact_discrete.value
    assert f"{_percent(lr)}: the cost of a finite learning rate" in text
    theorem = known.closed_form.value / known.exact_diffusion.value
    assert f"{_percent(theorem)}: what the theorem leaves out" in text
    over_simulated = cases["adam"].references.closed_form.value / cases["adam"].times.mean
    assert f"{_percent(over_simulated)}: what the theorem leaves out" in text
    assert text.count("none") == 2


def test_percent() -> None:
    assert [_percent(ratio) for ratio in (1.24, 0.5, 3.564)] == ["+24 %", "−50 %", "×3.56"]


def test_a_missing_rung_says_why(cases: dict[str, Case]) -> None:
    (note,) = [text.get_text() for text in draw(Data(cases)).texts if "has no" in text.get_text()]
    joined = note.replace("\n", " ")
    assert joined.startswith("Adam has no “exact, this iteration” and no “exact, its diffusion”: ")
    assert cases["adam"].references.exact_discrete.reason in joined
    assert "SGD has no" not in joined


def test_a_correction_that_corrects_nothing_has_no_row(cases: dict[str, Case]) -> None:
    sgd = cases["sgd"]
    same = sgd.references._replace(corrected=sgd.references.closed_form)
    axes = escape_ladder({"sgd": sgd._replace(references=same)}, ax=Figure().add_subplot())
    assert marks(axes, "corrected") == []
    assert "none" not in said(axes)


def test_nothing_escaped_is_a_lower_limit(cases: dict[str, Case]) -> None:
    nothing = {name: case._replace(times=times_of(10.0, 0)) for name, case in cases.items()}
    axes = escape_ladder(nothing, ax=Figure().add_subplot())
    assert said(axes).count("nothing escaped") == 2
    arrows = [line for line in axes.lines if line.get_marker() == ">"]
    limit = nothing["sgd"].times.interval(0.95)[0]
    assert float(arrows[0].get_xdata()[0]) == pytest.approx(limit / cases["sgd"].references.exact_discrete.value)
    assert f"above {limit:.4g}" in caption(Data(nothing))
    draw(Data(nothing))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"rules": "adaii"}, "there is no 'adaii' here; did you mean adai?"), ({"beta1": 1.0}, "beta1=1.0")],
)
def test_bad_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compute(Options(**options), Parts(landscape=WELL, noise=NOISE))
