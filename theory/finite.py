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


class _Response(sp.Function):
    """A response of responses.py: code has its name, a page its letter."""

    letter = ""

    def _numpycode(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(map(printer.doprint, self.args))})"

    def _pretty(self, printer: Any) -> Any:
        return printer._print_Function(self, func_name=self.letter)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        letter = printer.doprint(sp.Symbol(self.letter))
        return rf"{letter}{power}\left({', '.join(map(printer.doprint, self.args))}\right)"


class response(_Response):  # noqa: N801  the name it has in functions.py
    """(e^{l+ s} - e^{l- s}) / (l+ - l-) with l+- = -1/2 +- q, q^2 = 1/4 - k; arguments k, s."""

    nargs = 2
    letter = "phi"

    def doit(self, **hints: Any) -> Any:
        """Return it in exponentials."""
        (fast, slow), s = _rates(self, hints)
        return (sp.exp(slow * s) - sp.exp(fast * s)) / (slow - fast)


class squared_response(_Response):  # noqa: N801
    """Integral of response(k, u)^2 from 0 to s; arguments k, s."""

    nargs = 2
    letter = "Phi"

    def doit(self, **hints: Any) -> Any:
        """Return it in exponentials."""
        (fast, slow), s = _rates(self, hints)
        parts = [(1, 2 * slow), (-2, slow + fast), (1, 2 * fast)]
        return sp.Add(*(c * (sp.exp(rate * s) - 1) / rate for c, rate in parts)) / (slow - fast) ** 2


class iterated_response(_Response):  # noqa: N801
    """(r+^n - r-^n) / (r+ - r-) with r^2 - (1 + b - k) r + b = 0; arguments n, k, b."""

    nargs = 3
    letter = "U"

    def doit(self, **hints: Any) -> Any:
        """Return it in powers."""
        n, (small, large) = _eigenvalues(self, hints)
        return (large**n - small**n) / (large - small)


class iterated_squares(_Response):  # noqa: N801
    """Sum of iterated_response(j, k, b)^2 over j = 1 ... n; arguments n, k, b."""

    nargs = 3
    letter = "W"

    def doit(self, **hints: Any) -> Any:
        """Return it in powers."""
        n, (small, large) = _eigenvalues(self, hints)
        parts = [(1, large**2), (-2, large * small), (1, small**2)]
        return sp.Add(*(c * r * (1 - r**n) / (1 - r) for c, r in parts)) / (large - small) ** 2


def _rates(call: Any, hints: dict[str, Any]) -> tuple[Any, Any]:
    k, s = (a.doit(**hints) for a in call.args)
    q = sp.sqrt(sp.Rational(1, 4) - k)
    return (-sp.Rational(1, 2) - q, -sp.Rational(1, 2) + q), s


def _eigenvalues(call: Any, hints: dict[str, Any]) -> tuple[Any, Any]:
    n, k, b = (a.doit(**hints) for a in call.args)
    half = (1 + b - k) / 2
    root = sp.sqrt(half**2 - b)
    return n, (half - root, half + root)


def finite(expression: Any) -> Any:
    """Return the same expression with exp(u) written as 1 + u exprel(u), so that what divides by u cancels."""
    return sp.factor(sp.cancel(sp.together(expression.replace(sp.exp, lambda u: 1 + u * exprel(u)))))
