"""Clusters of several processes and addresses, workers that are killed, and schedulers that are not there."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep.engines import cluster as module
from saddlescape.experiments.sweep.engines.cluster import WINDOW, Cluster, Program, program
from saddlescape.experiments.sweep.unit import UnitError

from .work import ROOT, collected, run_all, task, until, work

distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machines:
    """A scheduler and workers, each a process of its own, at addresses that only this machine knows."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.address = f"tcp://127.0.0.1:{free_port()}"
        host, port = self.address.removeprefix("tcp://").split(":")
        self.scheduler = self._start("scheduler", "--host", host, "--port", port)
        self.workers: list[subprocess.Popen[bytes]] = []
        until(lambda: self.answers(host, int(port)))

    def answers(self, host: str, port: int) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex((host, port)) == 0

    def add_worker(self, host: str) -> "subprocess.Popen[bytes]":
        # Without a nanny, which would start a killed worker again.
        worker = self._start("worker", self.address, "--host", host, "--nthreads", "1", "--no-nanny")
        self.workers.append(worker)
        return worker

    def _start(self, kind: str, *flags: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *flags, "--no-dashboard"],
            env=os.environ | {"PYTHONPATH": ROOT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(end, process)
        return process


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@contextmanager
def machines(*hosts: str) -> Iterator[Machines]:
    with ExitStack() as stack:
        made = Machines(stack)
        for host in hosts:
            made.add_worker(host)
        yield made


def entered(engine: Cluster, workers: int) -> None:
    """Wait until the engine knows of so many workers."""

    def known() -> bool:
        engine.finished(0.02)
        return engine.workers == workers

    until(known)


def test_a_killed_worker_loses_no_unit_and_doubles_none(tmp_path: Path) -> None:
    tasks = [task(3 * number, marks=str(tmp_path / "marks"), gate=str(tmp_path / "gate")) for number in range(30)]
    (tmp_path / "marks").mkdir()
    with machines("127.0.0.1", "127.0.0.2", "127.0.0.3") as made, Cluster(made.address, work) as engine:
        entered(engine, 3)
        assert "127.0.0.1" in engine.name
        assert engine.room == 3 * WINDOW
        for each in tasks[: engine.room]:
            engine.submit(each)
        engine.finished(0.0)
        until(lambda: len(begun(tmp_path)) == 3)
        victim = made.workers[1]
        assert victim.pid in begun(tmp_path)
        victim.send_signal(signal.SIGKILL)
        (tmp_path / "gate").touch()
        done = [*collected(engine), *run_all(engine, tasks[3 * WINDOW :])]
        entered(engine, 2)
        assert engine.room == 2 * WINDOW
    assert sorted(each.unit for each in done) == [each.unit for each in tasks]
    assert {int(each.arrays["process"][0]) for each in done} == {made.workers[k].pid for k in (0, 2)}


def begun(folder: Path) -> set[int]:
    """Return the processes that left marks."""
    return {int(mark.name.rpartition("-")[2]) for mark in (folder / "marks").iterdir()}


def test_a_worker_that_comes_late_gets_units_and_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with machines() as made:
        first = made.add_worker("127.0.0.1")
        with Cluster(made.address, work) as engine:
            assert capsys.readouterr().err in ("", f"waiting for a worker at {made.address}\n")
            done = run_all(engine, [task(0)])
            second = made.add_worker("127.0.0.2")
            entered(engine, 2)
            done += run_all(engine, [task(3 * number) for number in range(1, 30)])
    assert len(done) == 30
    assert {int(each.arrays["process"][0]) for each in done} == {first.pid, second.pid}


def test_a_lost_scheduler_is_one_clear_line_after_what_was_finished(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with machines("127.0.0.1") as made, Cluster(made.address, work) as engine:
        engine.submit(task(0))
        assert [each.unit for each in collected(engine)] == [task(0).unit]
        engine.submit(task(3, gate=str(tmp_path / "never")))
        assert engine.finished(0.1) == []
        end(made.scheduler)
        with pytest.raises(UnitError, match=rf"^the scheduler at {made.address} is lost or was restarted$"):
            list(collected(engine))
    assert capfd.readouterr().err.replace(f"waiting for a worker at {made.address}\n", "") == ""


@pytest.mark.slow
def test_a_unit_that_kills_every_worker_is_given_up() -> None:
    hosts = [f"127.0.0.{k}" for k in range(1, 6)]
    with machines(*hosts) as made, Cluster(made.address, work) as engine:
        entered(engine, 5)
        engine.submit(task(0, dies_until=99))
        with pytest.raises(UnitError, match=r"\[0, 3\) of setting setting was given up: 4 workers died with it"):
            list(collected(engine))


@pytest.fixture
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as mine,
    ):
        yield mine


def test_a_given_client_stays_open(client: Any, tmp_path: Path) -> None:
    for _ in range(2):
        with Cluster(client, work) as engine:
            assert engine.workers == 2
            assert len(run_all(engine, [task(number) for number in range(5)])) == 5
    assert client.status == "running"
    assert client.submit(pow, 2, 5).result() == 32


def test_results_are_released_and_the_scheduler_holds_no_more_than_the_window(client: Any) -> None:
    def held(dask_scheduler: Any) -> int:
        return len(dask_scheduler.tasks)

    most, waiting, done = 0, [task(number) for number in range(100)], 0
    with Cluster(client, work) as engine:
        while waiting or engine.under_way:
            while waiting and engine.under_way < engine.room:
                engine.submit(waiting.pop())
            done += len(engine.finished(1.0))
            most = max(most, client.run_on_scheduler(held))
        assert most <= 2 * engine.room
    assert done == 100
    until(lambda: client.run_on_scheduler(held) == 0)


def test_a_unit_refuses_a_worker_of_another_program(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Cluster(client, work) as engine:
        monkeypatch.setattr(engine, "_program", Program("9.9.9", program().sources))
        engine.submit(task(0))
        with pytest.raises(UnitError, match=r"a worker has saddlescape \d.*, not .* 9\.9\.9 .* here"):
            list(collected(engine))


def test_workers_of_another_program_are_refused_before_anything_runs(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Cluster(client, work)
    monkeypatch.setattr(engine, "_program", program()._replace(sources="0" * 16))
    with pytest.raises(InputError, match=r"the worker tcp://\S+ has other sources of saddlescape"):
        engine.__enter__()


def test_a_scheduler_that_is_not_there_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=rf"^--scheduler={address}: nobody answers there within 0.2 s$"):
        Cluster(address).__enter__()


@pytest.mark.parametrize("address", ["somewhere", "tcp://127.0.0.1", "tcp://127.0.0.1:port", "http://127.0.0.1:1"])
def test_what_is_no_address_is_refused_in_one_line(address: str) -> None:
    with pytest.raises(InputError, match=rf"^--scheduler={address} is no address as in tcp://host:8786: .*"):
        Cluster(address).__enter__()


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'saddlescape\[cluster\]'"):
        Cluster("tcp://127.0.0.1:1").__enter__()
