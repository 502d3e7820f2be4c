"""Units that workers of engines run in tests: what each does is said by what it is described with."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from saddlescape.experiments.sweep.engines.interface import Engine
from saddlescape.experiments.sweep.unit import Done, Task, Unit

ROOT = str(Path(__file__).parents[3])
"""What a worker needs on its path to find this file by the name tests.experiments.sweep.work."""
DEADLINE = 60.0
"""Seconds after which something that should happen is held not to."""


def work(task: Task) -> Done:
    """Do what the task asks for, in this order: leave a mark, wait for a gate, raise, die, print; then answer."""
    asked = task.described
    number = task.unit.start
    k = 0
    if "marks" in asked:
        k = len(list(Path(asked["marks"]).glob(f"{number}-*")))
        Path(asked["marks"], f"{number}-{k}-{os.getpid()}").touch(exist_ok=False)
    if "gate" in asked:
        until(Path(asked["gate"]).exists)
    if asked.get("raises"):
        raise {"ValueError": ValueError, "KeyError": KeyError}[asked["raises"]]("what is wrong")
    if "dies_until" in asked and k < asked["dies_until"]:
        os.kill(os.getpid(), signal.SIGKILL)
    if asked.get("interrupted"):
        os.kill(os.getpid(), signal.SIGINT)
    if asked.get("prints"):
        print("said by a unit")
        os.write(1, b"written by a unit\n")
    arrays = {"steps": np.arange(number, task.unit.stop, dtype=np.int64), "process": np.array([os.getpid()])}
    if asked.get("environment"):
        arrays["threads"] = np.array([int(os.environ["OPENBLAS_NUM_THREADS"])])
    return Done(task.unit, arrays, 0.0, 1)


def task(number: int, size: int = 3, **asked: Any) -> Task:
    return Task(Unit("setting", number, number + size), asked)


def until(true: Any) -> None:
    """Wait until something is true; fail where that takes too long."""
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def collected(engine: Engine) -> Iterator[Done]:
    """Yield what comes back until nothing is under way."""
    end = time.monotonic() + DEADLINE
    while engine.under_way:
        assert time.monotonic() < end, "waited in vain"
        yield from engine.finished(1.0)


def run_all(engine: Engine, tasks: list[Task]) -> list[Done]:
    """Run tasks as a sweep does: as many under way as there is room for."""
    waiting, done = tasks[::-1], []
    end = time.monotonic() + DEADLINE
    while waiting or engine.under_way:
        assert time.monotonic() < end, "waited in vain"
        while waiting and engine.under_way < engine.room:
            engine.submit(waiting.pop())
        done += engine.finished(1.0)
    return done
