import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from saddlescape.experiments import bench, bench_table, contest
from saddlescape.experiments.bench import chosen_cases, chosen_contestants
from saddlescape.experiments.command import main
from saddlescape.experiments.contest import Contest, Contestant, Reference, hold
from saddlescape.experiments.figures import bench as bench_figure
from saddlescape.experiments.figures.style import write
from saddlescape.experiments.peers import PEERS
from saddlescape.experiments.peers.exact import Answer, exact_answers
from saddlescape.experiments.peers.interface import CASES, Work

NUMPY, OURS, LIMIT = Contestant("numpy", "float64"), Contestant("saddlescape", "float64"), Contestant("c++", "limit")
THREE = (NUMPY, OURS, LIMIT)
QUICK = ["bench", "--cases=B", "--contestants=numpy:float64", "--scale=0.001", "--rounds=2"]

EXACT = {
    name: {key: each.value for key, each in (exact_answers(case) or {"variance_0": Answer(1.0, 1.0)}).items()}
    for name, case in CASES.items()
}


class Scripted:
    """A worker's process that only says what it would have measured: 12, 3 and 1 ns a unit, and 10 % more each call."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012
    seconds = {"numpy_peer": 12.0, "this_package": 3.0, "cpp": 1.0}  # noqa: RUF012
    stop_after = 10**9

    def __init__(self, module: str, variant: str) -> None:
        self.module = module
        self.calls = 0

    def ask(self, case: str, scale: float) -> dict[str, Any]:
        if len(Scripted.asked) == Scripted.stop_after:
            raise KeyboardInterrupt
        Scripted.asked.append((self.module, case))
        self.calls += 1
        value = dict(EXACT[case])
        if self.module == "this_package" and case == "D":
            value["variance_1"] *= 1.5
        if self.module == "cpp" and case == "C-Adai":
            return {"case": case, "unable": True}
        if self.module == "cpp" and case == "C-Adam":
            return {"case": case, "error": "ValueError: no such luck"}
        seconds = Scripted.seconds[self.module] * 1.1**self.calls
        done = Work(1e9, value, CASES[case].number(scale))
        return {"case": case, "seconds": seconds, "wall": seconds, "version": "1.0", **done._asdict()}

    def end(self) -> None: ...


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr(contest, "_Process", Scripted)
    monkeypatch.setattr(Scripted, "asked", [])
    return Scripted


def held(rounds: int = 3) -> Contest:
    return hold(list(CASES), THREE, rounds=rounds, scale=1.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bench --cases E", "there is no case 'E'; one of A, B, C-Adam, C-Adai, D"),
        ("bench --cases C-Ada", "there is no case 'C-Ada'; did you mean C-Ada"),
        ("bench --cases A,,B", "there is no case ''"),
        ("bench --contestants nmpy", "there is no contestant 'nmpy'; did you mean numpy?"),
        ("bench --contestants numpy:float16", "numpy has no variant 'float16'; did you mean float"),
        ("bench --contestants numpy,", "there is no contestant ''"),
        ("bench --rounds 0", "--rounds=0 must be at least 1"),
        ("bench --rounds 1.5", "--rounds=1.5 must be a whole number"),
        ("bench --scale 0", "--scale=0 must be above 0"),
        ("bench --scale nan", "--scale=nan must be above 0"),
        ("bench --scale inf", "must be above 0 and finite"),
        ("bench --scale -1", "--scale=-1 must be above 0"),
        ("bench --scale", "--scale needs a value"),
        ("bench --round 2", "there is no --round here; did you mean --rounds?"),
        ("bench numpy", "there is no benchmark 'numpy'; one of scaling"),
        ("bench scalin", "there is no benchmark 'scalin'; did you mean scaling?"),
    ],
)
def test_bad_input_is_told_in_one_line_and_measures_nothing(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contest, "hold", None)  # never reached
    tokens = line.split(" ")
    assert main(tokens if tokens[-1] == "--scale" else [*tokens, "--out", "here"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("saddlescape: ")
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(contest, "hold", None)
    assert main([*QUICK, "--out", str(tmp_path / "file")]) == 2
    assert "file is not a folder" in capsys.readouterr().err


def test_a_contestant_that_is_asked_for_and_not_here_is_refused_and_left_out_where_all_are_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("saddlescape.experiments.peers.cpp.unavailable", lambda: "there is no C++ compiler")
    monkeypatch.setattr("saddlescape.experiments.bench.PEERS", {name: PEERS[name] for name in ("numpy", "c++")})
    assert main(["bench", "--contestants=numpy,c++"]) == 2
    assert "c++ is not here: there is no C++ compiler" in capsys.readouterr().err
    here, absent = chosen_contestants(None)
    assert {each.name for each in here} == {"numpy"}
    assert absent == {"c++": "there is no C++ compiler"}


def test_names_are_chosen_once_and_in_order() -> None:
    assert chosen_cases("D, C,A,C-Adai") == ["D", "C-Adam", "C-Adai", "A"]
    here, absent = chosen_contestants("numpy:float32,numpy")
    assert [each.label for each in here] == ["numpy float32", "numpy float64"]
    assert absent == {}


def test_all_are_warmed_up_first_and_each_begins_in_turn(scripted: type[Scripted]) -> None:
    hold(["A", "B"], THREE, rounds=3, scale=1.0)
    names = [module for module, _ in scripted.asked]
    rounds = [names[k : k + 3] for k in range(0, len(names), 3)]
    assert all(sorted(each) == ["cpp", "numpy_peer", "this_package"] for each in rounds)
    assert [case for _, case in scripted.asked[::3]] == ["A", "B"] * 4
    first = [each[0] for each in rounds[::2]]
    assert first == ["numpy_peer", "this_package", "cpp", "numpy_peer"]


def test_medians_and_ratios_are_of_the_rounds_without_the_warm_up(scripted: type[Scripted]) -> None:
    result = hold(["A", "B"], THREE, rounds=3, scale=1.0)
    ours = next(each for each in result.standings("A") if each.contestant == OURS.label)
    # Case A is the first of two in the warm-up and in each round: calls 1, and 3, 5 and 7.
    assert ours.ns == pytest.approx((3.0 * 1.1**5, 3.0 * 1.1**3, 3.0 * 1.1**7))
    assert ours.speedup == pytest.approx((4.0, 4.0, 4.0))
    assert ours.of_limit is not None
    assert ours.of_limit.median == pytest.approx(3.0)
    raw = [each.ns for each in result.measurements if each.round > 0 and each[1:3] == ("A", OURS.label)]
    assert statistics.median(raw) == pytest.approx(ours.ns.median)


def test_without_numpy_or_the_limit_there_are_no_such_ratios(scripted: type[Scripted]) -> None:
    (alone,) = hold(["A"], [OURS], rounds=1, scale=1.0).standings("A")
    assert (alone.speedup, alone.of_limit) == (None, None)


def test_who_gives_other_answers_is_named(scripted: type[Scripted]) -> None:
    result = held()
    assert result.differs("A", OURS.label) == ""
    assert result.differs("D", NUMPY.label) == ""
    assert "variance_1 5.0898e-05, not 3.3932e-05 +- " in result.differs("D", OURS.label)
    assert "variance_0" not in result.differs("D", OURS.label)


def test_answers_agree_within_five_standard_errors_of_both_samples() -> None:
    exact = Reference("exact", {"a": Answer(1.0, 2.0)}, float("inf"))
    sampled = exact._replace(samples=100)
    assert exact.difference(Work(1.0, {"a": 1.99}, 100)) == ""
    assert exact.difference(Work(1.0, {"a": 2.01}, 100)) == "a 2.01, not 1 +- 0.2"
    assert exact.difference(Work(1.0, {"a": -0.01}, 100)) != ""
    assert sampled.difference(Work(1.0, {"a": 1.99 + (2.0**0.5 - 1.0)}, 100)) == ""
    assert sampled.difference(Work(1.0, {"a": 2.01 + (2.0**0.5 - 1.0)}, 100)) != ""
    assert exact.difference(Work(1.0, {"a": float("nan")}, 100)) != ""
    assert exact.difference(Work(1.0, {}, 100)) != ""


def test_what_a_contestant_cannot_do_is_told_and_not_asked_again(scripted: type[Scripted]) -> None:
    result = held()
    assert result.absent == {
        "c++ limit, case C-Adai": "this contestant cannot do it",
        "c++ limit, case C-Adam": "ValueError: no such luck",
    }
    assert scripted.asked.count(("cpp", "C-Adai")) == 1
    assert [each.contestant for each in result.standings("C-Adai")] == [NUMPY.label, OURS.label]


def strict(text: str) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    return json.loads(text, parse_constant=refuse)


def test_the_object_holds_what_is_needed_to_compute_it_again(scripted: type[Scripted]) -> None:
    told = strict(json.dumps(held().as_json(), allow_nan=False))
    for case, each in told["cases"].items():
        for label, standing in each["standings"].items():
            raw = {
                m["round"]: m["seconds"] / m["units"] * 1e9
                for m in told["measurements"]
                if (m["case"], m["contestant"]) == (case, label) and m["round"] > 0
            }
            assert sorted(raw) == [1, 2, 3]
            assert standing["ns"]["median"] == pytest.approx(statistics.median(raw.values()))
    assert told["cases"]["A"]["reference"]["source"] == "exact"
    assert told["cases"]["C-Adam"]["reference"]["source"] == "numpy float64"
    assert told["machine"]["cores"] == os.cpu_count()
    assert told["machine"]["processor"]
    assert told["contestants"] == {each.label: "1.0" for each in THREE}


def test_the_page_fits_80_columns_and_says_who_differs(
    scripted: type[Scripted], capsys: pytest.CaptureFixture[str]
) -> None:
    bench_table.show(held())
    page = capsys.readouterr().out
    assert max(len(line) for line in page.splitlines()) <= 80
    flat = " ".join(page.split())
    assert "differs, case D, saddlescape float64: variance_1 5.0898e-05, not 3.3932e-05 +- 7.5e-07 (exact)" in flat
    assert page.count("differs\n") == 1
    assert "not measured: c++ limit, case C-Adai: this contestant cannot do it" in flat
    for case in CASES.values():
        assert f"{case.name}: {case.says}" in page


@pytest.mark.parametrize(("stop", "measured"), [(0, 0), (2, 0), (17, 2), (40, 25)])
def test_ctrl_c_tells_what_was_measured_and_exits_with_130(
    stop: int, measured: int, scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(Scripted, "stop_after", stop)
    line = ["bench", "--contestants=numpy:float64,saddlescape:float64,c++:limit", "--out", str(tmp_path)]
    assert main([*line, "--json"]) == 130
    told = strict(capsys.readouterr().out)
    assert told["interrupted"]
    assert len([each for each in told["measurements"] if each["round"] > 0]) == measured
    assert strict((tmp_path / "bench.json").read_text()) == told
    assert (tmp_path / "bench.png").exists() == (measured > 0)
    monkeypatch.setattr(Scripted, "asked", [])
    assert main(line) == 130
    assert "interrupted: this is what was measured by then" in capsys.readouterr().out


def test_a_real_contest_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--json", "--out", str(tmp_path / "new")]) == 0
    out, err = capsys.readouterr()
    told = strict(out)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["bench.json", "bench.pdf", "bench.png"]
    assert err.count("written") == 3
    times = [each for each in told["measurements"] if each["case"] == "B"]
    assert [each["round"] for each in times] == [0, 1, 2]
    assert all(each["units"] == 128 * 1000 * 10 and each["seconds"] > 0.0 for each in times)
    standing = told["cases"]["B"]["standings"]["numpy float64"]
    assert standing["speedup"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert standing["differs"] == ""


def test_a_process_that_dies_is_told() -> None:
    process = contest._Process("no_such_module", "float64")
    try:
        told = process.ask("A", 1.0)
    finally:
        process.end()
    assert told["error"].startswith("its process ended with 1: ModuleNotFoundError")


def test_progress_is_told_on_stderr_now_and_then(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("saddlescape.experiments.progress.SPARSE", 0.0)
    assert main([*QUICK, "--json"]) == 0
    out, err = capsys.readouterr()
    strict(out)
    assert "0 of 3: warm-up, case B, numpy float64" in err
    assert "2 of 3: round 2 of 2, case B, numpy float64" in err
    assert main([*QUICK, "--json", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from saddlescape.experiments.command import main; main(['bench', '--help']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numba", "scipy", "sympy", "matplotlib", "jax", "torch"} & set(done.stderr.split())
    assert all(part in done.stdout for part in bench.PARTS)


@pytest.mark.parametrize("contestants", [THREE, (OURS, LIMIT), (NUMPY,)])
def test_the_figure_has_a_panel_a_case_and_a_bar_a_contestant(
    contestants: tuple[Contestant, ...], scripted: type[Scripted]
) -> None:
    result = hold(["A", "B", "D"], contestants, rounds=2, scale=1.0)
    figure = bench_figure.draw(result)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    assert len(figure.axes) == 3
    for axes in figure.axes:
        assert len(axes.patches) == len(contestants)
        assert axes.get_xscale() == "log"
    artists = [*figure.texts, *figure.legends, *figure.axes[0].get_yticklabels()]
    for axes in figure.axes:
        artists += [axes._left_title, *axes.texts]  # type: ignore[attr-defined]
    for artist in artists:
        box = artist.get_window_extent(renderer)
        assert box.x0 >= -1, artist
        assert box.x1 <= figure.bbox.x1 + 1, artist
        assert box.y0 >= -1, artist
        assert box.y1 <= figure.bbox.y1 + 1, artist
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sum("differs" in word for word in words) == (OURS in contestants)
    bold = [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == ([OURS.label] if OURS in contestants else [])


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_same_contest_is_the_same_bytes(suffix: str, scripted: type[Scripted], tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(bench_figure.draw(held()), tmp_path / f"{name}{suffix}")
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b"))
    assert first == second
