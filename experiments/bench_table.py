"""A contest as a readable page, at most 80 columns wide where it is not on a terminal."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .contest import OURS, TOLERANCE, Contest, Standing
from .peers.interface import CASES


def show(result: Contest) -> None:
    """Print a contest on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        for case in result.cases:
            standings = result.standings(case)
            if standings:
                console.print(Text(f"{case}: {CASES[case].says}"))
                console.print(_table(standings))
                console.print()
        for line in _notes(result):
            console.print(Text(line))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def _table(standings: list[Standing]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", min_width=22)
    for heading in ("ns", "low", "high", "x NumPy", "of limit"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for each in standings:
        name = Text(each.contestant, "bold" if each.contestant.split()[0] == OURS else "")
        ratios = (None if ratio is None else ratio.median for ratio in (each.speedup, each.of_limit))
        cells = ("-" if x is None else _number(x) for x in (*each.ns, *ratios))
        table.add_row(name, *cells, "differs" if each.differs else "")
    return table


def _number(x: float) -> str:
    return f"{x:.2f}" if x < 100.0 else f"{x:.0f}"


def _notes(result: Contest) -> list[str]:
    lines = [
        "ns: CPU time per useful trajectory-step-dimension on one thread: median, low and high over rounds, "
        f"{result.rounds}. x NumPy: NumPy's time over its own. of limit: its own time over the C++ limit's. "
        f"differs: its answers are more than {TOLERANCE:g} standard errors off."
    ]
    for case in result.cases:
        for each in result.standings(case):
            if each.differs:
                source = result.references[case].source
                lines.append(f"differs, case {case}, {each.contestant}: {each.differs} ({source})")
        fewer = [
            f"{label} {work.samples:,}"
            for (name, label), work in result.found.items()
            if name == case and work.samples != CASES[case].number(result.scale)
        ]
        if fewer:
            lines.append(
                f"other numbers of trajectories than {CASES[case].number(result.scale):,}, case {case}: "
                + ", ".join(fewer)
            )
    unchecked = [case for case in result.cases if case not in result.references]
    if unchecked:
        lines.append(f"answers not compared, for want of NumPy: case {', '.join(unchecked)}")
    reasons: dict[str, list[str]] = {}
    for label, reason in result.absent.items():
        reasons.setdefault(reason, []).append(label)
    lines += [f"not measured: {'; '.join(labels)}: {reason}" for reason, labels in reasons.items()]
    lines.append("; ".join(dict.fromkeys(result.versions.values())))
    lines.append("{processor}, {cores} cores, {system}, Python {python}".format(**result.machine))
    if result.interrupted:
        lines.append("interrupted: this is what was measured by then")
    return lines
