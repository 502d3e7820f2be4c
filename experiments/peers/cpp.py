"""C++: AVX-512 intrinsics, which are the limit of what one core can do, and portable scalar code.

Both are in limit.cpp. The system's compiler makes it when it is first wanted; the library is kept in the
cache folder.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...landscapes.cache_folder import cache_folder
from .interface import Case, UnavailableError, Work

VARIANTS = ("limit", "portable")

SOURCE = Path(__file__).with_name("limit.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-shared", "-fPIC")
SIZES = (10, 100)
"""Dimensions of a saddle with isotropic and with dense noise that the source is written for."""
RULES = ("sgd", "momentum", "adam", "adai")


class _Case(ctypes.Structure):
    """The struct of the same name in the source."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("rule", "trajectories", "steps", "record")),
        *(
            (name, ctypes.c_double)
            for name in ("lr", "deviation", "beta1", "beta2", "beta0", "beta3", "eps", "barrier")
        ),
        *((name, ctypes.POINTER(ctypes.c_double)) for name in ("curvatures", "root")),
    )


def unavailable() -> str | None:
    """Return why it cannot run here, or None."""
    return None if _compiler() else "there is no C++ compiler (c++)"


def version() -> str:
    """Return the compiler and its flags."""
    return f"{_compiler_version()} {' '.join(FLAGS[:3])}"


def prepare(case: Case, variant: str) -> Callable[[float], Work] | None:
    """Return the function that does a case; see ``interface.Contestant``."""
    library = _library()
    if variant == "limit" and not library.has_wide():
        raise UnavailableError("this processor has no AVX-512")
    dense = len(case.noise_root) > 0
    if not case.barrier and case.dimension != SIZES[dense]:
        return None
    run = library.run_wide if variant == "limit" else library.run_scalar
    curvatures, root = (np.ascontiguousarray(each, np.float64) for each in (case.curvatures, case.noise_root))

    def do(scale: float) -> Work:
        number = case.number(scale)
        out = np.zeros(case.dimension + 1)
        asked = _Case(
            RULES.index(case.rule), number, case.steps, case.record or case.steps,
            case.lr, case.variance**0.5, case.beta1, case.beta2, case.beta0, case.beta3, case.eps, case.barrier,
            _pointer(curvatures), _pointer(root),
        )  # fmt: skip
        run(ctypes.byref(asked), _pointer(out))
        return case.escaped(out[0], int(out[1]), number) if case.barrier else case.spread(out[:-1], number)

    return do


def _pointer(array: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


def _compiler() -> str | None:
    return shutil.which("c++")


@cache
def _compiler_version() -> str:
    told = subprocess.run([str(_compiler()), "--version"], capture_output=True, text=True, check=True)
    return told.stdout.partition("\n")[0]


@cache
def _library() -> Any:
    """Load the library, compiled first where it is not in the cache folder yet."""
    path = cache_folder() / "bench" / f"limit-{_digest()}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            line = [str(_compiler()), *FLAGS, str(SOURCE), "-o", str(made)]
            told = subprocess.run(line, capture_output=True, text=True, check=False)
            if told.returncode:
                raise UnavailableError(f"the compiler refuses limit.cpp: {told.stderr.strip().partition(chr(10))[0]}")
            os.replace(made, path)
    return ctypes.CDLL(str(path))


def _digest() -> str:
    """Return a digest of all that the library depends on, the processor that it is compiled for included."""
    parts = [SOURCE.read_text(), *FLAGS, _compiler_version(), _processor_flags()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _processor_flags() -> str:
    """Return what the processor can do, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
