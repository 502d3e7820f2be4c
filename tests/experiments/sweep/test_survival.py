"""A sweep that is killed, stopped, or out of room at any moment: nothing finished is lost, no bit is another."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from .small_sweeps import begun, check_each_once, digest, manifest, plain_digest, program, ranges, run, whole_shards
from .work import ROOT, until

OFTEN = "from saddlescape.experiments.sweep import store; store.EVERY = 0.05"
"""Shards twenty times as often as is usual, so that a good part of the time goes to writing."""

TEXT = """[rule]
name = "sgd"
lr = 0.1
[landscape]
name = "quartic"
[noise]
name = "isotropic"
variance = {variance}
[run]
trajectories = {trajectories}
max_steps = 1_000_000_000_000
[axes]
run.seed = {{ from = 0, to = 7, step = 1 }}
[sweep]
unit = {unit}
"""
ENGINES = {"threads": ["--threads", "2"], "processes": ["--processes", "2"]}


def events(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]


def test_killed_before_anything_that_is_done_to_a_file(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {ROOT!r}); from tests.experiments.sweep.crashing import main; main()"
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=150)
    assert ended.returncode == 0, ended.stderr
    count, _, names = ended.stdout.partition(" ")
    assert int(count) > 30
    for name in ("mkdir", "open", "fsync", "replace", "unlink"):
        assert name in names
    print(ended.stdout)


class Killer:
    """Kills a sweep at random moments, and looks at what is left.

    Parameters
    ----------
    seconds
        What its units take undisturbed: kills are spread over what is left of it.
    """

    def __init__(self, tokens: list[object], folder: Path, seconds: float, kills: int, seed: int) -> None:
        self.tokens, self.folder = tokens, folder
        self.seconds, self.left = seconds, kills
        self.drawn = np.random.default_rng(seed)
        self.hit: Counter[str] = Counter()
        self.kept: dict[str, bytes] = {}
        self.share = 0.0

    def kill(self, moment: str) -> None:
        """Start the sweep, kill it at a moment of this kind, and check what is left."""
        log = self.folder.parent / "stderr"
        with log.open("w+") as stderr, program(*self.tokens, setup=OFTEN, stderr=stderr) as process:
            if moment == "early":
                time.sleep(self.drawn.uniform(0.0, 1.0))
            elif moment == "planning":
                until(lambda: process.poll() is not None or '"event"' in log.read_text())
                time.sleep(self.drawn.uniform(0.0, 0.4))
            else:
                until(lambda: process.poll() is not None or '"start"' in log.read_text())
                if moment == "running":
                    until(lambda: process.poll() is not None or len(whole_shards(self.folder)) > len(self.kept))
                time.sleep(self.drawn.uniform(0.0, self.seconds * (1.0 - self.share) / max(self.left, 2)))
            if moment == "writing":
                end = time.monotonic() + 2.0
                while time.monotonic() < end and process.poll() is None and not self.half_written():
                    pass
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            half = self.half_written()
            process.kill()
            assert process.wait() in (-signal.SIGKILL, 0), log.read_text()  # 0: it was done before
        _, alive = psutil.wait_procs(children, timeout=10.0)
        assert not alive, "a process stays behind"
        told = events(log.read_text())
        started = any(each["event"] == "start" for each in told)
        planned = any(each["event"] == "planning" for each in told)
        where = ("writing" if half else "running") if started else "planning" if planned else "starting"
        self.hit[where] += 1
        self.left -= 1
        self.look()

    def half_written(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return any(name.endswith(".part") for name in os.listdir(self.folder / "shards"))
        return False

    def look(self) -> None:
        """Check that what was there is there, and that no unit is there twice."""
        if not (self.folder / "shards").exists():
            assert not self.kept
            return
        for path in (self.folder / "shards").glob(".*.part"):
            path.unlink()  # so that the next is seen
        now = whole_shards(self.folder)
        assert now.items() >= self.kept.items(), "a finished shard was changed or is gone"
        self.kept = now
        found = ranges(self.folder)
        assert len(found) == len({each[:2] for each in found}), "a finished unit ran twice"
        if (self.folder / "sweep.json").exists():
            asked = json.loads((self.folder / "sweep.json").read_bytes())
            total = sum(each["described"]["run"]["trajectories"] for each in asked["settings"])
            self.share = sum(stop - start for _, start, stop in found) / total


def killed(kills: int, trajectories: int, unit: int, seed: int, kind: str, folder: Path) -> None:
    file = folder / "sweep.toml"
    file.write_text(TEXT.format(variance=2.0, trajectories=trajectories, unit=unit))
    tokens: list[object] = ["sweep", file, *ENGINES[kind], "--progress", "json", "--json", "--out"]
    with program(*tokens, folder / "undisturbed", setup=OFTEN) as process:
        stdout, stderr = process.communicate(timeout=150)
    assert process.returncode == 0, stderr
    whole = json.loads(stdout)
    assert whole["complete"]
    killer = Killer([*tokens, folder / "out"], folder / "out", whole["busy"] / 2, kills, seed)
    moments = ["early", "running", "writing", "started", "early", "writing", "running", "started", "writing", "running"]
    for number in range(kills):
        killer.kill("planning" if number < kills // 10 else moments[number % len(moments)])
    with program(*tokens, folder / "out", setup=OFTEN) as process:
        stdout, stderr = process.communicate(timeout=150)
    assert process.returncode == 0, stderr
    told = json.loads(stdout)
    assert told["digest"] == whole["digest"] == digest(folder / "out")
    assert whole_shards(folder / "out").items() >= killer.kept.items()
    check_each_once(folder / "out", manifest(file, unit))
    before = killer.share
    print(f"\n{kind}: killed {kills} times, {dict(killer.hit)}; {before:.0%} was there before the last run, which ran")
    print(f"{told['ran']} of {told['units']} units; digest {told['digest'][:16]}; {whole['seconds']:.1f} s undisturbed")
    assert told["ran"] < told["units"]
    assert killer.hit["running"] + killer.hit["writing"] >= kills // 2


@pytest.mark.parametrize(("kind", "kills"), [("threads", 5), pytest.param("processes", 2, marks=pytest.mark.slow)])
def test_killed_a_few_times(kind: str, kills: int, tmp_path: Path) -> None:
    killed(kills, 2**16, 2048, 1, kind, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENGINES)
def test_killed_fifty_times(kind: str, tmp_path: Path) -> None:
    killed(50, 2**19, 2048, 2, kind, tmp_path)


# Ctrl-C, and a polite kill. A unit takes half a second or so.

UNIT = 512


def going(file: Path, folder: Path, kind: str, variance: float) -> list[object]:
    file.write_text(TEXT.format(variance=variance, trajectories=2 * UNIT, unit=UNIT).replace("to = 7", "to = 5"))
    begun(folder, file, UNIT)
    return ["sweep", file, "--out", folder, *ENGINES[kind], "--progress", "json"]


def wait_for(log: Path, event: str, process: Any) -> None:
    until(lambda: f'"event": "{event}"' in log.read_text() or process.poll() is not None)
    assert process.poll() is None, log.read_text()


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("threads", signal.SIGINT),
        ("threads", signal.SIGTERM),
        ("processes", signal.SIGINT),
        pytest.param("processes", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_asked_once_it_finishes_what_runs(kind: str, number: signal.Signals, tmp_path: Path) -> None:
    file, folder, log = tmp_path / "my sweep.toml", tmp_path / "out", tmp_path / "log"
    tokens = going(file, folder, kind, 0.6)
    with log.open("w") as stderr, program(*tokens, setup=OFTEN, stderr=stderr) as process:
        until(lambda: ranges(folder) or process.poll() is not None)
        children = psutil.Process(process.pid).children()
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    told = events(log.read_text())
    assert [each["event"] for each in told if each["event"] not in ("progress", "note")] == [
        "start",
        "interrupted",
        "end",
    ]
    asked = next(each for each in told if each["event"] == "interrupted")
    assert asked["told"] in [f"finishing {each}; once more stops at once" for each in ("1 unit", "2 units")]
    assert f"'{file}'" in asked["command"]
    assert re.search(r"\d+ (units are|unit is) missing; go on with: saddlescape sweep ", stdout)
    found = len(ranges(folder))
    assert asked["units_done"] < told[-1]["units_done"] == found <= asked["units_done"] + 3
    assert not psutil.wait_procs(children, timeout=10.0)[1]
    kept = whole_shards(folder)
    run(folder, manifest(file, UNIT))
    assert digest(folder) == undisturbed(file)
    assert whole_shards(folder).items() >= kept.items()
    check_each_once(folder, manifest(file, UNIT))


WHOLE: dict[str, str] = {}


def undisturbed(file: Path) -> str:
    text = file.read_text()
    if text not in WHOLE:
        WHOLE[text] = plain_digest(manifest(file, UNIT))
    return WHOLE[text]


@pytest.mark.parametrize("kind", ENGINES)
def test_asked_twice_it_stops_at_once(kind: str, tmp_path: Path) -> None:
    file, folder, log = tmp_path / "sweep.toml", tmp_path / "out", tmp_path / "log"
    tokens = going(file, folder, kind, 0.2)  # a unit takes minutes
    with log.open("w") as stderr, program(*tokens, stderr=stderr) as process:
        wait_for(log, "progress", process)
        process.send_signal(signal.SIGINT)
        wait_for(log, "interrupted", process)
        time.sleep(0.3)
        assert process.poll() is None, "once is not enough"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
        took = time.monotonic() - began
    print(f"\n{kind}: stopped in {took:.2f} s")
    assert took < 3.0  # mostly a fifth of a second; a busy machine takes longer
    assert process.returncode == 130
    assert "12 units are missing" in stdout
    assert ranges(folder) == []
    assert not list((folder / "shards").iterdir())


def test_asked_while_it_plans_nothing_is_left(tmp_path: Path) -> None:
    file, folder, log = tmp_path / "sweep.toml", tmp_path / "out", tmp_path / "log"
    file.write_text(TEXT.format(variance=2.0, trajectories=1000, unit=128))
    with log.open("w") as stderr, program("sweep", file, "--out", folder, stderr=stderr) as process:
        until(lambda: "compiling" in log.read_text())
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not stdout
    assert not folder.exists()


# No room.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def sweep(*tokens: object) -> subprocess.CompletedProcess[str]:
    with program("sweep", *tokens, setup=OFTEN) as process:
        stdout, stderr = process.communicate(timeout=100)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


@pytest.mark.parametrize("kind", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_a_full_disk_loses_nothing_that_was_finished(kind: str, small_disk: Path, tmp_path: Path) -> None:
    file, folder = tmp_path / "sweep.toml", small_disk / "out"
    file.write_text(TEXT.format(variance=4.0, trajectories=2**14, unit=1024))  # 1.2 MB of results
    begun(folder, file, 1024)
    ended = sweep(file, "--out", folder, "--quiet", *ENGINES[kind])
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert lines[:-1] == ["saddlescape: resumed; 0 units there already"]
    assert "No space left on device" in lines[-1]
    assert "what was finished is kept" in lines[-1]
    assert not ended.stdout
    kept = whole_shards(folder)
    assert len(kept) > 4
    assert not list(folder.rglob("*.part"))
    again = sweep(file, "--out", folder, "--quiet", *ENGINES[kind])
    assert again.returncode == 2
    assert whole_shards(folder).items() >= kept.items()
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    last = sweep(file, "--out", folder, "--json", "--quiet", *ENGINES[kind])
    assert last.returncode == 0, last.stderr
    assert whole_shards(folder).items() >= kept.items()
    check_each_once(folder, manifest(file, 1024))
    asked = manifest(file, 1024)
    assert json.loads(last.stdout)["digest"] == plain_digest(asked) == digest(folder)


def test_a_folder_that_cannot_be_written(small_disk: Path, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(TEXT.format(variance=4.0, trajectories=1000, unit=1024))
    begun(small_disk / "begun", file, 1024)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for folder in (small_disk / "out", small_disk / "begun", small_disk):
        ended = sweep(file, "--out", folder)
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert "Read-only file system" in ended.stderr
        assert str(folder) in ended.stderr
    assert sorted(path.name for path in small_disk.rglob("*")) == ["begun", "shards", "sweep.json"]


def test_a_folder_that_is_read_only_from_some_moment_on(small_disk: Path, tmp_path: Path) -> None:
    file, folder, log = tmp_path / "sweep.toml", small_disk / "out", tmp_path / "log"
    file.write_text(TEXT.format(variance=1.0, trajectories=2**14, unit=1024))
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    begun(folder, file, 1024)
    shards = folder / "shards"
    subprocess.run(["mount", "--bind", shards, shards], check=True)
    read_only = ["mount", "-o", "remount,bind,ro", shards]  # refused while a file is being written
    tokens = ["sweep", file, "--out", folder, "--quiet", "--threads", "2"]
    try:
        with log.open("w") as stderr, program(*tokens, setup=OFTEN, stderr=stderr) as process:
            until(lambda: len(list(shards.glob("*.json"))) > 3)
            until(lambda: not subprocess.run(read_only, capture_output=True).returncode)
            process.communicate(timeout=60)
    finally:
        subprocess.run(["umount", "-l", shards], check=True)
    assert process.returncode == 2
    assert "Read-only file system; what was finished is kept" in log.read_text().splitlines()[-1]
    kept = whole_shards(folder)
    assert kept
    run(folder, manifest(file, 1024))
    assert whole_shards(folder).items() >= kept.items()
    check_each_once(folder, manifest(file, 1024))
