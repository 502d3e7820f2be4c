"""Threads of this process, a unit each: the kernels let go of the lock of Python."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from ....dynamics.work import thread_count
from ..unit import Done, Task, perform
from ..wording import counted
from .arrivals import unit_error

Work = Callable[[Task, threading.Event], Done | None]


class Threads:
    """Units in threads of this process.

    Parameters
    ----------
    count
        Threads; one a core if left out.
    work
        What runs a unit.
    """

    def __init__(self, count: int | None = None, work: Work = perform) -> None:
        self.workers = thread_count(count, 2**16)
        self._work = work
        self._halt = threading.Event()
        self._pool = ThreadPoolExecutor(self.workers)
        self._running: set[Future[Done | None]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def name(self) -> str:
        """What it is, in words."""
        return counted(self.workers, "thread")

    @property
    def room(self) -> int:
        """Units that it pays to have submitted at once."""
        return 2 * self.workers

    @property
    def under_way(self) -> int:
        """Units that were submitted and have not come back."""
        return len(self._running)

    def submit(self, task: Task) -> None:
        """Take a unit to run."""
        self._running.add(self._pool.submit(self._work, task, self._halt))

    def finished(self, timeout: float) -> Sequence[Done]:
        """Return what was finished since the last call; wait at most so many seconds until there is something.

        Raises
        ------
        UnitError
            Where a unit raised; what else was finished came back before.
        """
        over, self._running = wait(self._running, timeout, FIRST_COMPLETED)
        failed = {future: error for future in over if (error := future.exception()) is not None}
        done = [found for future in over - failed.keys() if (found := future.result()) is not None]
        if failed and not done:
            raise unit_error(next(iter(failed.values())))
        self._running |= failed.keys()  # told of when nothing else is left to tell
        return done

    def withdraw(self) -> None:
        """Take back what has not begun."""
        self._running = {future for future in self._running if not future.cancel()}

    def stop(self) -> None:
        """Abandon what is under way, now."""
        self._halt.set()
        self.withdraw()
        self._running = set()
