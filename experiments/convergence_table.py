"""A convergence experiment as a readable page, at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .convergence import RULES, Convergence, Decay
from .table import arguments

NAMES = {"sgd": "SGD", "frozen": "frozen inertia", "adai": "Adai"}


def show(result: Convergence) -> None:
    """Print a convergence experiment on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        _page(console, result)
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _page(console: Console, result: Convergence) -> None:
    for kind in ("landscape", "noise"):
        part = result.configuration[kind]
        console.print(Text.assemble((f"{kind:<10}", "bold"), part["name"] + "  " + arguments(part).strip("()")))
    told = result.constants
    console.print(
        Text.assemble(
            ("known     ", "bold"),
            f"L(theta_0) - L* = {told.gap:.4g}, ell = {told.smoothness:.4g}, G = {told.slope:.4g},"
            f" delta = {told.noise:.4g}",
        )
    )
    console.print(Text.assemble(("run       ", "bold"), f"lr = {result.configuration['run']['c0']:.4g}/sqrt(T + 1)"))
    console.print()
    console.print(Text("min over t <= T of E|grad L|^2, low and high at 95 %, and what it is divided by:"))
    for decay in result.decays:
        console.print()
        console.print(Text(f"{NAMES[decay.name]}: {RULES[decay.name]}", "bold"))
        console.print(_table(decay))
        for line in _notes(decay):
            console.print(Text(line))
    if result.interrupted:
        console.print(Text("interrupted: this is what was done by then"))
    console.print()
    console.print(Text(f"{result.seconds:.3g} s; digest {result.digest()[:16]} (first 16 of 64)"))


def _table(decay: Decay) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("T", "N", "at step", "measured", "low", "high", "exact", "bound", "ours"):
        table.add_column(name, justify="right", no_wrap=True)
    for horizon, limits, exact in zip(decay.horizons, decay.bounds, decay.exact, strict=True):
        table.add_row(
            f"{horizon.steps:,}",
            f"{horizon.trajectories:,}",
            f"{horizon.step:,}",
            *(f"{x:.4g}" for x in (horizon.value, *horizon.interval(0.95))),
            *(_ratio(horizon.value, x) for x in (exact.value, limits.closed_form.value, limits.corrected.value)),
        )
    return table


def _ratio(value: float, known: float | None) -> str:
    return "-" if known is None else f"{value / known:.4g}"


def _notes(decay: Decay) -> Iterator[str]:
    exponent = decay.exponent
    if exponent is not None:
        low, high = exponent.interval(0.95)
        yield f"decays like T^-p, p = {exponent.value:.4f} [{low:.4f}, {high:.4f}] at 95 %"
    last: Any = decay.bounds[-1]
    for heading, told in (("bound", last.closed_form), ("ours", last.corrected)):
        if told.value is None:
            yield f"{heading}: {told.reason}"
    unknown = dict.fromkeys(exact.reason for exact in decay.exact if exact.value is None)
    for reason in unknown:
        yield f"exact: {reason}"
