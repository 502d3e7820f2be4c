"""Settings that are split: planned, run in any pieces, killed, extended, stopped and read like those that are not."""

import csv
import json
import math
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import splitting_levels
from saddlescape.dynamics.estimates import positive_mean_interval
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.files.experiment import from_text
from saddlescape.experiments.files.sweep_plan import SweepPlan
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.report.interface import Source
from saddlescape.experiments.report.sweep import section
from saddlescape.experiments.sweep import filters, summary_table
from saddlescape.experiments.sweep.engines.cluster import Cluster
from saddlescape.experiments.sweep.engines.threads import Threads
from saddlescape.experiments.sweep.export import export
from saddlescape.experiments.sweep.launch import prepare, sweep
from saddlescape.experiments.sweep.merging import merge
from saddlescape.experiments.sweep.planner import plan
from saddlescape.experiments.sweep.reading import Sweep
from saddlescape.experiments.sweep.sizing import ensemble_of
from saddlescape.experiments.sweep.stopping import extent, next_total
from saddlescape.experiments.sweep.store import Store, StoredSetting, read_manifest, write_manifest
from saddlescape.experiments.sweep.summary import summary
from saddlescape.experiments.sweep.unit import Task, Unit, perform, setting_key

from .planned import experiment
from .small_sweeps import (
    begun,
    check_each_once,
    contents,
    digest,
    engine,
    manifest,
    plain_digest,
    program,
    ranges,
    rows,
    run,
    whole_shards,
)
from .work import until

# tau is about 2,500 and 5,000 steps at these variances, and a repetition takes 2 ms.
TEXT = """[rule]
name = "momentum"
[landscape]
name = "quartic"
[run]
method = "splitting"
trials = 200
repetitions = {repetitions}
[axes]
noise.variance = [0.18, 0.21]
run.seed = [0, 1]
"""
UNIT = 4


def asked(repetitions: int = 10, unit: int = UNIT) -> Any:
    return manifest(TEXT.format(repetitions=repetitions), unit)


@pytest.fixture(scope="module")
def plain() -> str:
    """Digest of undivided runs of ten repetitions."""
    return plain_digest(asked())


@pytest.mark.parametrize("kind", ["1 thread", "2 threads", "2 processes"])
def test_every_engine_finds_what_the_library_finds(kind: str, plain: str, tmp_path: Path) -> None:
    outcome = run(tmp_path, asked(), engine(kind))
    assert digest(tmp_path) == plain
    check_each_once(tmp_path, asked())
    assert (outcome.ran, outcome.left) == (12, 0)
    assert outcome.steps == sum(int(each.steps.sum()) for each in rows(asked(), tmp_path))


def test_a_cluster_finds_the_same(plain: str, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
    ):
        run(tmp_path, asked(), Cluster(cluster.scheduler_address))
    assert digest(tmp_path) == plain


def test_four_members_of_a_job_array(plain: str, tmp_path: Path) -> None:
    together, apart = tmp_path / "together", [tmp_path / str(k) for k in range(4)]
    assert all(run(together, asked(), shard=(k, 4)).ran for k in (3, 1, 4, 2))
    assert digest(together) == plain
    check_each_once(together, asked())
    for k, folder in enumerate(apart):
        run(folder, asked(), shard=(k + 1, 4))
        assert digest(folder) is None
    merge(tmp_path / "merged", apart)
    assert digest(tmp_path / "merged") == plain


def test_more_repetitions_later_are_the_same_as_at_once(plain: str, tmp_path: Path) -> None:
    run(tmp_path, asked(7))
    before = contents(tmp_path)
    run(tmp_path, asked(10), Threads(2))
    assert digest(tmp_path) == plain
    assert contents(tmp_path).items() > before.items()
    check_each_once(tmp_path, asked(10))
    with pytest.raises(InputError, match=r"4 settings with fewer repetitions"):
        prepare(from_text(TEXT.format(repetitions=9)), tmp_path, 1)


def test_the_size_of_units_changes_nothing_and_another_seed_all(plain: str, tmp_path: Path) -> None:
    run(tmp_path / "1", asked(unit=1), Threads(2))
    assert digest(tmp_path / "1") == plain
    run(tmp_path / "2", manifest(TEXT.format(repetitions=10).replace("[0, 1]", "[0, 2]"), UNIT))
    assert digest(tmp_path / "2") not in (None, plain)


# A key is of what raw results depend on.


DIRECT = {
    "question": "escape",
    "rule": {"name": "sgd", "lr": 0.1, "weight_decay": 0.0},
    "landscape": {"name": "quartic", "barrier": 1.0},
    "noise": {"name": "isotropic", "variance": 3.0},
    "run": {
        "trajectories": 700,
        "seed": 1,
        "exit": None,
        "max_steps": None,
        "left_truncation": 0,
        "origin": None,
        "momentum": "rest",
        "generator": "xoshiro",
        "normals": "float64",
    },
}


def with_run(**fields: object) -> dict[str, Any]:
    return DIRECT | {"run": dict(DIRECT["run"]) | fields}  # type: ignore[call-overload]


def test_a_direct_setting_has_the_key_that_it_had_before_there_was_splitting() -> None:
    # As the program computed it when it knew no other method.
    assert setting_key(DIRECT, "0.1.0") == "88e7a8a7f11633cd"
    assert setting_key(with_run(method="direct"), "0.1.0") == "88e7a8a7f11633cd"
    assert setting_key(with_run(method="direct", repetitions=9, trials=7), "0.1.0") == "88e7a8a7f11633cd"


def test_a_split_setting_has_a_key_of_all_but_its_repetitions() -> None:
    key = setting_key(with_run(method="splitting", trials=100, repetitions=5), "1")
    assert key == setting_key(with_run(method="splitting", trials=100, repetitions=50), "1")
    assert key == setting_key(with_run(method="splitting", trials=100, trajectories=5), "1")
    others = [
        with_run(method="splitting", trials=200),
        with_run(method="splitting", trials=100, seed=2),
        with_run(method="splitting", trials=100, max_steps=50),
        with_run(method="direct", trials=100),
    ]
    assert len({key, *(setting_key(each, "1") for each in others)}) == 5


def test_a_folder_made_before_there_was_splitting_is_gone_on_with(tmp_path: Path) -> None:
    text = TEXT.format(repetitions=10).replace('method = "splitting"\ntrials = 200\nrepetitions = 10', "")
    text = text.replace("[run]", "[run]\ntrajectories = 300").replace("0.18, 0.21", "0.5, 0.6")
    run(tmp_path, manifest(text, 256))
    before = digest(tmp_path)
    path = tmp_path / "sweep.json"
    told = json.loads(path.read_text())
    del told["plan"]["most_repetitions"]
    for each in told["settings"]:
        del each["described"]["run"]["method"]
    path.write_text(json.dumps(told))
    assert digest(tmp_path) == before
    assert ss.load(tmp_path).table(["method"])["method"].tolist() == ["direct"] * 4
    again = prepare(from_text(text), tmp_path, 1)
    assert again.plan is None, "nothing is to be run"


# Which method.


MIXED = TEXT.replace("run.seed = [0, 1]", 'run.method = ["direct", "splitting"]').replace('method = "splitting"\n', "")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("mixed")
    text = MIXED.replace("[run]", "[run]\ntrajectories = 400").format(repetitions=16)
    run(folder, manifest(text, 256), Threads(2))
    return ss.load(folder)


def test_the_method_that_a_file_leaves_open_is_settled_setting_by_setting(tmp_path: Path) -> None:
    text = TEXT.format(repetitions=8).replace('"splitting"', '"auto"').replace("0.18, 0.21", "0.05, 0.5")
    found = manifest(text, UNIT)
    assert [each.described["run"]["method"] for each in found.settings] == ["splitting"] * 2 + ["direct"] * 2
    assert [each.trajectories for each in found.settings] == [8, 8, 4000, 4000]
    outright = manifest(text.replace('"auto"', '"splitting"'), UNIT)
    assert [each.key for each in found.settings[:2]] == [each.key for each in outright.settings[:2]]
    planned = plan(from_text(text), 1)
    assert [each.amount for each in planned.settings] == ["repetitions"] * 2 + ["trajectories"] * 2
    first = prepare(from_text(text), tmp_path, 1)
    write_manifest(tmp_path, first.manifest)
    assert prepare(from_text(text), tmp_path, 1).plan is None


def test_both_methods_agree_beside_one_another(mixed: Sweep) -> None:
    told = mixed["mean"]
    assert told.dims == ("noise.variance", "run.method")
    low, high = mixed["low"].values, mixed["high"].values
    # Seed 0: four intervals of 95 % that are independent two by two; both of a pair reach as far as the other's mean
    # but in a case of 100, a whole interval is missed in one of 2,000.
    assert np.all((low[:, 0] < high[:, 1]) & (low[:, 1] < high[:, 0]))
    assert isinstance(mixed[0, 1], type(mixed[1, 1]))
    assert mixed[0, 1].repetitions == 16
    assert mixed["method"].values.tolist() == [["direct", "splitting"]] * 2


# Until it is precise enough.


def test_repetitions_are_added_until_the_interval_is_narrow_enough(tmp_path: Path) -> None:
    found = asked(4)._replace(plan=SweepPlan(target=0.08))
    run(tmp_path / "1", found)
    run(tmp_path / "2", found, Threads(2))
    store = Store(tmp_path / "1", set_aside=False)
    totals = {}
    for setting in found.settings:
        there = extent(store, found, setting)
        assert there.complete
        assert there.done > 16
        assert there.done % UNIT == 0
        totals[setting.key] = there.done
    for result in rows(found, tmp_path / "1"):
        low, high = result.interval(0.95)
        assert (high - low) / (2.0 * result.mean) <= 0.08
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == plain_digest(found, totals)


@pytest.mark.slow
def test_intervals_after_the_stop_cover_as_often_as_they_say() -> None:
    # Seed 0, 2,000 sweeps of log-normal rates whose relative variance is that of a usual repetition. Lucky scatter ends
    # a sweep a little too often: the chance is 0.9416 (12,000 drawn apart), and fewer than 0.925 come once in 1,400.
    drawn, plan, number = np.random.default_rng(0), SweepPlan(target=0.05), 2000
    setting = StoredSetting("", (), {"run": {"method": "splitting", "repetitions": 4}}, 4)
    width, covered = math.sqrt(math.log1p(0.03)), 0
    for _ in range(number):
        rates = np.exp(width * drawn.standard_normal(4000) - 0.5 * width * width)
        total, wanted = 0, 4
        low = high = math.nan
        while wanted > total:
            total = wanted
            low, high = positive_mean_interval(rates[:total])
            precision = 0.5 * (1.0 / low - 1.0 / high) * float(rates[:total].mean())
            wanted = next_total(total, precision, plan, setting)
        covered += low <= 1.0 <= high
    assert 0.925 < covered / number < 0.97


def test_one_repetition_grows_to_a_few_and_none_beyond_the_most(tmp_path: Path) -> None:
    one = StoredSetting("", (), {"run": {"method": "splitting", "repetitions": 1, "trajectories": 7}}, 1)
    assert one.trajectories == 1
    totals = [1]
    while (more := next_total(totals[-1], math.inf, SweepPlan(target=0.1), one)) != totals[-1]:
        totals.append(more)
    assert totals == [1, 16], "sixteen that see no escape are enough"
    assert next_total(2, 0.0, SweepPlan(target=0.1), one) == 16, "two may lie close to one another by chance"
    found = asked(4)._replace(plan=SweepPlan(target=0.01, most_repetitions=6, most_trajectories=1000))
    run(tmp_path, found)
    assert [each.repetitions for each in rows(found, tmp_path)] == [6] * 4


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("most_repetitions = 50", "f.toml:13: sweep.most_repetitions goes with sweep.target: without one, run.repeti"),
        ("target = 0.1\nmost_repetitions = 5", "f.toml:14: sweep.most_repetitions=5 must be at least run.repetitions"),
        ("target = 0.1\nmost_repetitions = 0", "f.toml:14: sweep.most_repetitions=0 must be at least 1"),
    ],
)
def test_most_repetitions_that_make_no_sense_are_refused(plan: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        from_text(f"{TEXT.format(repetitions=10)}[sweep]\n{plan}", "f.toml")
    assert str(refused.value).startswith(reason)


def test_the_most_trajectories_say_nothing_of_repetitions() -> None:
    text = TEXT.format(repetitions=32) + "[sweep]\ntarget = 0.1\nmost_trajectories = 5"
    assert len(from_text(text).settings) == 4


# Levels are placed once, and that can be stopped.


def test_a_process_places_the_levels_of_a_setting_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = []
    true = splitting_levels.place_levels
    monkeypatch.setattr(splitting_levels, "place_levels", lambda *given: placed.append(given) or true(*given))
    text = TEXT.format(repetitions=12).replace("[0, 1]", "[100, 101]")
    run(tmp_path, manifest(text, 1), Threads(4))
    assert len(placed) == 4
    assert len(ranges(tmp_path)) == 48


def test_a_unit_that_is_stopped_while_levels_are_placed_ends_soon() -> None:
    text = TEXT.format(repetitions=2).replace('"momentum"', '"momentum"\nlr = 1e-6\nbeta1 = 0.5')
    setting = manifest(text, 1).settings[0]
    stop, found = threading.Event(), []

    def work(number: int) -> None:
        found.append(perform(Task(Unit(setting.key, number, number + 1), setting.described), stop))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    time.sleep(1.0)
    assert not found, "the chain forgets too soon for this test"
    began = time.monotonic()
    stop.set()
    for each in threads:
        each.join(timeout=30.0)
    assert found == [None, None]
    assert time.monotonic() - began < 5.0  # a fifth of a second alone


# What it will cost.


def split(**axes: list[Any]) -> Any:
    run = EscapeRun(method="splitting", trials=300, repetitions=16)
    return experiment(run, axes, names=("momentum", "quartic", "isotropic"), values=({}, {}, {"variance": 0.18}))


def test_the_plan_knows_steps_time_to_escape_and_precision_beforehand() -> None:
    of = split(**{"noise.variance": [0.2, 0.1]})
    for setting, each in zip(of.settings, plan(of, 1).settings, strict=True):
        times = ensemble_of(setting.configuration).run(16, threads=1)
        assert each.expected.stages == times.reached.shape[1]
        # Lengths of trials are means over a thousand. Tau is from 1,000 trials a stage, and its scatter from four
        # numbers, whose standard deviation is off by 2.3 once in 1,000 and meets one of 16 numbers: told to a factor of
        # four, and never below what independent trials have. Seed 0.
        assert each.expected.lived == pytest.approx(times.steps.mean(), rel=0.15)
        assert abs(each.expected.log_steps - math.log(times.mean_steps)) < math.log(4.0)
        low, high = times.interval()
        assert 0.25 < each.half_interval / ((high - low) / (2.0 * times.mean)) < 4.0
        row = sum(getattr(times, name).nbytes for name in ("reached", "ancestors", "ends", "durations")) / 16
        assert row < (each.disk - 2000.0 * math.ceil(16 / each.unit)) / 16 < 1.5 * row
        assert each.seconds > 0.0
        assert not each.hopeless
        assert not [said for said in each.warnings if "censored" in said]


def test_units_are_the_same_again_and_repetitions_are_cut_in_four_at_least() -> None:
    of = split(**{"run.repetitions": [2, 16, 64], "run.seed": [0, 9]})
    first = [each.unit for each in plan(of, 1).settings]
    assert first == [each.unit for each in plan(of, 4).settings]
    assert first == [1, 1, 4, 4, 16, 16]
    assert [each.unit for each in plan(of._replace(plan=SweepPlan(unit=3)), 1).settings] == [4] * 6


def test_a_target_asks_for_the_repetitions_that_it_needs() -> None:
    of = split()._replace(plan=SweepPlan(target=0.02))
    each = plan(of, 1).settings[0]
    assert each.trajectories > 16
    assert each.half_interval <= 0.0205
    few = plan(split(**{"run.repetitions": [3]}), 1).settings[0]
    assert any("tell little of their own scatter" in said for said in few.warnings)


def test_what_cannot_be_split_is_named_before_anything_runs() -> None:
    of = split(**{"noise.variance": [0.2, 0.1], "run.origin": [np.array([-0.1])]})
    with pytest.raises(
        InputError, match=r"^noise\.variance=0\.2, run\.origin=-0\.1: the start, .* must be in the basin"
    ):
        plan(of, 1)


def test_a_large_sweep_looks_at_some_settings_and_takes_the_others_to_be_like_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("saddlescape.experiments.sweep.planner.MOST_PLACING", 0.0)
    found = plan(split(**{"noise.variance": [0.2, 0.19, 0.18]}), 1).settings
    assert [each.expected.known for each in found] == [True, False, False]
    assert found[2].expected.lived == found[0].expected.lived


# Read.


def test_what_splitting_tells_is_read_beside_what_direct_runs_tell(mixed: Sweep) -> None:
    result = mixed[0, 1]
    assert mixed["mean"].values[0, 1] == result.mean
    assert (mixed["low"].values[0, 1], mixed["high"].values[0, 1]) == result.interval(0.95)
    table = mixed.table()
    assert table["repetitions"].tolist() == [0, 16, 0, 16]
    assert table["trajectories"].tolist() == [400, 0, 400, 0]
    assert table["ancestors"][1] == result.ancestors[:, -1].min() == result.ancestors.min()
    assert table["relative_error"][1] == result.relative_error
    assert np.isnan(table["relative_error"][0])
    assert table["cautions"][1] == len(result.cautions())
    stages = max(mixed[k, 1].reached.shape[1] for k in range(2))
    chance, level = mixed["chance"], mixed["level"]
    assert chance.dims == ("noise.variance", "run.method", "stage")
    assert chance.values.shape == (2, 2, stages)
    there = len(result.chances)
    assert np.array_equal(chance.values[0, 1, :there], result.chances)
    assert np.isnan(chance.values[0, 1, there:]).all()
    assert np.isnan(chance.values[:, 0]).all()
    assert level.values[0, 1, there - 1] == result.exit
    assert np.array_equal(level.values[0, 1, : there - 1], result.ladder.levels[1:])
    with pytest.raises(InputError, match="chance has a value for each stage"):
        mixed.table(["chance"])
    assert filters.chosen(mixed, "run.method=splitting, repetitions>8", "-mean") == [1, 3]
    assert filters.chosen(mixed, "method=direct", None) == [0, 2]
    assert filters.chosen(mixed, "run.trials=200", None) == [1, 3]


def test_the_page_tells_of_both(mixed: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    summary_table.show(summary(mixed))
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    assert "800 trajectories, 32 repetitions" in page
    assert "400/400" in page
    told = json.loads(json.dumps(summary(mixed).as_json(), allow_nan=False))
    assert (told["trajectories"], told["repetitions"], told["missing"]) == (800, 32, 0)
    assert told["rows"][1]["chance"] == mixed[0, 1].chances.tolist()
    found = section(Source(mixed.folder / "sweep.json", "mixed", {}))  # type: ignore[arg-type]
    assert found.made.digest == mixed.digest()


def test_half_a_sweep_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, asked(), shard=(1, 3))
    half = ss.load(tmp_path)
    assert half.missing() == 24
    assert half.lacking() == {"repetitions": 24}
    summary_table.show(summary(half))
    page = capsys.readouterr().out.replace("\n", " ")
    assert "24 repetitions are missing" in page


def test_a_few_ancestors_are_a_caution(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.format(repetitions=8).replace("trials = 200", "trials = 20")
    run(tmp_path, manifest(text, UNIT))
    found = ss.load(tmp_path)
    assert all(found.table()["cautions"] > 0)
    summary_table.show(summary(found))
    assert "caution: " in capsys.readouterr().out


def test_both_are_exported(mixed: Sweep, tmp_path: Path) -> None:
    export(mixed, tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["method"] for row in found] == ["direct", "splitting"] * 2
    assert [float(row["mean"]) for row in found] == [setting.result.mean for setting in mixed.settings]
    export(mixed, tmp_path / "each.csv", trajectories=True)
    with (tmp_path / "each.csv").open(newline="") as file:
        assert sorted({row["setting"] for row in csv.DictReader(file)}) == ["0", "2"]
    with pytest.raises(InputError, match="no trajectories"):
        export(mixed.select(**{"run.method": "splitting"}), tmp_path / "none.csv", trajectories=True)


def test_netcdf_has_the_stages(mixed: Sweep, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    export(mixed, tmp_path / "sweep.nc")
    with xarray.open_dataset(tmp_path / "sweep.nc", engine="h5netcdf") as found:
        assert found["chance"].dims == ("noise.variance", "run.method", "stage")
        np.testing.assert_array_equal(found["chance"].values, mixed["chance"].values)


def test_a_sweep_from_python_with_the_planner_in_front(tmp_path: Path) -> None:
    found = sweep(from_text(TEXT.format(repetitions=8)), tmp_path, threads=2)
    assert found.complete
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert found.digest() == plain_digest(manifest)


def has_more(folder: Path, than: int, process: Any) -> bool:
    return process.poll() is not None or len(whole_shards(folder)) > than


@pytest.mark.slow
def test_killed_five_times_it_goes_on_and_no_bit_is_another(tmp_path: Path) -> None:
    # Seed 0: moments spread over what is left of about four seconds of work.
    file, folder = tmp_path / "sweep.toml", tmp_path / "out"
    file.write_text(TEXT.format(repetitions=64).replace("trials = 200", "trials = 4000"))
    whole = begun(folder, file, 2)
    drawn = np.random.default_rng(0)
    kept: dict[str, bytes] = {}
    often = "from saddlescape.experiments.sweep import store; store.EVERY = 0.05"
    kills = 0
    for kind in (["--threads", "2"], ["--processes", "2"]) * 5:
        with program("sweep", file, "--out", folder, "--quiet", *kind, setup=often) as process:
            until(partial(has_more, folder, len(kept), process))
            time.sleep(drawn.uniform(0.0, 0.4))
            kills += process.poll() is None
            process.kill()
            process.wait()
        now = whole_shards(folder)
        assert now.items() >= kept.items()
        kept = now
        if kills == 5:
            break
    assert kills == 5
    assert 0 < len(ranges(folder)) < 128
    run(folder, whole, Threads(2))
    assert digest(folder) == plain_digest(whole)
    assert whole_shards(folder).items() >= kept.items()
    check_each_once(folder, whole)
