import math

import pytest
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.sweep.advice import advice, advised
from saddlescape.theory.references import closed_references

from .planned import experiment

TARGET = math.log(1e6)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("sgd", "quartic", "isotropic"), ({"lr": 0.01}, {}, {"variance": 0.5})),
        (("sgd", "piecewise-quadratic", "hessian"), ({"lr": 0.01}, {}, {"batch_size": 8.0})),
        (("momentum", "quartic", "isotropic"), ({"lr": 0.001, "beta1": 0.5}, {}, {})),
    ],
)
def test_what_is_advised_does_what_is_said(names: tuple[str, str, str], values: tuple[dict, dict, dict]) -> None:
    asked = experiment(EscapeRun(), names=names, values=values).settings[0].configuration
    found = advice(asked, TARGET, most=10)
    assert len(found) >= 2
    assert [each.effort for each in found] == sorted(each.effort for each in found)
    for each in found:
        word, _, field = each.name.partition(".")
        place = ("rule", "landscape", "noise").index(word)
        changed = list(asked.values)
        changed[place] = changed[place] | {field: each.value}
        landscape, noise, rule = asked._replace(values=tuple(changed)).build()
        _, ours = closed_references(landscape, noise, rule)
        assert ours.log_value is not None
        log_steps = ours.log_value - math.log(ours.time_step)
        assert log_steps == pytest.approx(each.log_steps)
        # Quick enough, and no smaller change of this field would have done.
        assert TARGET - 1.5 < log_steps <= TARGET + 0.3


def test_nothing_is_advised_out_of_bounds() -> None:
    # The largest stable lr of SGD on the curvature 2 is 1; the noise may still grow, the barrier shrink.
    asked = experiment(EscapeRun(), values=({"lr": 0.9}, {"barrier": 0.25}, {"variance": 1e-4})).settings[0]
    names = [each.name for each in advice(asked.configuration, TARGET, most=10)]
    assert "rule.lr" not in names
    assert "noise.variance" in names


def test_nothing_is_advised_where_nothing_is_needed() -> None:
    asked = experiment(EscapeRun(), values=({}, {}, {"variance": 4.0})).settings[0]
    assert advice(asked.configuration, TARGET) == []
    assert advised([]) == ""
