import json
import re
from pathlib import Path
from typing import Any

import pytest
from saddlescape.experiments.command import main
from saddlescape.experiments.record import load

QUICK = "rule.name = 'sgd'\nrule.lr = 0.1\nnoise.variance = 10\nrun.trajectories = 200\nrun.seed = 3\n"
FLAGS = ["escape", "sgd", "--lr=0.1", "--variance=10", "-n", "200", "--seed", "3"]
SPREAD = """question = "saddle"
[rule]
name = "adai"
[landscape]
curvatures = [-1, 0.5]
[run]
steps = 20
trajectories = 500
record = [5, 20]
"""
SPREAD_FLAGS = ["saddle", "adai", "--curvatures", "-1,0.5", "--steps=20", "--trajectories=500", "--record=5,20"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.toml").write_text(QUICK)
    (tmp_path / "spread.toml").write_text(SPREAD)
    return tmp_path


@pytest.mark.parametrize(("file", "flags"), [("quick.toml", FLAGS), ("spread.toml", SPREAD_FLAGS)])
@pytest.mark.parametrize("how", [["--json"], ["--quiet"]])
def test_a_file_does_what_its_flags_do(
    file: str, flags: list[str], how: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for k, tokens in enumerate((["run", file], flags)):
        assert main([*tokens, *how, "--out", f"records{k}", "--plot", f"figure{k}.svg"]) == 0
        out, err = capsys.readouterr()
        # Wall time is all that may differ, and the names of the two folders and figures.
        said.append(re.sub(r'seconds"?:? +[0-9.e-]+|(records|figure)\d', "", out + err))
    assert said[0] == said[1]
    for first, second in zip(*(sorted((folder / f"records{k}").iterdir()) for k in (0, 1)), strict=True):
        assert first.name == second.name
        if first.suffix == ".npz":
            assert first.read_bytes() == second.read_bytes()
        else:
            manifests: list[dict[str, Any]] = [load(each).manifest for each in (first, second)]
            for each in manifests:
                del each["created"], each["summary"]["seconds"]
            assert manifests[0] == manifests[1]
    assert (folder / "figure0.svg").stat().st_size == (folder / "figure1.svg").stat().st_size


def test_a_run_prints_the_file_that_does_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FLAGS, "--toml"]) == 0
    text = capsys.readouterr().out
    (folder / "again.toml").write_text(text)
    assert main(["run", "again.toml", "--toml"]) == 0
    assert capsys.readouterr().out == text
    digests = []
    for tokens in (["run", "again.toml"], FLAGS):
        assert main([*tokens, "--json", "--quiet"]) == 0
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert digests[0] == digests[1]
    assert sorted(each.name for each in folder.iterdir()) == ["again.toml", "quick.toml", "spread.toml"]


@pytest.mark.parametrize(
    ("more", "line"),
    [("[axes]\nrun.seed = [1, 2]\n", 6), ("[[zip]]\nrun.seed = [1]\n", 6), ("[sweep]\nexact = true\n", 6)],
)
def test_a_sweep_is_told_to_be_run_as_one(
    more: str, line: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sweep.toml").write_text(QUICK + more)
    assert main(["run", "sweep.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"saddlescape: sweep.toml:{line}: this is a sweep: run it by saddlescape sweep sweep.toml --out DIR\n"


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["missing.toml"], "missing.toml: No such file or directory"),
        (["."], ". is a folder"),
        (["--json"], "the file comes before --json"),
        (["quick.toml", "--lr", "1"], "there is no --lr here"),
        (["quick.toml", "spread.toml"], "'spread.toml' is the value of no flag"),
        (["quick.toml", "--plot", "a.gif"], "must end in .png, .pdf or .svg"),
        (["bad.toml", "--out", "records"], "bad.toml:2: rule.lr=-1.0 must be above 0"),
    ],
)
def test_bad_input_is_told_in_one_line_and_writes_nothing(
    tokens: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.toml").write_text("rule.name = 'sgd'\nrule.lr = -1")
    before = sorted(folder.iterdir())
    assert main(["run", *tokens]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err
    assert sorted(folder.iterdir()) == before


def test_help_tells_where_results_go(capsys: pytest.CaptureFixture[str]) -> None:
    for tokens in (["run"], ["run", "--help"]):
        assert main(tokens) == 0
        out = capsys.readouterr().out
        assert "saddlescape run FILE.toml" in out
        assert "--json" in out
