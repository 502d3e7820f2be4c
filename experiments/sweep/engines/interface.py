"""What an engine is: units go in, results come out in any order."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from ..unit import Done, Task


class Engine(Protocol):
    """Runs units, so many at a time. The results do not depend on which engine ran them.

    Used as a context manager: what it holds (threads, processes, a connection) is there inside the ``with`` only.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def name(self) -> str:
        """What it is, in words: "2 threads"."""
        ...

    @property
    def workers(self) -> int:
        """Units that run at the same moment; it may change where workers come and go."""
        ...

    @property
    def room(self) -> int:
        """Units that it pays to have submitted at once, running ones included: so many that no worker waits."""
        ...

    @property
    def under_way(self) -> int:
        """Units that were submitted and have not come back."""
        ...

    def submit(self, task: Task) -> None:
        """Take a unit to run."""
        ...

    def finished(self, timeout: float) -> Sequence[Done]:
        """Return what was finished since the last call; wait at most so many seconds until there is something.

        Raises
        ------
        UnitError
            Where a unit cannot be run, for a reason that another try would not mend.
        """
        ...

    def withdraw(self) -> None:
        """Take back what has not begun: only the units that run now will come back."""
        ...

    def stop(self) -> None:
        """Abandon what is under way, now; nothing of it comes back."""
        ...
