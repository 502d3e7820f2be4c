"""How every figure looks, and how it is written: the same result gives the same bytes."""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..record import atomic
from ..table import REFERENCES, arguments

# Okabe and Ito's colours, told apart by every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK = "#222222"

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
    "grid.color": "#dddddd",
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "saddlescape",
    "savefig.dpi": 150.0,
}


class Line(NamedTuple):
    """How a reference is drawn.

    Parameters
    ----------
    colour, dashes, width
        As matplotlib takes them.
    label
        What it is called.
    """

    colour: str
    dashes: Any
    width: float
    label: str


REFERENCE_LINES = {
    "exact_discrete": Line(INK, "-", 1.4, REFERENCES["exact_discrete"]),
    "exact_diffusion": Line(COLOURS[2], (0, (6, 2)), 1.8, REFERENCES["exact_diffusion"]),
    "closed_form": Line(COLOURS[1], (0, (2, 1.5)), 1.8, REFERENCES["closed_form"]),
    "corrected": Line(COLOURS[3], (0, (6, 2, 1.5, 2)), 1.8, REFERENCES["corrected"]),
}

# Nothing of the moment of writing goes into a file.
TIMELESS: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
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


def write(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix says how."""
    suffix = path.suffix.lower()
    raw = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(raw, format=suffix[1:], metadata=TIMELESS[suffix])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        file.write(raw.getvalue())
