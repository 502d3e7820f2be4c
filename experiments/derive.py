"""``saddlescape derive STATEMENT``: a statement's derivation as a page to read, or as LaTeX."""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from .command import print_members
from .fields import fields
from .flags import Section, filled, parse
from .refusals import InputError, nearest, one_of

WIDTH = 80


class DeriveOutput(NamedTuple):
    """How a derivation is written.

    Parameters
    ----------
    latex
        Write LaTeX in place of plain text.
    """

    latex: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    from ..theory.statements import STATEMENTS, derivation

    first = tokens[0] if tokens else "--help"
    if first in ("--help", "-h"):
        return print_members(name, f"{says} Derived by sympy, step by step.", STATEMENTS, "statement")
    if first not in STATEMENTS:
        raise InputError(f"there is no statement {first!r}{nearest(first, STATEMENTS, one_of(STATEMENTS))}")
    sections = [Section("Output", "", fields(DeriveOutput))]
    given = parse(f"saddlescape {name} {first}", f"{STATEMENTS[first]}.", sections, tokens[1:])
    if given is None:
        return 0
    derived = derivation(first)
    pages = latex_page(derived) if filled(DeriveOutput, given).latex else plain_page(derived)
    print("\n".join(pages))
    sys.stdout.flush()
    return 0


def plain_page(derived: Any) -> Iterator[str]:
    """Yield the lines of a derivation as plain text with formulas in Unicode."""
    yield from _wrapped(f"{derived.name}: {derived.title}")
    yield from _wrapped(derived.source)
    for title, entries in _parts(derived):
        yield ""
        yield title.upper()
        for k, (name, says, formula) in enumerate(entries):
            yield ""
            yield from _wrapped(f"{k + 1}. {name}. {says}" if says else f"{k + 1}. {name}.")
            if formula is not None:
                yield ""
                yield from _formula(formula)


def latex_page(derived: Any) -> Iterator[str]:
    """Yield the lines of a derivation as the body of a LaTeX document (amsmath)."""
    from ..theory.symbols import LATEX, sp

    yield rf"\section*{{{_tex(derived.name)}: {_tex(derived.title)}}}"
    yield _tex(derived.source) + "."
    for title, entries in _parts(derived):
        yield ""
        yield rf"\subsection*{{{title}}}"
        yield r"\begin{enumerate}"
        for name, says, formula in entries:
            yield rf"\item \textbf{{{_tex(name)}.}} {_tex(says)}".rstrip()
            if formula is not None:
                yield r"\begin{equation*}"
                yield sp.latex(formula, symbol_names=LATEX)
                yield r"\end{equation*}"
        yield r"\end{enumerate}"


def _parts(derived: Any) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """Yield each part that has entries: its title, and (name, words, formula)."""
    from ..theory.symbols import sp

    conditions = [
        (each.name.replace("_", " "), f"Must be {'small' if each.small else 'large'}. {each.says}", each.number)
        for each in derived.conditions
    ]
    forms = [
        (each.name, each.says, sp.Eq(sp.Symbol(each.name), each.expression, evaluate=False)) for each in derived.forms
    ]
    for title, entries in (
        ("Assumptions", list(derived.assumptions)),
        ("Steps", list(derived.steps)),
        ("Closed forms", forms),
        ("Limits", list(derived.limits)),
        ("Where it holds", conditions),
        ("Where the printed statement parts from the dynamics", list(derived.findings)),
    ):
        if entries:
            yield title, [(name, says, formula) for name, says, formula in entries]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="   ")


def _formula(formula: Any) -> Iterator[str]:
    from ..theory.symbols import sp

    for line in sp.pretty(formula, use_unicode=True, num_columns=WIDTH - 6).splitlines():
        yield ("      " + line).rstrip()


def _tex(text: str) -> str:
    return "".join({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#"}.get(c, c) for c in text)
