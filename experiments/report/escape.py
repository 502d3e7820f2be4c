"""A record of ``saddlescape escape``."""

from typing import Any

from ..escape import EscapeResult, restored
from ..figures.escape import draw
from ..rare_escape import RareEscapeResult
from ..table import REFERENCES
from . import rare_escape
from .interface import Block, Picture, Section, Source, Stated, Table
from .records import STARTS, claim, made, parts, read, regime_table, rule_of, sources, title
from .statements import about_escape


def section(source: Source) -> Section:
    """Return an escape experiment as a section."""
    result = read(source, restored)
    described = result.configuration
    split = isinstance(result, RareEscapeResult)
    blocks: list[Block] = [
        parts(described),
        rare_escape.picture(result) if split else Picture(draw(result), _alt(result), _caption(result)),
        Stated(about_escape(described["rule"]["name"])),
        _times(result),
        *(rare_escape.blocks(result) if split else ()),
        sources(result.references),
        regime_table(result.regime),
    ]
    heading = title("leaves a minimum", described)
    return Section(
        heading, _asked(result), (claim(heading, result.verdict),), tuple(blocks), made(source.told), source.name
    )


def _asked(result: EscapeResult | RareEscapeResult) -> str:
    described, times = result.configuration, result.times
    run = described["run"]
    start = "the minimum" if run["origin"] is None else f"θ = {run['origin']}"
    end = "the far minimum" if run["exit"] is None else f"the level {run['exit']:g} along the way out"
    start = f"{STARTS[run['momentum']]} from {start}"
    how = (
        f"Paths start {start} and end where they pass {end}. {rare_escape.how(result)}"
        if isinstance(result, RareEscapeResult)
        else f"{times.trajectories:,} trajectories start {start} and run until they pass {end}, for "
        f"{times.max_steps:,} steps at most."
    )
    return (
        f"How long does {rule_of(described)} take to leave a minimum? {how} The mean escape time is compared with "
        "every reference there is, and judged by what is exact for this very iteration."
    )


def _caption(result: EscapeResult) -> str:
    times = result.times
    low, high = times.interval(0.95)
    z, p = times.exponentiality()
    return (
        f"Of {times.trajectories:,} trajectories {times.escaped:,} escaped, {times.censored:,} were censored and "
        f"{times.diverged:,} diverged; the mean escape time is {times.mean:.4g} [{low:.4g}, {high:.4g}] in dynamical "
        "time. Left: the loss on the way out. Right: the share that has not escaped yet, with its pointwise 95 % band, "
        f"beside the exponential law of each reference's mean (test of a constant chance: z = {z:.2g}, p = {p:.2g})."
    )


def _alt(result: EscapeResult) -> str:
    known = sum(each.value is not None for each in result.references.values())
    return (
        "Two panels. Left, the loss along the escape direction with the start, the saddle, the barrier and the "
        "absorbing level. Right, the share of trajectories not yet escaped falls with time, beside "
        f"{known} exponential reference lines."
    )


def _times(result: EscapeResult | RareEscapeResult) -> Table:
    times = result.times
    low, high = times.interval(0.95)
    split = isinstance(result, RareEscapeResult)
    first = f"split, R = {times.repetitions:,}" if split else f"simulated, N = {times.trajectories:,}"
    rows: list[Any] = [(first, times.mean, low, high, times.mean_steps, None)]
    for name in ("exact_discrete", "exact_diffusion", "closed_form", "corrected"):
        known = result.references[name]
        ratio = None if known.value is None else times.mean / known.value
        rows.append((REFERENCES[name], known.value, None, None, known.steps, ratio))
    headings = ("of", "mean time", "low, 95 %", "high, 95 %", "mean steps", "measured ÷ it")
    return Table("Mean escape time in dynamical time, t = steps × learning rate", headings, rows)
