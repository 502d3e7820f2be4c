"""What a kind of result is: a module with ``section(source)``, listed in ``KINDS``.

A section says what was asked, shows it, and ends with what makes it again; its claims go into the table of verdicts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..verdict import AGREES, DIFFERS, NO_REFERENCE, UNDERPOWERED
from .html import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTRADICTED = "contradicted"
"""A simulation differs from what is exact for its own iteration: an error of the program, not of a statement."""
OUTCOMES = (CONTRADICTED, DIFFERS, UNDERPOWERED, AGREES, NO_REFERENCE)
"""In the order in which they are told."""


class Source(NamedTuple):
    """A file that holds a result.

    Parameters
    ----------
    path
        The file.
    name
        Its path within the folder of the report.
    told
        What it holds, read from JSON.
    """

    path: Path
    name: str
    told: dict[str, Any]


class Claim(NamedTuple):
    """A verdict, in a line.

    Parameters
    ----------
    what
        What was compared.
    against
        With what.
    outcome
        One of OUTCOMES.
    ratio, low, high
        Measured over predicted and its interval, of the most discrepant comparison; None where there is none.
    compared
        How many comparisons there were.
    says
        More, in words.
    key
        That of the heading under which it is told; "" for the section.
    """

    what: str
    against: str
    outcome: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    compared: int = 1
    says: str = ""
    key: str = ""


class Mark(NamedTuple):
    """A number with a verdict in a cell.

    Parameters
    ----------
    value
        The number; None where there is none.
    outcome
        One of OUTCOMES.
    """

    value: float | None
    outcome: str


Cell: TypeAlias = "str | int | float | Mark | Markup | None"


class Heading(NamedTuple):
    """A heading within a section.

    Parameters
    ----------
    text
        What it says.
    key
        Its id within the section.
    """

    text: str
    key: str


class Prose(NamedTuple):
    """A paragraph."""

    text: str


class Facts(NamedTuple):
    """Names and what they are."""

    pairs: tuple[tuple[str, str], ...]


class Picture(NamedTuple):
    """A figure.

    Parameters
    ----------
    figure
        What is drawn.
    alt
        What it looks like, for those who do not see it.
    caption
        What it shows.
    movie
        A .gif file that moves, where there is one.
    """

    figure: "Figure"
    alt: str
    caption: str
    movie: Path | None = None


class Table(NamedTuple):
    """Numbers.

    Parameters
    ----------
    caption
        What they are.
    headings
        One for each column; the first column names the row.
    rows
        Cells, numbers as numbers.
    """

    caption: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


class Stated(NamedTuple):
    """A statement to be typeset.

    Parameters
    ----------
    statement
        Its name.
    titled
        Whether its title is told too.
    """

    statement: str
    titled: bool = True


Block: TypeAlias = "Heading | Prose | Facts | Picture | Table | Stated | Claim"


class Made(NamedTuple):
    """What makes a result again.

    Parameters
    ----------
    command
        The command line; "" where there is none.
    version
        Of this package.
    digest
        SHA-256, or "".
    of
        What the digest is of.
    created
        When, as the file itself says; "" where it does not.
    packages
        Versions of other packages.
    """

    command: str
    version: str
    digest: str = ""
    of: str = ""
    created: str = ""
    packages: str = ""


class Section(NamedTuple):
    """A result as part of a page.

    Parameters
    ----------
    title
        Its heading.
    asked
        What was asked, in plain words.
    claims
        Its verdicts.
    blocks
        What is shown.
    made
        What makes it again.
    source
        The file's name.
    """

    title: str
    asked: str
    claims: tuple[Claim, ...]
    blocks: tuple[Block, ...]
    made: Made
    source: str


class Problem(NamedTuple):
    """A file that could not be shown, and why, in a line."""

    name: str
    says: str
