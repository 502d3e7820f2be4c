"""Several processes on this machine: a unit whose process dies is run again in another."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Self

from ..unit import Done, Task, UnitError, perform
from ..wording import counted
from .arrivals import Arrivals, named, unit_error

TRIES = 3
"""Times that a unit is begun at most: one that kills its process would do so forever."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Read when numpy is loaded: threads of its own would take the cores from the other processes."""


_Process = Any
"""A subprocess.Popen whose pipes are there."""


class _DiedError(Exception):
    """A process ended before it answered."""


class _StoppedError(Exception):
    """The engine is to start no process any more."""


class Processes:
    """Runs units in processes of this machine, each process one at a time.

    Parameters
    ----------
    count
        Processes.
    work
        What runs a unit; a process finds it by the name of its module.
    """

    def __init__(self, count: int, work: Callable[[Task], Done | None] = perform) -> None:
        if count < 1:
            raise ValueError(f"count={count} must be at least 1")
        self._count = count
        self._work = pickle.dumps(work)
        self._tasks: Arrivals[Task | None] = Arrivals()
        self._answers: Arrivals[Done | UnitError] = Arrivals()
        self._failure: UnitError | None = None
        self._under_way = 0
        self._lock = threading.Lock()
        self._stopped = False
        self._processes: set[_Process] = set()
        self._drivers = [threading.Thread(target=self._drive, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for driver in self._drivers:
            driver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for driver in self._drivers:
            driver.join()

    @property
    def name(self) -> str:
        """What it is, in words."""
        return counted(self._count, "process")

    @property
    def workers(self) -> int:
        """Units that run at the same moment."""
        return self._count

    @property
    def room(self) -> int:
        """Units to have submitted at once: each process finds its next one waiting."""
        return 2 * self._count

    @property
    def under_way(self) -> int:
        """Units that were submitted and have not come back."""
        return self._under_way

    def submit(self, task: Task) -> None:
        """Take a unit to run."""
        self._under_way += 1
        self._tasks.put(task)

    def finished(self, timeout: float) -> list[Done]:
        """Return what was finished since the last call; wait at most so many seconds until there is something.

        Raises
        ------
        UnitError
            Where a unit raised, or died with its process too often; what else was finished came back before.
        """
        if self._stopped:
            return []
        done = []
        for answer in self._answers.taken(0.0 if self._failure else timeout):
            self._under_way -= 1
            if isinstance(answer, Done):
                done.append(answer)
            else:
                self._failure = self._failure or answer
        if self._failure and not done:
            raise self._failure
        return done

    def withdraw(self) -> None:
        """Take back what has not begun: only the units that run now will come back."""
        self._under_way -= len(self._tasks.taken())

    def stop(self) -> None:
        """Abandon what is under way and end the processes, now; nothing of it comes back."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()
        self._tasks.taken()
        for _ in self._drivers:
            self._tasks.put(None)
        self._under_way = 0

    def _drive(self) -> None:
        """Have units run in a process, and in another when it dies, until the engine stops."""
        process = None
        try:
            process = self._started()
            while (task := self._tasks.get()) is not None:
                for tried in range(1, TRIES + 1):
                    try:
                        self._answers.put(_asked(process, task))
                        break
                    except _DiedError as death:
                        if tried == TRIES:
                            self._answers.put(UnitError(f"{named(task.unit)} failed {TRIES} times: {death}"))
                        self._ended(process)
                        process = self._started()
        except _StoppedError:
            pass
        except OSError as error:
            self._answers.put(UnitError(f"cannot start a process: {error.strerror}"))
        except Exception as error:  # whatever it is, someone waits for an answer
            self._answers.put(unit_error(error))
        finally:
            if process:
                self._ended(process)

    def _started(self) -> _Process:
        """Start a process and tell it what its work is."""
        script = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        with self._lock:
            if self._stopped:
                raise _StoppedError
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | ONE_THREAD,
                process_group=0,  # Ctrl-C in a terminal goes to this process, which decides
            )
            self._processes.add(process)
        with suppress(OSError):  # of one that died at once the first unit finds out
            _write(process.stdin, self._work)
        return process

    def _ended(self, process: _Process) -> None:
        """Make sure that a process is gone, and leave nothing of it behind."""
        with self._lock:
            self._processes.discard(process)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what a dead process did not read cannot be written any more
                pipe.close()
        process.wait()


def _asked(process: _Process, task: Task) -> Done | UnitError:
    """Have a process run a unit and return its answer.

    Raises
    ------
    _DiedError
        Where it ended instead.
    """
    try:
        _write(process.stdin, pickle.dumps(task))
        answer: Done | UnitError = pickle.load(process.stdout)
        return answer
    except (OSError, EOFError, pickle.UnpicklingError):
        process.kill()  # an answer cut short comes of a process that is dead or about to be
        code = process.wait()
    killed = code == -getattr(signal, "SIGKILL", 0)
    why = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
    raise _DiedError(f"the process that ran it {why}{'; was memory short?' if killed else ''}")


def _write(pipe: Any, content: bytes) -> None:
    pipe.write(content)
    pipe.flush()


def serve() -> NoReturn:
    """Run units until the process that sends them is gone: first what the work is comes by stdin, then the units."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a unit prints is no answer
    received: Arrivals[Any] = Arrivals()
    threading.Thread(target=_receive, args=(received,), daemon=True).start()
    work = received.get()
    while True:
        answer = _answer(work, received.get())
        try:
            _write(answers, pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
        except OSError:
            os._exit(0)  # nobody listens


def _receive(received: Arrivals[Any]) -> NoReturn:
    """Take in what is sent; end this process, in the middle of a unit too, when the one that sends is gone."""
    try:
        while True:
            received.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _answer(work: Callable[[Task], Done | None], task: Task) -> Done | UnitError:
    """Run a unit; what it raises is the answer too."""
    try:
        done = work(task)
        return UnitError(f"{named(task.unit)} stopped by itself") if done is None else done
    except Exception as error:
        if not isinstance(error, ValueError | TypeError | UnitError):
            traceback.print_exc()
        return unit_error(error)
