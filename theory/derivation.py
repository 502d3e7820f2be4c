"""What a derivation is: assumptions, named steps, closed forms, their limits, and the numbers that say where they hold.

A statement is one module of this folder whose ``derive()`` returns a Derivation; ``statements.STATEMENTS`` lists them.
"""

from typing import Any, NamedTuple

from .symbols import sp


class Assumption(NamedTuple):
    """What a statement takes for granted.

    Parameters
    ----------
    name
        Short name.
    says
        One sentence.
    equation
        The same as a sympy relation; None where it is no equation.
    """

    name: str
    says: str
    equation: Any = None


class Step(NamedTuple):
    """One step of a derivation, as a reader would follow it.

    Parameters
    ----------
    name
        Short name.
    says
        What is done, and why it may be done.
    result
        What comes out: a sympy expression or relation, computed from the steps before.
    """

    name: str
    says: str
    result: Any


class Form(NamedTuple):
    """A closed form that the program evaluates.

    Parameters
    ----------
    name
        Name by which it is asked for.
    says
        What it is, and whether it stands so in the paper or is ours.
    expression
        What the derivation ends in.
    arguments
        Keyword -> symbol, in the order of the evaluated function's arguments.
    finite
        The same expression written so that no removable singularity is left (see functions.py); what is evaluated.
    """

    name: str
    says: str
    expression: Any
    arguments: dict[str, Any]
    finite: Any


class Limit(NamedTuple):
    """What a form becomes at an edge of its range.

    Parameters
    ----------
    name
        Which edge.
    says
        One sentence.
    result
        The limit, taken by sympy.
    """

    name: str
    says: str
    result: Any


class Condition(NamedTuple):
    """A dimensionless number that must be small, or large, for a statement to hold.

    Parameters
    ----------
    name
        Its name in ``regime`` and ``spread_regime``.
    number
        The number in the statement's symbols.
    small
        Whether it must be small; large otherwise.
    says
        What is lost where it is not.
    """

    name: str
    number: Any
    small: bool
    says: str


class Finding(NamedTuple):
    """Where the printed statement parts from the dynamics.

    Parameters
    ----------
    name
        Short name.
    says
        What it comes from.
    result
        The difference, or the corrected form.
    """

    name: str
    says: str
    result: Any


class Derivation(NamedTuple):
    """A statement, derived.

    Parameters
    ----------
    name, title
        "theorem-1", and what it is about.
    source
        Where it is printed.
    assumptions, steps, forms, limits, conditions, findings
        In the order in which they are read.
    """

    name: str
    title: str
    source: str
    assumptions: tuple[Assumption, ...]
    steps: tuple[Step, ...]
    forms: tuple[Form, ...]
    limits: tuple[Limit, ...] = ()
    conditions: tuple[Condition, ...] = ()
    findings: tuple[Finding, ...] = ()

    def form(self, name: str) -> Form:
        """Return the closed form of this name."""
        for form in self.forms:
            if form.name == name:
                return form
        raise ValueError(f"form={name!r}: {self.name} has {', '.join(form.name for form in self.forms)}")


def vanishes(expression: Any) -> bool:
    """Say whether sympy shows an expression to be 0, so that a step that must hold is seen to hold."""
    return bool(sp.simplify(expression) == 0)


def must_vanish(expression: Any, says: str) -> None:
    """Stop a derivation at a step that does not hold.

    Raises
    ------
    ArithmeticError
        Where the expression is not shown to be 0.
    """
    if not vanishes(expression):
        raise ArithmeticError(f"{says}: {sp.simplify(expression)} is not 0")
