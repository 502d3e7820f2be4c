"""Compiled kernels on disk: compiled once per combination of classes, found again by every later process, never stale.

A kernel is kept in a folder named by a fingerprint of all that it is made of: our own sources of the two lower floors,
and for a user's class its bytecode, its constants and everything these refer to. What cannot be fingerprinted, or
cannot be imported by another process (a notebook cell), is compiled for this process alone, and a warning says so.
"""

import hashlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

from ..landscapes.cache_folder import cache_folder
from . import dispatch
from .vectors import vector_bits

TRUSTED = {"saddlescape", "numpy", "numba", "llvmlite", "math", "builtins", "typing", "collections", "functools"}
"""Packages whose content is settled by our own sources or by their version."""

numba_settings: Any = import_module("numba.core.config")

_compiled: dict[tuple[str, str], Callable[..., Any]] = {}
_lock = threading.RLock()


class UncachedKernelWarning(UserWarning):
    """A kernel is compiled for this process only."""


class _OpaqueError(Exception):
    """Something that cannot be fingerprinted."""


def kernel(function: Callable[..., Any], *parts: Any) -> Callable[..., Any]:
    """Return function compiled for the classes of the given landscape, noise and rule."""
    classes = [cls for part in parts for cls in _classes(part)]
    with _lock:
        dispatch.register_new_helpers()
        try:
            key = fingerprint(*classes)
            obstacle = next((f"{c.__qualname__} cannot be imported" for c in classes if not _importable(c)), "")
        except _OpaqueError as error:
            key, obstacle = repr([(c.__module__, c.__qualname__, id(c)) for c in classes]), str(error)
        name = (function.__name__, key)
        if name not in _compiled:
            if obstacle:
                message = f"{obstacle} by another process, so its kernel is compiled again in each one"
                warnings.warn(message, UncachedKernelWarning, stacklevel=4)
            _compiled[name] = _compile(function, None if obstacle else cache_folder() / key)
        return _compiled[name]


def _classes(part: Any) -> Iterator[type]:
    """Yield the class of a record and those of the records in it: a kernel compiles their methods too."""
    yield type(part)
    for field in part:
        if hasattr(field, "_fields"):
            yield from _classes(field)


def _compile(function: Callable[..., Any], folder: Path | None) -> Any:
    if folder is None:
        return numba.njit(nogil=True, error_model="numpy")(function)
    before = numba_settings.CACHE_DIR
    numba_settings.CACHE_DIR = str(folder)
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    finally:
        numba_settings.CACHE_DIR = before


def fingerprint(*things: Any) -> str:
    """Return a digest of our sources and of all that the things are made of.

    Raises
    ------
    _OpaqueError
        Where something they refer to has no content that can be told.
    """
    digest = hashlib.sha256(_house())
    seen: set[int] = set()
    for thing in things:
        for text in _content(thing, seen):
            digest.update(text + b"\0")
    return digest.hexdigest()[:24]


@cache
def _house() -> bytes:
    """Return the digest of every source file of ours that can take part in a kernel."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version} {vector_bits()}".encode())
    for folder in ("landscapes", "dynamics"):
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _content(thing: Any, seen: set[int]) -> Iterator[bytes]:
    thing = getattr(thing, "py_func", thing)  # a jitted function is as good as its text
    if isinstance(thing, int | float | complex | str | bytes | bool | type(None) | type(...)):
        yield repr(thing).encode()
        return
    if id(thing) in seen:
        return
    seen.add(id(thing))
    home = (getattr(thing, "__module__", None) or "").partition(".")[0]
    if isinstance(thing, FunctionType | type | BuiltinFunctionType | np.ufunc) and home in TRUSTED | {""}:
        yield f"{home}.{getattr(thing, '__qualname__', thing.__name__)}".encode()
    elif isinstance(thing, FunctionType):
        yield from _code(thing.__code__)
        for value in (*(thing.__defaults__ or ()), *(cell.cell_contents for cell in thing.__closure__ or ())):
            yield from _content(value, seen)
        names = set(_names(thing.__code__))
        for name in sorted(names & thing.__globals__.keys()):
            yield name.encode()
            value = thing.__globals__[name]
            yield from _module(value, names, seen) if isinstance(value, ModuleType) else _content(value, seen)
    elif isinstance(thing, type):
        yield repr((thing.__module__, thing.__qualname__, getattr(thing, "_fields", ()))).encode()
        for base in thing.__mro__:
            for name, value in sorted(vars(base).items()):
                if isinstance(value, FunctionType) and not name.startswith("_"):
                    yield name.encode()
                    yield from _content(value, seen)
    elif isinstance(thing, tuple | list):
        for item in thing:
            yield from _content(item, seen)
    elif isinstance(thing, np.ndarray | np.generic):
        yield repr((thing.dtype, thing.shape)).encode() + thing.tobytes()
    else:
        raise _OpaqueError(f"{thing!r} has no content that can be told")


def _module(module: ModuleType, names: set[str], seen: set[int]) -> Iterator[bytes]:
    """Yield the content of what a method takes from a module of the user's."""
    yield module.__name__.encode()
    if module.__name__.partition(".")[0] not in TRUSTED:
        for name in sorted(names & vars(module).keys()):
            yield name.encode()
            yield from _content(vars(module)[name], seen)


def _code(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _importable(cls: type) -> bool:
    """Say whether another process finds this very class by its name."""
    if cls.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls
