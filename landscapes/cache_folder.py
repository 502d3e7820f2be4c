"""Where compiled kernels, and modules that are written by the program, are kept."""

import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

_loading = threading.RLock()


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


def generated_module(kind: str, name: str, source: Callable[[], str]) -> ModuleType:
    """Return the module of this name from a folder of the cache; its source is made and written first if missing.

    Parameters
    ----------
    kind
        The folder's name.
    name
        The module's name, which must change when its content would.
    source
        Makes the text.
    """
    # Under a lock: another thread must not meet a module that is half loaded.
    with _loading:
        return sys.modules[name] if name in sys.modules else _loaded(name, cache_folder() / kind / f"{name}.py", source)


def _loaded(name: str, path: Path, source: Callable[[], str]) -> ModuleType:
    if not path.exists():
        _write(path, source())
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Under its name, so that Numba's disk cache and another process find what is in it.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first: a second process never sees half a file.
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    Path(temporary).replace(path)
