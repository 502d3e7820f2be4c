"""The plan of a sweep as a readable page, at most 80 columns wide where it is not on a terminal."""

import math
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .amounts import REPETITIONS, counted_up, in_words
from .planner import Plan, SettingPlan
from .wording import counted, duration, large, share, size

MOST, DEAREST = 40, 10
"""Settings up to which all are shown; of more, so many of the dearest. The JSON object holds all."""
WARNED = 6
"""Warnings that are shown."""


def show(plan: Plan) -> None:
    """Print a plan on stdout."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:
        settings = _shown(plan.settings)
        console.print(_table(settings, escape=plan.question == "escape"))
        for line in _notes(plan, settings):
            console.print(Text(line))
        console.print()
        console.print(_totals(plan))
        if plan.warnings:
            console.print()
        for said in warned(plan):
            console.print(Text(said))
    print("\n".join(line.rstrip() for line in page.get().splitlines()))


def warned(plan: Plan) -> Iterator[str]:
    """Yield the first warnings, those before others that say what would help, and how many there are beside."""
    told = sorted(plan.warnings, key=lambda said: " would make it " not in said)
    yield from (f"warning: {said}" for said in told[:WARNED])
    hopeless = sum(each.hopeless for each in plan.settings)
    if len(told) > WARNED:
        yield f"and {len(told) - WARNED:,} more warnings: --dry-run --json tells all"
    if hopeless:
        yield f"hardly an escape is to be seen in {hopeless:,} of {len(plan.settings):,} settings"


def _shown(settings: Sequence[SettingPlan]) -> list[SettingPlan]:
    """Return all settings in the file's order, or the dearest."""
    if len(settings) <= MOST:
        return list(settings)
    return sorted(settings, key=lambda each: -each.seconds)[:DEAREST]


def _table(settings: Sequence[SettingPlan], *, escape: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(", ".join(settings[0].at) if settings else "", overflow="fold")
    headings = ("tau, steps", "cut off", "number", "units", "time", "+-") if escape else _SADDLE
    for name in headings:
        table.add_column(name, justify="right", no_wrap=True)
    for each in settings:
        cells = [f"{each.trajectories:,}", f"{each.units:,}", duration(each.seconds), _precision(each.half_interval)]
        cut_off = "split" if each.amount == REPETITIONS else share(each.expected.censored)
        steps = [_steps(each), cut_off] if escape else [f"{each.max_steps:,}"]
        table.add_row(Text(", ".join(each.at.values()) or "the run"), *steps, *cells)
    return table


_SADDLE = ("steps", "number", "units", "time", "+-")


def _steps(each: SettingPlan) -> str:
    expected = each.expected
    if not expected.known:
        if not expected.log_steps > 0.0:
            return "?"
        return f">{large(expected.log_steps)}"
    return large(expected.log_steps) + ("*" if expected.source.startswith("closed form") else " ")


def _precision(half: float) -> str:
    if not math.isfinite(half):
        return "-"
    return f"{100.0 * half:.2g} %" if half < 0.995 else ">100 %"


def _notes(plan: Plan, shown: Sequence[SettingPlan]) -> Iterator[str]:
    if len(shown) < len(plan.settings):
        yield f"the {len(shown)} dearest of {len(plan.settings):,} settings; --json tells all"
    if any(each.expected.source.startswith("closed form") for each in shown):
        yield "* by the closed form; the others by a pilot of 64 to 1024 trajectories"
    if any(each.amount == REPETITIONS for each in shown):
        yield "split: by splitting; number is that of repetitions, tau and +- by four small ones, roughly"
    yield "time: on one worker; +-: half the 95 % interval over the mean, as it will be"


def _totals(plan: Plan) -> Table:
    numbers = [(each.amount, each.trajectories) for each in plan.settings]
    rows = [
        ("settings", f"{len(plan.settings):,}, {in_words(counted_up(numbers))}"),
        ("units", _units(plan)),
        ("steps", large(math.log(plan.steps)) if plan.steps >= 1.0 else "0"),
        ("time", f"{duration(plan.seconds)} on {counted(plan.workers, 'worker')}{_busy(plan)}"),
    ]
    exact = sum(each.exact for each in plan.settings)
    if exact > 0.0:
        rows.append(("", f"of which {duration(exact)} for the exact references"))
    rows += [
        ("memory", f"{size(plan.memory)}{_of(plan.memory_free)}"),
        ("disk", f"{size(plan.disk)}{_of(plan.disk_free)}"),
        ("compiled", _compiled(plan)),
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(Text(name), Text(said))
    return table


def _units(plan: Plan) -> str:
    done = counted_up((each.amount, each.finished) for each in plan.settings if each.finished)
    left = f"{plan.units:,} to run"
    if plan.units:
        left += f", {duration(plan.work / plan.units)} each"
    return left + (f"; {in_words(done, ' and ')} are there already" if done else "")


def _busy(plan: Plan) -> str:
    slower = f"{plan.busy:.2g} times as long while other work goes on here"
    return f"; {slower}" if plan.busy > 1.3 else ""


def _of(free: float) -> str:
    return f" of {size(free)} free" if math.isfinite(free) else ""


def _compiled(plan: Plan) -> str:
    word = "combination" if plan.combinations == 1 else "combinations"
    now = f"; {plan.compiled} of them just now, in {duration(plan.compile_seconds)}" if plan.compiled else ""
    return f"{plan.combinations} {word}{now}"
