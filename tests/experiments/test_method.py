import math
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.sgd import SGD
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration, command_line, key
from saddlescape.experiments.escape import EscapeRun, amount, ensemble
from saddlescape.experiments.files.experiment import from_text
from saddlescape.experiments.method import ROOM, chosen_method, power_of_ten, settled
from saddlescape.experiments.refusals import InputError
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory.references import closed_references

WELL, RULE_OF = QuarticWell().check(), SGD(lr=0.05).check()


def predicted(variance: float) -> float:
    """Return the mean escape time in steps."""
    value = closed_references(WELL, IsotropicNoise(variance).check(), RULE_OF)[1].steps
    assert value is not None
    return value


def test_auto_splits_where_a_direct_run_would_be_cut_off() -> None:
    noise, tau = IsotropicNoise(1.25).check(), predicted(1.25)
    for room, method in ((1.001, "direct"), (0.999, "splitting")):
        run = EscapeRun(method="auto", max_steps=round(ROOM * room * tau))
        choice = chosen_method(WELL, noise, RULE_OF, run)
        assert choice.method == method
        assert f"{tau:.1e} steps" in choice.because
        assert f"max_steps={run.max_steps}" in choice.because
        prepared = ensemble(WELL, noise, RULE_OF, run)
        assert type(prepared).__name__ == {"direct": "EscapeEnsemble", "splitting": "RareEnsemble"}[method]


def test_auto_knows_the_default_of_max_steps() -> None:
    assert predicted(1.25) < 1e6 / ROOM < predicted(1.0)
    methods = [chosen_method(WELL, IsotropicNoise(v).check(), RULE_OF, EscapeRun(method="auto")) for v in (1.25, 1.0)]
    assert [each.method for each in methods] == ["direct", "splitting"]


def test_auto_splits_what_is_too_rare_for_a_number() -> None:
    choice = chosen_method(WELL, IsotropicNoise(0.001).check(), RULE_OF, EscapeRun(method="auto"))
    assert choice.method == "splitting"
    assert "e+4344 steps" in choice.because  # 2 pi exp(10^4) / (0.05 2^(1/2))


def test_without_a_prediction_auto_is_direct_and_says_why() -> None:
    decaying = SGD(lr=0.05, weight_decay=0.1).check()
    choice = chosen_method(WELL, IsotropicNoise(0.1).check(), decaying, EscapeRun(method="auto"))
    assert choice.method == "direct"
    assert "no closed form" in choice.because
    assert "weight_decay" in choice.because


@pytest.mark.parametrize("method", ["direct", "splitting"])
def test_what_is_asked_for_is_done(method: Any) -> None:
    choice = chosen_method(WELL, IsotropicNoise(0.001).check(), RULE_OF, EscapeRun(method=method))
    assert choice == (method, "")


def test_powers_of_ten() -> None:
    random = np.random.default_rng(0)
    for x in [*np.exp(random.uniform(-5.0, 690.0, 500)).tolist(), 1.0, 10.0, 9.96e9, 9.94e9, 1e100]:
        assert power_of_ten(math.log(x)) == f"{x:.1e}"
    assert power_of_ten(10000.0) == "8.8e+4342"


def configuration(variance: float = 1.0, **run: Any) -> Configuration:
    parts = (choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic"))
    return Configuration("escape", parts, ({"lr": 0.05}, {}, {"variance": variance}), EscapeRun(**run))


def test_a_settled_configuration_is_the_one_that_asks_for_it() -> None:
    asked, because = settled(configuration(method="auto"))
    assert asked == configuration(method="splitting")
    assert because
    assert settled(asked) == (asked, "")
    assert amount(asked.run) == "repetitions"
    assert amount(settled(configuration(variance=2.5, method="auto"))[0].run) == "trajectories"


def test_a_key_depends_only_on_what_does_something() -> None:
    asked = [
        configuration(),
        configuration(trials=77),
        configuration(repetitions=9),
        configuration(method="splitting"),
        configuration(method="splitting", trajectories=9),
        configuration(method="splitting", left_truncation=9, lanes=8),
        configuration(method="splitting", trials=77),
        configuration(method="splitting", repetitions=9),
    ]
    keys = [key(each.described(*each.build()), "1") for each in asked]
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] == keys[4] == keys[5]
    assert len(set(keys)) == 4
    line = " ".join(command_line(asked[3].described(*asked[3].build())))
    assert "--repetitions=32 --trials=4000" in line
    assert "trajectories" not in line


FILE = "rule.name = 'sgd'\n[run]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trials = 100", "file:3: run.trials=100 does nothing with method=direct, only with splitting"),
        ("repetitions = 32", "file:3: run.repetitions=32 does nothing with method=direct, only with splitting"),
        (
            "method = 'splitting'\ntrajectories = 4000",
            "file:4: run.trajectories=4000 does nothing with method=splitting, only with direct",
        ),
        ("method = 'splitting'\nlanes = 8", "file:4: run.lanes=8 does nothing with method=splitting"),
        ("method = 'splitting'\nleft_truncation = 0", "file:4: run.left_truncation=0 does nothing"),
        ("[axes]\nrun.trials = [100, 200]", "file:4: run.trials=100 does nothing with method=direct"),
        (
            "[axes]\nrun.method = ['direct', 'splitting']\nrun.trials = [100, 200]",
            "are the same run",
        ),
        ("method = 'fast'", "run.method"),
        ("method = 'splitting'\ntrials = 1", "run.trials=1 must be at least 2"),
    ],
)
def test_files_refuse_what_does_nothing(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        from_text(FILE + text, "file")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "method = 'splitting'\ntrials = 100",
        "method = 'auto'\ntrials = 100\ntrajectories = 50\nlanes = 8",
        "trials = 100\ntrajectories = 50\n[axes]\nrun.method = ['direct', 'splitting']",
        "[[zip]]\nrun.method = ['splitting', 'splitting']\nrun.trials = [100, 200]",
    ],
)
def test_files_take_what_does_something_in_one_of_the_settings(text: str) -> None:
    for setting in from_text(FILE + text, "file").settings:
        described = setting.configuration.described(*setting.configuration.build())
        line = command_line(described)
        assert f"--method={described['run']['method']}" in line
        assert any(each.startswith("--trials") for each in line) == (described["run"]["method"] != "direct")
