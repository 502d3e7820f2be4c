"""A formula becomes the source of a landscape: its gradient and Hessian by sympy, in the (d, lanes) convention."""

from typing import Any

import sympy

from .formula import Formula

LARGEST_GRADIENT = 4_000
LARGEST_HESSIAN = 20_000
"""Operations and operands, common ones counted each time: a limit on time, for one text to take seconds at most."""

HEAD = '''"""A landscape written from its formula; made anew when it is missing."""

import math

from {home} import Expression


class {name}(Expression):
    """The formula, its gradient and its Hessian."""

    __slots__ = ()

    text = {text!r}
    coordinates = {coordinates!r}
'''
VALUE = '''
    def value(self, theta, out):
        """Write L to row 0 of out."""
        for j in range(theta.shape[1]):
'''
GRADIENT = '''
    def gradient(self, theta, out):
        """Write the gradient to out."""
        for j in range(theta.shape[1]):
'''
HESSIAN = '''
    def hessian(self, theta, j, out):
        """Write the Hessian of lane j to out."""
'''
EIGENBASIS = '''
    def has_eigenbasis(self):
        """Say that the coordinates are the eigen-directions: the loss is a sum over them."""
        return True

    def add_turned(self, q, out):
        """Add q to out."""
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[i, j] += q[i, j]

    def eigenvalues(self, theta, out):
        """Write the second derivatives to out."""
        for j in range(theta.shape[1]):
'''


def source(formula: Formula, text: str, home: str, name: str) -> str:
    """Return the source of a module that holds the class ``name`` with the formula's value, gradient and Hessian.

    Parameters
    ----------
    formula
        What the text says.
    text
        The text itself, kept for the record.
    home
        Module that holds the base class.
    name
        Name of the class.

    Raises
    ------
    ValueError
        Where its derivatives are too long.
    """
    d = len(formula.coordinates)
    x = [sympy.Symbol(coordinate) for coordinate in formula.coordinates]
    first = derivatives([(formula.loss, x[i]) for i in range(d)], LARGEST_GRADIENT)
    upper = [(i, k) for i in range(d) for k in range(i, d)]
    second = dict(zip(upper, derivatives([(first[i], x[k]) for i, k in upper], LARGEST_HESSIAN), strict=True))
    separable = all(second[i, k] == 0 for i in range(d) for k in range(i + 1, d))

    def body(targets: dict[str, Any], indent: int) -> str:
        writer = Writer()
        lines = writer.assignments(targets)
        used = set().union(*(expression.free_symbols for expression in targets.values()))
        loads = [f"{x[i].name} = theta[{i}, j]" for i in range(d) if x[i] in used]
        return "".join(f"{' ' * indent}{line}\n" for line in [*loads, *lines])

    parts = [HEAD.format(home=home, name=name, text=text, coordinates=formula.coordinates)]
    parts += [VALUE, body({"out[0, j]": formula.loss}, 12)]
    parts += [GRADIENT, body({f"out[{i}, j]": first[i] for i in range(d)}, 12)]
    parts += [HESSIAN, body({f"out[{i}, {k}]": second[i, k] for i, k in second}, 8)]
    parts += [f"        out[{k}, {i}] = out[{i}, {k}]\n" for i, k in second if i != k]
    if separable:
        parts += [EIGENBASIS, body({f"out[{i}, j]": second[i, i] for i in range(d)}, 12)]
    return "".join(parts)


def derivatives(pairs: list[tuple[Any, Any]], largest: int) -> list[Any]:
    """Return the derivative of each expression by its symbol; ValueError where they are too large together."""
    results = []
    size = 0
    for expression, symbol in pairs:
        results.append(sympy.diff(expression, symbol))
        for _ in sympy.preorder_traversal(results[-1]):
            size += 1
            if size > largest:
                raise ValueError("text: its derivatives are too long; write it shorter")
    return results


class Writer:
    """Writes expressions as Python: common parts once, integer powers as products, terms always in the same order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[Any, str] = {}

    def assignments(self, targets: dict[str, Any]) -> list[str]:
        """Return the lines that compute the expressions and assign them to the targets."""
        shared, results = sympy.cse(list(targets.values()), symbols=sympy.numbered_symbols("c"))
        for symbol, expression in shared:
            self.lines.append(f"{symbol.name} = {self.sum(expression)}")
        for target, expression in zip(targets, results, strict=True):
            self.lines.append(f"{target} = {self.sum(expression)}")
        return self.lines

    def sum(self, expression: Any) -> str:
        """Write an expression; nothing stronger than + may stand around it."""
        if not expression.is_Add:
            return self.product(expression)
        text = ""
        for term in expression.as_ordered_terms():
            negative = term.as_coeff_Mul()[0] < 0
            part = self.product(-term if negative else term)
            text += (f" - {part}" if negative else f" + {part}") if text else (f"-{part}" if negative else part)
        return text

    def product(self, expression: Any) -> str:
        """Write an expression; nothing stronger than a product may stand around it on its left."""
        coefficient, rest = expression.as_coeff_Mul()
        if rest == 1:
            return _double(coefficient)
        above: list[str] = []
        below: list[str] = []
        for factor in rest.as_ordered_factors():
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sympy.Integer(1))
            if exponent.is_negative:
                below += self.power(base, -exponent)
            else:
                above += self.power(base, exponent)
        if abs(coefficient) != 1 or not above:
            above.insert(0, _double(abs(coefficient)))
        sign = "-" if coefficient < 0 else ""
        if not below:
            return sign + "*".join(above)
        return f"{sign}{'*'.join(above)}/{below[0] if len(below) == 1 else '(' + '*'.join(below) + ')'}"

    def power(self, base: Any, exponent: Any) -> list[str]:
        """Return the factors of base**exponent, exponent above 0."""
        if exponent == 1:
            return [self.factor(base)]
        if exponent.is_Integer:
            n = int(exponent)
            root = self.named(base)
            if n <= 3:
                return [root] * n
            square_root = "*".join(self.power(base, sympy.Integer(n // 2)))
            half = self.named(sympy.Pow(base, n // 2, evaluate=False), square_root)
            return [half, half, root][: 2 + n % 2]
        if (2 * exponent).is_Integer:
            whole = exponent - sympy.Rational(1, 2)
            return [*(self.power(base, whole) if whole else []), f"math.sqrt({self.sum(base)})"]
        return [f"math.pow({self.sum(base)}, {_double(exponent)})"]

    def factor(self, expression: Any) -> str:
        """Write an expression that may stand in a product."""
        if expression.is_Symbol:
            return str(expression.name)
        if expression.is_Function:
            return f"math.{expression.func.__name__}({self.sum(expression.args[0])})"
        return f"({self.sum(expression)})"

    def named(self, expression: Any, text: str | None = None) -> str:
        """Return a name for an expression, assigned once."""
        if expression.is_Symbol:
            return str(expression.name)
        if expression not in self.known:
            written = text or self.sum(expression)
            self.known[expression] = f"p{len(self.known)}"
            self.lines.append(f"{self.known[expression]} = {written}")
        return self.known[expression]


def _double(number: Any) -> str:
    try:
        return repr(int(number.p) / int(number.q))
    except OverflowError:
        raise ValueError("text: its derivatives hold a number beyond 1e308") from None
