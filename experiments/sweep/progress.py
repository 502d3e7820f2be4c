"""How far a sweep is, told on stderr. Nothing that happens here ends a sweep: where nobody listens, nothing is told."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ..progress import SPARSE, Shares, shares
from .conductor import Report, Status
from .wording import duration, share

OFTEN = 0.1
"""Seconds between two looks at a bar."""
EACH = 1.0
"""Seconds between two JSON lines."""
SETTLED = 1.0
"""Seconds of a run before it is said how long it will take."""
LOOKS = 1000
"""Parts of the whole cost for which it is kept when they were done."""

Clock = Callable[[], float]


class Pace:
    """How fast a run is, and how long it will take.

    Measured over the later half of the run so far, which is long enough to be smooth and forgets how it began. Only
    what was done in this run counts.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._seen: deque[tuple[float, float, int]] = deque()
        self._last = (self._began, 0.0, 0)

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def see(self, status: Status) -> None:
        """Take note of how far the run is."""
        if self._seen and status.cost_done == self._last[1]:
            return
        self._last = (self._clock(), status.cost_done, status.steps)
        if not self._seen or status.cost_done - self._seen[-1][1] >= status.cost / LOOKS:
            self._seen.append(self._last)
        half = self._began + (self._last[0] - self._began) / 2.0
        while len(self._seen) > 1 and self._seen[1][0] <= half:
            self._seen.popleft()

    @property
    def steps(self) -> float:
        """Trajectory-steps in a second; 0 as long as that is not known."""
        return self._rate(2)

    def left(self, status: Status) -> float | None:
        """Return the seconds that the rest will take; None as long as that is not known."""
        rate = self._rate(1)
        if rate <= 0.0 or self.seconds < SETTLED:
            return None
        since = self._clock() - self._last[0]
        # Units end one by one: counted down in between, and longer than it has been waited for where one is overdue.
        return max((status.cost - status.cost_done) / rate - since, since)

    def _rate(self, of: int) -> float:
        if not self._seen or self._last[0] <= self._seen[0][0]:
            return 0.0
        return (self._last[of] - self._seen[0][of]) / (self._last[0] - self._seen[0][0])


@contextmanager
def meter(how: str, engine: str, command: str) -> Iterator[Report | None]:
    """Yield what the conductor calls a few times a second.

    JSON lines are objects with ``event``: one "start", then "progress" at most once a second, "interrupted" where the
    run is asked to stop, and one "end"; those of ``planning`` come before, those of ``notes`` in between. Each has
    ``time`` (seconds since 1970), ``seconds`` since the start, ``share`` (of the predicted cost), ``units_done``,
    ``units``, ``settings_done``, ``settings``, ``steps`` and ``steps_per_second`` (of this run), ``eta`` (seconds, or
    null where unknown), ``workers`` and ``under_way`` (units); "start" also ``engine`` and ``command``, which goes on
    with the sweep, and "interrupted" ``told`` and ``command``.

    Parameters
    ----------
    how
        "auto" (a bar on a terminal, else lines), "bar", "lines", "json" or "none".
    engine
        What runs the units, in words.
    command
        What goes on with the sweep after an interruption.
    """
    if how == "auto":
        how = "bar" if sys.stderr is not None and sys.stderr.isatty() else "lines"
    if how == "none" or sys.stderr is None:
        yield None
        return
    teller = {"bar": _Bar, "lines": _Lines, "json": _Json}[how](engine, command)
    with suppress(OSError, ValueError):
        teller.begin()
    try:
        yield teller
    finally:
        with suppress(OSError, ValueError):
            teller.end()


@contextmanager
def planning(how: str) -> Iterator[Shares | None]:
    """Yield what the planner calls with (share done, what is under way).

    A JSON line has ``event`` "planning", ``time``, ``share`` and ``told``.

    Parameters
    ----------
    how
        As in ``meter``.
    """
    if how == "json":
        yield lambda part, told: _print("planning", {"share": round(part, 6), "told": told})
        return
    with shares(quiet=how == "none" or sys.stderr is None) as report:

        def unbroken(part: float, told: str) -> None:
            try:
                if report is not None:
                    report(part, told)
            except (OSError, ValueError):
                deafen()

        yield unbroken


def notes(how: str) -> Callable[[str], None]:
    """Return what takes a note on what happens; a JSON line has ``event`` "note", ``time`` and ``told``.

    Parameters
    ----------
    how
        As in ``meter``.
    """
    if how == "json":
        return lambda line: _print("note", {"told": line})
    return lambda line: tell(f"saddlescape: {line}")


def tell(line: str) -> None:
    """Print a line on stderr; where nobody listens any more, this one and all that follow go nowhere."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        deafen()


def deafen() -> None:
    """Let what is printed on stderr go nowhere, what waits in its buffer too."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


class _Told(NamedTuple):
    """What is told of a moment, in numbers."""

    status: Status
    seconds: float
    left: float | None
    steps_per_second: float

    @property
    def share(self) -> float:
        """Of the predicted cost."""
        status = self.status
        if status.units_done == status.units:
            return 1.0
        return min(status.cost_done / status.cost, 1.0) if status.cost > 0.0 else 0.0

    @property
    def percent(self) -> str:
        """The share in words, 100 % only where nothing is left."""
        return ">99 %" if self.share >= 0.995 and self.status.units_done < self.status.units else share(self.share)

    @property
    def units(self) -> str:
        """Units in words."""
        return f"{self.status.units_done:,} of {self.status.units:,} units"

    @property
    def settings(self) -> str:
        """Settings in words."""
        return f"{self.status.settings_done:,} of {self.status.settings:,} settings"


class _Teller:
    """Tells how far a sweep is: at the start, now and then, and at the end."""

    every = 0.0
    """Seconds between two times."""

    def __init__(self, engine: str, command: str) -> None:
        self.engine, self.command = engine, command
        self._pace = Pace()
        self._status: Status | None = None
        self._next = 0.0

    def __call__(self, status: Status) -> None:
        """Take note of how far the sweep is, and tell it if it is time to."""
        first, self._status = self._status is None, status
        self._pace.see(status)
        with suppress(OSError, ValueError):
            if first:
                self.started(self._now(status))
                self._next = self._pace.seconds + self.every
            if status.told:
                self.interrupted(self._now(status))
            elif self._pace.seconds >= self._next:
                self._next = self._pace.seconds + self.every
                self.went_on(self._now(status))

    def _now(self, status: Status) -> _Told:
        return _Told(status, self._pace.seconds, self._pace.left(status), self._pace.steps)

    def begin(self) -> None:
        """Make ready."""

    def started(self, told: _Told) -> None:
        """Tell how far the sweep is at the beginning."""

    def went_on(self, told: _Told) -> None:
        """Tell how far it is."""

    def interrupted(self, told: _Told) -> None:
        """Tell at once that it is asked to stop."""

    def over(self, told: _Told) -> None:
        """Tell how far it is at the end."""

    def end(self) -> None:
        """Tell for the last time."""
        if self._status is not None:
            self.over(self._now(self._status))


class _Lines(_Teller):
    every = SPARSE

    def went_on(self, told: _Told) -> None:
        left = "" if told.left is None else f", about {duration(told.left)} left"
        tell(f"{told.percent}, {told.units}, {told.settings}, {_number(told.status.steps)} steps{left}")

    def interrupted(self, told: _Told) -> None:
        tell(f"{told.status.told}; go on later with: {self.command}")

    def over(self, told: _Told) -> None:
        done = f"{told.percent}, {told.units}, {told.settings}, {_number(told.status.steps)} steps"
        tell(f"{done} in {duration(told.seconds)}")


class _Json(_Teller):
    every = EACH

    def started(self, told: _Told) -> None:
        self._print("start", told, engine=self.engine, command=self.command)

    def went_on(self, told: _Told) -> None:
        self._print("progress", told)

    def interrupted(self, told: _Told) -> None:
        self._print("interrupted", told, told=told.status.told, command=self.command)

    def over(self, told: _Told) -> None:
        self._print("end", told)

    def _print(self, event: str, now: _Told, **more: Any) -> None:
        status = now.status
        content = {
            "seconds": round(now.seconds, 3),
            "share": round(now.share, 6),
            "units_done": status.units_done,
            "units": status.units,
            "settings_done": status.settings_done,
            "settings": status.settings,
            "steps": status.steps,
            "steps_per_second": round(now.steps_per_second, 1),
            "eta": None if now.left is None else round(now.left, 1),
            "workers": status.workers,
            "under_way": status.under_way,
        }
        _print(event, content | more)


class _Bar(_Teller):
    every = OFTEN

    def begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(16), TextColumn("{task.description}", markup=False))
        console: Any = Console(file=_Terminal(sys.stderr), force_terminal=True)  # type: ignore[arg-type]
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def started(self, told: _Told) -> None:
        self.went_on(told)

    def went_on(self, told: _Told) -> None:
        status = told.status
        parts = [
            told.percent,
            *([] if told.left is None else [f"{duration(told.left)} left"]),
            told.settings,
            told.units,
            f"{status.workers} worker{'s' if status.workers != 1 else ''}",
            *([f"{_number(told.steps_per_second)} steps/s"] if told.steps_per_second else []),
        ]
        self._bar.update(self._task, description=", ".join(parts), completed=told.share, total=1.0)

    def interrupted(self, told: _Told) -> None:
        said = f"{told.status.told}\ngo on later with: {self.command}"
        self._bar.console.print(said, markup=False, highlight=False, soft_wrap=True)  # to be copied as a whole

    def end(self) -> None:
        self._bar.stop()


class _Terminal:
    """A terminal that may go away."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            deafen()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _print(event: str, content: dict[str, Any]) -> None:
    tell(json.dumps({"event": event, "time": round(time.time(), 3)} | content, allow_nan=False))


def _number(value: float) -> str:
    """Return a number with two digits, as in "850", "3.1e9"."""
    if value < 999.5:
        return f"{value:.0f}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(power)}"
