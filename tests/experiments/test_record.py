import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape import __version__
from saddlescape.experiments import record
from saddlescape.experiments.record import RecordError, atomic, load, obstacle, save

from .results import escape_result, exponential_times, saddle_result


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_record_is_read_back_as_it_was(tmp_path: Path) -> None:
    result = escape_result(exponential_times(0))
    saved = save(tmp_path / "new" / "folder", result)
    assert saved.new
    back = load(saved.path)
    np.testing.assert_array_equal(back.arrays["steps"], result.times.steps, strict=True)
    np.testing.assert_array_equal(back.arrays["outcome"], result.times.outcome, strict=True)
    manifest = back.manifest
    assert manifest["configuration"] == json.loads(json.dumps(result.configuration))
    assert manifest["sha256"] == hashlib.sha256(saved.path.with_suffix(".npz").read_bytes()).hexdigest()
    assert (manifest["version"], manifest["seed"], manifest["digest"]) == (__version__, 0, result.times.digest())
    assert manifest["summary"]["mean"] == result.times.mean
    assert manifest["command"].startswith("saddlescape escape sgd --landscape=quartic --noise=isotropic --lr=0.05 ")
    assert {"python", "numpy", "numba", "scipy", "created", "format"} <= manifest.keys()


def test_a_spread_is_recorded_too(tmp_path: Path) -> None:
    result = saddle_result(0)
    back = load(save(tmp_path, result).path.with_suffix(".npz"))
    np.testing.assert_array_equal(back.arrays["covariance"], result.spread.covariance, strict=True)


def test_an_identical_record_is_left_as_it_is(tmp_path: Path) -> None:
    result = escape_result(exponential_times(0))
    first = save(tmp_path, result)
    before = contents(tmp_path)
    again = save(tmp_path, result._replace(times=result.times._replace(seconds=9.0)))
    assert (again.path, again.new) == (first.path, False)
    assert contents(tmp_path) == before


def test_different_configurations_never_meet(tmp_path: Path) -> None:
    results = [escape_result(exponential_times(seed)) for seed in (0, 1)]
    results += [escape_result(exponential_times(0), exit=0.5), escape_result(exponential_times(0), momentum="thermal")]
    assert len({save(tmp_path, result).path for result in results}) == 4
    for result in results:
        assert not save(tmp_path, result).new


def test_threads_make_no_other_record(tmp_path: Path) -> None:
    save(tmp_path, escape_result(exponential_times(0)))
    assert not save(tmp_path, escape_result(exponential_times(0), threads=2, lanes=16)).new


def test_other_results_of_the_same_configuration_are_refused(tmp_path: Path) -> None:
    result = escape_result(exponential_times(0))
    save(tmp_path, result)
    before = contents(tmp_path)
    changed = result.times._replace(steps=result.times.steps + 1)
    with pytest.raises(RecordError, match="holds other results of the same configuration"):
        save(tmp_path, result._replace(times=changed))
    assert contents(tmp_path) == before


def test_an_interrupted_run_does_not_stand_in_the_way_of_the_whole_one(tmp_path: Path) -> None:
    result = escape_result(exponential_times(0))
    part = result._replace(times=result.times._replace(steps=result.times.steps // 2, interrupted=True))
    assert "interrupted" in save(tmp_path, part).path.name
    assert save(tmp_path, result).new
    assert len(contents(tmp_path)) == 4


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_changed_byte_is_detected(tmp_path: Path, place: int) -> None:
    path = save(tmp_path, escape_result(exponential_times(0))).path
    raw = bytearray(path.with_suffix(".npz").read_bytes())
    raw[place] ^= 1
    path.with_suffix(".npz").write_bytes(bytes(raw))
    with pytest.raises(RecordError, match="was changed after it was written"):
        load(path)


def test_a_torn_or_foreign_record_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, escape_result(exponential_times(0))).path
    path.with_suffix(".npz").unlink()
    with pytest.raises(RecordError, match=r"\.npz is missing"):
        load(path)
    path.write_text("[1]")
    with pytest.raises(RecordError, match="is not a manifest"):
        load(path)


@pytest.mark.parametrize("survived", [0, 1])
def test_a_crash_leaves_no_half_file_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    result = escape_result(exponential_times(0))
    rename, calls = Path.replace, []

    def crash(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) > survived:
            raise OSError("the power is out")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="the power is out"):
            save(tmp_path, result)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"] * survived
    for path in tmp_path.iterdir():
        with pytest.raises(RecordError, match="never finished"):
            load(path)
    assert save(tmp_path, result).new
    load(next(tmp_path.glob("*.json")))


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    script = (
        "import os, sys; from pathlib import Path; from saddlescape.experiments.record import atomic\n"
        "with atomic(Path(sys.argv[1])) as file:\n    file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert not path.exists()


def test_the_same_arrays_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = escape_result(exponential_times(0)).arrays()
    first = record._packed(arrays)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert record._packed(arrays) == first


def test_what_stands_in_the_way_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert obstacle(tmp_path / "a" / "b") == ""
    assert obstacle(file / "x") == f"{file} is not a folder"
    assert contents(tmp_path) == {"file": b""}
    if os.path.isdir("/proc/self"):
        assert "not writable" in obstacle(Path("/proc/self/x"))


def test_a_result_that_json_cannot_hold_is_null(tmp_path: Path) -> None:
    nothing = escape_result(exponential_times(0, horizon=1, mean=1e6))
    told: dict[str, Any] = nothing.as_json()
    assert (told["escaped"], told["mean"], told["high"]) == (0, None, None)
    json.dumps(told, allow_nan=False)
    assert load(save(tmp_path, nothing).path).manifest["summary"]["mean"] is None


def test_two_that_write_one_file_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    with atomic(path) as one:
        one.write(b"whole")
        with atomic(path) as other:  # on another machine it may have the same process number
            other.write(b"whole")
        assert path.read_bytes() == b"whole"
    assert contents(tmp_path) == {"sweep.json": b"whole"}
