"""Run the lesson: ``python docs/make_lesson.py`` fills docs/lesson.md and writes docs/lesson.ipynb.

docs/lesson.md is the source of every word and every line of code. Its python blocks are run one after the other in one
namespace; what they print and draw goes between the markers ``<!-- output -->`` and ``<!-- end output -->`` that follow
each, and the notebook holds the same cells with the same outputs. Running it again gives the same bytes. With
``--check`` nothing is written: the exit code is 1 where a file would change.

A line ``<!-- alt: ... -->`` below a block says what its figure looks like, for those who do not see it.
"""

import base64
import contextlib
import io
import json
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

# As the command line has it: the last bit of an exact reference does not depend on the number of cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

FOLDER = Path(__file__).parent
OPEN, CLOSE = "<!-- output -->\n", "<!-- end output -->\n"
ALT = re.compile(r"<!-- alt: (.*) -->\n")
HEADING = re.compile(r"^## (\d+)\.", re.MULTILINE)
FOLD = re.compile(r"</?details>.*\n")
"""What hides an answer on the page; a notebook's outputs stand below their cells anyway."""


class Piece(NamedTuple):
    """Lines of the page that belong together.

    Parameters
    ----------
    kind
        "text", "code", "alt", or "output": the place of one, without what stood there.
    lines
        Its lines, with what marks them.
    """

    kind: str
    lines: list[str]


class Cell(NamedTuple):
    """A piece of the lesson.

    Parameters
    ----------
    kind
        "markdown" or "code".
    text
        What it says.
    name
        Of its figure's file and of the notebook's cell.
    alt
        What its figure looks like.
    """

    kind: str
    text: str
    name: str
    alt: str = ""


class Output(NamedTuple):
    """What a cell printed or drew.

    Parameters
    ----------
    text
        What was printed; "" for a figure.
    png
        The figure; b"" for text.
    """

    text: str = ""
    png: bytes = b""


def pieces_of(page: str) -> list[Piece]:
    """Return the pieces of a page, in order; outputs are left out.

    Raises
    ------
    ValueError
        Where a block or an output does not end.
    """
    pieces = [Piece("text", [])]
    ends: str | None = None
    for line in page.splitlines(keepends=True):
        if ends is not None:
            if pieces[-1].kind != "output":
                pieces[-1].lines.append(line)
            if line == ends:
                ends = None
                pieces.append(Piece("text", []))
        elif line in ("```python\n", OPEN):
            pieces.append(Piece("output" if line == OPEN else "code", [line]))
            ends = CLOSE if line == OPEN else "```\n"
        elif ALT.fullmatch(line):
            pieces += [Piece("alt", [line]), Piece("text", [])]
        else:
            pieces[-1].lines.append(line)
    if ends is not None:
        raise ValueError(f"{ends.strip()} is missing at the end of the page")
    return [piece for piece in pieces if piece.lines]


def cells_of(page: str) -> list[Cell]:
    """Return the cells of a page, in order, without outputs."""
    cells: list[Cell] = []
    step, number, text = 0, 0, ""

    def close() -> None:
        nonlocal step, number, text
        for part in re.split(r"(?=^## )", text, flags=re.MULTILINE):
            found = HEADING.match(part)
            if found:
                step, number = int(found[1]), 0
            elif part.startswith("## "):
                step, number = step + 1, 0
            if part.strip():
                cells.append(Cell("markdown", part.strip() + "\n", f"step-{step:02d}-text-{number}"))
                number += 1
        text = ""

    for piece in pieces_of(page):
        if piece.kind == "text":
            text += "".join(line for line in piece.lines if not FOLD.fullmatch(line))
        elif piece.kind == "code":
            close()
            cells.append(Cell("code", "".join(piece.lines[1:-1]), f"step-{step:02d}-code-{number}"))
            number += 1
        elif piece.kind == "alt":
            found = ALT.fullmatch(piece.lines[0])
            cells[-1] = cells[-1]._replace(alt=found[1] if found else "")
    close()
    return cells


def run(cells: list[Cell]) -> list[list[Output]]:
    """Run the code cells in one namespace and return what each printed and drew; a warning is an error."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    outputs: list[list[Output]] = []
    printed = io.StringIO()
    show = plt.show

    def tell() -> None:
        if printed.getvalue():
            outputs[-1].append(Output(text=printed.getvalue()))
        printed.seek(0)
        printed.truncate()

    def shown(*_: Any, **__: Any) -> None:
        tell()
        for number in plt.get_fignums():
            raw = io.BytesIO()
            plt.figure(number).savefig(raw, format="png", dpi=100, metadata={"Software": None})
            outputs[-1].append(Output(png=raw.getvalue()))
            plt.close(number)

    names: dict[str, Any] = {"__name__": "lesson"}
    plt.show = shown
    try:
        with mpl.rc_context(), warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            mpl.rcdefaults()
            mpl.rcParams["svg.hashsalt"] = "lesson"
            warnings.simplefilter("error")
            for cell in cells:
                if cell.kind == "code":
                    outputs.append([])
                    exec(compile(cell.text, cell.name, "exec"), names)
                    tell()
    finally:
        plt.show = show
        plt.close("all")
    return outputs


def figure_name(cell: Cell, number: int) -> str:
    """Return the name of a figure's file; the first of a step has no number of its own."""
    step = cell.name.split("-")[1]
    return f"lesson-{step}.png" if number == 0 else f"lesson-{step}-{number + 1}.png"


def filled(page: str, cells: list[Cell], outputs: list[list[Output]]) -> tuple[str, dict[str, bytes]]:
    """Return the page with the outputs in their places, and the figures by the names of their files.

    Raises
    ------
    ValueError
        Where an output has no place, or nothing says what a figure looks like.
    """
    code = iter(zip([cell for cell in cells if cell.kind == "code"], outputs, strict=True))
    figures: dict[str, bytes] = {}
    made = ""
    waiting: list[str] = []
    for piece in pieces_of(page):
        if piece.kind == "code":
            if waiting:
                raise ValueError("a block prints or draws, but the next one comes before a place for its output")
            cell, found = next(code)
            waiting = _shown(cell, found, figures)
        if piece.kind == "output":
            made += OPEN + "".join(waiting) + "\n" + CLOSE
            waiting = []
        else:
            made += "".join(piece.lines)
    if waiting:
        raise ValueError("the last block prints or draws, but has no place for its output")
    return made, figures


def _shown(cell: Cell, found: list[Output], figures: dict[str, bytes]) -> list[str]:
    told = []
    for each in found:
        if each.text:
            told.append(f"\n```text\n{each.text.rstrip()}\n```\n")
        elif not cell.alt:
            raise ValueError(f"{cell.name} draws a figure of which nothing says what it looks like")
        else:
            name = figure_name(cell, len([one for one in told if one.startswith("\n![")]))
            figures[name] = each.png
            told.append(f"\n![{cell.alt}](figures/{name})\n")
    return told


def notebook_of(cells: list[Cell], outputs: list[list[Output]]) -> str:
    """Return the notebook as JSON, the same bytes for the same cells and outputs."""
    made: list[dict[str, Any]] = []
    code = iter(outputs)
    count = 0
    for cell in cells:
        lines = cell.text.rstrip("\n").splitlines(keepends=True)
        if cell.kind == "markdown":
            made.append({"cell_type": "markdown", "id": cell.name, "metadata": {}, "source": lines})
            continue
        count += 1
        told = [_told(cell, each) for each in next(code)]
        made.append(
            {
                "cell_type": "code",
                "execution_count": count,
                "id": cell.name,
                "metadata": {},
                "outputs": told,
                "source": lines,
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"file_extension": ".py", "name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _told(cell: Cell, each: Output) -> dict[str, Any]:
    if each.text:
        return {"name": "stdout", "output_type": "stream", "text": each.text.splitlines(keepends=True)}
    return {
        "data": {"image/png": base64.b64encode(each.png).decode(), "text/plain": [cell.alt]},
        "metadata": {"image/png": {"alt": cell.alt}},
        "output_type": "display_data",
    }


def made_from(page: str) -> dict[str, bytes]:
    """Run the lesson and return its files by their names inside docs/."""
    cells = cells_of(page)
    outputs = run(cells)
    text, figures = filled(page, cells, outputs)
    files = {"lesson.md": text.encode(), "lesson.ipynb": notebook_of(cells, outputs).encode()}
    return files | {f"figures/{name}": png for name, png in figures.items()}


def main(arguments: list[str]) -> int:
    """Write the files, or tell which would change; return the exit code."""
    files = made_from((FOLDER / "lesson.md").read_text(encoding="utf-8"))
    stale = [path for path in FOLDER.glob("figures/lesson-*.png") if f"figures/{path.name}" not in files]
    changed = [name for name, raw in files.items() if not _is(FOLDER / name, raw)]
    if arguments == ["--check"]:
        for name in [*changed, *(f"figures/{path.name}" for path in stale)]:
            print(f"docs/{name} is not what the lesson gives")
        return 1 if changed or stale else 0
    for path in stale:
        path.unlink()
    for name in changed:
        (FOLDER / name).write_bytes(files[name])
    print(f"{len(changed)} of {len(files)} files changed")
    return 0


def _is(path: Path, raw: bytes) -> bool:
    return path.is_file() and path.read_bytes() == raw


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
