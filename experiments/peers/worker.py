"""One contestant in a process of its own: ``python -m saddlescape.experiments.peers.worker MODULE VARIANT``.

A line "CASE SCALE" on stdin is answered by a line of JSON on stdout: what was measured, or why nothing was. The first
call of a case prepares it, warms up and is told as such. Times are of the whole process, all its threads, and of the
work alone.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .interface import CASES, UnavailableError, Work

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "NPROC": "1",  # JAX's pool of threads; without it small pieces of work cost twice the CPU time and more
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
}
"""Environment of this process, set before it starts: libraries read it when they are loaded."""


class Worker:
    """A contestant and the cases it is ready for.

    Parameters
    ----------
    module
        In this folder.
    variant
        What it is run as.
    """

    def __init__(self, module: str, variant: str) -> None:
        self.contestant: Any = import_module(f".{module}", __package__)
        self.variant = variant
        self.ready: dict[str, Callable[[float], Work] | None] = {}

    def answer(self, name: str, scale: float) -> dict[str, Any]:
        """Do a case once and tell what it took."""
        began = time.process_time()
        warm_up = name not in self.ready
        if warm_up:
            self.ready[name] = self.contestant.prepare(CASES[name], self.variant)
        work = self.ready[name]
        if work is None:
            return {"unable": True}
        started, wall = time.process_time() if not warm_up else began, time.perf_counter()
        done = work(scale)
        return {
            "seconds": time.process_time() - started,
            "wall": time.perf_counter() - wall,
            "warm_up": warm_up,
            "version": self.contestant.version(),
            **done._asdict(),
        }


def main() -> None:
    """Answer line by line until stdin ends."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(*sys.argv[1:3])
    for line in sys.stdin:
        name, scale = line.split()
        try:
            told = worker.answer(name, float(scale))
        except UnavailableError as reason:
            told = {"unavailable": str(reason)}
        except Exception as error:  # told, so that the others go on
            told = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        print(json.dumps({"case": name} | told), file=answers, flush=True)


if __name__ == "__main__":
    main()
