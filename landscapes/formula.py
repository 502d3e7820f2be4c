"""A text becomes a formula: arithmetic on named coordinates and nothing else: a configuration file runs no code.

The text is read by Python's own parser into a tree; the tree is walked here, and what is not on the lists below is
refused. Nothing is ever evaluated as Python or handed to sympy as text.
"""

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "atan": math.atan,
}
"""Smooth functions only: abs has no curvature where it bends."""
CONSTANTS = {"pi": math.pi, "E": math.e}
COORDINATES = re.compile(r"(?P<letter>[xyz])|(?P<family>x|theta)(?P<number>[1-9][0-9]?)")
ALLOWED = (
    f"coordinates x, y, z or x1, x2, ... or theta1, theta2, ..., {', '.join(CONSTANTS)} and {', '.join(FUNCTIONS)}"
)

LONGEST = 5000
"""Characters of a text."""
DEEPEST = 30
"""Levels of a formula, one within the other."""
LARGEST = 300
"""Operations and operands of a formula: with the two limits, second derivatives take seconds at most."""
MOST_COORDINATES = 20
HIGHEST_POWER = 64


class Formula(NamedTuple):
    """What a text says.

    Parameters
    ----------
    loss
        A sympy expression of rational numbers, coordinates and functions.
    coordinates
        Names of the coordinates in their natural order, (d,).
    """

    loss: Any
    coordinates: tuple[str, ...]


def parse(text: str) -> Formula:
    """Return the formula that a text writes.

    Parameters
    ----------
    text
        Numbers, coordinates, + - * / **, parentheses and smooth functions of one argument.

    Raises
    ------
    ValueError
        In one line, with what is allowed, where it says anything else or is too large.
    """
    if len(text) > LONGEST:
        raise ValueError(f"text has {len(text)} characters; a formula has at most {LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        reason = f"{_short(error.msg, 60)}; a product is written with *, a power with **"
        raise _refusal(text, reason if text.strip() else "it is empty") from None
    except (MemoryError, RecursionError, ValueError) as error:
        raise _refusal(text, f"it cannot be read: {str(error) or 'it is nested too deeply'}") from None
    size = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    if size > LARGEST:
        raise _refusal(text, f"it has {size} operations and operands; a formula has at most {LARGEST}")
    loss = _Reader(text).read(tree, 0)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - FUNCTIONS.keys() - CONSTANTS.keys()
    if not names:
        raise _refusal(text, "it holds no coordinate; name them x, y, z or x1, x2, ...")
    families = {_family(name) for name in names}
    if len(families) > 1:
        raise _refusal(text, f"its coordinates are named in {len(families)} ways: {', '.join(_natural(names))}")
    if len(names) > MOST_COORDINATES:
        raise _refusal(text, f"it has {len(names)} coordinates; a formula has at most {MOST_COORDINATES}")
    return Formula(loss, _natural(names))


class _Reader:
    """Walks the tree. Numbers are rational throughout: 1/2 and 0.5 are one, and none grows without bound."""

    def __init__(self, text: str) -> None:
        import sympy

        self.text = text
        self.sympy: Any = sympy

    def read(self, node: ast.AST, depth: int) -> Any:
        if depth > DEEPEST:
            raise self.refusal(f"it is nested more than {DEEPEST} deep")
        match node:
            case ast.Constant(value=bool() | str() | bytes() | complex() | None):
                raise self.refusal(f"{self.piece(node)} is not a real number")
            case ast.Constant(value=int() | float() as value):
                return self.number(value)
            case ast.Name(id=name):
                return self.name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.read(operand, depth + 1)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, depth + 1)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self.power(self.read(left, depth + 1), self.read(right, depth + 1))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, right=right):
                # A long sum is a chain to the left in the tree, but not nested as it is written.
                chained = isinstance(left, ast.BinOp) and _strength(left.op) == _strength(op)
                return self.combined(self.read(left, depth + (not chained)), op, self.read(right, depth + 1))
            case ast.BinOp(op=ast.BitXor()):
                raise self.refusal(f"{self.piece(node)} uses ^; write ** for a power")
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                return self.applied(name, self.read(argument, depth + 1))
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                raise self.refusal(f"{self.piece(node)}: {name} takes one argument")
            case ast.Call(func=ast.Name(id=name)):
                raise self.refusal(f"{name} is no function here{_nearest(name, FUNCTIONS)}; allowed are {ALLOWED}")
        raise self.refusal(f"{self.piece(node)} is not arithmetic; allowed are + - * / **, {ALLOWED}")

    def name(self, name: str) -> Any:
        if name in CONSTANTS:
            return self.number(CONSTANTS[name])
        if name in FUNCTIONS:
            raise self.refusal(f"{name} takes its argument in parentheses: {name}(x)")
        if not COORDINATES.fullmatch(name):
            near = _nearest(name, [*CONSTANTS, *FUNCTIONS, "x", "y", "z", "x1", "x2", "theta1", "theta2"])
            raise self.refusal(f"{name} is no name here{near}; allowed are {ALLOWED}")
        return self.sympy.Symbol(name)

    def number(self, value: Any) -> Any:
        """Return an int, a float or a sympy number as a rational one that a double can hold."""
        try:
            double = float(value)
        except OverflowError:
            double = math.inf
        if not math.isfinite(double):
            raise self.refusal("it holds a number beyond 1e308")
        exact = self.sympy.Rational(repr(value) if isinstance(value, float) else value)
        settled = max(abs(exact.p), exact.q).bit_length() <= 128
        return exact if settled else self.sympy.Rational(repr(double))

    def settled(self, result: Any) -> Any:
        return self.number(result) if result.is_Number else result

    def combined(self, left: Any, op: ast.operator, right: Any) -> Any:
        if isinstance(op, ast.Div):
            if right.is_zero:
                raise self.refusal("it divides by 0")
            return self.settled(left / right)
        if isinstance(op, ast.Mult):
            return self.settled(left * right)
        return self.settled(left + right if isinstance(op, ast.Add) else left - right)

    def power(self, base: Any, exponent: Any) -> Any:
        if not exponent.is_Number:
            if not (base.is_Number and base > 0):
                raise self.refusal(
                    "an exponent with coordinates needs a number above 0 as its base: write exp(y*log(x))"
                )
            return self.applied("exp", self.settled(exponent * self.number(math.log(base))))
        if abs(exponent) > HIGHEST_POWER:
            raise self.refusal(f"it holds an exponent beyond {HIGHEST_POWER}")
        if not base.is_Number:
            return base**exponent
        if base.is_zero and exponent < 0:
            raise self.refusal("it divides by 0")
        if exponent.is_Integer:
            return self.number(base**exponent)
        if base < 0:
            raise self.refusal("it takes a root of a number below 0")
        return self.number(float(base) ** float(exponent))

    def applied(self, name: str, argument: Any) -> Any:
        if not argument.is_Number:
            return getattr(self.sympy, name)(argument)
        try:
            return self.number(FUNCTIONS[name](float(argument)))
        except (ValueError, OverflowError):
            raise self.refusal(f"{name}({float(argument):g}) is not a number that a double can hold") from None

    def piece(self, node: ast.AST) -> str:
        return repr(_short(ast.get_source_segment(self.text.strip(), node) or type(node).__name__, 30))

    def refusal(self, reason: str) -> ValueError:
        return _refusal(self.text, reason)


def _strength(op: ast.operator) -> int:
    return 1 if isinstance(op, ast.Add | ast.Sub) else 2 if isinstance(op, ast.Mult | ast.Div) else 3


def _refusal(text: str, reason: str) -> ValueError:
    return ValueError(f"text={_short(text, 60)!r} is no formula: {reason}")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (nearest: {near[0]})" if near else ""


def _family(name: str) -> str:
    match = COORDINATES.fullmatch(name)
    assert match is not None
    return match["family"] or "letters"


def _natural(names: set[str]) -> tuple[str, ...]:
    """Return names with x2 before x10."""
    return tuple(sorted(names, key=lambda name: (name.rstrip("0123456789"), int("0" + name.lstrip("xyzthea")))))
