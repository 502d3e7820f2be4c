"""Figures, one file each: those of a command's result, and those that ``saddlescape plot`` draws by name.

Panels are functions that draw on axes of the reader's own: ``saddlescape.plot.kaplan_meier(times, ax=ax)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..plot import figure as figure
    from ..plot import redrawn as redrawn
    from .survival import exponential_qq as exponential_qq
    from .survival import kaplan_meier as kaplan_meier

# Name -> (what it shows, module), in the order of the gallery.
FIGURES = {
    "survival": ("Who has not escaped yet, and whether escape is memoryless", "survival"),
}
# Function -> the module here that holds it; loaded when first asked for.
PANELS = {
    "exponential_qq": "survival",
    "kaplan_meier": "survival",
}


def __getattr__(name: str) -> Any:
    if name in ("figure", "redrawn"):
        return getattr(import_module("..plot", __name__), name)
    if name not in PANELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{PANELS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PANELS, "figure", "redrawn"})
