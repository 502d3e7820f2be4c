"""Kernels that tests compile stay in the repository's own folder, for the next run and away from the user's."""

import os
from pathlib import Path

# As the command line has it: see experiments/command.py.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("SADDLESCAPE_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "kernels"))
