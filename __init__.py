"""saddlescape: what a stochastic optimizer does near a saddle and in a valley."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .dynamics.momentum import Momentum as Momentum
    from .dynamics.sgd import SGD as SGD
    from .landscapes.isotropic_noise import IsotropicNoise as IsotropicNoise
    from .landscapes.quartic_well import QuarticWell as QuarticWell

# Each name a user needs and the module that holds it; loaded when first asked for, so that importing is cheap.
_HOME = {
    "QuarticWell": "landscapes.quartic_well",
    "IsotropicNoise": "landscapes.isotropic_noise",
    "SGD": "dynamics.sgd",
    "Momentum": "dynamics.momentum",
}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("." + _HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
