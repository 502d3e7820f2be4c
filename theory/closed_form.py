"""The closed forms as functions of arrays, printed from the derivations: no formula is typed twice.

A derivation takes sympy a second or more, so that what it ends in is written as a module to the cache folder, under a
fingerprint of the sources it came from; a later process reads that and needs no sympy.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..landscapes.cache_folder import generated_module
from .statements import STATEMENTS, derivation

HEAD = '''"""Closed forms of {name}: {title}."""

import numpy

from {functions} import {names}
'''


@cache
def closed_form(statement: str, form: str) -> Callable[..., Any]:
    """Return a closed form as a function.

    Parameters
    ----------
    statement
        "theorem-1" and so on; see ``statements.STATEMENTS``.
    form
        Name of one of the derivation's forms.

    Returns
    -------
    callable
        Takes the form's arguments, numbers or arrays that broadcast, and is finite wherever the form has a limit.

    Raises
    ------
    ValueError
        Where there is no such statement or form.

    Examples
    --------
    >>> spread = closed_form("theorem-1", "spread")
    >>> float(spread(curvature=0.0, diffusion=1.0, time=3.0))
    6.0
    """
    if statement not in STATEMENTS:
        raise ValueError(f"statement={statement!r} must be one of {', '.join(STATEMENTS)}")
    stem = statement.replace("-", "_")
    module = generated_module("closed_forms", f"saddlescape_{stem}_{fingerprint()}", lambda: _source(statement))
    if form not in module.FORMS:
        raise ValueError(f"form={form!r}: {statement} has {', '.join(module.FORMS)}")
    return getattr(module, form)  # type: ignore[no-any-return]


def _source(statement: str) -> str:
    """Return the text of a module with one function for each form."""
    from sympy.printing.numpy import NumPyPrinter

    from .functions import __all__ as names
    from .symbols import sp

    derived = derivation(statement)
    printer = NumPyPrinter({"fully_qualified_modules": True})
    text = HEAD.format(
        name=derived.name, title=derived.title, functions=f"{__package__}.functions", names=", ".join(names)
    )
    text += f"\nFORMS = {[form.name for form in derived.forms]!r}\n"
    for form in derived.forms:
        dummies = {symbol: sp.Symbol(name) for name, symbol in form.arguments.items()}
        common, (last,) = sp.cse(form.finite.xreplace(dummies), symbols=sp.numbered_symbols("part"))
        loose = last.free_symbols.union(*(e.free_symbols for _, e in common))
        loose -= {*dummies.values(), *(symbol for symbol, _ in common)}
        if loose:
            raise ArithmeticError(f"{statement}, {form.name}: {loose} are no arguments of the form")
        text += f"\n\ndef {form.name}({', '.join(form.arguments)}):\n"
        text += "".join(f"    {symbol} = {printer.doprint(expression)}\n" for symbol, expression in common)
        text += f"    return {printer.doprint(last)}\n"
    return text


@cache
def fingerprint() -> str:
    """Return a digest of all sources that can take part in a derivation: the theory, and the rules' own steps."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256(version("sympy").encode())
    for folder in ("dynamics", "theory"):
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:24]
