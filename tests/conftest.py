"""Kernels that tests compile stay in the repository's own folder, for the next run and away from the user's."""

import os
from pathlib import Path

os.environ.setdefault("SADDLESCAPE_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "kernels"))
