"""From a file to a folder: what is planned, refused, and held for one process alone."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import saddlescape as ss
from saddlescape.experiments.files.experiment import from_text
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep import launch as launch_module
from saddlescape.experiments.sweep.conductor import Shard
from saddlescape.experiments.sweep.launch import carry_out, engine_of, locked, outlook, prepare, sweep
from saddlescape.experiments.sweep.merging import merge
from saddlescape.experiments.sweep.store import read_manifest

from .small_sweeps import ESCAPE, begun, contents, digest, manifest, plain_digest, program, ranges, run
from .work import until

TEXT = ESCAPE.format(trajectories=700)


def test_a_new_folder_is_planned_and_an_old_one_gone_on_with(tmp_path: Path) -> None:
    folder, experiment = tmp_path / "out", from_text(TEXT)
    first = prepare(experiment, folder, 1)
    assert first.plan is not None
    assert first.before is None
    assert not folder.exists(), "nothing is written before it is known to be sound"
    sizes = [each.unit for each in first.manifest.settings]
    assert all(size & (size - 1) == 0 < size for size in sizes)
    said: list[str] = []
    with engine_of(1, None, None) as engine:
        carry_out(first, folder, engine, say=said.append)
        assert said == []
        again = prepare(experiment, folder, 1)
        assert again.plan is None
        outcome, _ = carry_out(again, folder, engine, say=said.append)
    assert outcome.ran == 0
    assert len(said) == 1
    assert said[0].startswith("resumed; ")
    assert digest(folder) == plain_digest(first.manifest)


def test_the_plan_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    one, many = (prepare(from_text(TEXT), tmp_path, workers) for workers in (1, 64))
    assert one.manifest == many.manifest


def test_extending_keeps_the_units_that_were_settled(tmp_path: Path) -> None:
    run(tmp_path, manifest(TEXT, 64))
    longer = prepare(from_text(ESCAPE.format(trajectories=1000).replace("[0, 1]", "[0, 1, 2]")), tmp_path, 1)
    assert longer.plan is not None
    assert [each.unit for each in longer.manifest.settings if each.described["run"]["seed"] != 2] == [64] * 4
    said: list[str] = []
    with engine_of(1, None, None) as engine:
        carry_out(longer, tmp_path, engine, say=said.append)
    assert said[0].startswith("extended: 2 settings added, 4 settings with more trajectories; ")
    assert digest(tmp_path) == plain_digest(longer.manifest)


def test_what_cannot_finish_is_refused_and_nothing_written(tmp_path: Path) -> None:
    text = TEXT.replace("[3.0, 4.0]", "[0.01]").replace(
        "trajectories = 700", "trajectories = 100_000\nmax_steps = 10_000_000_000_000"
    )
    with pytest.raises(InputError) as refused:
        prepare(from_text(text), tmp_path / "out", 2)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


# One process a folder.


def test_a_folder_is_held_by_one_process(tmp_path: Path) -> None:
    file, folder = tmp_path / "sweep.toml", tmp_path / "out"
    file.write_text(TEXT.replace("[3.0, 4.0]", "[0.2]").replace("seed =", "max_steps = [1_000_000_000]\nrun.seed ="))
    begun(folder, file)
    with program("sweep", file, "--out", folder, "--progress", "json", stderr=subprocess.DEVNULL) as process:
        until(lambda: (folder / ".lock-1-of-1").exists() and _held(folder))
        before = contents(folder)
        with program("sweep", file, "--out", folder) as second:
            stdout, stderr = second.communicate(timeout=60)
        assert second.returncode == 2
        assert not stdout
        assert stderr == f"saddlescape: another process is at work on this sweep in {folder}\n"
        assert contents(folder) == before
        assert process.poll() is None
        process.kill()
        process.wait()
    with locked(folder, Shard()):  # a lock does not outlive its process
        pass


def _held(folder: Path) -> bool:
    code = f"import fcntl; fcntl.flock(open({str(folder / '.lock-1-of-1')!r}), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode != 0


def test_members_of_a_job_array_share_a_folder_but_not_a_part(tmp_path: Path) -> None:
    with (
        locked(tmp_path, Shard(1, 2)),
        locked(tmp_path, Shard(2, 2)),
        pytest.raises(InputError, match="another process is at work"),
        locked(tmp_path, Shard(1, 2)),
    ):
        pytest.fail("two hold the same part")


def test_a_folder_made_for_nothing_is_taken_away(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path / "out", Shard()):
        raise RuntimeError
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine").mkdir()
    with locked(tmp_path / "mine", Shard()):
        pass
    assert (tmp_path / "mine").exists()


def test_where_there_are_no_locks_it_works_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def none(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    with locked(tmp_path / "out", Shard()):
        assert (tmp_path / "out").exists()


def test_four_members_at_the_same_time(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(TEXT)
    whole = plain_digest(manifest(file))
    together, apart = tmp_path / "together", [tmp_path / f"part {k}" for k in range(1, 5)]
    for folders in ([together] * 4, apart):
        started = []
        for k, folder in enumerate(folders, 1):
            if not folder.exists():
                begun(folder, file)
            command = ["sweep", str(file), "--out", str(folder), "--shard", f"{k}/4", "--quiet", "--threads", "1"]
            code = "from saddlescape.experiments.command import run; run()"
            started.append(subprocess.Popen([sys.executable, "-c", code, *command], stdout=subprocess.DEVNULL))
        assert [process.wait(timeout=100) for process in started] == [0] * 4
    assert digest(together) == whole
    merge(tmp_path / "merged", apart)
    assert digest(tmp_path / "merged") == whole
    assert ranges(together) == ranges(tmp_path / "merged")
    assert len(ranges(together)) == len(set(ranges(together))) == 12


# Folders that will not do.


def test_folders_that_will_not_do(tmp_path: Path) -> None:
    file, mine, loop = tmp_path / "sweep.toml", tmp_path / "mine", tmp_path / "loop"
    file.write_text(TEXT)
    mine.write_text("not a folder")
    loop.symlink_to(loop)
    long = tmp_path / ("x" * 300)
    for folder, reason in (
        (mine, "is not a folder"),
        (mine / "below", "is not a folder"),
        (loop, "is not a folder"),
        (long, "File name too long"),
        (Path("/proc/self/sweep"), "is not writable"),
    ):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ValueError, match=reason) as refused:
            sweep(file, folder, threads=1)
        assert "\n" not in str(refused.value)
        assert sorted(tmp_path.rglob("*")) == before
    assert mine.read_text() == "not a folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="no permission binds root")
def test_a_folder_that_belongs_to_another(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(ValueError, match="not writable"):
        sweep({"rule": {"name": "sgd"}}, tmp_path / "out", threads=1)


def test_a_missing_parent_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    with engine_of(1, None, None) as engine:
        carry_out(prepare(from_text(TEXT), folder, 1), folder, engine)
    assert digest(folder) is not None


# In Python.


def test_a_sweep_in_python(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(TEXT)
    told: list[Any] = []
    sweep(file, tmp_path / "out", threads=2, report=told.append)
    assert told[-1].settings_done == 4
    assert digest(tmp_path / "out") == plain_digest(manifest(file))
    times = ss.escape_times(ss.QuarticWell(), ss.IsotropicNoise(4.0), ss.SGD(lr=0.1), trajectories=700, seed=1)
    from .small_sweeps import rows

    asked = read_manifest(tmp_path / "out")
    assert asked is not None
    assert rows(asked, tmp_path / "out")[3].digest() == times.digest()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"threads": 2, "processes": 2}, "exclude each other"),
        ({"threads": 0}, r"must lie in \[1, 4096\]"),
        ({"processes": 5000}, r"must lie in \[1, 4096\]"),
    ],
)
def test_engines_that_there_are_not(given: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        sweep({"rule": {"name": "sgd"}}, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_engines_are_named() -> None:
    assert engine_of(3, None, None).name == "3 threads"
    assert engine_of(None, 1, None).name == "1 process"
    assert launch_module.MOST_HOURS == 24.0


def test_a_setting_that_was_dropped_and_comes_back_is_planned_with_what_is_there(tmp_path: Path) -> None:
    text = TEXT + "[sweep]\ntarget = 0.06\n"
    run(tmp_path, manifest(text, 64))
    run(tmp_path, prepare(from_text(text.replace("[0, 1]", "[0]")), tmp_path, 1, update=True).manifest)
    settings = outlook(from_text(text), tmp_path, 1).settings
    assert [each.finished for each in settings[1::2]] == [700] * 2, "of its first look: the next hangs on its units"
    assert all(each.finished > 700 and not each.units for each in settings[::2])


def test_what_is_half_there_is_not_planned_again(tmp_path: Path) -> None:
    run(tmp_path, manifest(TEXT, 64))
    longer = prepare(from_text(ESCAPE.format(trajectories=1000)), tmp_path, 1).plan
    assert longer is not None
    assert [each.finished for each in longer.settings] == [700] * 4


@pytest.mark.parametrize("shard", [(5, 4), (0, 4), (1, 0)])
def test_a_part_that_is_none_is_refused(tmp_path: Path, shard: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="must be"):
        sweep(from_text(TEXT), tmp_path / "out", shard=shard)
    assert not (tmp_path / "out").exists()
