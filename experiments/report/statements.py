"""What a statement says, typeset: the closed form as printed, taken from its derivation."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ...landscapes.cache_folder import generated_module
from ...theory.closed_form import fingerprint
from ...theory.derivation import Derivation
from ...theory.statements import derivation
from ...theory.symbols import sp
from .html import Markup, element, together
from .mathml import formula, inline


class Printed(NamedTuple):
    """A formula of a statement.

    Parameters
    ----------
    left
        MathML of what it gives.
    form
        Name of the derivation's form.
    relation
        Between the two.
    exponentiate
        Whether the form is the logarithm of what it gives.
    of
        The statement that has the form; this one if left out.
    for_
        The rules that it is for, where that must be said.
    """

    left: str
    form: str
    relation: str = "="
    exponentiate: bool = False
    of: str = ""
    for_: str = ""


TAU = "<mi>τ</mi>"
SQUARE = "<mrow><mo>⟨</mo><mi>Δ</mi><msubsup><mi>θ</mi><mi>i</mi><mn>2</mn></msubsup><mo>⟩</mo></mrow>"
VARIANCE = "<mrow><msubsup><mi>s</mi><mi>i</mi><mn>2</mn></msubsup><mo>(</mo><mi>t</mi><mo>)</mo></mrow>"
GRADIENT = (
    "<mrow><munder><mi>min</mi><mrow><mi>k</mi><mo>≤</mo><mi>T</mi></mrow></munder><mi>E</mi>"
    "<msup><mrow><mo>|</mo><mo>∇</mo><mi>L</mi><mo>(</mo><msub><mi>θ</mi><mi>k</mi></msub><mo>)</mo><mo>|</mo></mrow>"
    "<mn>2</mn></msup></mrow>"
)
CLIMB = "<mrow><mi>ln</mi><mo>(</mo><mi>τ</mi><mo>/</mo><msub><mi>Π</mi><mi>k</mi></msub><mo>)</mo></mrow>"
PRINTED = {
    "equation-3": (
        Printed("<msub><mi>C</mi><mi>i</mi></msub>", "near_critical"),
        Printed("<msub><mi>D</mi><mi>i</mi></msub>", "diffusion"),
    ),
    "theorem-1": (Printed(VARIANCE, "spread"),),
    "theorem-2": (Printed(SQUARE, "spread"),),
    "theorem-3": (Printed(TAU, "log_escape_time", exponentiate=True), Printed("<mi>S</mi>", "exponent")),
    "theorem-4": (Printed(GRADIENT, "printed_bound", "≤"),),
    "proposition-1": (Printed(SQUARE, "spread"),),
    "proposition-2": (Printed(TAU, "log_escape_time", exponentiate=True),),
    "proposition-3": (Printed(SQUARE, "spread"),),
    "proposition-4": (
        Printed(TAU, "log_escape_time", exponentiate=True),
        Printed("<mi>S</mi>", "exponent", of="theorem-3"),
    ),
    "flatness-selection": (
        Printed(CLIMB, "momentum_climb", for_="SGD, heavy ball, Adai"),
        Printed(CLIMB, "adam_climb", for_="Adam"),
    ),
}
WORDS = {
    "lr": "learning rate",
    "curvature_min": "curvature at the minimum, along the way out",
    "curvature_saddle": "magnitude of the curvature at the saddle",
    "magnitude": "magnitude of a curvature",
    "s": "share of the climb paid at the minimum's noise",
    "exponent": "climb over temperature",
    "friction_mass": "friction times mass",
    "log_det": "ratio of the determinants of the Hessians",
    "trace_norm": "trace norm of the Hessian",
    "gap": "loss at the start above the infimum",
    "c0": "learning rate times the root of T + 1",
    "gradient": "bound on the gradients' root mean square",
    "inertia": "largest inertia",
    "beta0": "Adai's own",
    "beta1": "momentum",
}
"""Argument of a form -> what it is, where its name alone does not say."""
ESCAPE = {"adam": "proposition-2", "adamw": "proposition-2", "adai": "proposition-4", "adaiw": "proposition-4"}
SADDLE = {
    "sgd": "theorem-1",
    "langevin": "theorem-1",
    "adam": "proposition-1",
    "adamw": "proposition-1",
    "adai": "proposition-3",
    "adaiw": "proposition-3",
}


def about_escape(rule: str) -> str:
    """Return the statement on how long a rule stays in a minimum."""
    return ESCAPE.get(rule, "theorem-3")


def about_saddle(rule: str) -> str:
    """Return the statement on how a rule leaves a saddle."""
    return SADDLE.get(rule, "theorem-2")


def typeset(statement: str, *, titled: bool = True) -> Markup:
    """Return a statement's formulas with where it is printed and what its symbols are, and its title if wanted.

    Derivations take sympy seconds, so that what comes out is kept in the cache folder, under a fingerprint of all that
    it came from.

    Raises
    ------
    ValueError
        Where there is no such statement.
    """
    if statement not in PRINTED:
        raise ValueError(f"statement={statement!r} must be one of {', '.join(PRINTED)}")
    stem = f"saddlescape_typeset_{statement.replace('-', '_')}_{_fingerprint()}"
    kept = generated_module("statements", stem, lambda: f"TITLED, UNTITLED = {_made(statement)!r}\n")
    return Markup(kept.TITLED if titled else kept.UNTITLED)


def _made(statement: str) -> tuple[str, str]:
    return str(_typeset(statement, titled=True)), str(_typeset(statement, titled=False))


def _typeset(statement: str, *, titled: bool) -> Markup:
    derived = _derivation(statement)
    shown: list[Markup] = []
    symbols: dict[Any, str] = {}
    for printed in PRINTED[statement]:
        form = _derivation(printed.of or statement).form(printed.form)
        right = times(form.expression) if printed.exponentiate else form.expression
        written = formula(Markup(printed.left), printed.relation, right, printed.for_)
        shown.append(
            element(
                "div",
                written,
                class_="formula scroll",
                tabindex="0",
                role="group",
                aria_label=f"Formula of {statement}: {form.name.replace('_', ' ')}",
            )
        )
        used = right.free_symbols
        symbols |= {
            symbol: WORDS.get(name, name.replace("_", " ")) for name, symbol in form.arguments.items() if symbol in used
        }
    title = [element("strong", f"{derived.title}."), " "] if titled else None
    where = [
        _explained(symbol, says, "," if k + 1 < len(symbols) else ".")
        for k, (symbol, says) in enumerate(symbols.items())
    ]
    return together(
        [
            element("p", title, element("cite", derived.source), ".", class_="cited"),
            shown,
            element("p", "With", where, class_="where"),
        ]
    )


def _explained(symbol: Any, says: str, end: str) -> list[Any]:
    """Return a symbol and what it is; the line does not break between them."""
    first, _, rest = f"{says}{end}".partition(" ")
    return [" ", element("span", inline(symbol), "\u00a0", first, class_="together"), f" {rest}" if rest else None]


def times(logarithm: Any) -> Any:
    """Return the exponential of a logarithm: what stands under ln as factors, the rest in the exponent."""
    factor, rest = sp.Integer(1), sp.Integer(0)
    for term in sp.Add.make_args(sp.expand_log(logarithm)):
        if isinstance(term, sp.log):
            factor *= term.args[0]
        else:
            rest += term
    return sp.factor_terms(factor) * sp.exp(rest)


@cache
def _fingerprint() -> str:
    """Return a digest of the derivations' sources and of those that typeset them."""
    digest = hashlib.sha256(fingerprint().encode())
    for name in ("html", "mathml", "statements"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:24]


@cache
def _derivation(statement: str) -> Derivation:
    return derivation(statement)
