"""Expressions without removable singularities: 0/0 at a flat direction becomes a function that knows its limit."""

from typing import Any

from .symbols import sp


class exprel(sp.Function):  # noqa: N801  the name it has in SciPy
    """(e^x - 1)/x, which is 1 at x = 0."""

    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Return its value at 0."""
        return sp.Integer(1) if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        z = self.args[0]
        return (sp.exp(z) - self) / z

    def _numpycode(self, printer: Any) -> str:
        return f"exprel({printer.doprint(self.args[0])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\operatorname{{exprel}}{power}\left({printer.doprint(self.args[0])}\right)"

    def doit(self, **hints: Any) -> Any:
        """Return (e^x - 1)/x."""
        z = self.args[0].doit(**hints)
        return (sp.exp(z) - 1) / z


class geometric(sp.Function):  # noqa: N801  the name it has in functions.py
    """Sum over k < n of (1 - r)^k = (1 - (1 - r)^n)/r, which is n at r = 0."""

    nargs = 2

    @classmethod
    def eval(cls, n: Any, r: Any) -> Any:
        """Return its value at r = 0."""
        return n if r.is_zero else None

    def _numpycode(self, printer: Any) -> str:
        return f"geometric({printer.doprint(self.args[0])}, {printer.doprint(self.args[1])})"

    def doit(self, **hints: Any) -> Any:
        """Return (1 - (1 - r)^n)/r."""
        n, r = (a.doit(**hints) for a in self.args)
        return (1 - sp.factor(1 - r) ** n) / r


def finite(expression: Any) -> Any:
    """Return the same expression with exp(u) written as 1 + u exprel(u), so that what divides by u cancels."""
    return sp.factor(sp.cancel(sp.together(expression.replace(sp.exp, lambda u: 1 + u * exprel(u)))))
