import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.backends.backend_agg import FigureCanvasAgg
from saddlescape.experiments import scaling, scaling_page, scaling_sweeps, scaling_worker
from saddlescape.experiments.figures import scaling as scaling_figure
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.scaling import Growth, Point, ScalingResult, ScalingRun, answer, power_law
from saddlescape.experiments.scaling_sweeps import SWEEPS, Done, Sweep, Task, leave_well, spread_at_saddle
from saddlescape.experiments.scaling_worker import Sample, Worker

SPREAD = {"median", "low", "high"}
POINT = {"units", "cpu_ns", "wall_ns", "digest", "samples"}
X = np.array([10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0])


def command(*tokens: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = answer("bench scaling", "How does cost grow?", list(tokens))
    return code, out.getvalue(), err.getvalue()


def strict(text: str) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    return json.loads(text, parse_constant=refuse)


def point(series: str, x: int, cpu: tuple[float, ...], units: float = 1.0, **more: Any) -> Point:
    samples = (Sample(each, 1.25 * each, 0.001, units, more.get("share"), more.get("digest", "d")) for each in cpu)
    return Point(series, x, tuple(samples), more.get("peak"))


def synthetic(*names: str) -> ScalingResult:
    """Return what a run would have found on a machine whose cost is known."""
    points = {
        "trajectories": [
            point("escape times", n, (3e-6 * n * k, 3.2e-6 * n * k, 2.9e-6 * n * k), 1230.0 * n,
                  share=1.0 - 4.0 / n**0.5, peak=160_000_000 + 19 * n)
            for n, k in zip((100, 1000, 10_000, 100_000, 1_000_000), (5.0, 1.4, 1.0, 1.0, 1.0), strict=True)
        ],
        "dimension": [
            point(series, d, (2e-4 * d * (1 + d / most),), 1e5 * d)
            for d in (1, 3, 10, 30, 100, 300)
            for series, most in (("isotropic noise", 1e9), ("dense noise", 20.0), ("rotated saddle", 10.0))
        ],
        "steps": [
            point("saddle spread", t, (1.8e-6 * t, 2.2e-6 * t, 1.7e-6 * t), 1e3 * t) for t in (100, 10**3, 10**5)
        ],
        "threads": [
            point(series, k, (2.0 / (1.0 + 0.9 * (k - 1)), 2.2 / (1.0 + 0.8 * (k - 1))))
            for k in (1, 2, 4, 8, 16)
            for series in ("escape times", "saddle spread")
        ],
    }  # fmt: skip
    found = {name: Growth(SWEEPS[name], tuple(points[name])) for name in names or points}
    return ScalingResult(ScalingRun(), found, 100.0, False)


# One run of the whole command; all else is about what it is made of.


def test_the_quick_run_has_every_key_and_writes_its_files(tmp_path: Path) -> None:
    code, out, err = command("--quick", "--rounds=2", "--seed=3", "--json", "--quiet", "--out", str(tmp_path / "a/b"))
    assert code == 0
    told = strict(out)
    assert out.count("\n") == 1
    assert err.count("written") == 3
    assert strict((tmp_path / "a/b/scaling.json").read_text()) == told
    assert (tmp_path / "a/b/scaling.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "a/b/scaling.pdf").read_bytes()[:4] == b"%PDF"
    assert told.keys() == {"version", "seed", "rounds", "quick", "interrupted", "seconds", "machine", "sweeps"}
    assert (told["version"], told["seed"], told["rounds"]) == (ss.__version__, 3, 2)
    assert told["quick"]
    assert not told["interrupted"]
    assert list(told["sweeps"]) == ["trajectories", "dimension", "steps", "threads"]
    own = {
        "trajectories": {"idle_seconds", "useful_share", "peak_bytes"},
        "dimension": {"idle_seconds"},
        "steps": {"idle_seconds"},
        "threads": {"wall_seconds", "speed_up", "cores_given"},
    }
    for name, sweep in told["sweeps"].items():
        assert {"says", "unit", "series"} <= sweep.keys()
        for series in sweep["series"].values():
            assert ("exponent" in series) == (name != "threads")
            for each in series["points"]:
                assert each.keys() == POINT | own[name] | {name}
                assert each["units"] > 0.0
                for key in {"cpu_ns", "wall_ns", "idle_seconds", "speed_up", "wall_seconds"} & each.keys():
                    assert each[key].keys() == SPREAD
                    assert each[key]["low"] <= each[key]["median"] <= each[key]["high"]
            if name != "threads" and series["exponent"] is not None:
                assert series["exponent"].keys() == {"exponent", "low", "high", "points", "first", "last"}

    (escapes,) = told["sweeps"]["trajectories"]["series"].values()
    shares = [each["useful_share"] for each in escapes["points"]]
    assert all(0.0 < share <= 1.0 for share in shares)
    assert shares[0] < 0.9 < 0.95 < shares[-1]  # without refilling its lanes the last would be near 0.3
    assert told["sweeps"]["trajectories"].keys() >= {"bytes_per_trajectory"}
    assert list(told["sweeps"]["dimension"]["series"]) == ["isotropic noise", "dense noise", "rotated saddle"]
    threads = told["sweeps"]["threads"]
    assert threads["same_digest"]
    for series in threads["series"].values():
        first = series["points"][0]
        assert (first["threads"], first["speed_up"]) == (1, {"median": 1.0, "low": 1.0, "high": 1.0})


@pytest.mark.parametrize("run", ["escape", "saddle"])
def test_one_and_two_threads_give_the_same_bits_and_another_seed_does_not(run: str) -> None:
    def digest(seed: int, threads: int) -> str:
        if run == "escape":
            return str(leave_well(300, seed, threads, max_steps=200).result.digest())
        landscape = ss.QuadraticSaddle(scaling_sweeps.curvatures(3)).check()
        return str(spread_at_saddle(landscape, ss.IsotropicNoise(1.0), 3000, 20, seed, threads).result.digest())

    assert digest(1, 1) == digest(1, 2)
    assert digest(1, 1) != digest(2, 1)


def test_a_result_that_depends_on_the_threads_or_the_round_is_an_error() -> None:
    same = [point("a", 1, (1.0,)), point("b", 1, (1.0,), digest="e"), point("a", 2, (1.0,))]
    scaling.assert_same_digest(same)
    with pytest.raises(RuntimeError, match="a: the results of 1 and 2 threads are not the same"):
        scaling.assert_same_digest([*same[:2], point("a", 2, (1.0,), digest="e")])
    twice = same[0]._replace(samples=(*same[0].samples, same[1].samples[0]))
    with pytest.raises(RuntimeError, match="a: the results of 1 and 1 threads"):
        scaling.assert_same_digest([twice])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5, 2.0])
def test_the_exponent_of_a_power_law_is_recovered(exponent: float) -> None:
    fit = power_law(list(X), list(7.0 * X**exponent))
    assert fit is not None
    assert fit.exponent == pytest.approx(exponent, abs=1e-12)
    assert fit.high - fit.low < 1e-12
    assert (fit.points, fit.first, fit.last) == (6, 10.0, 3000.0)


def test_the_interval_of_the_exponent_covers_the_truth_as_often_as_it_says_and_leaves_a_wrong_one_out() -> None:
    # Seed 0, 2000 laws with 10 % scatter: 95 % coverage within 4 standard errors (0.0049), false-alarm rate 6e-5.
    random = np.random.default_rng(0)
    covered = wrong = 0
    for _ in range(2000):
        fit = power_law(list(X), list(X**1.5 * np.exp(0.1 * random.standard_normal(len(X)))))
        assert fit is not None
        covered += fit.low <= 1.5 <= fit.high
        wrong += fit.low <= 1.0 <= fit.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.0195)
    assert wrong < 10


def test_what_is_no_power_law_has_a_wide_interval_and_two_points_have_none() -> None:
    bent = power_law(list(X), list(np.exp(X / 300.0)))
    assert bent is not None
    assert bent.high - bent.low > 1.0
    assert power_law([1.0, 2.0], [1.0, 2.0]) is None


def test_only_points_where_the_law_is_due_and_the_cost_is_above_0_are_fitted() -> None:
    sweep = SWEEPS["dimension"]._replace(fit_from=10.0)
    law = [point("a", d, (1e-9 * d**1.7,), 1.0 * d) for d in (10, 30, 100, 300)]
    early = [point("a", 1, (50.0,)), point("a", 5, (50.0,), 5.0)]
    fit = Growth(sweep, (*early, *law, point("a", 1000, (-1.0,), 1000.0))).fit("a")
    assert fit is not None
    # ns a unit of d units, times d.
    assert fit.exponent == pytest.approx(1.7)
    assert (fit.points, fit.first, fit.last) == (4, 10.0, 300.0)
    astray = Growth(sweep._replace(fit_from=1.0), (*early, *law)).fit("a")
    assert astray is not None
    assert astray.exponent < 0.0
    assert Growth(sweep, (*early, *law[:2])).fit("a") is None


def test_speed_up_is_a_ratio_within_a_round_and_memory_a_slope() -> None:
    one, two = point("a", 1, (2.0, 20.0, 2.0)), point("a", 2, (1.0, 10.0, 4.0))
    growth = Growth(SWEEPS["threads"], (one, point("b", 1, (9.0,)), two))
    assert growth.speed_up(two) == (2.0, 0.5, 2.0)
    assert growth.fit("a") is None
    assert growth.bytes_per_trajectory() is None
    growing = synthetic("trajectories").sweeps["trajectories"]
    assert growing.bytes_per_trajectory() == pytest.approx(19.0)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_threads_are_doubled_up_to_the_cores(cores: int, counts: list[int]) -> None:
    assert scaling_sweeps.thread_counts(cores) == counts


# A clock of our own: what is said of the work does not hang on this machine.


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        clock = SimpleNamespace(perf_counter=lambda: 2.0 * self.now, process_time=lambda: self.now)
        monkeypatch.setattr(scaling_worker, "time", clock)

    def spends(self, seconds: float, name: str = "") -> Callable[[], Done]:
        def call() -> Done:
            self.now += seconds
            if name:
                self.calls.append(name)
            return Done(SimpleNamespace(digest=lambda: "d"), 10.0)

        return call


def test_setting_up_is_taken_off_and_short_calls_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    task = Task("a", 1, clock.spends(0.02, "work"), clock.spends(0.005, "idle"))
    found = scaling_worker.sample(task, 0.1)
    assert found[:3] == pytest.approx((0.015, 0.03, 0.005))
    assert found[3:] == (10.0, None, "d")
    assert Point("a", 1, (found,)).cpu_ns == pytest.approx((1.5e6,) * 3)
    # 0.1 s of wall time, two ticks of it to one of CPU time: three calls, after one that compiles.
    assert clock.calls == ["idle"] + ["work", "idle"] * 3
    assert scaling_worker.sample(task._replace(whole=True), 0.1)[:3] == pytest.approx((0.02, 0.04, 0.0))


def three_tasks(quick: bool, seed: int) -> list[Task]:
    return [Task("saddle spread", k, pytest.fail, pytest.fail) for k in (1, 2, 3)]


def test_rounds_go_there_and_back() -> None:
    calls: list[int] = []

    def sample(i: int) -> Sample:
        calls.append(i)
        return Sample(1.0, 1.0, 0.0, 1.0, None, "d")

    points, interrupted = scaling.measure(three_tasks(True, 0), ScalingRun(rounds=3), sample, lambda units: None)
    assert calls == [0, 1, 2, 2, 1, 0, 0, 1, 2]
    assert [len(each.samples) for each in points] == [3, 3, 3]
    assert not interrupted


@pytest.mark.parametrize(("at", "left"), [(1, []), (3, [1, 2]), (5, [1, 2, 3])])
@pytest.mark.parametrize("json_too", [False, True])
def test_ctrl_c_tells_what_is_measured(
    at: int, left: list[int], json_too: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def sample(worker: Worker, sweep: str, i: int) -> Sample:
        calls.append(sweep)
        if len(calls) == at:
            raise KeyboardInterrupt
        return Sample(1.0, 1.0, 0.1, 1.0, None, "d")

    monkeypatch.setattr(Worker, "sample", sample)
    monkeypatch.setitem(scaling.SWEEPS, "steps", Sweep("some work", "step", 1.0, three_tasks))
    code, out, _ = command("--sweeps=threads,steps", "--out", str(tmp_path), *["--json"][: int(json_too)])
    assert code == 130
    assert calls == ["steps"] * at
    if json_too:
        told = strict(out)
        assert told["interrupted"]
        assert list(told["sweeps"]) == ["steps"][: len(left)]
        if left:
            points = told["sweeps"]["steps"]["series"]["saddle spread"]["points"]
            assert [each["steps"] for each in points] == left
    else:
        assert "Interrupted" in out
        assert ("some work" in out) == bool(left)
    assert len(list(tmp_path.iterdir())) == (3 if left else 0)


def test_the_worker_measures_what_is_asked_and_its_end_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with Worker(True, 1) as worker:
        found = worker.sample("steps", 1)
        again = worker.sample("steps", 1)
        assert found.units == again.units == 256 * 299 * 10
        assert found.digest == again.digest
        with pytest.raises(RuntimeError, match="the process that measures steps ended with 1"):
            worker.sample("steps", 99)
    assert "IndexError" in capfd.readouterr().err
    assert worker._process.returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child's peak may begin with its parent's")
def test_the_peak_of_memory_is_the_child_s_own() -> None:
    held = np.ones(30_000_000)  # 240 MB here, none of them there
    here, there = scaling_worker.own_memory_peak(), scaling_worker.memory_peak(100, 0)
    assert here is not None
    assert there is not None
    assert here > held.nbytes
    assert 2e7 < there < here - 3e7


def test_memory_that_is_held_is_seen() -> None:
    script = (
        "from saddlescape.experiments.scaling_worker import own_memory_peak as peak; import numpy as np;"
        "a = peak(); b = np.ones(10_000_000); print(0 if a is None else peak() - a)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 7e7 < int(done.stdout) < 9e7


def test_a_process_that_fails_is_not_taken_for_one_without_memory() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1.*seed"):
        scaling_worker.memory_peak(100, -1)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["--sweeps=steps,thread"], "there is no sweep 'thread'; did you mean threads?"),
        (["--sweeps=xyz"], "no sweep 'xyz'; one of trajectories, dimension, steps, threads"),
        (["--sweeps="], "--sweeps needs a value"),
        (["--sweeps=steps,"], "no sweep ''"),
        (["--rounds=0"], "--rounds=0 must be at least 1"),
        (["--rounds=1.5"], "--rounds=1.5 must be a whole number"),
        (["--seed=-1"], "--seed=-1 must lie in [0, 2^64)"),
        (["--seed=18446744073709551616"], "must lie in [0, 2^64)"),
        (["--quik"], "there is no --quik here; did you mean --quick?"),
        (["--quick", "--quick"], "--quick is given twice"),
        (["steps"], "'steps' is the value of no flag"),
        (["--out", "file/a"], "file is not a folder"),
    ],
)
def test_bad_flags_are_told_in_one_line_before_anything_runs(
    tokens: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(scaling, "scaling", None)
    more = [] if "--out" in tokens else ["--out", "folder"]
    with pytest.raises(InputError) as caught:
        command(*tokens, *more)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_tells_every_flag_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; from saddlescape.experiments.scaling import answer; answer('bench scaling', 'How?', ['--help']);"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for flag in ("--sweeps", "--rounds", "--quick", "--seed", "--json", "--out", "--quiet"):
        assert flag in done.stdout
    assert "Usage: saddlescape bench scaling [OPTIONS]" in done.stdout
    assert not [name for name in ("numba", "scipy", "matplotlib", "sympy") if f"'{name}'" in done.stderr]


def test_the_page_fits_80_columns_and_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    result = synthetic()
    scaling_page.show(result)
    page = capsys.readouterr().out
    assert max(len(line) for line in page.splitlines()) <= 80
    assert "…" not in page
    assert "2.44 [2.36, 2.6]" in page
    assert "0.9960" in page
    fit = result.sweeps["dimension"].fit("dense noise")
    assert fit is not None
    assert f"dense noise: as dimension^{fit.exponent:.3f} [{fit.low:.3f}, {fit.high:.3f}], 10 to 300" in page
    assert "escape times: as trajectories^1.000" in page
    assert "memory grows by 19 bytes a trajectory" in page
    assert "Median [lowest, highest] of 3 rounds" in page


@pytest.mark.parametrize("names", [(), ("dimension",), ("trajectories", "threads"), ("steps", "dimension", "threads")])
def test_nothing_is_clipped_and_no_legend_covers_a_point(names: tuple[str, ...]) -> None:
    figure = scaling_figure.draw(synthetic(*names))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    artists: list[Any] = [figure._suptitle] if getattr(figure, "_suptitle", None) else []
    legends = []
    for axes in figure.axes:
        artists += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        legends += [each for each in [axes.get_legend()] if each is not None]
        assert axes.get_ylabel()
    assert len(legends) == len(names or SWEEPS)
    for box in (artist.get_window_extent(renderer) for artist in artists + legends):
        assert box.width == 0 or (box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1)
        assert box.width == 0 or (box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1)
    for axes in figure.axes:
        for line in axes.lines:
            for spot in axes.transData.transform(np.column_stack(line.get_data()).astype(float)):
                for legend in legends:
                    assert not legend.get_window_extent(renderer).contains(*spot), line.get_label()


def test_the_figure_shows_every_series_and_its_exponent() -> None:
    figure = scaling_figure.draw(synthetic())
    said = [text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    assert "CPU, exponent 1.00 ± 0.00" in said
    assert [each.partition(",")[0] for each in said if "noise" in each or "rotated" in each] == [
        "isotropic noise",
        "dense noise",
        "rotated saddle",
    ]
    assert "useful share (right)" in said
    assert "one core a thread" in said
    dense = next(line for line in figure.axes[1].lines if len(line.get_xdata()) == 6)
    assert list(dense.get_xdata()) == [1, 3, 10, 30, 100, 300]
