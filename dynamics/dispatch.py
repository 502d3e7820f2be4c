"""Numba learns to call the methods of a landscape, a noise or a rule.

Kernels call the free functions of the interface modules. Here each gets an overload that puts the method of the
argument's own class in its place, inlined; a class without an optional method gets the fallback named beside it.
"""

from collections.abc import Callable
from typing import Any

from numba.extending import overload

from ..landscapes import frame
from ..landscapes import interface as landscapes
from . import generator, layouts, tiles
from . import interface as rules

register: Any = overload  # its stub knows neither strict nor jit_options
OPTIONS = {"forceinline": True, "error_model": "numpy"}


def route(call: Callable[..., Any], fallback: Callable[..., Any] | None = None) -> None:
    """Let compiled code resolve call(owner, ...) to the method of that name of the owner's class."""

    def resolve(owner: Any, *arguments: Any) -> Any:
        cls = getattr(owner, "instance_class", None)
        return None if cls is None else getattr(cls, call.__name__, fallback)

    # strict=False: an author may annotate a method, or call theta x; only the number of arguments must match.
    register(call, strict=False, jit_options=OPTIONS)(resolve)


def inline(function: Callable[..., Any], text: Callable[..., Any] | None = None) -> None:
    """Let compiled code call a plain helper in place, or another text of it."""

    def resolve(*arguments: Any) -> Any:
        return text or function

    register(function, strict=False, jit_options=OPTIONS)(resolve)


def register_new_helpers() -> None:
    """Register what modules loaded since the last call have marked with ``inlined`` or ``routed``."""
    while landscapes.INLINED:
        inline(landscapes.INLINED.pop())
    while landscapes.ROUTED:
        route(landscapes.ROUTED.pop())


def no_eigenbasis(landscape: Any) -> bool:
    """Stand in for a landscape that does not know its eigenbasis."""
    return False


def nothing_written(landscape: Any, rows: Any, out: Any) -> None:
    """Stand in where has_eigenbasis is false: never reached, but it must compile."""


def nothing_thermal(rule: Any, j: int, kick: Any, variance: Any, state: Any) -> None:
    """Stand in for a rule without momentum."""


def nothing_decayed(rule: Any, theta: Any, g: Any) -> None:
    """Stand in for a rule without an L2 penalty."""


def nothing_adapted(rule: Any, g: Any, state: Any, t: Any, gain: Any) -> None:
    """Stand in for a rule with a constant gain."""


route(landscapes.gradient)
route(landscapes.hessian)
route(landscapes.draw)
route(landscapes.height)
route(landscapes.slope)
route(landscapes.curvature)
route(landscapes.anchors)
route(landscapes.has_eigenbasis, no_eigenbasis)
route(landscapes.eigenvalues, nothing_written)
route(landscapes.add_turned, nothing_written)
route(rules.start)
route(rules.thermal, nothing_thermal)
route(rules.decay, nothing_decayed)
route(rules.adapt, nothing_adapted)
route(rules.move)
route(rules.advance, rules.one_step)
route(generator.begin)
route(generator.two_words)
route(generator.at_once)
route(generator.make)
route(layouts.take_step)
inline(frame.add_product, tiles.add_product)
inline(frame.add_lower_product, tiles.add_lower_product)
