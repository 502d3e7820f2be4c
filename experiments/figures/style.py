"""How every figure looks, and how it is written: the same data gives the same bytes.

A rule has its colour, mark and dashes in every figure, and so has a rung, in colours that no rule has: neither is told
apart by colour alone, so that greyscale loses nothing.
"""

import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..record import atomic
from ..table import REFERENCES, arguments

# Okabe and Ito's colours, told apart by every kind of colour vision.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""For what is neither a rule nor a rung: directions, peers."""
INK, GREY, GRID, PAPER = "#222222", "#767676", "#dddddd", "#ffffff"

STYLE: Any = {
    "font.size": 13.0,
    "axes.titlesize": 13.0,
    "axes.labelsize": 14.0,
    "legend.fontsize": 12.0,
    "figure.titlesize": 14.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "saddlescape",
    "figure.dpi": 100.0,
    "savefig.dpi": 150.0,
}


class Look(NamedTuple):
    """How a rule or a rung is drawn.

    Parameters
    ----------
    colour, dashes, mark, width
        As matplotlib takes them.
    label
        What it is called.
    """

    colour: str
    dashes: Any
    mark: str
    width: float
    label: str

    @property
    def line(self) -> dict[str, Any]:
        """Return the arguments of a line."""
        return {"color": self.colour, "linestyle": self.dashes, "linewidth": self.width}

    @property
    def points(self) -> dict[str, Any]:
        """Return the arguments of marks that no line joins."""
        return {"color": self.colour, "marker": self.mark, "linestyle": "none"}


RULE_LOOKS = {
    "sgd": Look(BLUE, "-", "o", 2.0, "SGD"),
    "momentum": Look(ORANGE, (0, (7, 1.5)), "s", 2.0, "Momentum"),
    "adam": Look(VERMILION, (0, (3, 1.2)), "^", 2.0, "Adam"),
    "adamw": Look(VERMILION, (0, (3, 1.2, 1, 1.2)), "v", 2.0, "AdamW"),
    "adai": Look(GREEN, (0, (9, 1.5, 2, 1.5)), "D", 2.0, "Adai"),
    "adaiw": Look(GREEN, (0, (9, 1.5, 1, 1, 1, 1.5)), "d", 2.0, "AdaiW"),
    "langevin": Look(GREY, "-", "P", 2.0, "Langevin"),
    "underdamped": Look(GREY, (0, (7, 1.5)), "X", 2.0, "underdamped Langevin"),
}
SIMULATED = Look(INK, "none", "o", 1.4, "simulated")
REFERENCE_LOOKS = {
    "exact_discrete": Look(INK, "-", "|", 1.4, REFERENCES["exact_discrete"]),
    "exact_diffusion": Look(SKY, (0, (6, 2)), "P", 1.8, REFERENCES["exact_diffusion"]),
    "closed_form": Look(PURPLE, (0, (2, 1.5)), "X", 1.8, REFERENCES["closed_form"]),
    "corrected": Look(PURPLE, (0, (6, 2, 1.5, 2)), "d", 1.8, REFERENCES["corrected"]),
}

# Nothing of the moment of writing goes into a file.
TIMELESS: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
}


# What each kind of file calls what it carries.
_KEYS = {
    ".png": {"Title": "Title", "Description": "Description", "Source": "Source"},
    ".pdf": {"Title": "Title", "Description": "Subject", "Source": "Keywords"},
    ".svg": {"Title": "Title", "Description": "Description", "Source": "Source"},
}


@contextmanager
def styled(width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of this size (inches) and draw on it in the common style."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def head(figure: Figure, configuration: dict[str, Any]) -> None:
    """Write rule, landscape and noise above a figure, with their numbers other than 0, a line or more each."""
    columns = int(figure.get_figwidth() * 9.5)
    lines: list[str] = []
    for kind in ("rule", "landscape", "noise"):
        part = {name: value for name, value in configuration[kind].items() if value != 0}
        lines += textwrap.wrap(part["name"] + arguments(part), columns)
    figure.suptitle("\n".join(lines))


def panel(ax: Axes | None) -> Axes:
    """Return the axes that were given, or new ones of pyplot, in the reader's own style."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure(layout="constrained").add_subplot()


def spread_ticks(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Return those of the wanted ticks, the most wanted first, that a logarithmic axis has room for, rising.

    Parameters
    ----------
    wanted
        Ticks above 0.
    low, high
        Ends of the axis.
    apart
        Distance that two of them keep, as a share of the axis.
    """
    kept: list[float] = []
    for tick in wanted:
        if low <= tick <= high and all(abs(np.log(tick / other)) > apart * np.log(high / low) for other in kept):
            kept.append(tick)
    return sorted(kept)


def write(figure: Figure, path: Path, about: Mapping[str, str] | None = None, dpi: float | None = None) -> None:
    """Write a figure; the suffix says how.

    Parameters
    ----------
    figure
        The figure.
    path
        A .png, .pdf or .svg file; its folder is made.
    about
        Title, Description and Source, which the file carries.
    dpi
        Dots per inch where it has dots.
    """
    raw = rendered(figure, path.suffix.lower(), about, dpi)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        file.write(raw)


def rendered(figure: Figure, suffix: str, about: Mapping[str, str] | None = None, dpi: float | None = None) -> bytes:
    """Return a figure as the bytes of a .png, .pdf or .svg file; see ``write``."""
    raw = io.BytesIO()
    said = {_KEYS[suffix][key]: text for key, text in (about or {}).items()}
    with mpl.rc_context(STYLE):
        figure.savefig(raw, format=suffix[1:], metadata=TIMELESS[suffix] | said, dpi=dpi or STYLE["savefig.dpi"])
    return raw.getvalue()
