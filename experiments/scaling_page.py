"""How cost grows, as a readable page: at most 80 columns wide where it is not on a terminal."""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from .scaling import Growth, Point, ScalingResult, Spread


def show(result: ScalingResult) -> None:
    """Print all sweeps on stdout, at most 80 columns wide where that is not a terminal."""
    console = Console(file=sys.stdout, highlight=False, markup=False)
    with console.capture() as page:
        for name, growth in result.sweeps.items():
            console.print(f"{name}: {growth.sweep.says}", style="bold")
            console.print(_thread_table(growth) if name == "threads" else _cost_table(name, growth))
            for line in _remarks(name, growth):
                console.print(line)
            console.print()
        rounds = "1 round" if result.run.rounds == 1 else f"{result.run.rounds} rounds, interleaved"
        console.print(f"Median [lowest, highest] of {rounds}; {result.seconds:.0f} s in all.")
        if result.interrupted:
            console.print("Interrupted: this is what was measured by then.")
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _cost_table(name: str, growth: Growth) -> Table:
    series = growth.series
    table = _table(f"ns a {growth.sweep.unit}", name)
    several = len(series) > 1
    for each in series:
        table.add_column(each if several else "CPU", justify="right")
    told = [*([] if several else ["wall"]), *(["useful", "peak MiB"] if name == "trajectories" else [])]
    for heading in told:
        table.add_column(heading, justify="right")
    rows: dict[int, dict[str, Point]] = {}
    for point in growth.points:
        rows.setdefault(point.x, {})[point.series] = point
    for x, row in rows.items():
        cells = [f"{x:,}", *(_cell(row[each].cpu_ns) if each in row else "-" for each in series)]
        point = next(iter(row.values()))
        if not several:
            cells.append(_cell(point.wall_ns))
        if name == "trajectories":
            cells.append("-" if point.samples[0].useful_share is None else f"{point.samples[0].useful_share:.4f}")
            cells.append("-" if point.peak_bytes is None else f"{point.peak_bytes / 2**20:.1f}")
        table.add_row(*cells)
    return table


def _thread_table(growth: Growth) -> Table:
    table = _table("", "threads")
    table.add_column("")
    for heading in ("seconds", "speed-up", "cores given"):
        table.add_column(heading, justify="right")
    for series, points in growth.series.items():
        for point in points:
            seconds, cores = f"{point.wall_seconds[0]:.3g}", f"{point.cores:.2f}"
            table.add_row(str(point.x), series, seconds, _cell(growth.speed_up(point)), cores)
    return table


def _remarks(name: str, growth: Growth) -> Iterator[str]:
    if growth.sweep.fit_from is not None:
        for series in growth.series:
            fit = growth.fit(series)
            if fit is None:
                yield f"{series}: fewer than three points carry a fit"
            else:
                law = f"{name}^{fit.exponent:.3f} [{fit.low:.3f}, {fit.high:.3f}]"
                yield f"{series}: as {law}, {fit.first:,.0f} to {fit.last:,.0f}"
    if (size := growth.bytes_per_trajectory()) is not None:
        yield f"memory grows by {size:.3g} bytes a trajectory"


def _table(title: str, first: str) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, justify="right")
    return table


def _cell(spread: Spread) -> str:
    median, low, high = spread
    return f"{median:.3g} [{low:.3g}, {high:.3g}]"
