"""``saddlescape gallery DIR``: every figure, and a page of thumbnails."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .figures import FIGURES
from .flags import Section, filled, parse
from .output import check_output
from .refusals import InputError, leading_names, listed

STILLS = ("png", "pdf", "svg")
THUMBNAILS = "thumbnails"
THUMBNAIL_WIDTH = 800
"""Pixels."""


class GalleryRun(NamedTuple):
    """How the figures are made.

    Parameters
    ----------
    format
        Kinds of file of a still figure, separated by commas: png, pdf, svg. An animation is a gif and a png.
    quick
        So few trajectories that it takes seconds: to see that all works, not to show.
    resume
        Draw what was computed before from its data, without a run.
    jobs
        Figures made at a time; one a core if left out.
    quiet
        Do not tell how far the run has come.
    """

    format: str = "png,pdf"
    quick: bool = False
    resume: bool = False
    jobs: int | None = None
    quiet: bool = False


class Order(NamedTuple):
    """One figure to make.

    Parameters
    ----------
    name
        Its name.
    folder
        Where it goes.
    stills
        Kinds of file.
    quick, resume
        As in GalleryRun.
    """

    name: str
    folder: Path
    stills: tuple[str, ...]
    quick: bool
    resume: bool


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it: a folder, figures, all if there is none, and flags.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    sections = [Section("Gallery", "", fields(GalleryRun))]
    title, known = f"saddlescape {name} DIR [FIGURE ...]", f"Figures, all if none is named: {', '.join(FIGURES)}."
    if not tokens or tokens[0].startswith("-"):
        if tokens and tokens[0] not in ("--help", "-h"):
            raise InputError(f"the folder comes before {tokens[0]}: saddlescape {name} DIR")
        parse(title, f"{says} {known}", sections, ["--help"])
        return 0
    figures, flags = leading_names(tokens[1:], FIGURES, "figure")
    given = parse(title, f"{says} {known}", sections, flags)
    return 0 if given is None else _run(Path(tokens[0]), figures or list(FIGURES), filled(GalleryRun, given))


def _run(folder: Path, names: Sequence[str], run: GalleryRun) -> int:
    from .gallery_page import write_page
    from .progress import shares

    stills = tuple(dict.fromkeys([*listed("--format", run.format, STILLS, "format"), "png"]))
    if run.jobs is not None and run.jobs < 1:
        raise InputError(f"--jobs={run.jobs} must be at least 1")
    check_output(str(folder))
    orders = [Order(name, folder, stills, run.quick, run.resume) for name in names]
    interrupted = False
    with shares(quiet=run.quiet) as report:
        try:
            for done, name in enumerate(_made(orders, run.jobs or os.cpu_count() or 1), 1):
                if report:
                    report(done / len(orders), f"{name} written")
        except KeyboardInterrupt:
            interrupted = True
        except OSError as error:
            raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
        finally:
            page = write_page(folder)
    print(f"written {page}")
    return INTERRUPTED if interrupted else 0


def _made(orders: Sequence[Order], jobs: int) -> Iterator[str]:
    """Make the figures, so many at a time, and yield the name of each that is written."""
    if jobs == 1 or len(orders) == 1:
        yield from map(make, orders)
        return
    # Matplotlib and Numba do not survive a fork; what is slow, compiling and drawing, is done by one thread.
    with ProcessPoolExecutor(min(jobs, len(orders)), multiprocessing.get_context("spawn")) as pool:
        under_way = [pool.submit(make, order) for order in orders]
        try:
            for each in as_completed(under_way):
                yield each.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def make(order: Order) -> str:
    """Make a figure, its thumbnail and its data, the data last, and return its name."""
    plot = _plot(order)
    stem = order.folder / order.name
    drawn = plot.draw()
    for suffix in order.stills:
        plot.save(stem.with_suffix(f".{suffix}"), drawn=drawn)
    _thumbnail(stem.with_suffix(".png"), order.folder / THUMBNAILS / f"{order.name}.png")
    if plot.animated:
        plot.save(stem.with_suffix(".gif"))
    plot.save(stem.with_suffix(".json"))
    return order.name


def _thumbnail(picture: Path, path: Path) -> None:
    """Write a picture made smaller: drawn at few dots per inch, letters would be too wide for their places."""
    from PIL import Image

    from .record import atomic

    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as whole, atomic(path) as file:
        height = round(whole.height * THUMBNAIL_WIDTH / whole.width)
        small = whole.convert("RGB").resize((THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS)
        small.save(file, format="PNG", optimize=True)


def _plot(order: Order) -> Any:
    from .plot import figure, module_of, redrawn

    path = order.folder / f"{order.name}.json"
    if order.resume and path.exists():
        try:
            return redrawn(path)
        except ValueError:
            pass  # of another version, or torn: it is made anew
    return figure(order.name, **(module_of(order.name).QUICK if order.quick else {}))
