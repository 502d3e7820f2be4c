"""What an ensemble costs in memory: peaks of whole processes, whose kernels are on disk by then."""

import json
import os
import subprocess
import sys

import pytest

resource = pytest.importorskip("resource", reason="peaks are read from Unix")

RUN = """
import resource, sys
from saddlescape.experiments.command import main
assert main(sys.argv[1:]) == 0
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak if sys.platform == "darwin" else 1024 * peak, file=sys.stderr)
"""


def peak(*arguments):
    """Bytes that a command needed at most, and its JSON."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments, "--json", "--quiet"],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stderr.split()[-1]), json.loads(done.stdout)


def growth(arguments, few, many):
    """Bytes for each further trajectory."""
    peak(*arguments, "-n", str(few))  # compiles
    low, _ = peak(*arguments, "-n", str(few))
    high, told = peak(*arguments, "-n", str(many))
    assert told["trajectories"] == many
    return (high - low) / (many - few)


def test_escapes_keep_steps_and_outcome_and_little_else():
    # 9 bytes a trajectory are results; a million took 187 MB in all, most of it the modules.
    assert growth(["escape", "sgd", "--exit", "0.8", "--max-steps", "64"], 1_000, 1_000_000) < 30


def test_a_spread_does_not_keep_its_paths():
    # 20 records in 3 dimensions would be 480 bytes.
    assert growth(["saddle", "sgd", "--steps", "64"], 20_000, 420_000) < 20
