"""A proposition's closed forms from a theorem's, by the substitutions that turn one rule into the other."""

from typing import Any

from .derivation import Form


def substituted(form: Form, name: str, says: str, at: dict[Any, Any], arguments: dict[str, Any]) -> Form:
    """Return a form with symbols replaced, all at once, in what it is and in what is evaluated.

    Parameters
    ----------
    form
        The theorem's form.
    name, says, arguments
        Of the proposition's.
    at
        Symbol -> what takes its place.
    """
    return Form(name, says, form.expression.xreplace(at), arguments, form.finite.xreplace(at))
