"""How far a run has come, told on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int, int], None]
Shares: TypeAlias = Callable[[float, str], None]

SPARSE = 30.0
"""Seconds between two lines where stderr is not a terminal."""

KERNEL = "compiling, once for each combination"
BEFORE = {"trials": f"{KERNEL}, and placing the levels"}
"""What is done before the first step that is told of, where that is more."""


@contextmanager
def progress(*, quiet: bool, of: str = "trajectories") -> Iterator[Report | None]:
    """Yield what an ensemble calls with (trajectories over, in all, steps taken): a bar, or now and then a line.

    ``of`` says what is counted where it is not trajectories.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(of) as report:
            yield report
    else:
        yield _lines(of)


@contextmanager
def _bar(of: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def report(done: int, total: int, steps: int) -> None:
            said = f"{done:,} of {total:,} {of}, {steps:.3g} steps" if steps else BEFORE.get(of, KERNEL)
            bar.update(task, description=said, completed=done, total=total, visible=True)

        yield report


def _lines(of: str) -> Report:
    began = last = time.monotonic()

    def report(done: int, total: int, steps: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SPARSE:
            return
        last = now
        left = f", about {(now - began) * (total - done) / done:.0f} s left" if done else ""
        said = f"{done} of {total} {of}, {steps:.3g} steps{left}" if steps else BEFORE.get(of, KERNEL)
        print(said, file=sys.stderr, flush=True)

    return report


@contextmanager
def shares(*, quiet: bool) -> Iterator[Shares | None]:
    """Yield what a run of several parts calls with (share done, what is under way): a bar, or a line for each part."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (BarColumn(20), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share, told: bar.update(task, completed=share, description=told)
    else:
        began, last = time.monotonic(), ""

        def line(share: float, told: str) -> None:
            nonlocal last
            if told != last:
                last = told
                print(f"{share:4.0%}  {time.monotonic() - began:4.0f} s  {told}", file=sys.stderr, flush=True)

        yield line
