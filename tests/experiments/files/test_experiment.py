import itertools
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, Part, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.files.experiment import Axis, SweepPlan, from_dict, from_text, read
from saddlescape.experiments.files.places import places
from saddlescape.experiments.files.text import to_text
from saddlescape.experiments.files.toml_values import toml
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.saddle import SaddleRun

from ..test_configuration import GIVEN
from ..toml_files import VALID

RULE_TABLE = '[rule]\nname = "momentum"\n'
SADDLE = 'question = "saddle"\n' + RULE_TABLE


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        from_text(text, "f.toml")
    said = str(caught.value)
    assert said.isprintable()
    return said


def axis(text: str, before: str = SADDLE) -> list[Any]:
    """Return the positions of the only axis of a file."""
    (found,) = from_text(f"{before}[axes]\n{text}").axes
    return [value[0] for value in found.values]


def described(configuration: Configuration) -> dict[str, Any]:
    return configuration.described(*configuration.build())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.toml: rule.name is required; one of sgd, momentum,"),
        ("\n[rule]\nlr = 1", "f.toml:2: rule.name is required; one of sgd,"),
        ('[rule]\nname = "sgdd"', "f.toml:2: rule.name=\"sgdd\": there is no rule 'sgdd'; did you mean sgd?"),
        ("[rule]\nname = 3", "f.toml:2: rule.name=3 must be a text, not a number"),
        ('rule = "sgd"', 'f.toml:1: rule="sgd" must be a table; write [rule] and below it name = "sgd"'),
        (RULE_TABLE + "beta1 = 1.5", "f.toml:3: rule.beta1=1.5 must lie in [0, 1): the momentum must fade"),
        (RULE_TABLE + 'lr = "abc"', 'f.toml:3: rule.lr="abc" must be a number, not a text'),
        (RULE_TABLE + "lr = true", "f.toml:3: rule.lr=true must be a number, not a truth value"),
        (RULE_TABLE + "lr = 1e400", "f.toml:3: rule.lr=inf must be finite"),
        (RULE_TABLE + "lr = 1979-05-27", "f.toml:3: rule.lr=1979-05-27 must be a number, not a date or a time"),
        (RULE_TABLE + "lrr = 1", "f.toml:3: there is no rule.lrr; did you mean lr?"),
        (
            RULE_TABLE + "beta2 = 1",
            "f.toml:3: rule.beta2 belongs to adam and adamw and adai and adaiw, not to momentum",
        ),
        (RULE_TABLE + "batch_size = 1", "f.toml:3: rule.batch_size: batch_size is a field of [noise], not of [rule]"),
        (RULE_TABLE + "[noise]\nbatch-size = 1", 'f.toml:4: there is no noise."batch-size"; one of name, variance'),
        (RULE_TABLE + "[noise]\nname='hessian'\nbatch-size = 1", "; did you mean batch_size?"),
        ("lr = 0.1", "f.toml:1: lr is a field of [rule]: write it below that line, or as rule.lr"),
        ("ruel.lr = 0.1", "f.toml:1: there is no ruel here; did you mean rule?"),
        ('question = "escpe"', 'f.toml:1: question="escpe" must be one of "escape", "saddle"; did you mean escape?'),
        (RULE_TABLE + "[run]\nsteps = 10", 'f.toml:4: run.steps belongs to question "saddle", not to "escape"'),
        (RULE_TABLE + "[run]\ntrajectories = 1.5", "f.toml:4: run.trajectories=1.5 must be a whole number"),
        (RULE_TABLE + "[run]\ntrajectories = 0", "f.toml:4: run.trajectories=0 must be at least 1"),
        (
            RULE_TABLE + "[run]\ntrajectories = 1e12",
            "f.toml:4: run.trajectories=1000000000000 must be at most 1000000000",
        ),
        (RULE_TABLE + "[run]\nmax_steps = 1e29", "must be at most 1000000000000000: neither"),
        (
            RULE_TABLE + "[run]\nseed = 18446744073709551616",
            "f.toml:4: run.seed=18446744073709551616 must be below 2^64",
        ),
        (RULE_TABLE + "[run]\norigin = [[1, 2], [3]]", "f.toml:4: run.origin must have rows of one length, not 2, 1"),
        (RULE_TABLE + "[run]\norigin = [1, '2']", 'f.toml:4: run.origin[1]="2" must be a number, not a text'),
        (RULE_TABLE + "[run]\norigin = [[[1]]]", "f.toml:4: run.origin[0][0]=[1] must be a number, not an array"),
        (RULE_TABLE + "[run]\norigin = 'x.npy'", "f.toml:4: run.origin=x.npy: there is no such file"),
        (RULE_TABLE + "[run]\norigin = [1, 2]", "f.toml:4: run.origin has 2 coordinates; the landscape has 1"),
        (RULE_TABLE + "[run]\nmomentum = 'thermall'", "; did you mean thermal?"),
        (RULE_TABLE + "[run]\nexit = -2", "f.toml:4: run.exit=-2.0 must be above -1, where trajectories start"),
        (RULE_TABLE + "lr = 3", "f.toml:3: rule.lr=3 is unstable on the curvature 2 of QuarticWell"),
        (RULE_TABLE + "[noise]\nname = 'hessian'", "f.toml: HessianNoise vanishes along the escape direction"),
        (
            RULE_TABLE + "[noise]\nname = 'constant'\ncovariance = [1, 1]",
            "f.toml:5: noise.covariance is for 2 dimensions;",
        ),
        (RULE_TABLE + "[noise]\nname = 'constant'\ncovariance = []", "f.toml:5: noise.covariance is empty"),
        (
            RULE_TABLE + "[landscape]\nname = 'expression'",
            "f.toml:3: landscape.expression is required: it has no default",
        ),
        (
            RULE_TABLE + "[landscape]\nname = 'styblinski-tang'\ndimension = 1e9",
            "f.toml:5: landscape.dimension makes a",
        ),
        (RULE_TABLE + "[sweep]\ntarget = 2", "f.toml:4: sweep.target=2.0 must lie between 0 and 1"),
        (RULE_TABLE + "[sweep]\ntraget = 0.2", "f.toml:4: there is no sweep.traget; did you mean target?"),
        (RULE_TABLE + "[sweep]\nexact = 1", "f.toml:4: sweep.exact=1 must be true or false, not a number"),
        (RULE_TABLE + "[sweep]\nmost_trajectories = 5", "f.toml:4: sweep.most_trajectories goes with sweep.target"),
        (
            RULE_TABLE + "[sweep]\ntarget = 0.1\nmost_trajectories = 5",
            "f.toml:5: sweep.most_trajectories=5 must be at least",
        ),
        # Axes.
        (SADDLE + "[axes]\nrule.lr = []", "f.toml:5: rule.lr is empty"),
        (SADDLE + "[axes]\nrule.lr = 0.1", "f.toml:5: rule.lr=0.1 is one value"),
        (SADDLE + "[axes]\nlr = [0.1]", "f.toml:5: lr stands in no table: write rule.lr"),
        (SADDLE + "[axes]\nrul.lr = [0.1]", 'f.toml:5: there is no "rul" to vary; did you mean rule?'),
        (SADDLE + "[axes]\nquestion = ['escape']", "f.toml:5: question cannot be varied"),
        (SADDLE + "[axes]\nrule = ['sgd']", "for names alone write rule.name = [...]"),
        (SADDLE + "[axes]\nrule.lr = [0.1,\n0.2,\n-1]", "f.toml:7: rule.lr=-1.0 must be above 0: a step must go down"),
        (SADDLE + "[axes]\nrule.lr = [0.1,\n0.2,\n'a']", 'f.toml:7: rule.lr="a" must be a number, not a text (at'),
        (SADDLE + "lr = 0.1\n[axes]\nrule.lr = [0.1]", "f.toml:6: rule.lr is varied here and has a value in line 4"),
        (
            SADDLE + "[axes]\nrule.lr = [1]\n[[zip]]\nrule.lr = [2]",
            "f.toml:7: rule.lr is varied twice: an axis over it stands in line 5",
        ),
        (SADDLE + '[axes]\n"rule.lr" = [1]\n[[axes.rule]]\nlr = 2', "f.toml:6: rule.lr is varied twice"),
        (
            SADDLE + "[axes]\nrule.lr = [1]\n[[axes.rule]]\nlr = 2",
            'write an axis over one field in quotes: "rule.lr" = [...]',
        ),
        (SADDLE + "[[zip]]\nrule.lr = [0.1, 0.2]\nrun.seed = [1]", "f.toml:6: run.seed has 1 values and rule.lr 2"),
        (SADDLE + "[axes]\nrule.lr = [0.1, 0.2,\n0.1]", "f.toml:6: rule.lr=0.1 and rule.lr=0.1 are the same run"),
        (SADDLE + "[axes]\nrun.threads = [1, 2]", "are the same run: no result depends on run.threads"),
        (
            SADDLE + "[axes]\nrule.lr = [0.05, 0.1]\nrule.beta1 = [0.8, 0.9]\nrun.seed = [0, -1]",
            "f.toml:7: run.seed=-1 must be at least 0 (at rule.lr=0.05, rule.beta1=0.8, run.seed=-1)",
        ),
        (
            SADDLE + "[axes]\nlandscape.curvatures = [-1, 0.1]",
            "landscape.curvatures[0]=-1 must be an array: this axis is a list of arrays",
        ),
        (
            "[rule]\nbeta1 = 0.3\n[axes]\nrule.name = ['momentum', 'sgd']",
            'f.toml:2: rule.beta1 belongs to momentum and adam and adamw, not to sgd (at rule.name="sgd")',
        ),
        ("[axes]\nrule.name = ['momentum', 'sgd']\nrule.beta1 = [0.3]", "f.toml:3: rule.beta1 belongs to momentum"),
        # Ranges.
        (SADDLE + "[axes]\nrule.lr = { from = 0.1, to = 0.2 }", "f.toml:5: rule.lr needs count or step"),
        (SADDLE + "[axes]\nrule.lr = { from = 0.1, to = 0.2, count = 2, step = 1 }", "either count or step, not both"),
        (SADDLE + "[axes]\nrule.lr = { to = 0.2, count = 2 }", "rule.lr needs from"),
        (
            SADDLE + "[axes]\nrule.lr = { from = 0.1, to = 0.2, cuont = 2, step = 1 }",
            'has no key "cuont"; did you mean count?',
        ),
        (SADDLE + "[axes]\nrule.lr = { from = 0, to = 1, count = 3, spacing = 'log' }", "both must be above 0"),
        (SADDLE + "[axes]\nrule.lr = { from = 1, to = 2, count = 3, spacing = 'lgo' }", "did you mean log?"),
        (SADDLE + "[axes]\nrule.lr = { from = 1, to = 2, step = -1 }", "leads away from"),
        (SADDLE + "[axes]\nrule.lr = { from = 1, to = 2, step = 0 }", "must not be 0"),
        (SADDLE + "[axes]\nrule.lr = { from = nan, to = 2, step = 1 }", "rule.lr.from=nan must be finite"),
        (SADDLE + "[axes]\nrun.seed = { from = 0, to = 10, count = 4 }", "which are not all whole"),
        (SADDLE + "[axes]\nrun.seed = { from = 0.5, to = 10, step = 1 }", "run.seed.from=0.5 must be a whole number"),
        (SADDLE + "[axes]\nrun.momentum = { from = 0, to = 1, count = 2 }", "run.momentum has no range"),
        # No TOML.
        ("a = 1\nb", "f.toml:2: Expected '=' after a key"),
        ("a = 1\na = 2", "f.toml:2: Cannot overwrite a value"),
        ("a = '''", "f.toml:1: "),
        ("a = [1,\n", "f.toml:2: Invalid value at the end"),
        ("a = " + "[" * 5000, "f.toml is nested too deeply"),
        ("a = " + "9" * 5000, "f.toml: it holds a number of more than"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    assert said in refused(text)


def test_too_many_settings_are_refused_before_they_are_made() -> None:
    thousand = "{ from = 1, to = 1000, step = 1 }"
    huge = [
        f"run.seed = {thousand}\nrun.steps = {thousand}\nrun.trajectories = {thousand}",
        "rule.lr = { from = 0.1, to = 0.2, count = 1e15 }",
        "rule.lr = { from = 0.1, to = 0.2, step = 1e-300 }",
        "rule.lr = { from = -1e308, to = 1e308, step = 1e-308 }",
        "run.seed = { from = 0, to = 1000000000000, step = 1 }",
        'run.seed = { from = 1, to = 1000000000000, count = 100000000, spacing = "log" }',
    ]
    for text in huge:
        began = time.perf_counter()
        assert "1,000,000" in refused(f"{SADDLE}[axes]\n{text}")
        assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("rule.lr = { from = 0.1, to = 0.5, step = 0.1 }", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("rule.lr = { from = 0.1, to = 0.5, count = 5 }", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("rule.lr = { from = 0.1, to = 0.55, step = 0.1 }", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("rule.lr = { from = 0.3, to = 0.1, step = -0.1 }", [0.3, 0.2, 0.1]),
        ("rule.lr = { from = 0.001, to = 0.1, count = 3, spacing = 'log' }", [0.001, 0.01, 0.1]),
        ("rule.beta1 = { from = 0, to = 0.3, step = 0.1 }", [0.0, 0.1, 0.2, 0.3]),
        ("run.seed = { from = 0, to = 10, step = 4 }", [0, 4, 8]),
        ("run.seed = { from = 9, to = 0, count = 4 }", [9, 6, 3, 0]),
        ("run.steps = { from = 1, to = 10, count = 50, spacing = 'log' }", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("run.steps = { from = 10, to = 1e4, count = 4, spacing = 'log' }", [10, 100, 1000, 10000]),
        ("landscape.rotation = { from = 1, to = 3, step = 1 }", [1, 2, 3]),
        ("run.momentum = ['rest', 'thermal']", ["rest", "thermal"]),
    ],
)
def test_ranges_are_exact_and_as_one_would_write_them(text: str, values: list[Any]) -> None:
    found = axis(text)
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_a_range_ends_where_it_is_told_to() -> None:
    lr = axis("rule.lr = { from = 0.0123456789012345, to = 0.987654321098765, count = 7, spacing = 'log' }")
    assert (lr[0], lr[-1]) == (0.0123456789012345, 0.987654321098765)
    np.testing.assert_allclose(lr, np.geomspace(lr[0], lr[-1], 7), rtol=1e-11)
    third = axis("rule.lr = { from = 0.1, to = 0.7, count = 4 }")
    np.testing.assert_allclose(third, np.linspace(0.1, 0.7, 4), rtol=1e-15)
    # To is a multiple of the step but for rounding: it belongs to the range, and is itself.
    assert axis("rule.lr = { from = 0.3333333333333333, to = 1.0, step = 0.3333333333333333 }")[-1] == 1.0


def test_settings_are_the_product_of_the_axes_in_the_order_of_the_file() -> None:
    experiment = from_text(VALID[0])
    names = [each.names for each in experiment.axes]
    assert names == [("rule.lr",), ("noise.batch_size",), ("landscape.barrier",), ("rule.beta3", "run.max_steps")]
    sizes = [len(each.values) for each in experiment.axes]
    assert [each.place for each in experiment.settings] == list(itertools.product(*map(range, sizes)))
    for place, configuration in experiment.settings:
        told = described(configuration)
        for each, k in zip(experiment.axes, place, strict=True):
            for name, value in zip(each.names, each.values[k], strict=True):
                table, _, key = name.partition(".")
                assert told[table][key] == value
        assert told["rule"]["beta1"] == 0.5
    assert experiment.axes[3].labels == ("beta3=0.5 max_steps=1000", "beta3=1.0 max_steps=2000")
    assert experiment.plan == SweepPlan(target=0.2, most_trajectories=1000)
    other = from_text(
        SADDLE + "[[zip]]\nrun.seed = [1, 2]\n[axes]\nrule.lr = [0.1]\nnoise.floor = [0]\nrule.beta1 = [0.5]"
    )
    assert [each.names[0] for each in other.axes] == ["run.seed", "rule.lr", "noise.floor", "rule.beta1"]


def test_whole_tables_lie_over_their_table() -> None:
    experiment = from_text(VALID[2])
    assert experiment.axes[2] == Axis(
        ("rule",), (({"name": "adam", "beta1": 0.8},), ({"name": "adaiw"},)), ("adam", "adaiw")
    )
    names = {(each.configuration.names()["rule"], each.configuration.names()["noise"]) for each in experiment.settings}
    assert names == set(itertools.product(("adam", "adaiw"), ("isotropic", "hessian")))
    text = '[rule]\nname = "sgd"\nlr = 0.01\n[[axes.rule]]\nlr = 0.02\n[[axes.rule]]\nname = "momentum"\n'
    lrs = [each.configuration.values[0]["lr"] for each in from_text(text).settings]
    assert lrs == [0.02, 0.01]


def test_defaults_are_those_of_the_command() -> None:
    for question, names in (("escape", ("quartic", "isotropic")), ("saddle", ("saddle", "hessian"))):
        (setting,) = from_text(f'question = "{question}"\nrule.name = "sgd"').settings
        assert setting.configuration.names() == {"rule": "sgd", "landscape": names[0], "noise": names[1]}
        assert setting.configuration.values == ({}, {}, {})
        assert setting.configuration.run == type(setting.configuration.run)()


def test_arrays_and_paths(tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", np.array([-1.0, 0.5]))
    text = 'question = "saddle"\nrule.name = "sgd"\n[axes]\nlandscape.curvatures = ["h.npy", [-1, 0.25], [-2, 1, 1]]'
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = [each.configuration.values[1]["curvatures"].tolist() for each in read(path).settings]
    assert found == [[-1.0, 0.5], [-1.0, 0.25], [-2.0, 1.0, 1.0]]
    assert read(path).axes[0].labels == ("h.npy", "-1,0.25", "-2,1,1")
    (setting,) = from_text(
        SADDLE + "[run]\nrecord = 4e1\n[landscape]\nrotation = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]"
    ).settings
    assert setting.configuration.run.record == 40
    assert setting.configuration.values[1]["rotation"].shape == (3, 3)


@pytest.mark.parametrize("text", VALID)
def test_python_dicts_say_the_same(text: str) -> None:
    first, again = from_text(text), from_dict(tomllib.loads(text))
    assert [described(each.configuration) for each in first.settings] == [
        described(each.configuration) for each in again.settings
    ]
    assert again.axes == first.axes
    assert again.plan == first.plan
    assert tomllib.loads(again.text) == tomllib.loads(text)


def test_python_dicts_may_hold_what_python_has() -> None:
    mapping = {
        "question": "saddle",
        "rule": {"name": "sgd", "weight_decay": None},
        "landscape": {"curvatures": np.array([-1.0, 0.5])},
        "run": {"steps": np.int64(20), "origin": (0.0, np.float32(0.5))},
        "axes": {"rule.lr": np.linspace(0.1, 0.3, 3), "run": {"seed": range(2)}},
    }
    experiment = from_dict(mapping, "mine")
    assert len(experiment.settings) == 6
    assert from_text(experiment.text).axes == experiment.axes
    for bad, said in (
        ({"rule": {"name": object()}}, "mine: "),
        ({3: 1}, "mine: 3 is no name"),
        ({"rule": {"name": "sgd", "lr": "a"}}, 'mine: rule.lr="a" must be a number'),
    ):
        with pytest.raises(InputError, match=said):
            from_dict(bad, "mine")  # type: ignore[arg-type]


def test_what_is_no_experiment_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"a = 1\nb = '\xff'")
    (tmp_path / "large.toml").write_bytes(b"#" * 10_000_001)
    cases = {
        "missing.toml": "No such file",
        ".": "is a folder",
        "bytes.toml": "bytes.toml:2: it is not text in UTF-8",
        "large.toml": "more than 10 MB",
        "a\0b": "null byte",
    }
    for name, said in cases.items():
        with pytest.raises(InputError, match=said) as caught:
            read(tmp_path / name)
        assert str(caught.value).isprintable()
    with pytest.raises(InputError, match="is not a file"):
        read("/dev/null")


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('touch pwned')",
        "().__class__.__bases__[0].__subclasses__()",
        "open('pwned', 'w')",
        "exec('import os')",
        "x.__class__",
        "(lambda: x)()",
        "[x for x in (1, 2)][0]",
        "f'{x}'",
        "x if x else y",
        "x := 3",
        "9**9**9**9*x",
        "x" + "**2" * 500,
        "import os",
        "x; import os",
        "x\n__import__('os')",
        "@x",
        "{{ x }}",
        "$(touch pwned)",
    ],
)
def test_a_file_runs_no_code(attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    said = refused(f'[rule]\nname = "sgd"\n[landscape]\nname = "expression"\nexpression = {toml(attack)}')
    assert said.startswith("f.toml:5: landscape.expression=")
    assert "is no formula" in said
    assert time.perf_counter() - began < 5.0
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_a_file_hold_no_pickles(tmp_path: Path) -> None:
    np.save(tmp_path / "evil.npy", np.array([print], dtype=object), allow_pickle=True)
    (tmp_path / "f.toml").write_text(SADDLE + '[landscape]\ncurvatures = "evil.npy"')
    with pytest.raises(InputError, match="cannot be read as an array"):
        read(tmp_path / "f.toml")


def test_ten_thousand_settings_are_checked_in_seconds() -> None:
    text = (
        '[rule]\nname = "momentum"\n[landscape]\nname = "piecewise-quadratic"\n[noise]\nname = "hessian"\n[axes]\n'
        + (
            "rule.lr = { from = 0.001, to = 0.1, count = 20, spacing = 'log' }\n"
            "run.seed = { from = 0, to = 4, step = 1 }\n"
            "noise.batch_size = { from = 0.1, to = 1, count = 10 }\n"
            "landscape.barrier = { from = 0.1, to = 1, count = 10 }\n"
        )
    )
    began = time.perf_counter()
    experiment = from_text(text)
    assert len(experiment.settings) == 10_000
    assert time.perf_counter() - began < 20.0  # 3 s on an idle core


LOCATED = """
# comment = 1
a = 1
b.c = [1, [2,
  3], "]", '''
[no]''',
  { d = 5 }]
"q.r" . 's' = { t = 1, u = [ { v = 2 } ] }
[table.'x y'] # c = 3
k = \"\"\"
[not.a.table]
j = 1 \\\"\"\" \"\"\"
"\\u00e9" = 1
[[list]]
one = 1
[[list.inner]]
two = 2
[[list.inner]]
two = 3
[[list]]
one = 2
[list.sub]
three = 1979-05-27T07:32:00Z
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_places_are_found(newline: str) -> None:
    found = places(LOCATED.replace("\n", newline))
    expected = {
        ("a",): 3, ("b", "c"): 4, ("b", "c", 0): 4, ("b", "c", 1, 1): 5, ("b", "c", 2): 5, ("b", "c", 4, "d"): 7,
        ("q.r", "s"): 8, ("q.r", "s", "u", 0, "v"): 8, ("table", "x y"): 9, ("table", "x y", "k"): 10,
        ("table", "x y", "é"): 13, ("list",): 14, ("list", 0, "one"): 15, ("list", 0, "inner", 1, "two"): 19,
        ("list", 1): 20, ("list", 1, "one"): 21, ("list", 1, "sub", "three"): 23,
    }  # fmt: skip
    for way, line in expected.items():
        assert found.get(way) == line, way


@pytest.mark.parametrize("text", [LOCATED, *VALID])
def test_every_key_has_a_place(text: str) -> None:
    found = places(text)

    def walk(value: Any, way: tuple[Any, ...]) -> None:
        if way:
            assert way in found
        for key, each in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            walk(each, (*way, key))

    walk(tomllib.loads(text), ())


def test_a_text_that_is_nested_too_deeply_has_no_places() -> None:
    assert places("a = " + "[" * 5000 + "]" * 5000) == {}


RUNS = (
    EscapeRun(seed=2**64 - 1, exit=-0.5, origin=np.array([-1.0, 0.5]), momentum="thermal", threads=2),
    SaddleRun(record=7),
    SaddleRun(record=np.array([1.0, 5.0]), trajectories=5),
    EscapeRun(),
)


@pytest.mark.parametrize("landscape", LANDSCAPE.table)
@pytest.mark.parametrize("run", RUNS)
def test_the_file_of_a_configuration_describes_it_again(
    landscape: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of the pairs cannot be run; what is compared here is what is asked for.
    monkeypatch.setattr("saddlescape.experiments.files.assembly.check_setting", lambda *parts: None)
    question = "escape" if isinstance(run, EscapeRun) else "saddle"
    for rule, noise in itertools.product(RULE.table, NOISE.table):
        parts: tuple[Part, Part, Part] = (choose(RULE, rule), choose(LANDSCAPE, landscape), choose(NOISE, noise))
        for given in (
            tuple(GIVEN.get(part.name, {}) for part in parts),
            ({}, GIVEN["expression"] if landscape == "expression" else {}, {}),
        ):
            first = Configuration(question, parts, given, run)  # type: ignore[arg-type]
            text = to_text(first)
            assert max(map(len, text.splitlines())) <= 120
            (setting,) = from_text(text).settings
            assert described(setting.configuration) == described(first)
            assert setting.configuration.run.threads == run.threads


def test_a_wide_array_is_written_over_lines() -> None:
    h = np.linspace(-1.0, 1.0, 200)
    parts: Any = (choose(RULE, "sgd"), choose(LANDSCAPE, "saddle"), choose(NOISE, "constant"))
    first = Configuration("saddle", parts, ({}, {"curvatures": h}, {"covariance": np.eye(200)}), SaddleRun())
    text = to_text(first)
    assert max(map(len, text.splitlines())) <= 120
    (setting,) = from_text(text).settings
    assert described(setting.configuration) == described(first)


@pytest.mark.parametrize(
    "value",
    ["", 'a"b\\c', "é\n\t\x00\x7f\u2028", "'''", True, 3, -0.0, 1e-8, 1e300, [1, [2.5, "a"]], {"a b": {"c": 1}}],
)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"k = {toml(value)}") == {"k": value}
    assert toml(value).isprintable()


def test_reading_loads_nothing_heavy_that_a_plain_file_does_not_need() -> None:
    heavy = "{'numba', 'scipy', 'sympy', 'matplotlib'}"
    code = f"import sys, saddlescape.experiments.files.experiment; print({heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
