"""A cluster of machines, by dask.distributed: its scheduler is told of a few units at a time, whatever the sweep."""

import asyncio
import hashlib
import logging
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

from .... import __version__
from ...question import QUESTIONS
from ...refusals import InputError
from ..unit import Done, Task, Unit, UnitError, perform
from ..wording import counted
from .arrivals import Arrivals, named, unit_error

if TYPE_CHECKING:
    from distributed import Client

_Future = Any
"""dask.distributed tells types of its own that do not hold: what is called from a thread is no coroutine."""

_LOG = logging.getLogger("distributed.client")

PATIENCE = 10
"""Seconds within which a scheduler answers."""
WINDOW = 3
"""Units under way for each thread of a worker: one runs, one waits beside it, one is on its way to or fro."""
REFRESH = 2.0
"""Seconds between two counts of the workers."""


class _Ended(NamedTuple):
    """News that a unit has ended, one way or another; its result is still where it ran."""

    unit: Unit
    future: _Future


class Cluster:
    """Runs units on the workers of a Dask cluster.

    Parameters
    ----------
    scheduler
        Its address, as in ``tcp://host:8786``, or a client that is connected to it, which stays open.
    work
        What runs a unit; a worker finds it by the name of its module.
    """

    def __init__(self, scheduler: "str | Client", work: Callable[[Task], Done | None] = perform) -> None:
        self._scheduler = scheduler
        self._work = work
        self._news: Arrivals[_Ended | list[Done] | UnitError] = Arrivals()
        self._client: Any = None
        self._program = program()
        self._unsent: dict[Unit, Task] = {}
        self._futures: dict[Unit, _Future] = {}
        self._failure: UnitError | None = None
        self._threads = 0
        self._counted = -math.inf

    def __enter__(self) -> Self:
        if isinstance(self._scheduler, str):
            self._client, self._address, self._own = _connected(self._scheduler), self._scheduler, True
            _LOG.addFilter(_silent)  # where the scheduler is lost, an error says so in one line
        else:
            self._client, self._own = self._scheduler, False
            self._address = str(self._client.scheduler.address) if self._client.scheduler else "?"
        try:
            self._count()
            if not self._threads:
                print(f"waiting for a worker at {self._address}", file=sys.stderr, flush=True)
                self._client.wait_for_workers(1)
                self._counted = -math.inf
                self._count()
            self._check_program()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._own:
            with suppress(Exception):
                self._client.close()
            _LOG.removeFilter(_silent)

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"Dask at {self._address}, {counted(self.workers, 'thread')}"

    @property
    def workers(self) -> int:
        """Units that run at the same moment: threads of all workers, as they were counted last."""
        return self._threads

    @property
    def room(self) -> int:
        """Units to have submitted at once: so few that the scheduler has little to keep, whatever the sweep."""
        return max(1, WINDOW * self._threads)

    @property
    def under_way(self) -> int:
        """Units that were submitted and have not come back."""
        return len(self._unsent) + len(self._futures)

    def submit(self, task: Task) -> None:
        """Take a unit to run. Units are sent when results are asked for: many in one message cost less."""
        self._unsent[task.unit] = task

    def finished(self, timeout: float) -> list[Done]:
        """Return what was finished since the last call; wait at most so many seconds until there is something.

        Raises
        ------
        UnitError
            Where a unit raised, its worker died too often or the scheduler is lost; what else was finished came back
            before.
        """
        until = time.monotonic() + timeout
        self._count()
        self._send()
        while True:
            left = until - time.monotonic()
            news = self._news.taken(0.0 if self._failed() else max(0.0, left))
            self._fetch([ended for ended in news if isinstance(ended, _Ended)])
            for error in news:
                if isinstance(error, UnitError):
                    self._failure = self._failure or error
            done = [each for batch in news if isinstance(batch, list) for each in batch if each.unit in self._futures]
            for each in done:
                self._futures.pop(each.unit).release()
            if done:
                return done
            if self._failure and self._failed():  # the former for the type checkers
                raise self._failure
            if left <= 0.0:
                return []

    def withdraw(self) -> None:
        """Take back what has not begun: only the units that run now will come back."""
        self._unsent.clear()
        try:
            told = self._client.run(_executing, on_error="ignore")
        except Exception:  # the scheduler is lost, and with it what is under way
            self.stop()
            return
        kept = {key for keys in told.values() for key in keys}
        kept |= {future.key for future in self._futures.values() if future.status == "finished"}
        self._drop([unit for unit, future in self._futures.items() if future.key not in kept])

    def stop(self) -> None:
        """Abandon what is under way: nothing of it comes back, though a worker ends the unit that it has begun."""
        self._unsent.clear()
        with suppress(Exception):  # a scheduler that is lost has let go of them
            self._drop(list(self._futures))
        self._futures.clear()

    def _check_program(self) -> None:
        """Refuse workers that are not of this very program.

        Raises
        ------
        InputError
            Where one is not.
        """
        for address, theirs in self._client.run(program, on_error="return").items():
            if isinstance(theirs, Exception):
                raise InputError(f"the worker {address} cannot run this saddlescape: {_line(theirs)}")
            if theirs != self._program:
                raise InputError(_differs(f"the worker {address}", theirs, self._program))

    def _send(self) -> None:
        if not self._unsent:
            return
        # The first part of a key groups units on Dask's pages; the last keeps two sweeps of one scheduler apart.
        keys = [("saddlescape", f"{setting} {start}-{stop}", uuid4().hex) for setting, start, stop in self._unsent]
        call = partial(_checked, self._work, self._program)
        try:
            futures = self._client.map(call, list(self._unsent.values()), key=keys, pure=False)
        except Exception as error:
            raise UnitError(f"the scheduler at {self._address} takes no more units: {_line(error)}") from None
        for unit, future in zip(self._unsent, futures, strict=True):
            self._futures[unit] = future
            self._watch(unit, future)
        self._unsent.clear()

    def _failed(self) -> bool:
        """Say whether there is an error to raise: one waits for the results of what was finished before."""
        return bool(self._failure) and not any(each.status == "finished" for each in self._futures.values())

    def _drop(self, units: list[Unit]) -> None:
        self._client.cancel([self._futures.pop(unit) for unit in units])

    def _watch(self, unit: Unit, future: _Future) -> None:
        future.add_done_callback(partial(_tell, self._news, unit))

    def _count(self) -> None:
        """Count the threads of all workers, now and then."""
        if time.monotonic() - self._counted < REFRESH:
            return
        with suppress(Exception):  # a scheduler that is lost tells in another way
            self._threads = sum(self._client.nthreads().values())
        self._counted = time.monotonic()

    def _fetch(self, ended: list[_Ended]) -> None:
        """Have the results of units fetched, all at once and aside; see what became of those that have none."""
        batch = []
        for unit, future in ended:
            if unit not in self._futures or self._futures[unit] is not future:
                continue  # it was withdrawn
            if future.status == "finished":
                batch.append((unit, future))
            elif future.status in ("error", "cancelled"):
                self._futures.pop(unit)
                self._news.put(self._reason(unit, future))
            else:
                self._watch(unit, future)  # its result was lost with a worker, and it runs again
        if batch:
            asyncio.run_coroutine_threadsafe(self._gathered(batch), self._client.loop.asyncio_loop)

    async def _gathered(self, batch: list[tuple[Unit, _Future]]) -> None:
        got: list[Done] = []
        try:
            got = await self._client.gather([future for _, future in batch], errors="skip", asynchronous=True)
        except Exception as error:
            self._news.put(UnitError(f"results do not come from {self._address}: {_line(error)}"))
            return
        self._news.put(got)
        units = {done.unit for done in got}
        for unit, future in batch:
            if unit not in units:
                self._news.put(_Ended(unit, future))

    def _reason(self, unit: Unit, future: _Future) -> UnitError:
        """Say why a unit has no result."""
        from distributed import KilledWorker

        if future.status == "cancelled":
            return UnitError(f"the scheduler at {self._address} is lost or was restarted")
        error = future.exception()
        if isinstance(error, KilledWorker):
            return UnitError(f"{named(unit)} was given up: {error.allowed_failures + 1} workers died with it")
        return unit_error(error)


class Program(NamedTuple):
    """What a worker must have in common with the one who sends it units.

    Parameters
    ----------
    version
        Of saddlescape.
    sources
        Digest of the source files that decide what a unit finds.
    """

    version: str
    sources: str


@cache
def program() -> Program:
    """Return which program this is: the same on any machine that has the same files."""
    root = Path(__file__).parents[3]
    floors = [path for floor in ("landscapes", "dynamics", "theory") for path in (root / floor).glob("*.py")]
    own = [root / "experiments" / f"{name}.py" for name in ("choices", "configuration", "rare_escape", *QUESTIONS)]
    digest = hashlib.sha256()
    for path in sorted([*floors, *own, root / "experiments" / "sweep" / "unit.py", Path(__file__)]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return Program(__version__, digest.hexdigest()[:16])


def _connected(address: str) -> Any:
    """Return a client of the scheduler at that address.

    Raises
    ------
    InputError
        Where there is none, or no dask.distributed here.
    """
    try:
        from distributed import Client
        from distributed.comm.core import connect
    except ImportError:
        raise InputError("--scheduler needs dask.distributed: pip install 'saddlescape[cluster]'") from None

    async def knock() -> None:
        comm: Any = await reach(address, timeout=PATIENCE)
        await comm.close()

    reach: Any = connect
    client: Any = Client
    try:
        with ThreadPoolExecutor(1) as aside:  # a notebook has a loop of its own here
            aside.submit(asyncio.run, knock()).result()  # a client that found nobody would take half a minute to end
        return client(address, timeout=PATIENCE, set_as_default=False)
    except OSError:
        raise InputError(f"--scheduler={address}: nobody answers there within {PATIENCE} s") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"--scheduler={address} is no address as in tcp://host:8786: {error}") from None


def _differs(worker: str, theirs: Program, ours: Program) -> str:
    what = f"saddlescape {theirs.version}" if theirs.version != ours.version else "other sources of saddlescape"
    return f"{worker} has {what}, not those of {ours.version} ({ours.sources}) here: install the same on every machine"


def _checked(work: Callable[[Task], Done | None], ours: Program, task: Task) -> Done:
    """Run a unit, on a worker: one that came after the start of the sweep is asked here whether it may."""
    if program() != ours:
        raise UnitError(_differs("a worker", program(), ours))
    done = work(task)
    if done is None:
        raise UnitError(f"{named(task.unit)} stopped by itself")
    return done


def _executing(dask_worker: Any) -> list[Any]:
    """Return the keys of what a worker runs at this moment."""
    return [task.key for task in dask_worker.state.executing]


def _tell(news: "Arrivals[Any]", unit: Unit, future: _Future) -> None:
    news.put(_Ended(unit, future))


def _silent(record: logging.LogRecord) -> bool:
    return False


def _line(error: BaseException | None) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
