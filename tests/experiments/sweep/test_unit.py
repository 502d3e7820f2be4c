import json

import numpy as np
import pytest
from saddlescape.dynamics.saddle_spread import GROUP
from saddlescape.experiments import saddle
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.sweep.unit import REFERENCES, Task, Unit, grain_of, perform, setting_key


def described(**run: object) -> dict[str, object]:
    parts = (choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic"))
    asked = Configuration("escape", parts, ({}, {}, {}), EscapeRun(**run))  # type: ignore[arg-type]
    return asked.described(*asked.build())


def test_a_row_of_a_saddle_is_a_group_of_its_moments() -> None:
    assert grain_of("saddle") == saddle.GRAIN == GROUP
    assert grain_of("escape") == 1


def test_a_key_is_of_what_raw_results_depend_on() -> None:
    key = setting_key(described(), "1")
    assert key == setting_key(described(trajectories=7), "1") == setting_key(described(left_truncation=3), "1")
    others = [described(seed=1), described(max_steps=5), described(exit=0.5), described(normals="float32")]
    keys = [setting_key(each, "1") for each in others]
    assert len({key, *keys, setting_key(described(), "2")}) == 6


def test_references_that_cannot_be_solved_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(told: dict[str, object]) -> dict[str, object]:
        raise IndexError("no density")

    monkeypatch.setattr("saddlescape.experiments.escape.solved", fail)
    done = perform(Task(Unit("key", 0, 0), described()))
    assert done is not None
    told = json.loads(np.asarray(done.arrays[REFERENCES]).tobytes())
    assert told["exact_discrete"]["value"] is None
    assert "no density" in told["exact_discrete"]["reason"]
