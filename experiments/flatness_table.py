"""Escape against sharpness as a readable page, at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .flatness import FlatnessResult, Series
from .table import arguments
from .verdict import FALSE_ALARM

RUNGS = {"exact_discrete": "iteration", "exact_diffusion": "diffusion"}
FITTED = {
    "measured": "measured",
    "measured, printed prefactor": "measured, Pi_k as printed",
    "exact_discrete": "exact, this iteration",
    "exact_diffusion": "exact, its diffusion",
}


SHORT = {"direct": "direct", "splitting": "split"}
"""How a time was measured, where it was not directly at every k."""


def show(result: FlatnessResult) -> None:
    """Print a result on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        for series in result.series:
            console.print(Text(_title(series), "bold"))
            console.print(_times(series))
            console.print()
        console.print(_exponents(result))
        console.print()
        for line in _notes(result):
            console.print(Text(line))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _title(series: Series) -> str:
    setup = series.setup
    fields = {name: value for name, value in setup.rule._asdict().items() if value != 0}
    return f"{setup.name}{arguments(fields)}, B = {setup.noise.batch_size:.4g}"


def _times(series: Series) -> Table:
    """Return mean escape times, and what is predicted over what was measured."""
    laws = series.setup.laws
    times = {name: np.exp(law.log_time(series.sharpness)) for name, law in laws.items()}
    predicted = {"printed": times["closed_form"]}
    if not np.allclose(times["corrected"], times["closed_form"], rtol=1e-9):
        predicted["ours"] = times["corrected"]
    predicted |= {RUNGS[rung]: exact for rung, exact in series.exact.items()}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    split = "splitting" in series.methods
    for heading in (
        "k",
        *(("by",) if split else ()),
        "N",
        "mean time",
        "low",
        "high",
        *(f"/{name}" for name in predicted),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for j, k in enumerate(series.sharpness):
        cells = [f"{k:.4g}", *((SHORT[series.methods[j]],) if split else ()), f"{series.escaped[j]:,}"]
        cells += [f"{x:.5g}" for x in (series.means[j], series.low[j], series.high[j])]
        cells += [f"{series.means[j] / each[j]:.4g}" for each in predicted.values()]
        table.add_row(*cells)
    return table


def _exponents(result: FlatnessResult) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("exponents", min_width=36, no_wrap=True)
    for heading in ("fitted", "low", "high", "stated"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for series in result.series:
        stated = -series.setup.laws["closed_form"].exponent
        table.add_row(Text(series.setup.name, "bold"), "", "", "", "", "")
        for name, fit in series.fits.items():
            high, low = (f"{-end:.4f}" for end in fit.interval(0.95))
            verdict = series.verdict.outcome if name == "measured" else ""
            ends = (low, high) if name.startswith("measured") else ("", "")
            table.add_row("  " + FITTED[name], f"{-fit.exponent:.4f}", *ends, f"{stated:g}", verdict)
        for name, says in (
            ("divided", "slope of ln ln(tau/Pi_k) on ln k"),
            ("raw", "slope of ln ln tau, Pi_k left in"),
        ):
            if name in series.slopes:
                line = series.slopes[name]
                numbers = (line.slope + side * 1.959964 * line.error for side in (0.0, -1.0, 1.0))
                table.add_row("  " + says, *(f"{x:.4f}" for x in numbers), "", "")
    return table


def _notes(result: FlatnessResult) -> Iterator[str]:
    yield (
        "low, high: 95 %. fitted: c + A k^-p to ln(tau/Pi_k), all of c, A and p free, each point "
        "weighted by its sampling variance. verdict: the stated exponent in the interval at "
        f"{1.0 - FALSE_ALARM:.1%} for all rules together. /name: measured mean over it."
    )
    if any("splitting" in series.methods for series in result.series):
        yield "by split: measured by splitting, N its repetitions; by direct: by N trajectories lived through"
    for series in result.series:
        if "measured" in series.fits:
            fit, stated = series.fits["measured"], series.setup.laws["closed_form"].exponent
            yield (
                f"{series.setup.name}: chi-square {fit.misfit:.3g} on {len(fit.sharpness) - 3} degrees of freedom, "
                f"{fit.misfit_at(stated):.3g} on one more with the exponent held at {-stated:g}"
            )
    for series in result.series:
        identity = series.identity
        if identity is not None:
            factor = np.sqrt(identity.factor) if series.setup.name == "adam" else identity.factor
            yield (
                f"{series.setup.name}, {identity.factor:g} times as sharp against {factor:g} times the learning rate: "
                f"{identity.same:,} of {identity.trajectories:,} trajectories escape at the same step"
            )
    reasons: dict[str, list[str]] = {}
    for series in result.series:
        for rung, reason in series.reasons.items():
            reasons.setdefault(reason, []).append(f"{series.setup.name}, {RUNGS[rung]}")
    for reason, where in reasons.items():
        yield f"no exact times, {'; '.join(where)}: {reason}"
    if result.interrupted:
        yield "interrupted: this is what was done by then"
    yield f"{result.seconds:.3g} seconds"
