"""A record of ``saddlescape saddle``."""

from typing import Any

import numpy as np

from ..figures.saddle import draw
from ..saddle import SaddleResult, restored
from ..table import REFERENCES
from .interface import Block, Picture, Section, Source, Stated, Table
from .records import STARTS, claim, made, parts, read, regime_table, rule_of, sources, title
from .statements import about_saddle

MOST_ROWS = 60
"""Directions in the table; the record holds all."""


def section(source: Source) -> Section:
    """Return a spreading experiment as a section."""
    result = read(source, restored)
    described = result.configuration
    blocks: list[Block] = [
        parts(described),
        Picture(draw(result), _alt(result), _caption(result)),
        Stated(about_saddle(described["rule"]["name"])),
        _variances(result),
        sources(result.references),
        regime_table(result.regime),
    ]
    heading = title("leaves a saddle", described)
    return Section(
        heading, _asked(result), (claim(heading, result.verdict),), tuple(blocks), made(source.told), source.name
    )


def _asked(result: SaddleResult) -> str:
    described, spread = result.configuration, result.spread
    run = described["run"]
    start = "the saddle" if run["origin"] is None else f"θ = {run['origin']}"
    return (
        f"How fast does {rule_of(described)} spread along each direction of a saddle? {spread.trajectories:,} "
        f"trajectories start {STARTS[run['momentum']]} from {start} and run for {int(spread.steps[-1]):,} steps. "
        "The variance along each eigen-direction is compared with every reference there is, "
        "at every recorded step, and judged by what is exact for this very iteration."
    )


def _caption(result: SaddleResult) -> str:
    spread = result.spread
    fastest, slowest = int(np.argmax(spread.variance[-1])), int(np.argmin(spread.variance[-1]))
    return (
        f"{spread.trajectories:,} trajectories, {spread.diverged:,} that diverged left out. After "
        f"{int(spread.steps[-1]):,} steps (t = {spread.time[-1]:.4g}) the variance is "
        f"{spread.variance[-1, fastest]:.4g} along curvature {spread.curvatures[fastest]:.4g} and "
        f"{spread.variance[-1, slowest]:.4g} along curvature {spread.curvatures[slowest]:.4g}. Left: "
        "variances with their 95 % bands and every reference. Right: the same over the finest reference there is."
    )


def _alt(result: SaddleResult) -> str:
    return (
        "Two panels on logarithmic time. Left, the variance along each of "
        f"{len(result.spread.curvatures)} directions grows with time, marks beside the references' lines. Right, the "
        "ratios to the exact reference, with a band around 1 in which sampling leaves them."
    )


def _variances(result: SaddleResult) -> Table:
    spread = result.spread
    low, high = (edge[-1] for edge in spread.interval(0.95))
    names = [name for name, each in result.references.items() if each.value is not None]
    known = [np.asarray(result.references[name].value, dtype=np.float64)[-1] for name in names]
    order = np.argsort(spread.curvatures, kind="stable")
    shown = order if len(order) <= MOST_ROWS else order[np.linspace(0, len(order) - 1, MOST_ROWS).astype(int)]
    rows: list[Any] = []
    for i in shown:
        ratios = (float(np.divide(spread.variance[-1, i], value[i])) for value in known)
        numbers = (spread.curvatures[i], spread.variance[-1, i], low[i], high[i])
        rows.append((*(float(number) for number in numbers), *ratios))
    headings = ("curvature", "variance", "low, 95 %", "high, 95 %", *(f"÷ {REFERENCES[name]}" for name in names))
    some = "" if len(shown) == len(order) else f", {len(shown)} of {len(order)} directions"
    return Table(f"Variance after {int(spread.steps[-1]):,} steps, and over each reference{some}", headings, rows)
