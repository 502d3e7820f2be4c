import shutil
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from saddlescape.experiments.command import main

from ..toml_files import VALID, toml_files

SECONDS = 60.0
"""Many times what any of the files takes here; a compilation is the longest part."""
MOST_HOURS = 5e-4


@pytest.mark.parametrize("examples", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_a_file_is_run_or_refused_in_one_line(
    examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path, folder = tmp_path / "fuzz.toml", tmp_path / "out"
    outcomes = {0: 0, 2: 0}
    slowest = 0.0

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(toml_files())
    def attempt(text: str) -> None:
        nonlocal slowest
        shutil.rmtree(folder, ignore_errors=True)
        path.write_bytes(text.encode())
        began = time.perf_counter()
        with warnings.catch_warnings():
            code = main(["sweep", str(path), "--out", str(folder), "--progress", "none", f"--most-hours={MOST_HOURS}"])
        slowest = max(slowest, time.perf_counter() - began)
        out, err = capsys.readouterr()
        outcomes[code] += 1
        if code == 0:
            assert "complete: " in out, (out, err)
            assert all(line.startswith("saddlescape: ") for line in err.splitlines()), err
            assert (folder / "sweep.json").exists()
        else:
            assert out == ""
            assert err.startswith("saddlescape: ")
            assert err.count("\n") == 1, err
            assert err[:-1].isprintable(), err
            assert not folder.exists()

    attempt()
    print(outcomes, slowest)
    shutil.rmtree(folder, ignore_errors=True)
    assert slowest < SECONDS
    assert [each.name for each in tmp_path.iterdir()] == ["fuzz.toml"]
    assert min(outcomes.values()) >= examples // 20


@pytest.mark.parametrize("text", VALID[1:2])
def test_what_is_mutated_runs_to_begin_with(text: str, tmp_path: Path) -> None:
    path = tmp_path / "valid.toml"
    path.write_text(text)
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
