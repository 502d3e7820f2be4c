from typing import Any

import numpy as np
import pytest
from saddlescape.experiments import question
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, Part, choose
from saddlescape.experiments.command import main
from saddlescape.experiments.configuration import Configuration, command_line, key
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.saddle import SaddleRun

GIVEN: dict[str, dict[str, Any]] = {
    "expression": {"text": "(x**2 - 1)**2 + 3*y**2"},
    "saddle": {"curvatures": np.array([-1.0, 0.1, 1 / 3]), "rotation": 7},
    "quartic": {"tilt": -0.01, "transverse_min": np.array([1.0, 2.0]), "rotation": 3},
    "constant": {"covariance": np.array([[2.0, 0.5], [0.5, 1.0]])},
    "langevin": {"convention": "anti-ito"},
    "hessian": {"batch_size": 0.1 + 0.2},
}
COMBINATIONS = sorted(
    {(rule, "quartic", "isotropic") for rule in RULE.table}
    | {("sgd", landscape, "isotropic") for landscape in LANDSCAPE.table}
    | {("sgd", "saddle", noise) for noise in NOISE.table}
)


class AskedError(Exception):
    pass


@pytest.mark.parametrize(("rule", "landscape", "noise"), COMBINATIONS)
@pytest.mark.parametrize(
    "run", [EscapeRun(seed=2**64 - 1, exit=-0.5, origin=np.array([-1.0, 0.5])), SaddleRun(record=7)]
)
def test_the_command_line_of_a_configuration_asks_for_it_again(
    rule: str, landscape: str, noise: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: tuple[Part, Part, Part] = (choose(RULE, rule), choose(LANDSCAPE, landscape), choose(NOISE, noise))
    name = "escape" if isinstance(run, EscapeRun) else "saddle"
    first = Configuration(name, parts, tuple(GIVEN.get(part.name, {}) for part in parts), run)  # type: ignore[arg-type]
    told = first.described(*first.build())
    asked: list[Configuration] = []

    def stop(configuration: Configuration, progress: Any) -> None:
        asked.append(configuration)
        raise AskedError

    module = question._module(name)
    monkeypatch.setattr(module, question.QUESTIONS[name].experiment, stop)
    with pytest.raises(AskedError):
        main(command_line(told)[1:])
    again = asked[0]
    assert again.described(*again.build()) == told
    assert key(told, "1") != key(told, "2")


def test_a_key_depends_on_every_field() -> None:
    parts = (choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic"))
    asked = [
        Configuration("escape", parts, ({}, {}, {}), EscapeRun()),
        Configuration("escape", parts, ({"lr": 0.05}, {}, {}), EscapeRun(threads=2)),
        Configuration("escape", parts, ({"lr": np.nextafter(0.05, 1)}, {}, {}), EscapeRun()),
        Configuration("escape", parts, ({}, {"tilt": 0.1}, {}), EscapeRun()),
        Configuration("escape", parts, ({}, {}, {"variance": 1.0}), EscapeRun()),
        Configuration("escape", parts, ({}, {}, {}), EscapeRun(exit=1.0)),
        Configuration("escape", parts, ({}, {}, {}), EscapeRun(left_truncation=1)),
    ]
    keys = [key(each.described(*each.build()), "1") for each in asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(keys) - 1
