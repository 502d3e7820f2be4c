"""The statements that are derived, evaluated and verified: one module each, found by its name."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .derivation import Derivation

# Name -> what it says. The module is the name with an underscore, and has ``derive()``.
STATEMENTS = {
    "equation-3": "Gradient noise near a critical point has the covariance [H]^+ / B",
    "theorem-1": "How SGD leaves a saddle",
    "theorem-2": "How heavy-ball momentum leaves a saddle",
    "theorem-3": "How long heavy-ball momentum, and SGD as its limit, stay in a minimum",
    "theorem-4": "Adai converges",
    "proposition-1": "How Adam leaves a saddle",
    "proposition-2": "How long Adam stays in a minimum",
    "proposition-3": "How Adai leaves a saddle",
    "proposition-4": "How long Adai stays in a minimum",
    "flatness-selection": "How escape slows with the sharpness of a minimum",
}


def derivation(name: str) -> "Derivation":
    """Return a statement's derivation, made anew by sympy.

    Raises
    ------
    ValueError
        Where there is no such statement.
    """
    if name not in STATEMENTS:
        raise ValueError(f"statement={name!r} must be one of {', '.join(STATEMENTS)}")
    return import_module(f".{name.replace('-', '_')}", __package__).derive()  # type: ignore[no-any-return]
