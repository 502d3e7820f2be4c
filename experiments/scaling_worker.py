"""The process that measures, and the one whose memory is measured."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ..landscapes.interface import Vector
from .choices import ROOT
from .scaling_sweeps import SWEEPS, Done, Task, leave_well

LEAST, LEAST_QUICK = 0.1, 0.03
"""Seconds that one measurement lasts at least: a short call is repeated."""
NO_OTHER_THREADS = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Threads of a linear algebra library wait by spinning, which would count as CPU time; read when numpy is loaded."""


class Sample(NamedTuple):
    """One measurement of a point.

    Parameters
    ----------
    cpu, wall
        Seconds a call, set-up left out.
    idle
        CPU time of the set-up.
    units, useful_share
        As in Done.
    digest
        Of the raw results.
    """

    cpu: float
    wall: float
    idle: float
    units: float
    useful_share: float | None
    digest: str


class Worker:
    """A process that measures points, one at a time; Ctrl-C does not reach it, leaving the context ends it.

    Parameters
    ----------
    quick, seed
        As in ScalingRun.
    """

    def __init__(self, quick: bool, seed: int) -> None:
        self._process = subprocess.Popen(
            _python(f"serve({quick}, {seed})"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | NO_OTHER_THREADS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def sample(self, sweep: str, point: int) -> Sample:
        """Measure the point of that number.

        Raises
        ------
        RuntimeError
            Where the process has ended; it has said why on stderr.
        """
        told = ""
        if self._process.stdin is not None and self._process.stdout is not None:
            try:
                print(json.dumps([sweep, point]), file=self._process.stdin, flush=True)
                told = self._process.stdout.readline()
            except BrokenPipeError:
                pass
        if not told:
            raise RuntimeError(f"the process that measures {sweep} ended with {self._process.wait()}")
        return Sample(**json.loads(told))


def serve(quick: bool, seed: int) -> None:
    """Measure each point that a line of stdin names, and answer in a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks: dict[str, list[Task]] = {}
    for line in sys.stdin:
        name, point = json.loads(line)
        if name not in tasks:
            tasks[name] = SWEEPS[name].tasks(quick, seed)
        measured = sample(tasks[name][point], LEAST_QUICK if quick else LEAST)
        print(json.dumps(measured._asdict()), flush=True)


def sample(task: Task, least: float) -> Sample:
    """Call work and idle in turns until work has taken the least wall time (s), and return their means."""
    task.idle()  # compiles
    work, idle = np.zeros(2), np.zeros(2)
    calls = 0
    while True:
        spent, done = _timed(task.work)
        work += spent
        if not task.whole:
            idle += _timed(task.idle)[0]
        calls += 1
        if work[0] >= least:
            wall, cpu = (work - idle) / calls
            shared = done.units, done.useful_share, str(done.result.digest())
            return Sample(float(cpu), float(wall), float(idle[1]) / calls, *shared)


def _timed(call: Callable[[], Done]) -> tuple[Vector, Done]:
    """Return (wall, CPU) seconds of a call, and what it did."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = call()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu]), done


def memory_peak(trajectories: int, seed: int) -> int | None:
    """Return the most memory (bytes) that a fresh process held for this ensemble, None where the system is silent."""
    done = subprocess.run(_python(f"tell_memory({trajectories}, {seed})"), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"the process whose memory is measured ended with {done.returncode}: {said}")
    told = json.loads(done.stdout)
    return None if told is None else int(told)


def tell_memory(trajectories: int, seed: int) -> None:
    """Run an ensemble, add up its steps, and print the most memory that this process held (bytes), or null."""
    leave_well(trajectories, seed)
    print(json.dumps(own_memory_peak()))


def own_memory_peak() -> int | None:
    """Return the most memory that this process has held (bytes), None where the system does not tell."""
    try:
        # On Linux the peak of getrusage begins with that of the process which started this one.
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return next(1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    system: Any = resource  # its names are not those of every system
    return int(system.getrusage(system.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def _python(call: str) -> list[str]:
    """Return the command line of a process that makes this call to a function of ours."""
    script = f"from {ROOT}.experiments import scaling_worker; scaling_worker.{call}"
    return [sys.executable, "-P", "-c", script]
