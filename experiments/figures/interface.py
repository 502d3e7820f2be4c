"""What a figure is: a module with these names, listed in ``FIGURES``.

``Options``
    NamedTuple of what can be set, each with a default; its docstring says what the figure shows.
``QUICK``
    Those of its options that make it cheap enough for a test.
``PARTS``
    Rule, landscape and noise that can be chosen for it, each with a default: word -> Choice.
``STATEMENTS``
    Names of the statements it is about.
``Data``
    NamedTuple of all that is drawn: arrays, numbers, words, NamedTuples, tuples and dictionaries of these.
``compute(options, parts, report)``
    Run what there is to run and return the data.
``draw(data)``
    Return a matplotlib Figure.
``caption(data)``, ``alt(data)``
    What it shows, with its numbers, and what it looks like, for those who do not see it.
``animate(data)``
    Only of an animation: return its Movie; ``draw`` returns the frame that stands for it on paper.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


class Choice(NamedTuple):
    """A rule, a landscape or a noise that a figure takes where none is chosen.

    Parameters
    ----------
    name
        Its name on the command line.
    values
        Fields that differ from their defaults.
    """

    name: str
    values: dict[str, Any]


class Parts(NamedTuple):
    """The chosen rule, landscape and noise, checked; None for what a figure does not take.

    Parameters
    ----------
    rule, landscape, noise
        The objects.
    """

    rule: Any = None
    landscape: Any = None
    noise: Any = None


class Movie(NamedTuple):
    """An animation.

    Parameters
    ----------
    figure
        What is drawn on.
    frames
        How many frames there are.
    update
        Called with the number of a frame: changes the figure into it.
    seconds
        Time that each frame stands.
    moving
        What ``update`` changes, in the order in which it is drawn over the rest; the rest is then drawn only once. If
        empty, every frame is drawn whole.
    """

    figure: "Figure"
    frames: int
    update: Callable[[int], None]
    seconds: float
    moving: "tuple[Artist, ...]" = ()


def whole(result: Any) -> Any:
    """Return the result of an ensemble without the time that it took, so that the same run is the same data.

    Ctrl-C ends the figure where it cut the ensemble short: a figure is never of a part.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    return result._replace(seconds=0.0)
