"""What comes back to an engine from its other threads."""

import queue
from collections.abc import Iterator
from typing import Generic, TypeVar

from ..unit import Unit, UnitError

Item = TypeVar("Item")


class Arrivals(Generic[Item]):
    """A queue that any thread puts things into and one takes them out of, all that are there at once."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()

    def put(self, item: Item) -> None:
        """Add one."""
        self._queue.put(item)

    def get(self) -> Item:
        """Wait for the next and return it."""
        return self._queue.get()

    def taken(self, timeout: float = 0.0) -> list[Item]:
        """Return all that is there; wait at most so many seconds until there is something. Ctrl-C ends the wait."""
        try:
            first = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            return []
        return [first, *self._rest()]

    def _rest(self) -> Iterator[Item]:
        try:
            while True:
                yield self._queue.get_nowait()
        except queue.Empty:
            return


def unit_error(error: BaseException) -> UnitError:
    """Return what a unit raised elsewhere as the error of an engine, in one line."""
    if isinstance(error, UnitError):
        return error
    says = " ".join(str(error).split())
    if isinstance(error, ValueError | TypeError | MemoryError):
        return UnitError(says or type(error).__name__)
    return UnitError(f"a unit raised {type(error).__name__}: {says}")


def named(unit: Unit) -> str:
    """Return a unit in words."""
    return f"the unit [{unit.start}, {unit.stop}) of setting {unit.setting}"
