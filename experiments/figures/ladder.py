"""Figure of the four rungs: simulated, exact for the iteration, exact for its diffusion, closed form; one a rule."""

import textwrap
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...dynamics.escape_times import EscapeTimes
from ...theory.references import References
from .interface import Choice, Parts, whole
from .rules import rules_of
from .style import GREY, INK, REFERENCE_LOOKS, RULE_LOOKS, SIMULATED, panel, spread_ticks, styled
from .survival import rungs

ORDER = ("exact_discrete", "exact_diffusion", "closed_form", "corrected")
"""From the iteration itself to the theorem, and what corrects it."""
LOSSES = {
    "exact_diffusion": (("exact_discrete", "simulated"), "the cost of a finite learning rate"),
    "closed_form": (("exact_diffusion", "simulated"), "what the theorem leaves out"),
    "corrected": (("exact_discrete", "exact_diffusion", "simulated"), "what the corrected form leaves out"),
}
"""Rung -> the rungs that it can stand on, the first that there is, and what is lost between the two."""
WRAP = 152
"""Letters of a note to the line."""
TICKS = (1.0, 2.0, 0.5, 3.0, 5.0, 0.2, 0.3, 10.0, 0.1, 1.5, 0.7, 20.0, 50.0, 0.05, 1.2, 0.8, 100.0, 0.02, 0.01)
"""Ticks of a ratio, those that are wanted most first."""


class Options(NamedTuple):
    """Four answers to how long it takes to escape, and what each step between them costs.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adam, adai with commas between; what is exact for momentum takes seconds.
    lr
        Learning rate of all but Adam.
    lr_adam
        Learning rate of Adam.
    beta1
        Of momentum (averaged, beta3 = 1 - beta1) and Adam.
    beta0
        Of Adai.
    trajectories
        Number of trajectories N of a rule.
    max_steps
        Steps after which a trajectory is censored.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,momentum,adam,adai"
    lr: float = 0.05
    lr_adam: float = 0.08
    beta1: float = 0.8
    beta0: float = 0.1
    trajectories: int = 2000
    max_steps: int = 200_000
    seed: int = 0


QUICK = {"rules": "sgd,adai", "trajectories": 100}
PARTS = {
    "landscape": Choice("piecewise-quadratic", {"transverse_min": (0.5, 0.5, 0.5)}),
    "noise": Choice("hessian", {}),
}
STATEMENTS = ("theorem-3", "proposition-2", "proposition-4")


class Case(NamedTuple):
    """One question and its answers.

    Parameters
    ----------
    times
        The simulated escape times.
    references
        The other rungs.
    """

    times: EscapeTimes
    references: References


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    cases
        Rule -> its answers.
    """

    cases: dict[str, Case]


class _Line(NamedTuple):
    """A line of the ladder: its label, the value with its interval, and what is said beside it."""

    rung: str
    label: str
    value: float | None
    low: float
    high: float
    said: str


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run an ensemble for each rule and compute the rungs.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds.
    """
    from ...dynamics.escape_times import escape_times
    from ...theory.references import references

    rules = rules_of(options.rules, options.lr, options.lr_adam, options.beta1, options.beta0)
    cases: dict[str, Case] = {}
    for name, rule in rules.items():
        if report:
            report(len(cases) / len(rules), name)
        times = escape_times(
            parts.landscape,
            parts.noise,
            rule,
            trajectories=options.trajectories,
            max_steps=options.max_steps,
            seed=options.seed,
        )
        cases[name] = Case(whole(times), references(parts.landscape, parts.noise, rule))
    return Data(cases)


def draw(data: Data) -> Figure:
    """Draw a ladder for each rule, and below them why rungs are missing."""
    lines = [line for note in _missing(data.cases) for line in textwrap.wrap(note, WRAP)]
    number = sum(len(_lines(*case)) + 1 for case in data.cases.values())
    with styled(12.0, 1.5 + 0.27 * number + 0.26 * len(lines)) as figure:
        axes = figure.add_subplot()
        escape_ladder(data.cases, ax=axes)
        axes.set_title("every rung against the one it stands on", loc="left")
        if lines:
            figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=11, color=INK)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    first = next(iter(data.cases.values())).times
    told = [f"Mean escape times, {first.trajectories:,} trajectories a rule, and what the theory says of them."]
    for name, case in data.cases.items():
        known, (base, _) = rungs(case.references), _base(case)
        low, high = case.times.interval(0.95)
        mean = f"{case.times.mean:.4g} [{low:.4g}, {high:.4g}]" if case.times.escaped else f"above {low:.4g}"
        printed = f", the printed closed form {known['closed_form']:.4g}" if "closed_form" in known else ""
        exact = f", the exact iteration {known['exact_discrete']:.4g}" if base == "exact_discrete" else ""
        told.append(f"{RULE_LOOKS[name].label}: simulated {mean}{exact}{printed}.")
    return " ".join(told)


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(RULE_LOOKS[name].label for name in data.cases)
    return (
        f"{len(data.cases)} groups of rows, one for each of {names}. "
        "Each row has one mark on a common logarithmic axis of ratios, from simulated with its interval at the top to "
        "the printed closed form at the bottom; beside it stands by how many percent it differs from the rung it "
        "stands on and what that step costs."
    )


def escape_ladder(cases: Mapping[str, tuple[EscapeTimes, Any]], *, ax: Axes | None = None) -> Axes:
    """Draw the rungs of escape times, a ladder a case, each over its exact iteration.

    A case without an exact iteration is drawn over its simulated mean. Beside a mark stands by how much it differs from
    the rung that it stands on, and what is lost between the two.

    Parameters
    ----------
    cases
        Name -> (what ``escape_times`` returned, what ``references`` returned); a rule's name on the command line is
        written as the rule's.
    ax
        Where to draw; new axes if left out.

    Returns
    -------
    Axes
        The axes, logarithmic.
    """
    axes = panel(ax)
    at, rows, headings = 0.0, [], []
    reach = [1.0]
    for name, (times, references) in cases.items():
        base, below = _base(Case(times, references))
        over = {"exact_discrete": "the exact iteration", "simulated": "the simulated mean"}.get(base, "nothing")
        headings.append((at, RULE_LOOKS[name].label if name in RULE_LOOKS else name, over))
        at -= 1.0
        for line in _lines(times, references):
            rows.append((at, line, below))
            if line.value is not None:
                reach.append(line.value / below)
            if line.rung == "simulated":
                reach += [end / below for end in (line.low, line.high) if np.isfinite(end)]
            at -= 1.0
    axes.set_xscale("log")
    left, right = 0.9 * max(min(reach), 1e-3), 1.12 * min(max(reach), 1e3)
    axes.set_xlim(left, right)
    for name, (y, heading, over) in zip(cases, headings, strict=True):
        look = RULE_LOOKS.get(name, SIMULATED)
        axes.annotate(heading, (0.0, y), (-8, 0), color=look.colour, ha="right", va="center",
                      xycoords=("axes fraction", "data"), textcoords="offset points", fontweight="bold")  # fmt: skip
        axes.annotate(f"over {over}", (1.0, y), (8, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="left", va="center", color=GREY, fontsize=11)  # fmt: skip
        axes.axhline(y + 0.5, color=GREY, linewidth=0.8)
    axes.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    spot: dict[str, tuple[float, float]] = {}
    for y, line, below in rows:
        axes.annotate(line.said, (1.0, y), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      ha="left", va="center", fontsize=11)  # fmt: skip
        look = REFERENCE_LOOKS.get(line.rung, SIMULATED)
        if line.rung == "simulated":
            spot = {}
            _interval(axes, y, line, below)
        if line.value is None:
            continue
        x = line.value / below
        spot[line.rung] = (x, y)
        under = (
            next((spot[name] for name in LOSSES[line.rung][0] if name in spot), None) if line.rung in LOSSES else None
        )
        if under is not None:
            axes.plot([under[0], under[0], x], [under[1], y, y], color=GREY, linewidth=1.0, zorder=2)
        axes.plot(x, y, **look.points, markersize=13 if look.mark == "|" else 8, markeredgewidth=2.5
                  if look.mark == "|" else 1.0, zorder=4)  # fmt: skip
    axes.set_ylim(at + 0.4, 0.6)
    axes.set_yticks([y for y, _, _ in rows], labels=[line.label for _, line, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(FixedLocator(spread_ticks(TICKS, left, right, 0.06)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("mean escape time over that of the exact iteration (simulated where there is none)")
    axes.set_ylabel("rung")
    return axes


def _interval(axes: Axes, y: float, line: _Line, below: float) -> None:
    if not np.isfinite(line.low):
        return
    if np.isfinite(line.high):
        axes.plot([line.low / below, line.high / below], [y, y], color=SIMULATED.colour, linewidth=2.0, zorder=3)
    else:
        axes.plot(line.low / below, y, ">", color=SIMULATED.colour, markersize=8, zorder=4)


def _base(case: Case) -> tuple[str, float]:
    """Return what a case is divided by and its value: the exact iteration, else simulated, else a closed form."""
    known = rungs(case.references)
    if "exact_discrete" in known:
        return "exact_discrete", known["exact_discrete"]
    if case.times.escaped:
        return "simulated", case.times.mean
    name = next((name for name in ORDER if name in known), "")
    return name, known.get(name, case.times.interval(0.95)[0])


def _lines(times: EscapeTimes, references: Any) -> list[_Line]:
    """Return the lines of a case, from simulated to the theorem as printed."""
    known = rungs(references)
    low, high = times.interval(0.95)
    simulated = times.mean if times.escaped else None
    said = f"{times.mean:.4g} [{low:.4g}, {high:.4g}]" if times.escaped else f"above {low:.4g}: nothing escaped"
    lines = [_Line("simulated", SIMULATED.label, simulated, low, high, said)]
    for name in ORDER:
        if name not in known and name == "corrected" and getattr(references, name).value is not None:
            continue
        value = known.get(name)
        said = "none"
        if value is not None:
            said = f"{value:.4g}{_step(name, value, known, times)}"
        lines.append(_Line(name, REFERENCE_LOOKS[name].label, value, np.nan, np.nan, said))
    return lines


def _step(name: str, value: float, known: Mapping[str, float], times: EscapeTimes) -> str:
    """Return by how much a rung differs from the one that it stands on, and what is lost between them."""
    if name == "exact_discrete":
        low, high = times.interval(0.95)
        return f"  {'inside' if low <= value <= high else 'outside'} the simulated interval"
    stands, loss = LOSSES[name]
    whole_ladder = dict(known) | ({"simulated": times.mean} if times.escaped else {})
    under = next((whole_ladder[each] for each in stands if each in whole_ladder), None)
    return "" if under is None else f"  {_percent(value / under)}: {loss}"


def _percent(ratio: float) -> str:
    if ratio >= 2.0:
        return f"×{ratio:.3g}"
    return f"{100.0 * (ratio - 1.0):+.2g} %".replace("-", "−")


def _missing(cases: Mapping[str, Case]) -> list[str]:
    """Return why rungs are missing, in a sentence for each rule and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, case in cases.items():
        for rung in ORDER:
            reference = getattr(case.references, rung)
            if reference.value is None:
                found.setdefault((RULE_LOOKS[name].label, reference.reason), []).append(REFERENCE_LOOKS[rung].label)
    return [f"{rule} has no “{'” and no “'.join(labels)}”: {reason}." for (rule, reason), labels in found.items()]
