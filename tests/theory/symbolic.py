"""Comparison of expressions by value, for those that sympy does not bring to one shape: powers with symbols in them."""

import random
from typing import Any

import sympy as sp


def same(first: Any, second: Any, points: int = 6) -> bool:
    """Say whether two expressions agree to 30 digits at random rational points (curvatures of either sign)."""
    symbols = sorted(sp.Tuple(first, second).free_symbols, key=str)
    generator = random.Random(7)
    for _ in range(points):
        at = {}
        for symbol in symbols:
            value = sp.Rational(generator.randint(1, 400), 230)
            if symbol.is_integer:
                value = sp.Integer(generator.randint(1, 9))
            elif not symbol.is_positive and generator.random() < 0.5:
                value = -value
            at[symbol] = value
        one, other = (sp.N(e.subs(at).doit(), 40) for e in map(sp.sympify, (first, second)))
        if abs(one - other) > sp.Float("1e-30", 40) * (abs(one) + abs(other)):
            return False
    return True
