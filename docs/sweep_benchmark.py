"""How busy a sweep of 200 settings keeps the cores, and what a unit costs beside its work.

    python docs/sweep_benchmark.py

prints the share of the cores' time that went into units, by the clock and by the processor, and the overhead of a unit
in this process: 4,000 units of next to no work. Only on an otherwise idle machine do the first two mean anything.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SETTINGS = 200
EMPTY_UNITS = 4000
SECONDS = 0.25
"""Rough length of a setting of the first sweep, on one core."""


def run(folder: Path, text: str) -> dict[str, Any]:
    """Run a sweep by the command line and return what it says, with the processor time of the whole process."""
    file = folder / "sweep.toml"
    file.write_text(text)
    code = (
        "import json, resource, sys; from saddlescape.experiments.command import main\n"
        "code = main(sys.argv[1:]); used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(json.dumps(used.ru_utime + used.ru_stime)); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "sweep", str(file), "--out", str(folder / "out"), "--json", "--quiet"]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.splitlines()
    return json.loads(said[0]) | {"processor": json.loads(said[1])}


def main() -> None:
    """Print both measurements."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = f"""
[rule]
name = "sgd"
[run]
trajectories = 4096
[axes]
rule.lr = {{ from = 0.05, to = 0.06, count = {SETTINGS // 10} }}
noise.variance = {{ from = 1.9, to = 2.1, count = 10 }}
"""
        began = time.perf_counter()
        told = run(folder, text)
        whole = time.perf_counter() - began
        cores = len(os.sched_getaffinity(0))
        print(f"{told['settings']} settings, {told['units']} units, {told['steps']:.3g} steps on {cores} cores")
        print(f"whole command {whole:.2f} s, of which the units {told['seconds']:.2f} s")
        print(f"units under way {told['busy'] / (told['seconds'] * cores):.1%} of the cores' time")
        print(f"processor at work in the whole command {told['processor'] / (whole * cores):.1%}")
    with tempfile.TemporaryDirectory() as name:
        text = f"""
[rule]
name = "sgd"
[run]
trajectories = {8 * EMPTY_UNITS}
max_steps = 1
[sweep]
unit = 8
"""
        told = run(Path(name), text)
        print(
            f"{told['units']} units of 8 trajectories and one step: {1e3 * told['seconds'] / told['units']:.2f} ms each"
        )


if __name__ == "__main__":
    main()
