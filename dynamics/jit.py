"""Numba's decorator for the helpers that kernels share, with types that checkers can follow."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from .vectors import set_vector_bits

set_vector_bits()  # before anything is compiled

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a helper."""
    return njit(error_model="numpy")(function)  # type: ignore[no-any-return]


def compiled_in_place(function: Function) -> Function:
    """Compile a helper into its caller: one that loops over lanes does not get inlined by itself."""
    return njit(error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]
