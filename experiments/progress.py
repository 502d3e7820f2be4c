"""How far a run has come, told on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Report: TypeAlias = Callable[[int, int, int], None]

SPARSE = 30.0
"""Seconds between two lines where stderr is not a terminal."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[Report | None]:
    """Yield what an ensemble calls with (trajectories over, in all, steps taken): a bar, or now and then a line."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} trajectories"),
        BarColumn(),
        TextColumn("{task.fields[steps]:.3g} steps"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, visible=False, steps=0)

        def report(done: int, total: int, steps: int) -> None:
            bar.update(task, completed=done, total=total, steps=steps, visible=True)

        yield report


def _lines() -> Report:
    began = last = time.monotonic()

    def report(done: int, total: int, steps: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SPARSE:
            return
        last = now
        left = f", about {(now - began) * (total - done) / done:.0f} s left" if done else ""
        print(f"{done} of {total} trajectories, {steps:.3g} steps{left}", file=sys.stderr, flush=True)

    return report
