"""Measure how long the commands take: medians of whole processes, on a quiet machine.

Run with ``python docs/startup_benchmark.py [REPEATS]``. The first run of the escape command compiles its kernel into an
empty cache folder and is reported apart.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = {
    "saddlescape --help": ["--help"],
    "saddlescape escape sgd --help": ["escape", "sgd", "--help"],
    "saddlescape escape sgd -n 1000 --json": ["escape", "sgd", "-n", "1000", "--json"],
    "saddlescape saddle momentum -n 1000 --json": ["saddle", "momentum", "-n", "1000", "--json"],
}


def seconds(arguments: list[str], cache: str) -> float:
    """Return the wall time of one process."""
    began = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("saddlescape"), *arguments],
        env=os.environ | {"SADDLESCAPE_CACHE": cache},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def main() -> None:
    """Print one line a command."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as cache:
        for name, arguments in COMMANDS.items():
            first = seconds(arguments, cache)
            rest = [seconds(arguments, cache) for _ in range(repeats)]
            print(f"{name:46s} first {first:6.2f} s   then median {statistics.median(rest):5.2f} s of {repeats}")


if __name__ == "__main__":
    main()
