"""The conductor: hands missing units to an engine, keeps what comes back, and stops where enough is known."""

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from types import FrameType
from typing import NamedTuple

from .amounts import REPETITIONS
from .engines.interface import Engine
from .pieces import cells
from .stopping import Extent, extent
from .store import Manifest, Store, StoredSetting
from .unit import REFERENCES, Done, Task, Unit
from .wording import counted

POLL = 0.2
"""Seconds between two looks at what there is to do."""
EXACT_COST = 1e9
"""What exact references are taken to cost, in steps times dimension: some seconds, which nobody knows beforehand."""

TURNS = 16
"""Settings that are split and take turns, so that several threads place levels at once: of what one process keeps."""

LARGEST = 10_000
"""A rank above that of any price."""


class Shard(NamedTuple):
    """One of the parts that a sweep is cut in for a job array.

    Parameters
    ----------
    part, parts
        Which of how many, from 1.
    """

    part: int = 1
    parts: int = 1

    def takes(self, number: int) -> bool:
        """Whether the unit, or the setting, of this number is in it."""
        return number % self.parts == self.part - 1


class Status(NamedTuple):
    """How far a sweep is.

    Parameters
    ----------
    units, units_done
        Units known to be needed, and those that are finished, now or before.
    cost, cost_done
        The same in predicted steps times dimension.
    settings, settings_done
        Settings in all, and those that are complete.
    steps
        Trajectory-steps taken in this run.
    busy
        Seconds that units of this run took, added up.
    workers
        Units that run at the same moment.
    under_way
        Units that are with the engine.
    told
        What there is to say besides, "" for nothing.
    """

    units: int
    units_done: int
    cost: float
    cost_done: float
    settings: int
    settings_done: int
    steps: int
    busy: float
    workers: int
    under_way: int
    told: str = ""


Report = Callable[[Status], None]


class Outcome(NamedTuple):
    """How a run of a sweep ended.

    Parameters
    ----------
    ran
        Units that were finished in this run.
    left
        Units that this run was to do and that are not finished.
    steps
        Trajectory-steps taken.
    busy
        Seconds that the units took, added up.
    seconds
        Wall time.
    interrupted
        Whether it was stopped from outside.
    """

    ran: int
    left: int
    steps: int
    busy: float
    seconds: float
    interrupted: bool


class Halt:
    """Whether the run is to stop: how often that was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ask once more: first to finish what is running, then to stop at once."""
        self.asked += 1


@contextmanager
def interruptible() -> Iterator[Halt]:
    """Turn Ctrl-C and a polite kill into requests to stop, where this is the main thread."""
    halt = Halt()
    if threading.current_thread() is not threading.main_thread():
        yield halt
        return
    before = {number: signal.signal(number, halt.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield halt
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set from Python


def conduct(
    store: Store,
    manifest: Manifest,
    engine: Engine,
    halt: Halt,
    *,
    shard: Shard | None = None,
    report: Report | None = None,
) -> Outcome:
    """Run the missing units of a sweep.

    Parameters
    ----------
    store
        Where results go.
    manifest
        What is to be run.
    engine
        What runs it, inside its ``with``.
    halt
        Whether to stop.
    shard
        Run this part alone.
    report
        Called a few times a second.

    Raises
    ------
    UnitError
        Where a unit cannot be run; what was finished is kept.
    OSError
        Where the folder cannot be written; what was written is kept.
    """
    began = time.monotonic()
    todo = _Todo(store, manifest, shard or Shard())
    ran, steps, busy = 0, 0, 0.0

    def tell(told: str = "") -> None:
        if report is not None:
            report(todo.status(steps, busy, engine, told))

    def keep(done: Done) -> None:
        nonlocal ran, steps, busy
        store.add(done)
        ran, steps, busy = ran + 1, steps + done.steps, busy + done.seconds
        if todo.round_over(done):
            if manifest.plan.target is not None:
                store.flush()  # what decides is read back from the disk
            todo.go_on(done.unit.setting)

    heard = 0
    tell()
    try:
        while (todo.waiting and not halt.asked) or engine.under_way:
            if halt.asked > heard:
                heard = halt.asked
                if heard > 1:
                    engine.stop()
                    break
                engine.withdraw()
                count = engine.under_way
                tell(f"finishing {counted(count, 'unit')}; once more stops at once")
                continue
            while todo.waiting and not halt.asked and engine.under_way < engine.room:
                engine.submit(todo.take())
            for done in engine.finished(POLL):
                keep(done)
            if store.due():
                store.flush()
            tell()
    finally:
        # What is finished is kept, whatever went wrong with the rest.
        store.flush()
    tell()
    return Outcome(ran, todo.left(), steps, busy, time.monotonic() - began, halt.asked > 0)


class _Todo:
    """The units that are to be run, and how far each setting is."""

    def __init__(self, store: Store, manifest: Manifest, shard: Shard) -> None:
        self._store, self._manifest, self._shard = store, manifest, shard
        # Settings that differ only in how many trajectories count, or from when, have the same key and share units.
        self._sharing: dict[str, list[int]] = {}
        for number, setting in enumerate(manifest.settings):
            self._sharing.setdefault(setting.key, []).append(number)
        self._first_cell = _first_cells(manifest)
        self._queued: dict[str, list[tuple[int, int]]] = {key: [] for key in self._sharing}
        self._running = dict.fromkeys(self._sharing, 0)
        self._extent = [Extent(0, 0)] * len(manifest.settings)
        self._worth = [0.0] * len(manifest.settings)
        self.units = self.units_done = 0
        self.cost = self.cost_done = 0.0
        found: list[Task] = []
        for numbers in self._sharing.values():
            takes = shard.takes(numbers[0])
            if manifest.plan.exact and takes:
                found += self._exact(manifest.settings[numbers[0]])
            if manifest.plan.target is None or takes:
                found += [task for number in numbers for task in self._units(number)]
        # The dearest first, so that no long unit is left for the end; equals stay in the order of the file.
        self.waiting = deque(sorted(found, key=lambda task: (-self._rank(task.unit), *self._turn(task.unit))))

    def take(self) -> Task:
        """Return the next unit to run."""
        return self.waiting.popleft()

    def round_over(self, done: Done) -> bool:
        """Take note of a finished unit; say whether it was the last one of its setting for now."""
        key = done.unit.setting
        self.units_done += 1
        self.cost_done += self._price(done.unit)
        if done.unit.start == done.unit.stop:
            return False  # nothing waits for the exact references
        self._running[key] -= 1
        return self._running[key] == 0

    def go_on(self, key: str) -> None:
        """Queue what a setting needs next, if anything."""
        for number in self._sharing[key]:
            if self._manifest.plan.target is not None:
                self.waiting.extend(self._units(number))
            elif self._shard.parts == 1:
                self._extent[number] = self._extent[number]._replace(done=self._extent[number].wanted)

    def left(self) -> int:
        """Return how many units are not finished."""
        return self.units - self.units_done

    def status(self, steps: int, busy: float, engine: Engine, told: str) -> Status:
        """Return how far all is."""
        complete = sum(each.complete for each in self._extent)
        return Status(
            self.units,
            self.units_done,
            self.cost,
            self.cost_done,
            len(self._manifest.settings),
            complete,
            steps,
            busy,
            engine.workers,
            engine.under_way,
            told,
        )

    def _units(self, number: int) -> list[Task]:
        """Return what a setting needs next and nobody was given yet."""
        setting, question = self._manifest.settings[number], self._manifest.question
        first = self._extent[number].wanted == 0
        there = self._extent[number] = extent(self._store, self._manifest, setting)
        queued = self._queued[setting.key]
        missing = self._store.missing(setting.key, question, there.wanted, queued)
        tasks = [
            Task(Unit(setting.key, start, stop), setting.described)
            for cell, start, stop in cells(missing, setting.unit)
            if self._manifest.plan.target is not None or self._shard.takes(self._first_cell[setting.key] + cell)
        ]
        finished = there.wanted - sum(stop - start for start, stop in missing) if first and not queued else 0
        queued += [(task.unit.start, task.unit.stop) for task in tasks]
        self._count(setting, tasks, finished if self._shard.parts == 1 else 0)
        self._foresee(number, tasks)
        return tasks

    def _foresee(self, number: int, tasks: list[Task]) -> None:
        """Count in what a target will probably ask for beyond the units that are known by now."""
        setting, there = self._manifest.settings[number], self._extent[number]
        alone = len(self._sharing[setting.key]) == 1
        more = setting.expected - there.wanted if self._manifest.plan.target is not None and alone and tasks else 0
        self.cost -= self._worth[number]
        self._worth[number] = max(more, 0) * setting.cost
        self.cost += self._worth[number]

    def _exact(self, setting: StoredSetting) -> list[Task]:
        if self._store.note(setting.key, REFERENCES) is not None:
            return []
        tasks = [Task(Unit(setting.key, 0, 0), setting.described)]
        self._count(setting, tasks, 0)
        return tasks

    def _count(self, setting: StoredSetting, tasks: list[Task], finished: int) -> None:
        self._running[setting.key] += sum(task.unit.start < task.unit.stop for task in tasks)
        old = math.ceil(finished / setting.unit)
        self.units += len(tasks) + old
        self.units_done += old
        worth = finished * setting.cost
        self.cost += worth + sum(self._price(task.unit) for task in tasks)
        self.cost_done += worth

    def _price(self, unit: Unit) -> float:
        number = unit.stop - unit.start
        cost = self._manifest.settings[self._sharing[unit.setting][0]].cost
        return number * cost if number else EXACT_COST

    def _turn(self, unit: Unit) -> tuple[int, int]:
        """Return when a unit has its turn among equals."""
        number = self._sharing[unit.setting][0]
        split = self._manifest.settings[number].amount == REPETITIONS
        return number // TURNS, unit.start if split else 0

    def _rank(self, unit: Unit) -> int:
        """Return the price in powers of two; exact references come first, for nobody knows what they cost."""
        return LARGEST if unit.start == unit.stop else math.frexp(self._price(unit))[1]


def _first_cells(manifest: Manifest) -> dict[str, int]:
    """Return the number of the first cell of each key, counted over the whole sweep."""
    counts: dict[str, int] = {}
    for setting in manifest.settings:
        counts[setting.key] = max(counts.get(setting.key, 0), -(-setting.trajectories // setting.unit))
    return dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
