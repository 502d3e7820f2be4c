"""Threads, slices and Ctrl-C: how an ensemble's work is cut. No result depends on anything here."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

SLICE = 0.1
"""Seconds of work in one call of a kernel: how soon Ctrl-C is heard."""
POLL = 0.1
"""Seconds between two reports of progress."""
LANES = 128
"""Widest block: wide enough for vectors, narrow enough for the first-level cache in few dimensions."""
NARROW = 32
"""Narrowest block of a large ensemble, however many the dimensions: a row of a matrix is loaded for all lanes."""
BLOCK_NUMBERS = 6400
"""Coordinates times lanes in a block of many dimensions, so that it stays in the second-level cache."""

VECTOR = 8
"""Lanes that the widest vector registers hold."""

Item = TypeVar("Item")
Part = TypeVar("Part")


class Pace:
    """How many units of work make a slice."""

    def __init__(self) -> None:
        self.units = 1

    def slice(self, call: Callable[[int], int]) -> None:
        """Call with the number of units for the next slice, and learn from how long those that were done took."""
        began = time.perf_counter()
        done = call(self.units)
        seconds = max(time.perf_counter() - began, 1e-9)
        self.units = max(1, min(int(done * SLICE / seconds), 8 * self.units))


def thread_count(asked: int | None, parts: int) -> int:
    """Return the number of threads: as asked, or one a core, but never more than there are parts."""
    if asked is not None and asked < 1:
        raise ValueError(f"threads={asked} must be at least 1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores if asked is None else asked, parts))


def lane_count(asked: int | None, dimension: int, trajectories: int) -> int:
    """Return the lanes of a block: as asked, or narrower for few trajectories and for many dimensions."""
    if asked is not None:
        if asked < 1:
            raise ValueError(f"lanes={asked} must be at least 1")
        return asked
    fitting = min(LANES, max(BLOCK_NUMBERS // dimension, NARROW), trajectories // 4)
    return max(VECTOR, fitting // VECTOR * VECTOR)


def narrower(lanes: int) -> int:
    """Return how few lanes may be at work before it pays to copy them to a narrower block; 0 where there is none."""
    return lanes - max(VECTOR, lanes // 4) if lanes > VECTOR else 0


def run_in_order(
    work: Callable[[Item, threading.Event], Part],
    items: Sequence[Item],
    workers: int,
    fold: Callable[[Part], None],
    report: Callable[[], None],
    stop: threading.Event | None = None,
) -> bool:
    """Run work(item, stop) for every item in threads and fold the parts in the order of the items.

    Ctrl-C, where it is heard, sets stop, and so may the caller: work then returns soon with what it has, and the parts
    of items that have begun are folded all the same. Return whether that happened.
    """
    stop = stop or threading.Event()
    waiting = deque(items)
    running: deque[Future[Part]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        while running or (waiting and not stop.is_set()):
            try:
                while waiting and not stop.is_set() and len(running) < 2 * workers:
                    running.append(pool.submit(work, waiting.popleft(), stop))
                wait([running[0]], timeout=POLL)
                report()
            except KeyboardInterrupt:
                stop.set()
            except BaseException:
                stop.set()
                raise
            while running and running[0].done():
                try:
                    fold(running.popleft().result())
                except BaseException:
                    stop.set()
                    raise
    report()
    return stop.is_set()
