"""Formulas as MathML, which browsers typeset by themselves; only what MathML Core has is written.

sympy's own printer writes, before its release 1.14, elements that browsers do not know.
"""

import re
from html import escape
from typing import Any

from ...theory.symbols import sp
from .html import Markup, element

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eta": "η",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "pi": "π",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "ell": "ℓ",
}
NAMES = {
    "dL": "<mi>Δ</mi><mi>L</mi>",
    "gammaM": "<mi>γ</mi><mi>M</mi>",
    "||H||_1": "<msub><mrow><mo>‖</mo><mi>H</mi><mo>‖</mo></mrow><mn>1</mn></msub>",
    "ln|det H_a^-1 H_b|": (
        "<mi>ln</mi><mrow><mo>|</mo><mi>det</mi><msubsup><mi>H</mi><mi>a</mi><mn>−1</mn></msubsup>"
        "<msub><mi>H</mi><mi>b</mi></msub><mo>|</mo></mrow>"
    ),
    "mu_max": "<msub><mi>μ</mi><mtext>max</mtext></msub>",
}
"""Symbol -> what it is where its name alone does not say."""
SEVERAL = ("dL", "gammaM", "ln|det H_a^-1 H_b|")
"""Those that need brackets under a power."""
TIMES = "<mo>&InvisibleTimes;</mo>"
_PLAIN = re.compile(r"(?P<stem>[A-Za-z]+?)(?P<digit>\d*)(?:_(?P<below>\w+))?")
_MAGNITUDE = re.compile(r"\|(.+)\|")


def formula(left: Markup, relation: str, right: Any, note: str = "") -> Markup:
    """Return "left relation right (note)" as a displayed formula."""
    more = f'<mspace width="1.5em"></mspace><mtext>({escape(note)})</mtext>' if note else ""
    row = Markup(f"<mrow>{left}<mo>{escape(relation)}</mo>{mathml(right)}{more}</mrow>")
    return element("math", row, display="block")


def inline(symbol: Any) -> Markup:
    """Return a symbol as MathML within a line."""
    return element("math", mathml(symbol))


def mathml(expression: Any) -> Markup:
    """Return a sympy expression as MathML.

    Raises
    ------
    TypeError
        Where there is something in it that is not written here.
    """
    return Markup(_sum(tidy(expression)))


def tidy(expression: Any) -> Any:
    """Return an expression in which no product is of -1 and of a difference that is better turned round."""
    if not expression.args:
        return expression
    args = [tidy(each) for each in expression.args]
    if expression.is_Mul and any(each.is_number and each.is_negative for each in args):
        for k, each in enumerate(args):
            if each.is_Add and each.as_ordered_terms()[0].could_extract_minus_sign():
                return sp.Mul(-1, *args[:k], -each, *args[k + 1 :])
    return expression.func(*args)


def _sum(expression: Any) -> str:
    """Write an expression with nothing tighter around it."""
    if not expression.is_Add:
        return _product(expression)
    text = ""
    for term in sorted(expression.as_ordered_terms(), key=_is_negative):
        negative = _is_negative(term)
        sign = "<mo>−</mo>" if negative else "<mo>+</mo>" if text else ""
        text += sign + _product(-term if negative else term)
    return f"<mrow>{text}</mrow>"


def _product(expression: Any) -> str:
    if _is_negative(expression):
        return f"<mrow><mo>−</mo>{_product(-expression)}</mrow>"
    if expression.is_Pow and expression.exp == sp.Rational(1, 2):
        return f"<msqrt>{_sum(expression.base)}</msqrt>"
    fraction = expression.is_Rational and not expression.is_Integer
    if not (expression.is_Mul or fraction or (expression.is_Pow and _is_negative(expression.exp))):
        return _power(expression)
    above, below = _fraction(expression)
    if not below:
        return _factors(above)
    # Beside the line rather than on it, or their own fractions would be too small to read.
    tall = [each for each in above if _is_tall(each)]
    line = f"<mfrac>{_factors([each for each in above if each not in tall])}{_factors(below)}</mfrac>"
    return f"<mrow>{TIMES.join([line, *(_tight(each) for each in sorted(tall, key=_weight))])}</mrow>"


def _fraction(expression: Any) -> tuple[list[Any], list[Any]]:
    """Return the factors above and below the line; powers of e stay above."""
    above: list[Any] = []
    below: list[Any] = []
    for factor in expression.as_ordered_factors() if expression.is_Mul else [expression]:
        if factor.is_Rational:
            above += [sp.Integer(factor.p)] if factor.p != 1 else []
            below += [sp.Integer(factor.q)] if factor.q != 1 else []
        elif factor.is_Pow and _is_negative(factor.exp) and not _is_exp(factor):
            below.append(factor.base ** (-factor.exp))
        else:
            above.append(factor)
    return above, below


def _factors(factors: list[Any]) -> str:
    if not factors:
        return "<mn>1</mn>"
    if len(factors) == 1:
        return _sum(factors[0])
    ordered = sorted(factors, key=_weight)
    return f"<mrow>{TIMES.join(_tight(each) for each in ordered)}</mrow>"


def _weight(factor: Any) -> int:
    """Numbers come first and what is long or raised comes last."""
    if factor.is_Number:
        return 0
    if factor.is_NumberSymbol:
        return 1
    if factor.is_Symbol:
        return 2
    if factor.is_Pow and factor.base.is_Symbol:
        return 3
    return 6 if _is_exp(factor) else 4 if factor.is_Pow and factor.exp == sp.Rational(1, 2) else 5


def _tight(expression: Any) -> str:
    """Write an expression that may stand in a product."""
    return _bracketed(_sum(expression)) if expression.is_Add else _product(expression)


def _power(expression: Any) -> str:
    if _is_exp(expression):
        exponent = expression.exp if expression.is_Pow else expression.args[0]
        if _has_fraction(exponent):
            return f"<mrow><mi>exp</mi><mo>&ApplyFunction;</mo>{_bracketed(_sum(exponent))}</mrow>"
        return f"<msup><mi>e</mi><mrow>{_sum(exponent)}</mrow></msup>"
    if not expression.is_Pow:
        return _atom(expression)
    base, exponent = expression.base, expression.exp
    simple = base.is_Symbol and base.name not in SEVERAL
    written = _atom(base) if simple or (base.is_Integer and base >= 0) else _bracketed(_sum(base))
    return f"<msup>{written}<mrow>{_sum(exponent)}</mrow></msup>"


def _atom(expression: Any) -> str:
    if expression.is_Integer:
        return f"<mn>{int(expression)}</mn>"
    if expression == sp.pi:
        return "<mi>π</mi>"
    if expression.is_Symbol:
        return _symbol(expression)
    if isinstance(expression, sp.Abs):
        return f"<mrow><mo>|</mo>{_sum(expression.args[0])}<mo>|</mo></mrow>"
    if expression.is_Function:
        own = str(expression.func.__name__)
        name = {"log": "ln", "sign": "sgn"}.get(own, own)
        given = "<mo>,</mo>".join(_sum(each) for each in expression.args)
        return f"<mrow><mi>{escape(name)}</mi><mo>&ApplyFunction;</mo>{_bracketed(given)}</mrow>"
    raise TypeError(f"{type(expression).__name__} has no MathML here")


def _symbol(symbol: Any) -> str:
    name = symbol.name
    if name in NAMES:
        return f"<mrow>{NAMES[name]}</mrow>"
    if found := _MAGNITUDE.fullmatch(name):
        return f"<mrow><mo>|</mo>{_plain(found[1])}<mo>|</mo></mrow>"
    return _plain(name)


def _plain(name: str) -> str:
    found = _PLAIN.fullmatch(name)
    if not found:
        return f"<mtext>{escape(name)}</mtext>"
    stem = f"<mi>{GREEK.get(found['stem'], found['stem'])}</mi>"
    below = found["digit"] or found["below"]
    if not below:
        return stem
    kind = "mn" if below.isdigit() else "mi"
    return f"<msub>{stem}<{kind}>{GREEK.get(below, below)}</{kind}></msub>"


def _is_tall(expression: Any) -> bool:
    """Say whether a factor is an exponential, or a sum with a fraction in it."""
    return _is_exp(expression) or (expression.is_Add and _has_fraction(expression))


def _has_fraction(expression: Any) -> bool:
    return any(
        (each.is_Pow and _is_negative(each.exp))
        or (each.is_Rational and not each.is_Integer and each != sp.Rational(1, 2))
        for each in sp.preorder_traversal(expression)
    )


def _bracketed(text: str) -> str:
    return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"


def _is_exp(expression: Any) -> bool:
    return isinstance(expression, sp.exp) or (expression.is_Pow and expression.base == sp.E)


def _is_negative(expression: Any) -> bool:
    return bool(expression.as_coeff_Mul()[0].is_negative)
