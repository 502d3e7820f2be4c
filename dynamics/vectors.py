"""How wide the vectors of compiled code are."""

import os
import platform
from importlib import import_module
from typing import Any

VARIABLE = "SADDLESCAPE_VECTOR_BITS"


def vector_bits() -> int | None:
    """Return the width asked for by SADDLESCAPE_VECTOR_BITS, 256 or 512; None leaves it to LLVM.

    LLVM holds back from 512 bits on processors that once slowed down for them; some do no more. Results have the same
    bits at any width.

    Raises
    ------
    ValueError
        Where it is something else, or set on a processor without such vectors.
    """
    asked = os.environ.get(VARIABLE)
    if not asked:
        return None
    if asked not in ("256", "512"):
        raise ValueError(f"{VARIABLE}={asked} must be 256 or 512: the width of vector registers in bits")
    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise ValueError(f"{VARIABLE}={asked} is for x86-64 processors, not for {platform.machine()}")
    return int(asked)


def set_vector_bits() -> None:
    """Tell Numba, for all that this process compiles from now on: it has no switch for less than that."""
    bits = vector_bits()
    if bits is None:
        return
    import llvmlite.binding as llvm

    config: Any = import_module("numba.core.config")
    config.CPU_NAME = llvm.get_host_cpu_name()
    config.CPU_FEATURES = f"{llvm.get_host_cpu_features().flatten()},{'-' if bits == 512 else '+'}prefer-256-bit"
