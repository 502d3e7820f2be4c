import tomllib
from pathlib import Path

import pytest
from saddlescape.experiments.command import main
from saddlescape.experiments.files.experiment import SweepPlan, from_text, read
from saddlescape.experiments.init_command import example

LINES = example("experiment.toml").splitlines()


def alternatives() -> list[range]:
    """Return the lines of each alternative: one line, or a table that is switched off with all its lines."""
    off = [line.startswith("#") and line[1:2] not in ("", " ") for line in LINES]
    found = []
    k = 0
    while k < len(LINES):
        end = k + 1
        if off[k] and LINES[k].startswith("#["):
            while end < len(LINES) and off[end]:
                end += 1
        if off[k]:
            found.append(range(k, end))
        k = end
    return found


def switched_on(*blocks: range) -> str:
    chosen = {k for block in blocks for k in block}
    return "\n".join(line[1:] if k in chosen else line for k, line in enumerate(LINES)) + "\n"


def test_the_example_is_a_sweep_of_two_rules_over_learning_rate_and_batch_size() -> None:
    experiment = from_text(example("experiment.toml"))
    assert [each.names for each in experiment.axes] == [("rule.lr",), ("noise.batch_size",), ("rule",)]
    assert len(experiment.settings) == 18
    assert experiment.question == "escape"
    assert experiment.plan == SweepPlan()
    assert {each.configuration.names()["rule"] for each in experiment.settings} == {"sgd", "momentum"}
    assert max(map(len, LINES)) <= 120


@pytest.mark.parametrize("block", alternatives(), ids=lambda block: LINES[block[0]].split(" ")[0])
def test_every_alternative_can_be_switched_on(block: range) -> None:
    first, again = from_text(switched_on()), from_text(switched_on(block))
    changed = (
        [each.configuration.values for each in first.settings] != [each.configuration.values for each in again.settings]
        or [each.configuration.run for each in first.settings] != [each.configuration.run for each in again.settings]
        or first.plan != again.plan
    )
    assert changed


def test_it_shows_every_kind_of_axis() -> None:
    text = switched_on(*alternatives())
    content = tomllib.loads(text)
    axes = content["axes"]
    ranges = [
        each for table in axes.values() if isinstance(table, dict) for each in table.values() if isinstance(each, dict)
    ]
    assert {"step"} < set().union(*ranges)
    assert any(each.get("spacing") == "log" for each in ranges)
    assert content["zip"]
    assert content["axes"]["rule"]
    assert set(content["sweep"]) == set(SweepPlan._fields)


def test_it_writes_the_file_and_leaves_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert capsys.readouterr().out == "written experiment.toml; saddlescape sweep experiment.toml --out DIR runs it\n"
    assert len(read("experiment.toml").settings) == 18
    Path("experiment.toml").write_text("mine")
    assert main(["init"]) == 2
    assert capsys.readouterr().err == "saddlescape: experiment.toml is there already; it is left as it is\n"
    assert Path("experiment.toml").read_text() == "mine"
    assert main(["init", "other.toml"]) == 0
    assert "saddlescape sweep other.toml" in Path("other.toml").read_text()
    capsys.readouterr()
    assert main(["init", "-"]) == 0
    assert from_text(capsys.readouterr().out).settings
    for tokens, said in (
        (["no/such/a.toml"], "cannot write no/such/a.toml: No such file"),
        (["--x"], "no --x here"),
        (["a", "b"], "'b' is the value of no flag"),
    ):
        assert main(["init", *tokens]) == 2
        assert said in capsys.readouterr().err
    assert main(["init", "--help"]) == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["experiment.toml", "other.toml"]
