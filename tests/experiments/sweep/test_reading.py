"""What is read must be what was written, bit for bit, however little of it is there and whatever else is in the way."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep.reading import load
from saddlescape.experiments.sweep.stopping import digest_of, result_of
from saddlescape.experiments.sweep.store import Store
from saddlescape.experiments.verdict import AGREES, DIFFERS, FALSE_ALARM, escape_interval, escape_verdict
from saddlescape.theory.references import closed_references

from .synthetic import PLAIN, SADDLE, escape_unit, filled, made, mean_steps, note

TEXT = PLAIN.format(trajectories=200)


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return all that lies in a folder, with when it was written."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def shards(folder: Path, suffix: str = ".npz") -> list[Path]:
    return sorted((folder / "shards").glob(f"*{suffix}"))


def test_a_sweep_is_read_as_labelled_arrays(tmp_path: Path) -> None:
    manifest = filled(tmp_path, TEXT)
    sweep = ss.load(tmp_path)
    assert sweep.shape == (3, 2)
    assert sweep.dims == ("noise.variance", "rule.lr")
    assert len(sweep) == 6
    told = sweep["mean"]
    assert told.dims == sweep.dims
    assert told.coords["rule.lr"].tolist() == [0.05, 0.1]
    assert told.unit == "dynamical time"
    store = Store(tmp_path)
    for setting in manifest.settings:
        times = result_of(store, manifest, setting, 200)
        assert told.values[setting.place] == times.mean
        assert (sweep["low"].values[setting.place], sweep["high"].values[setting.place]) == times.interval(0.95)
        assert sweep["exponentiality"].values[setting.place] == times.exponentiality()[1]
        assert sweep["total_steps"].values[setting.place] == times.total_steps == times.steps.sum()
        assert np.array_equal(sweep[setting.place].steps, times.steps)
    assert np.array_equal(sweep[5].steps, sweep[2, 1].steps)
    assert sweep.complete
    assert sweep.digest() == digest_of(store, manifest)
    assert sweep["seconds"].values.tolist() == [[2.0, 2.0]] * 3


def test_a_table_has_a_row_for_each_setting_and_what_is_varied_first(tmp_path: Path) -> None:
    filled(tmp_path, TEXT)
    sweep = load(tmp_path)
    table = sweep.table()
    assert list(table)[:3] == ["noise.variance", "rule.lr", "mean"]
    assert table["noise.variance"].tolist() == [0.8, 0.8, 1.0, 1.0, 2.5, 2.5]
    assert table["mean"].tolist() == sweep["mean"].values.ravel().tolist()
    assert list(sweep.table(["escaped"])) == ["noise.variance", "rule.lr", "escaped"]


def test_a_part_is_selected_by_value(tmp_path: Path) -> None:
    filled(tmp_path, TEXT)
    sweep = load(tmp_path)
    part = sweep.select(**{"rule.lr": 0.1})
    assert part.dims == ("noise.variance",)
    assert part["mean"].values.tolist() == sweep["mean"].values[:, 1].tolist()
    few = sweep.select(**{"noise.variance": [2.5, 0.8], "rule.lr": 0.05})
    assert few["mean"].values.tolist() == sweep["mean"].values[[2, 0], 0].tolist()
    alone = few.select(**{"noise.variance": 2.5})
    assert alone.shape == ()
    assert float(alone["mean"].values) == sweep["mean"].values[2, 0]
    with pytest.raises(InputError, match=r"rule.lr=0.07 is not on its axis: 0.05, 0.1"):
        sweep.select(**{"rule.lr": 0.07})
    with pytest.raises(InputError, match=r"did you mean rule.lr"):
        sweep.select(**{"rule.l": 0.05})
    with pytest.raises(InputError, match=r"did you mean mean"):
        sweep["meen"]


def test_zips_and_whole_tables_have_their_fields_as_coordinates(tmp_path: Path) -> None:
    text = """
        [noise]
        name = "isotropic"
        [run]
        trajectories = 64
        [[axes.rule]]
        name = "sgd"
        lr = 0.1
        [[axes.rule]]
        name = "momentum"
        beta1 = 0.5
        [[zip]]
        noise.variance = [1.0, 2.0, 3.0]
        run.max_steps = [1000, 2000, 3000]
    """
    filled(tmp_path, text)
    sweep = load(tmp_path)
    assert sweep.dims == ("rule", "noise.variance")
    assert sweep.axes["rule"].fields["rule.name"] == ("sgd", "momentum")
    # What a table leaves out is told as it was run: by default or not at all.
    assert sweep.axes["rule"].fields["rule.lr"][0] == 0.1
    assert sweep.axes["rule"].fields["rule.lr"][1] == sweep.settings[3].described["rule"]["lr"]
    assert sweep.axes["rule"].fields["rule.beta1"] == (None, 0.5)
    assert sweep.axes["noise.variance"].fields["run.max_steps"] == (1000, 2000, 3000)
    assert sweep.select(**{"run.max_steps": 2000}).settings[0].described["noise"]["variance"] == 2.0
    assert sweep.select(rule="momentum").settings[0].described["rule"]["beta1"] == 0.5
    assert np.array_equal(sweep.table(["mean"])["rule.beta1"], [np.nan] * 3 + [0.5] * 3, equal_nan=True)


def test_closed_forms_and_exact_references_are_told_with_ratios(tmp_path: Path) -> None:
    manifest = filled(tmp_path / "plain", TEXT)
    filled(tmp_path / "solved", TEXT, solved=True)
    plain, solved = load(tmp_path / "plain"), load(tmp_path / "solved")
    landscape, noise, rule = ss.QuarticWell(), ss.IsotropicNoise(1.0), ss.SGD(0.1)
    closed, _ = closed_references(landscape.check(), noise.check(), rule.check())
    assert plain["closed_form"].values[1, 1] == closed.value
    assert plain["ratio"].values[1, 1] == plain["mean"].values[1, 1] / closed.value
    assert np.isnan(plain["exact_discrete"].values).all()
    assert set(plain["verdict"].values.ravel()) == {""}
    expected = mean_steps(manifest.settings[3]) * 0.1
    assert solved["exact_discrete"].values[1, 1] == expected
    assert solved["exact_discrete_ratio"].values[1, 1] == solved["mean"].values[1, 1] / expected
    assert set(solved["reference"].values.ravel()) == {"exact_discrete"}
    # Six comparisons of a correct program: one false alarm in a thousand over all of them.
    assert DIFFERS not in solved["verdict"].values


def test_verdicts_share_one_false_alarm_over_the_settings_of_a_sweep(tmp_path: Path) -> None:
    store, manifest = made(tmp_path, PLAIN.format(trajectories=1000), 1000)
    for setting in manifest.settings:
        store.add(escape_unit(setting, 0, 1000))
    store.flush()
    for setting in manifest.settings:
        times = result_of(store, manifest, setting, 1000)
        # Between the ends of both intervals: too far off for one comparison and not for six.
        ends = [escape_interval(times, 1.0 - FALSE_ALARM / together)[0] for together in (1, 6)]
        store.add(note(setting, exact_discrete=0.5 * sum(ends)))
    store.flush()
    for setting in load(tmp_path).settings:
        expected = setting.values()["exact_discrete"]
        alone = escape_verdict(setting.result, expected, "", from_minimum=True)
        assert alone.outcome == DIFFERS
        assert setting.verdict.outcome == AGREES
        assert setting.verdict.low < alone.low


def test_a_saddle_has_dimensions_of_steps_and_directions(tmp_path: Path) -> None:
    manifest = filled(tmp_path, SADDLE, unit=1024)
    sweep = load(tmp_path)
    spread = result_of(Store(tmp_path), manifest, manifest.settings[1], 3000)
    told = sweep["variance"]
    assert told.dims == ("noise.batch_size", "step", "direction")
    assert told.coords["step"].tolist() == spread.steps.tolist()
    assert np.array_equal(told.values[1], spread.variance)
    assert np.array_equal(sweep["curvature"].values[1], spread.curvatures)
    lowest = int(np.argmin(spread.curvatures))
    assert sweep.table(["variance"])["variance"][1] == spread.variance[-1, lowest]
    assert sweep.digest() == digest_of(Store(tmp_path), manifest)
    assert np.isfinite(sweep["closed_form"].values).all()


def test_saddles_of_other_steps_are_filled_up_with_nothing(tmp_path: Path) -> None:
    text = SADDLE.replace("steps = 50\n", "").replace("noise.batch_size = [1.0, 2.0]", "run.steps = [3, 50]")
    filled(tmp_path, text, unit=1024)
    sweep = load(tmp_path)
    variance, steps = sweep["variance"].values, sweep["steps"].values
    short = np.isfinite(steps[0])
    assert steps[0][short].tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(variance[0][~short]).all()
    assert np.isfinite(variance[1]).all()
    assert sweep["variance"].coords["step"].tolist() == list(range(variance.shape[1]))


def test_what_is_not_there_yet_is_nothing_and_a_prefix_counts(tmp_path: Path) -> None:
    store, manifest = made(tmp_path, TEXT)
    empty = load(tmp_path)
    assert np.isnan(empty["mean"].values).all()
    assert empty.digest() is None
    assert empty[0] is None
    a, b = manifest.settings[:2]
    store.add(escape_unit(a, 0, 64))
    store.add(escape_unit(a, 64, 128))
    store.add(escape_unit(a, 192, 200))  # beyond a gap
    store.add(escape_unit(b, 64, 128))
    store.flush()
    sweep = load(tmp_path)
    assert sweep["trajectories"].values.ravel().tolist() == [128, 0, 0, 0, 0, 0]
    assert sweep[0].trajectories == 128
    assert np.isfinite(sweep["mean"].values).ravel().tolist() == [True] + [False] * 5
    assert not sweep["complete"].values.any()
    # A result that is not whole has no verdict and no digest: units that are still missing may be the long ones.
    store.add(note(a, exact_discrete=1.0))
    store.flush()
    assert load(tmp_path).settings[0].verdict is None
    assert load(tmp_path)["digest"].values[0, 0] == ""
    assert empty["trajectories"].values.sum() == 0  # as it was when it was loaded


def test_reading_changes_nothing_and_passes_damage_over(tmp_path: Path) -> None:
    filled(tmp_path, TEXT)
    whole = load(tmp_path)
    assert whole.digest() is not None
    victim = shards(tmp_path)[1]
    victim.write_bytes(victim.read_bytes()[:-7])
    torn = shards(tmp_path, ".json")[2]
    torn.write_bytes(torn.read_bytes()[:40])
    shards(tmp_path)[3].unlink()
    before = listing(tmp_path)
    sweep = load(tmp_path)
    assert sweep.digest() is None
    assert len(sweep.damaged) == 3
    assert sum(victim.stem in line and "changed or cut off" in line for line in sweep.damaged) == 1
    assert all("\n" not in line for line in sweep.damaged)
    both = sweep["complete"].values
    assert both.any()
    assert not both.all()
    assert np.array_equal(sweep["mean"].values[both], whole["mean"].values[both])
    assert listing(tmp_path) == before


def test_a_damaged_shard_is_found_whatever_is_read_first(tmp_path: Path) -> None:
    filled(tmp_path, TEXT, solved=True)
    for path in shards(tmp_path):
        path.write_bytes(b"")
    sweep = load(tmp_path)
    assert sweep[0] is None
    assert np.isnan(sweep["exact_discrete"].values).all()
    assert len(sweep.damaged) == len(shards(tmp_path))


def test_what_no_longer_fits_is_told_in_a_line_and_not_raised(tmp_path: Path) -> None:
    filled(tmp_path, TEXT)
    manifest = tmp_path / "sweep.json"
    manifest.write_text(manifest.read_text().replace('"quartic"', '"quintic"'))
    sweep = load(tmp_path)
    assert all("quintic" in problem for problem in sweep["problem"].values.ravel())
    assert np.isnan(sweep["closed_form"].values).all()
    assert sweep.digest() is None
    with pytest.raises(InputError, match="quintic"):
        sweep.settings[0].result  # noqa: B018
    with pytest.raises(InputError, match="holds no sweep"):
        load(tmp_path / "shards")
    with pytest.raises(InputError, match="there is no folder"):
        load(tmp_path / "nowhere")
    manifest.write_text("{}")
    with pytest.raises(InputError, match="is not the manifest of a sweep"):
        load(tmp_path)


def test_a_sweep_that_grows_is_read_at_any_moment(tmp_path: Path) -> None:
    store, manifest = made(tmp_path, TEXT)
    over = threading.Event()

    def write() -> None:
        for setting in manifest.settings:
            for start in range(0, 200, 50):
                store.add(escape_unit(setting, start, start + 50))
                store.flush()
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    while not over.is_set():
        sweep = load(tmp_path)
        assert not sweep.damaged
        seen.append(int(sweep["trajectories"].values.sum()))
    writer.join()
    assert seen == sorted(seen)
    final = load(tmp_path)
    assert final["trajectories"].values.sum() == 1200
    assert not final.damaged


def test_a_target_ends_where_it_is_reached(tmp_path: Path) -> None:
    text = TEXT + "[sweep]\ntarget = 0.1\n"
    store, manifest = made(tmp_path, text)
    setting = manifest.settings[0]
    for start in range(0, 200, 50):
        store.add(escape_unit(setting, start, start + 50))
    store.flush()
    first = load(tmp_path)
    # 200 escapes: half an interval is 14 % of the mean, so that more are asked for.
    assert first["trajectories"].values[0, 0] == 200
    assert first["wanted"].values[0, 0] > 200
    for start in range(200, 1000, 50):
        store.add(escape_unit(setting, start, start + 50))
    store.flush()
    sweep = load(tmp_path)
    assert sweep["complete"].values[0, 0]
    assert sweep["precision"].values[0, 0] <= 0.1
    assert 200 < sweep["trajectories"].values[0, 0] < 1000


def test_many_units_take_seconds(tmp_path: Path) -> None:
    # 2,500 units of 500 settings: 2 s at the most leaves a factor of three, and 100,000 units take some 10 s.
    text = """
        [rule]
        name = "sgd"
        [run]
        trajectories = 40
        [axes]
        rule.lr = { from = 0.01, to = 0.1, count = 25 }
        noise.variance = { from = 0.5, to = 2.5, count = 20 }
    """
    filled(tmp_path, text, unit=8, per_shard=100)
    opened = []
    reading = Store._arrays

    def counted(self: Store, shard: str) -> object:
        if shard not in self._open:
            opened.append(shard)
        return reading(self, shard)

    began = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_arrays", counted)
        sweep = load(tmp_path)
        assert sweep.digest() is not None
        assert np.isfinite(sweep["mean"].values).all()
    assert len(opened) == len(set(opened)) == len(shards(tmp_path))
    assert time.process_time() - began < 2.0


def test_little_memory_reads_each_shard_once_all_the_same(tmp_path: Path) -> None:
    filled(tmp_path, TEXT, per_shard=4)
    opened = []
    reading = Store._arrays

    def counted(self: Store, shard: str) -> object:
        if shard not in self._open:
            opened.append(shard)
        return reading(self, shard)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "_arrays", counted)
        patch.setattr("saddlescape.experiments.sweep.store.MOST_BYTES_OPEN", 1)
        assert load(tmp_path).digest() is not None
    assert len(opened) == len(shards(tmp_path))
