"""Where compiled kernels and landscapes written from text are kept."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder: SADDLESCAPE_CACHE, or saddlescape in the user's own cache folder."""
    chosen = os.environ.get("SADDLESCAPE_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "saddlescape" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "saddlescape"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "saddlescape"
