"""Killed before each thing that is done to a file: run by a process of its own, for it is copied again and again.

python -c "from tests.experiments.sweep.crashing import main; main()" FOLDER
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from saddlescape.experiments.sweep import store

from .small_sweeps import ESCAPE, check_each_once, digest, manifest, run, whole_shards


class Crash:
    """Kills this process before the n-th call of what it is laid over."""

    def __init__(self, at: int, log: Path) -> None:
        self.left, self.log = at, os.open(log, os.O_CREAT | os.O_WRONLY)

    def over(self, owner: Any, name: str) -> None:
        called: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            if name != "open" or "w" in (*args, *more.values())[1]:  # reading changes nothing
                self.left -= 1
            if self.left == 0:
                os.write(self.log, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)
            return called(*args, **more)

        setattr(owner, name, counted)


def in_a_copy(call: Callable[[], object]) -> int:
    """Call in a copy of this process; return how that ended, 0 where well."""
    child = os.fork()
    if child == 0:
        try:
            call()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Crash everywhere; print how often that was, and at what."""
    base = Path(sys.argv[1])
    asked = manifest(ESCAPE.format(trajectories=300))
    store.EVERY = 0.0
    run(base / "whole", asked)  # here, so that the kernels are there in every copy
    there = digest(base / "whole")
    assert there is not None
    met: dict[str, int] = {}
    for at in itertools.count(1):
        folder, log = base / str(at), base / f"{at}.log"

        def crash(at: int = at, folder: Path = folder, log: Path = log) -> None:
            crash = Crash(at, log)
            for name in ("mkdir", "open", "replace", "unlink"):
                crash.over(Path, name)
            crash.over(os, "fsync")
            run(folder, asked)

        code = in_a_copy(crash)
        if code == 0:
            break
        assert code == -signal.SIGKILL, code
        met[log.read_text()] = met.get(log.read_text(), 0) + 1
        kept = whole_shards(folder)
        said: list[str] = []
        assert in_a_copy(lambda: run(folder, asked, say=said.append)) == 0  # noqa: B023
        assert digest(folder) == there, at
        assert whole_shards(folder).items() >= kept.items()
        check_each_once(folder, asked)
    print(sum(met.values()), met)
