"""The report: any folder of results as one page that needs nothing else.

A kind of result is one module here with ``section(source)``; adding one touches its file and one line below.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """How a file of a kind is known.

    Parameters
    ----------
    module
        Its module here.
    keys
        What the JSON object holds at its top.
    question
        For records, what their configuration asks.
    """

    module: str
    keys: frozenset[str]
    question: str = ""


RECORD = frozenset({"configuration", "results", "sha256"})

# In the order of the page.
KINDS = (
    Kind("verify", frozenset({"rows", "contradictions", "comparisons"})),
    Kind("escape", RECORD, "escape"),
    Kind("saddle", RECORD, "saddle"),
    Kind("sweep", frozenset({"axes", "plan", "settings", "text"})),
    Kind("flatness", frozenset({"series", "run"})),
    Kind("convergence", frozenset({"rules", "constants", "configuration"})),
    Kind("regime", frozenset({"statement", "planes", "found"})),
    Kind("plotted", frozenset({"figure", "data"})),
    Kind("bench", frozenset({"cases", "contestants", "measurements"})),
    Kind("scaling", frozenset({"sweeps", "machine"})),
)
