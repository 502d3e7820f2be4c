import inspect
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape import __version__
from saddlescape.experiments import question
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose, owners
from saddlescape.experiments.command import main
from saddlescape.experiments.fields import fields
from saddlescape.experiments.question import QUESTIONS, Output
from saddlescape.experiments.record import load

COMMON = {"rule", "landscape", "noise", "seed", "trajectories", "diverged", "mean", "low", "high", "references",
          "regime", "verdict", "seconds", "version", "digest"}  # fmt: skip
KEYS = COMMON | {"escaped", "censored", "total_steps", "mean_steps"}
SPREAD_KEYS = COMMON | {"steps", "time", "curvatures", "covariance", "variance", "configuration"}
QUICK = ["escape", "sgd", "--variance=10", "-n", "300"]
HEAVY = {"numba", "scipy", "sympy", "matplotlib"}


def run(*tokens: str, folder: Path | None = None, **how: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "import sys; from saddlescape.experiments.command import main; sys.exit(main())"]
    return subprocess.run([*line, *tokens], capture_output=True, text=True, cwd=folder, check=False, **how)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("escpe", "no command 'escpe'; did you mean escape?"),
        ("--hlep", "no command '--hlep'; did you mean --help?"),
        ("escape sgdd", "no rule 'sgdd'; did you mean sgd?"),
        ("escape xyz", "no rule 'xyz'; one of sgd, momentum,"),
        ("escape --lr 1 sgd", "the rule comes before --lr"),
        ("escape sgd --landscape quartik", "no landscape 'quartik'; did you mean quartic?"),
        ("escape sgd --landscape=xyz", "no landscape 'xyz'; one of saddle,"),
        ("escape sgd --noise isotropc", "no noise 'isotropc'; did you mean isotropic?"),
        ("escape sgd --landscape", "--landscape needs a value; one of saddle,"),
        ("escape sgd --landscape --lr 1", "--landscape needs a value"),
        ("escape sgd --lrr 0.1", "no --lrr here; did you mean --lr?"),
        ("escape sgd --json=maybe", "--json"),
        ("escape sgd --beta1 0.9", "--beta1 belongs to momentum and adam and adamw, not to sgd"),
        (
            "escape sgd --landscape piecewise-quadratic --tilt 1",
            "--tilt belongs to quartic, not to piecewise-quadratic",
        ),
        ("escape sgd --batch-size 2", "--batch-size belongs to hessian, not to isotropic"),
        ("escape sgd --steps 10", "--steps belongs to saddlescape saddle, not to escape"),
        ("escape sgd --landscape expression", "--expression is required"),
        ("escape sgd --landscape expression --expression -x**2", "--expression=-x**2 would give it -x**2"),
        ("escape sgd --landscape expression --expression=__import__('os').remove('x')", "is no formula"),
        ("escape sgd --lr", "--lr needs a value"),
        ("escape sgd --lr --seed 1", "--lr needs a value"),
        ("escape sgd -n", "-n needs a value"),
        ("escape sgd --lr= --seed 1", "--lr needs a value"),
        ("escape sgd --lr 1 --lr 2", "--lr is given twice"),
        ("escape sgd 0.1", "'0.1' is the value of no flag"),
        ("escape sgd --lr abc", "--lr=abc must be a number"),
        ("escape sgd --lr nan", "lr=nan must be finite"),
        ("escape sgd --lr -1", "lr=-1.0 must be above 0"),
        ("escape sgd --lr=-1e-3", "lr=-0.001 must be above 0"),
        ("escape sgd --lr 3", "lr=3"),
        ("escape momentum --beta1 1", "beta1=1.0 must lie in [0, 1)"),
        ("escape adam --beta1 1", "beta1=1.0 must lie in [0, 1)"),
        ("escape sgd -n 0", "trajectories=0 must be at least 1"),
        ("escape sgd -n -5", "trajectories=-5 must be at least 1"),
        ("escape sgd -n 1.5", "--trajectories=1.5 must be a whole number"),
        ("escape sgd --seed -1", "seed=-1"),
        ("escape sgd --seed 18446744073709551616", "must be below 2^64"),
        ("escape sgd --max-steps 0", "max_steps=0 must be at least 1"),
        ("escape sgd --exit -2", "exit=-2.0 must be above -1"),
        ("escape sgd --origin 1,2", "origin has 2 coordinates"),
        ("escape sgd --momentum hot", "--momentum=hot must be one of rest, thermal"),
        ("escape sgd --threads 0", "threads=0"),
        ("escape sgd --lanes 0", "lanes=0"),
        ("escape sgd --method split", "--method=split must be one of direct, splitting, auto"),
        ("escape sgd --trials 500", "trials=500 does nothing with method=direct, only with splitting"),
        ("escape sgd --repetitions 32", "repetitions=32 does nothing with method=direct, only with splitting"),
        (
            "escape sgd --method splitting -n 4000",
            "trajectories=4000 does nothing with method=splitting, only with dir",
        ),
        ("escape sgd --method splitting --lanes 8", "lanes=8 does nothing with method=splitting, only with direct"),
        ("escape sgd --method splitting --left-truncation 0", "left_truncation=0 does nothing with method=splitting"),
        ("escape sgd --method splitting --repetitions 0", "repetitions=0 must be at least 1"),
        ("escape sgd --method splitting --trials 1", "trials=1 must be at least 2"),
        ("escape sgd --method splitting --trials 1e8", "must be at most 10000000"),
        ("escape sgd --method splitting --origin 1,2", "origin has 2 coordinates"),
        ("escape sgd --method splitting --landscape saddle", "escape"),
        ("saddle sgd --method splitting", "--method belongs to saddlescape escape, not to saddle"),
        ("escape sgd --left-truncation -1", "left_truncation=-1"),
        ("escape sgd --noise hessian", "vanishes along the escape direction"),
        ("escape sgd --noise constant --covariance 1,2;2,1", "must be positive semidefinite"),
        ("escape sgd --noise constant --covariance 1,2;3", "rows of one length"),
        ("escape sgd --noise constant --covariance 1,0;0,1", "covariance is for 2 dimensions"),
        ("escape sgd --landscape saddle", "escape"),
        ("saddle sgd --curvatures --lr 0.1", "--curvatures needs a value"),
        ("saddle sgd --curvatures -1,a", "--curvatures=a must be a number"),
        ("saddle sgd --curvatures missing.npy", "there is no such file"),
        ("saddle sgd --rotation 1,2;3,4", "rotation has shape (2, 2)"),
        ("saddle sgd --steps 0", "steps=0 must be at least 1"),
        ("saddle sgd -n 1", "trajectories=1 must be at least 2"),
        ("saddle sgd --record 1,5000", "must rise from 0"),
        ("saddle sgd --record 1.5,2", "record must be whole"),
        ("saddle sgd --exit 1", "--exit belongs to saddlescape escape, not to saddle"),
    ],
)
def test_bad_input_is_told_in_one_line_and_writes_nothing(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = line.split(" ")
    if len(tokens) > 2 and not tokens[-1].endswith(("--lr", "-n", "--landscape")):
        tokens += ["--out", "records", "--plot", "figures/a.png"]
    assert main(tokens) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("saddlescape: ")
    assert said in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["--out", "file/records"], "file is not a folder"),
        (["--out", "file"], "file is not a folder"),
        (["--plot", "file/a.png"], "file is not a folder"),
        (["--plot", "a.gif"], "must end in .png, .pdf or .svg"),
        (["--plot", "a"], "must end in .png, .pdf or .svg"),
        (["--plot", "folder.png"], "folder.png is a folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(
    tokens: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr("saddlescape.experiments.escape.escape_experiment", None)  # never reached
    assert main([*QUICK, *tokens]) == 2
    assert said in capsys.readouterr().err


def test_a_bug_still_traces_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **more: Any) -> None:
        np.zeros(2) + np.zeros(3)

    monkeypatch.setattr("saddlescape.experiments.escape.escape_experiment", broken)
    with pytest.raises(ValueError, match="broadcast"):
        main(QUICK)


def test_no_flag_has_two_owners_in_any_command() -> None:
    for name, rule, landscape, noise in itertools.product(QUESTIONS, RULE.table, LANDSCAPE.table, NOISE.table):
        own = fields(question.run_of(name))
        parts = [choose(RULE, rule), choose(LANDSCAPE, landscape), choose(NOISE, noise)]
        flags = ["--landscape", "--noise", "--help", "-n", *(field.flag for field in (*own, *fields(Output)))]
        flags += [field.flag for part in parts for field in part.fields]
        names = [field.name for part in (own, *(part.fields for part in parts), fields(Output)) for field in part]
        assert len(set(flags)) == len(flags), (name, rule, landscape, noise)
        assert len(set(names)) == len(names), (name, rule, landscape, noise)


def test_every_field_of_every_part_is_documented() -> None:
    parts = [choose(kind, name).make for kind in (RULE, LANDSCAPE, NOISE) for name in kind.table]
    for owner in (*parts, *(question.run_of(name) for name in QUESTIONS), Output):
        for field in fields(owner):
            assert field.doc, (owner, field.name)


COMBINATIONS = sorted(
    {(rule, "quartic", "isotropic") for rule in RULE.table}
    | {("sgd", landscape, "isotropic") for landscape in LANDSCAPE.table}
    | {("adai", "saddle", noise) for noise in NOISE.table}
)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize(("rule", "landscape", "noise"), COMBINATIONS)
def test_help_lists_every_field_with_its_doc_and_default(
    name: str,
    rule: str,
    landscape: str,
    noise: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main([name, rule, "--landscape", landscape, f"--noise={noise}", "--help"]) == 0
    text = capsys.readouterr().out
    parts = [choose(RULE, rule), choose(LANDSCAPE, landscape), choose(NOISE, noise)]
    for field in [*fields(question.run_of(name)), *(field for part in parts for field in part.fields)]:
        line = next(line for line in text.splitlines() if re.search(rf"{field.flag}( |$)", line))
        assert field.doc in line
        if field.default is inspect.Parameter.empty:
            assert "[required]" in line
        elif field.default is not None and field.default != ():
            assert f"[default: {command_text(field.default)}]" in line
    for part in parts:
        assert f"{part.kind.word.capitalize()} {part.name}" in text


def command_text(value: Any) -> str:
    from saddlescape.experiments.fields import as_text

    return as_text(value)


def test_a_command_alone_lists_the_rules_and_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["escape"]) == 0
    alone = capsys.readouterr().out
    assert main(["escape", "--help"]) == 0
    assert capsys.readouterr().out == alone
    for name in RULE.table:
        assert re.search(rf"│ {name} +\w", alone)


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"saddlescape {__version__}\n"
    assert main([]) == 0
    text = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == text
    assert all(name in text for name in QUESTIONS)


@pytest.mark.parametrize(
    "tokens",
    [["--help"], ["escape"], ["escape", "adai", "--landscape=expression", "--help"], ["saddle", "sgd", "--help"]],
)
def test_help_imports_nothing_heavy(tokens: list[str]) -> None:
    script = (
        "import sys; from saddlescape.experiments.command import main; main(sys.argv[1:]);"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *tokens], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert not HEAVY & loaded
    assert "numpy" not in loaded or tokens != ["--help"]


def test_owners_of_a_flag() -> None:
    assert {part.name for part in owners("--barrier")} == {"quartic", "piecewise-quadratic"}
    assert owners("--nothing") == []


def strict(text: str) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    return json.loads(text, parse_constant=refuse)


def test_escape_prints_one_object_and_records_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Seed 0, N = 300: false-alarm rate 1e-3, and this seed is fixed.
    figure = tmp_path / "figures" / "a.svg"
    assert main([*QUICK, "--json", "--quiet", "--out", str(tmp_path / "records"), "--plot", str(figure)]) == 0
    out, err = capsys.readouterr()
    told = strict(out)
    assert out.count("\n") == 1
    assert told.keys() >= KEYS
    assert (told["rule"], told["landscape"], told["noise"]) == ("sgd", "quartic", "isotropic")
    assert told["trajectories"] == told["escaped"] + told["censored"] + told["diverged"] == 300
    assert told["low"] < told["mean"] < told["high"]
    assert told["mean"] == pytest.approx(0.05 * told["total_steps"] / told["escaped"])
    assert told["verdict"] == "agrees"
    assert {"closed_form", "exact_diffusion", "exact_discrete"} <= told["references"].keys()
    assert all(("source" if each["value"] else "reason") in each for each in told["references"].values())
    assert told["configuration"]["noise"] == {"name": "isotropic", "variance": 10.0}
    assert "<svg" in figure.read_text()
    assert "record" in err
    assert "figure" in err

    # The recorded command gives the very same results, and the record is left as it is.
    manifest = next((tmp_path / "records").glob("*.json"))
    tokens = load(manifest).manifest["command"].split(" ")
    before = manifest.read_bytes()
    assert main([*tokens[1:], "--json", "--out", str(tmp_path / "records")]) == 0
    out, err = capsys.readouterr()
    assert strict(out)["digest"] == told["digest"]
    assert "there already" in err
    assert manifest.read_bytes() == before


def test_the_page_fits_80_columns_and_says_what_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--quiet"]) == 0
    page = capsys.readouterr().out
    assert max(len(line) for line in page.splitlines()) <= 80
    assert main([*QUICK, "--quiet", "--json"]) == 0
    told = strict(capsys.readouterr().out)
    assert f"{told['mean']:.5g}  [{told['low']:.5g}, {told['high']:.5g}]" in page
    assert told["digest"][:16] in page
    assert "agrees: measured/exact" in page
    assert f"{told['references']['exact_discrete']['value']:.5g}" in page


def test_saddle_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    # Seed 0, N = 2000, 3 x 3 comparisons at 1e-3 together.
    line = ["saddle", "sgd", "--curvatures", "-1,0.1,0.01", "--steps", "60", "--record", "5,20,60", "-n", "2e3"]
    assert main([*line, "--json"]) == 0
    told = strict(capsys.readouterr().out)
    assert told.keys() >= SPREAD_KEYS
    assert told["steps"] == [5, 20, 60]
    assert told["time"] == pytest.approx([0.25, 1.0, 3.0])
    assert told["curvatures"] == [-1.0, 0.1, 0.01]
    assert np.shape(told["covariance"]) == (3, 3, 3)
    for name in ("mean", "variance", "low", "high"):
        assert np.shape(told[name]) == (3, 3)
    assert np.shape(told["references"]["exact_discrete"]["value"]) == (3, 3)
    assert told["verdict"] == "agrees"
    assert told["configuration"]["run"]["steps"] == 60
    assert main(line) == 0
    page = capsys.readouterr().out
    assert max(len(text) for text in page.splitlines()) <= 80
    assert "…" not in page


def test_ctrl_c_tells_what_is_done_and_exits_with_130(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def pressed(*, quiet: bool, of: str) -> Iterator[Any]:
        def report(done: int, total: int, steps: int) -> None:
            if done > 0 and not seen:
                seen.append(done)
                raise KeyboardInterrupt

        seen: list[int] = []
        yield report

    monkeypatch.setattr("saddlescape.experiments.progress.progress", pressed)
    line = ["escape", "sgd", "--variance=2.5", "-n", "100000", "--json", "--out", str(tmp_path)]
    assert main(line) == 130
    told = strict(capsys.readouterr().out)
    assert told["interrupted"]
    assert 0 < told["escaped"] < 100_000
    (manifest,) = tmp_path.glob("*interrupted*.json")
    assert load(manifest).manifest["summary"]["interrupted"]


@pytest.mark.parametrize("tokens", [["escape", "sgd", "--help"], [*QUICK, "--quiet"], [*QUICK, "--quiet", "--json"]])
def test_a_reader_that_leaves_early_is_no_error(tokens: list[str]) -> None:
    script = "import sys; from saddlescape.experiments.command import main; sys.exit(main(sys.argv[1:]))"
    read, writing = os.pipe()
    os.close(read)
    line = [sys.executable, "-c", script, *tokens]
    done = subprocess.run(line, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_entry_point_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = run("escape", "sgd", "--lr", "-1", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "saddlescape: lr=-1.0 must be above 0: a step must go down the gradient\n"
    done = run("saddle", "adai", "--help", env=os.environ | {"COLUMNS": "80"})
    assert done.returncode == 0
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
