"""What every engine keeps to, and what processes do besides."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.sweep.engines.cluster import Cluster
from saddlescape.experiments.sweep.engines.interface import Engine
from saddlescape.experiments.sweep.engines.processes import TRIES, Processes
from saddlescape.experiments.sweep.engines.threads import Threads
from saddlescape.experiments.sweep.unit import Unit, UnitError, perform

from .work import ROOT, collected, run_all, task, until, work


class Kind:
    """Makes engines of a kind, of two workers."""

    def __init__(self, name: str, scheduler: str = "") -> None:
        self.name, self.scheduler = name, scheduler

    def engine(self, does: Any = work) -> AbstractContextManager[Engine]:
        if self.name == "threads":
            return Threads(2, perform if does is perform else lambda task, stop: does(task))
        if self.name == "processes":
            return Processes(2, does)
        return Cluster(self.scheduler, does)


@pytest.fixture(scope="module", params=["threads", "processes", "cluster"])
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    if request.param != "cluster":
        yield Kind(request.param)
        return
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield Kind("cluster", cluster.scheduler_address)


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


def test_every_unit_comes_back_once_with_its_results(kind: Kind) -> None:
    tasks = [task(3 * number) for number in range(40)]
    with kind.engine() as engine:
        assert engine.workers == 2
        assert engine.room >= 2
        assert "2" in engine.name
        assert engine.under_way == 0
        done = run_all(engine, tasks)
        assert engine.under_way == 0
    assert sorted(each.unit for each in done) == [each.unit for each in tasks]
    for each in done:
        np.testing.assert_array_equal(each.arrays["steps"], range(each.unit.start, each.unit.stop))


def test_real_units_have_the_same_bits_everywhere(kind: Kind) -> None:
    parts = choose(RULE, "sgd"), choose(LANDSCAPE, "quartic"), choose(NOISE, "isotropic")
    asked = Configuration("escape", parts, ({"lr": 0.1}, {}, {}), EscapeRun(seed=3, max_steps=5000))
    described = asked.described(*asked.build())
    units = [Unit("real", start, start + 100) for start in range(0, 400, 100)]
    whole = perform(task(0)._replace(unit=Unit("real", 0, 400), described=described))
    assert whole is not None
    assert len(np.unique(whole.arrays["steps"])) > 100
    with kind.engine(perform) as engine:
        done = sorted(run_all(engine, [task(0)._replace(unit=unit, described=described) for unit in units]))
    for name, expected in whole.arrays.items():
        np.testing.assert_array_equal(np.concatenate([each.arrays[name] for each in done]), expected)


def test_nothing_finished_is_waited_for_as_long_as_asked(kind: Kind, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with kind.engine() as engine:
        engine.submit(task(0, gate=str(gate)))
        began = time.monotonic()
        assert list(engine.finished(0.2)) == []
        assert 0.15 < time.monotonic() - began < 5.0
        assert engine.under_way == 1
        gate.touch()
        assert [each.unit for each in collected(engine)] == [task(0).unit]


def test_a_unit_that_raises_is_told_of_after_what_was_finished(kind: Kind, tmp_path: Path) -> None:
    gate, marks = tmp_path / "gate", tmp_path / "marks"
    marks.mkdir()
    with kind.engine() as engine:
        engine.submit(task(0, raises="ValueError", gate=str(gate), marks=str(marks)))
        engine.submit(task(3, gate=str(gate), marks=str(marks)))
        engine.finished(0.05)
        until(lambda: len(list(marks.iterdir())) == 2)
        gate.touch()
        time.sleep(0.5)  # both have ended before the next look
        done: list[Any] = []
        with pytest.raises(UnitError, match=r"what is wrong"):  # noqa: PT012
            while True:
                done += engine.finished(5.0)
        assert [each.unit for each in done] == [task(3).unit]


def test_what_has_not_begun_is_withdrawn(kind: Kind, tmp_path: Path) -> None:
    gate, marks = tmp_path / "gate", tmp_path / "marks"
    marks.mkdir()
    with kind.engine() as engine:
        room = engine.room
        assert room > 2
        for number in range(room):
            engine.submit(task(3 * number, gate=str(gate), marks=str(marks)))
        engine.finished(0.05)
        until(lambda: len(list(marks.iterdir())) == 2)
        begun = sorted(int(mark.name.partition("-")[0]) for mark in marks.iterdir())
        engine.withdraw()
        assert engine.under_way == 2
        gate.touch()
        assert sorted(each.unit.start for each in collected(engine)) == begun


def test_a_stopped_engine_gives_nothing_back(kind: Kind, tmp_path: Path) -> None:
    gate, marks = tmp_path / "gate", tmp_path / "marks"
    marks.mkdir()
    with kind.engine() as engine:
        for number in range(6):
            engine.submit(task(3 * number, gate=str(gate), marks=str(marks)))
        engine.finished(0.05)
        until(lambda: len(list(marks.iterdir())) == 2)
        engine.stop()
        assert engine.under_way == 0
        gate.touch()
        assert list(engine.finished(0.1)) == []


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


def test_no_process_outlives_its_engine(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), Processes(2, work) as engine:  # noqa: PT012
        engine.submit(task(0, gate=str(tmp_path / "never")))
        until(lambda: len(children() - before) == 2)
        raise ZeroDivisionError
    assert children() == before


def test_only_the_unit_of_a_killed_process_is_run_again(tmp_path: Path) -> None:
    tasks = [task(3 * number, marks=str(tmp_path), dies_until=2 if number == 3 else 0) for number in range(12)]
    with Processes(2, work) as engine:
        done = run_all(engine, tasks)
    assert sorted(each.unit for each in done) == [each.unit for each in tasks]
    runs = [mark.name.partition("-")[0] for mark in tmp_path.iterdir()]
    assert {number: runs.count(number) for number in runs if runs.count(number) > 1} == {"9": 3}


def test_a_process_killed_from_outside_loses_nothing(tmp_path: Path) -> None:
    gate, marks = tmp_path / "gate", tmp_path / "marks"
    marks.mkdir()
    tasks = [task(3 * number, gate=str(gate), marks=str(marks)) for number in range(4)]
    with Processes(2, work) as engine:
        for each in tasks:
            engine.submit(each)
        until(lambda: len(list(marks.iterdir())) == 2)
        victim = int(next(marks.iterdir()).name.rpartition("-")[2])
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(list(marks.iterdir())) == 3)
        gate.touch()
        done = list(collected(engine))
    assert sorted(each.unit for each in done) == [each.unit for each in tasks]
    assert victim not in {int(each.arrays["process"][0]) for each in done}


def test_a_unit_that_kills_every_process_is_given_up(tmp_path: Path) -> None:
    with Processes(1, work) as engine:
        engine.submit(task(0, marks=str(tmp_path), dies_until=99))
        engine.submit(task(3))
        with pytest.raises(UnitError, match=rf"\[0, 3\) of setting setting failed {TRIES} times: .*signal 9"):
            engine.finished(30.0)
    assert len(list(tmp_path.iterdir())) == TRIES == 3


def test_processes_go_on_where_their_unit_is_interrupted_or_prints(capfd: pytest.CaptureFixture[str]) -> None:
    with Processes(1, work) as engine:
        tasks = [task(0, interrupted=True), task(3, prints=True), task(6, size=700_000, environment=True)]
        done = run_all(engine, tasks)
    assert len({int(each.arrays["process"][0]) for each in done}) == 1
    assert done[-1].arrays["threads"] == 1
    np.testing.assert_array_equal(done[-1].arrays["steps"], range(6, 700_006))
    assert capfd.readouterr().out == ""


def test_an_error_of_another_class_says_which() -> None:
    with Processes(1, work) as engine:
        engine.submit(task(0, raises="KeyError"))
        with pytest.raises(UnitError, match=r"KeyError: 'what is wrong'"):
            engine.finished(30.0)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_started_them(blow: signal.Signals, tmp_path: Path) -> None:
    script = (
        "from saddlescape.experiments.sweep.engines.processes import Processes\n"
        "from tests.experiments.sweep.work import task, work\n"
        "with Processes(2, work) as engine:\n"
        f"    for number in range(2): engine.submit(task(number, marks={str(tmp_path)!r}, gate='/never'))\n"
        "    engine.finished(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as parent:
        try:
            until(lambda: len(list(tmp_path.iterdir())) == 2)
        finally:
            parent.send_signal(blow)
    workers = [int(mark.name.rpartition("-")[2]) for mark in tmp_path.iterdir()]
    assert len(workers) == 2
    until(lambda: not any(psutil.pid_exists(worker) for worker in workers))


def test_there_is_at_least_one_process() -> None:
    with pytest.raises(ValueError, match=r"count=0 must be at least 1"):
        Processes(0)
