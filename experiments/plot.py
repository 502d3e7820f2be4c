"""A figure of its own: its data computed by this package's own runs, drawn, and written with what made it."""

import hashlib
import json
import shlex
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import __version__
from .choices import LANDSCAPE, NOISE, RULE, Kind, Part, choose
from .fields import as_text, flag_of, plain
from .figures import FIGURES
from .figures.interface import Choice, Movie, Parts
from .figures.stored import restored, stored
from .refusals import nearest, one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: dict[str, Kind] = {kind.word: kind for kind in (RULE, LANDSCAPE, NOISE)}


class Plot(NamedTuple):
    """A figure with its data and what made it.

    Parameters
    ----------
    name
        As in ``saddlescape plot NAME``.
    data
        All that is drawn, a NamedTuple of the figure's own.
    options
        What was set, as plain values; with the parts, name and fields of each.
    command
        What makes it again; "" where a part is of a class that has no name on the command line.
    """

    name: str
    data: Any
    options: dict[str, Any]
    command: str

    @property
    def module(self) -> Any:
        """The figure's module."""
        return module_of(self.name)

    @property
    def title(self) -> str:
        """What it shows, in a line."""
        return FIGURES[self.name][0]

    @property
    def caption(self) -> str:
        """What it shows, with its numbers."""
        return str(self.module.caption(self.data))

    @property
    def alt(self) -> str:
        """What it looks like, for those who do not see it."""
        return str(self.module.alt(self.data))

    @property
    def animated(self) -> bool:
        """Whether it moves."""
        return hasattr(self.module, "animate")

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return _digest(stored(self.data))

    def draw(self) -> "Figure":
        """Return the figure, of an animation the frame that stands for it."""
        drawn: Figure = self.module.draw(self.data)
        return drawn

    def animate(self) -> Movie:
        """Return the animation."""
        movie: Movie = self.module.animate(self.data)
        return movie

    def as_json(self) -> dict[str, Any]:
        """Return the data and what made it as one plain object; what is undefined is null."""
        told = stored(self.data)
        return {
            "figure": self.name,
            "title": self.title,
            "caption": self.caption,
            "alt": self.alt,
            "statements": list(self.module.STATEMENTS),
            "command": self.command,
            "options": self.options,
            "version": __version__,
            "digest": _digest(told),
            "data": told,
        }

    def save(self, path: Path | str, dpi: float | None = None, drawn: "Figure | None" = None) -> None:
        """Write it; the suffix says how: .png, .pdf, .svg, .json (the data), and .gif or .mp4 of an animation.

        Parameters
        ----------
        path
            The file; its folder is made.
        dpi
            Dots per inch where there are dots; 150 if left out, 80 of an animation.
        drawn
            What ``draw`` returned, where more than one file is written.

        Raises
        ------
        ValueError
            Where the suffix is none of these.
        OSError
            Where the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        known = formats(self.name)
        if suffix not in (".json", *known):
            raise ValueError(f"path={path} must end in {', '.join(known)} or .json")
        if suffix == ".json":
            from .record import atomic

            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as file:
                file.write((json.dumps(self.as_json(), allow_nan=False) + "\n").encode())
        elif suffix in MOVIES:
            from .figures.movie import write_movie

            write_movie(self.animate(), path, self.source, dpi)
        else:
            from .figures.style import write

            about = {"Title": self.title, "Description": self.caption, "Source": self.source}
            write(drawn or self.draw(), path, about, dpi)

    @property
    def source(self) -> str:
        """What makes it again, by which version, and the digest of its data."""
        return f"{self.command or 'drawn from Python'}  (saddlescape {__version__}, data {self.digest})"


STILLS = (".png", ".pdf", ".svg")
MOVIES = (".gif", ".mp4")


def formats(name: str) -> tuple[str, ...]:
    """Return the suffixes of the files that a figure can be written to, the usual one first."""
    return (*MOVIES, *STILLS) if hasattr(module_of(name), "animate") else STILLS


def module_of(name: str) -> Any:
    """Return the module of a figure.

    Raises
    ------
    ValueError
        Where there is none of that name.
    """
    if name not in FIGURES:
        raise ValueError(f"there is no figure {name!r}{nearest(name, FIGURES, one_of(FIGURES))}")
    return import_module(f".figures.{FIGURES[name][1]}", __package__)


def figure(
    name: str, *, rule: Any = None, landscape: Any = None, noise: Any = None, report: Any = None, **options: Any
) -> Plot:
    """Run what a figure shows and return it with its data.

    Parameters
    ----------
    name
        As in ``saddlescape plot NAME``.
    rule, landscape, noise
        In place of the figure's own, where it takes one.
    report
        Called with (share done, what is under way).
    options
        The figure's own; ``saddlescape plot NAME --help`` lists them.

    Returns
    -------
    Plot
        ``.draw()`` is the matplotlib Figure, ``.save(path)`` writes it, ``.data`` is all that is drawn.

    Raises
    ------
    ValueError, TypeError
        Where there is no such figure or option, or one is out of bounds.
    """
    module = module_of(name)
    known = module.Options._fields
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {option!r}{nearest(option, known, one_of(known))}")
    given = {"rule": rule, "landscape": landscape, "noise": noise}
    chosen: dict[str, Chosen] = {}
    for word, each in given.items():
        if each is not None and word not in module.PARTS:
            raise TypeError(f"{name} takes no {word}")
        if each is not None:
            chosen[word] = Chosen(_named(KINDS[word], each), {}, each.check())
        elif word in module.PARTS:
            chosen[word] = default_part(module.PARTS[word], KINDS[word])
    return computed(name, module.Options(**options), chosen, report)


class Chosen(NamedTuple):
    """A rule, a landscape or a noise that a figure is made with.

    Parameters
    ----------
    part
        Its place in the tables; None where its class has no name on the command line.
    values
        What was given for its fields.
    built
        The object, checked.
    """

    part: Part | None
    values: dict[str, Any]
    built: Any

    def described(self) -> dict[str, Any]:
        """Return its name and its fields."""
        if self.part is None:
            return {"name": type(self.built).__name__}
        return self.part.describe(self.built, self.values)


def default_part(choice: Choice, kind: Kind) -> Chosen:
    """Return the part that a figure takes where none is chosen."""
    part = choose(kind, choice.name)
    return Chosen(part, choice.values, part.build(choice.values))


def computed(name: str, options: Any, chosen: dict[str, Chosen], report: Any = None) -> Plot:
    """Return a figure of these options and parts."""
    data = module_of(name).compute(options, Parts(**{word: each.built for word, each in chosen.items()}), report)
    told = plain({"options": options._asdict()} | {word: each.described() for word, each in chosen.items()})
    named = all(each.part is not None for each in chosen.values())
    return Plot(name, data, told, shlex.join(command_of(name, told)) if named else "")


def command_of(name: str, told: dict[str, Any]) -> list[str]:
    """Return the tokens that make a figure again, every field written out."""
    tokens = ["saddlescape", "plot", name, *(f"--{word}={told[word]['name']}" for word in KINDS if word in told)]
    for part in told.values():
        for field, value in part.items():
            if field != "name" and value is not None and np.size(value):
                tokens.append(f"{flag_of(field)}={as_text(value)}")
    return tokens


def redrawn(path: Path | str) -> Plot:
    """Return a figure from the .json file with its data, without running anything.

    Raises
    ------
    ValueError
        Where the file is not that of a figure of this version, or was changed.
    OSError
        Where it cannot be read.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        name, data, digest = told["figure"], told["data"], told["digest"]
        options, command = told["options"], told["command"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} does not hold the data of a figure") from None
    module = module_of(name)
    if _digest(data) != digest:
        raise ValueError(f"{path} was changed: its data is not what its digest says")
    try:
        return Plot(name, restored(data, module.Data), options, command)
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path} was written by saddlescape {told.get('version')}, whose {name} held other data"
        ) from None


def _named(kind: Kind, built: Any) -> Part | None:
    """Return the part of an object's class, or None where it has none on the command line."""
    for name in kind.table:
        part = choose(kind, name)
        if part.make is type(built):
            return part
    return None


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, allow_nan=False, sort_keys=True).encode()).hexdigest()
