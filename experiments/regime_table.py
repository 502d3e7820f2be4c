"""Regimes as a readable page, at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..theory.regime_planes.plane import PRINTED, Scan
from ..theory.regimes import BOUNDS, TOLERANCE, Bound
from .regime import Found, RegimeResult

MOST = (7, 9)
"""Columns and rows of a map that are printed; the JSON object holds all."""


def show(result: RegimeResult) -> None:
    """Print a result on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        for scan in result.scans:
            console.print(Text(scan.plane.name, "bold"))
            console.print(Text(scan.plane.says))
            for form in scan.log_ratios:
                over = f"{form} / exact"
                console.print(Text(f"{over}; down: {scan.plane.y.label}, across: {scan.plane.x.label}"))
                console.print(_map(scan, form, result.tolerance))
                console.print()
        for found in result.found:
            for line in _told(found, result):
                console.print(Text(line))
        console.print()
        for line in _notes(result):
            console.print(Text(line))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _map(scan: Scan, form: str, tolerance: float) -> Table:
    """Return closed form over exact, y falling down the page as on a map."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    columns, rows = (_chosen(len(values), most) for values, most in zip((scan.x, scan.y), MOST, strict=True))
    table.add_column("", justify="right", no_wrap=True)
    for j in columns:
        table.add_column(f"{scan.x[j]:.3g} ", justify="right", no_wrap=True)
    ratio, error = np.exp(scan.log_ratios[form]), scan.error(form)
    for i in rows[::-1]:
        cells = (_cell(float(ratio[i, j]), bool(error[i, j] > tolerance)) for j in columns)
        table.add_row(Text(f"{scan.y[i]:.3g}", "bold"), *cells)
    return table


def _cell(ratio: float, off: bool) -> str:
    return "- " if np.isnan(ratio) else f"{ratio:.3g}{'*' if off else ' '}"


def _chosen(count: int, most: int) -> list[int]:
    return [int(k) for k in np.unique(np.round(np.linspace(0, count - 1, min(count, most))))]


def _told(found: Found, result: RegimeResult) -> Iterator[str]:
    regime, size = found.regime, f"{100 * result.tolerance:.3g} %"
    what = f"{found.name}, {found.form}: "
    upper = all(scan.plane.upper for scan in result.scans if scan.plane.name in found.planes)
    if regime.bounds is None:
        yield f"{what}nowhere within {size} on what was scanned"
    elif not regime.bounds:
        yield what + ("not below what is exact" if upper else f"within {size}") + " anywhere on what was scanned"
    else:
        yield f"{what}within {size} where"
        yield from (f"  {bound_text(bound)}" for bound in regime.bounds)
        yield f"  ({100 * regime.share:.0f} % of the planes, worst {100 * regime.worst:.3g} %)"
    if found.form == PRINTED:
        for scan in result.scans:
            if scan.plane.name in found.planes and scan.plane.never:
                yield f"  never on the plane {scan.plane.name!r}: {scan.plane.never}"


def bound_text(bound: Bound) -> str:
    """Return a bound as "number < value"."""
    return f"{bound.number} {'<' if bound.below else '>'} {bound.value:g}"


def _notes(result: RegimeResult) -> Iterator[str]:
    ups = [scan.plane.upper for scan in result.scans]
    if any(ups):
        yield "A bound from above over what is exact: * where it is below, - where there is none."
    else:
        yield f"* off by more than {100 * result.tolerance:.3g} %, - no such point, or nothing exact there."
    for name in dict.fromkeys(found.name for found in result.found):
        if BOUNDS.get(name):
            told = ", ".join(bound_text(bound) for bound in BOUNDS[name])
            yield f"verify goes by, for {100 * TOLERANCE:.3g} %, {name}: {told}"
    yield f"{result.seconds:.3g} seconds"
