"""Figure of what rare escapes cost: steps for a given error, directly and by splitting, against how rare they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...landscapes.interface import Vector
from .cooling import cooled
from .interface import Choice, Parts
from .rules import rules_of
from .style import GREY, INK, RULE_LOOKS, panel, spread_ticks, styled

Array = npt.NDArray[np.float64]

ERROR = 0.05
"""Relative standard error that the steps are counted for."""
BOUND = 2.0
"""Power of ln(tau/memory) that independent stages of equal chance would cost in one dimension."""
TICKS = (10.0, 20.0, 5.0, 30.0, 15.0, 3.0, 7.0, 40.0, 25.0, 2.0)


class Options(NamedTuple):
    """What rare escapes cost: steps for 5 % relative error, directly and by splitting.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adam, adai with commas between.
    climbs
        Barriers over the temperature, each above 0, reached by weaker noise.
    lr
        Learning rate of all but Adam.
    lr_adam
        Learning rate of Adam.
    beta1
        Of momentum (averaged, beta3 = 1 - beta1) and Adam.
    beta0
        Of Adai.
    repetitions
        Repetitions of each splitting; the cost is known within a factor exp((2/(repetitions - 1))^(1/2)).
    trials
        Trials a stage of each repetition.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,momentum,adam"
    climbs: Vector = (5.0, 7.0, 10.0, 14.0, 19.0, 25.0, 32.0)  # type: ignore[assignment]
    lr: float = 0.05
    lr_adam: float = 0.05
    beta1: float = 0.8
    beta0: float = 0.1
    repetitions: int = 32
    trials: int = 2000
    seed: int = 0


QUICK = {"rules": "sgd", "climbs": (5.0, 8.0, 12.0), "repetitions": 8, "trials": 200}
PARTS = {"landscape": Choice("quartic", {}), "noise": Choice("isotropic", {"variance": 1.25})}
STATEMENTS = ("theorem-3", "proposition-2")


class Cost(NamedTuple):
    """What the escapes of a rule cost at each temperature.

    Parameters
    ----------
    climb
        Barrier over temperature, (P,).
    steps
        Mean escape time in steps, (P,).
    memory
        How long the chain remembers, in steps, (P,).
    error
        Relative standard error that was reached, (P,).
    work
        Steps of the repetitions for it, (P,).
    pilot
        Steps that placing the levels took, (P,).
    stages
        Levels, (P,).
    """

    climb: Array
    steps: Array
    memory: Array
    error: Array
    work: Array
    pilot: Array
    stages: npt.NDArray[np.int64]

    @property
    def direct(self) -> Array:
        """Steps of a direct run for the wanted error: 1/ERROR^2 exponential times, each lived through."""
        return self.steps / ERROR**2

    @property
    def splitting(self) -> Array:
        """Steps of a splitting for the wanted error, without those of the pilot: they fall with its square."""
        return self.work * (self.error / ERROR) ** 2


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    repetitions
        Of each splitting.
    costs
        Rule -> what its escapes cost.
    """

    repetitions: int
    costs: dict[str, Cost]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Measure each rule's escape time at each temperature by splitting, and count the steps.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds or the parts cannot be cooled so.
    """
    from ...dynamics.rare_escapes import rare_escapes
    from ...landscapes.checks import whole

    rules = rules_of(options.rules, options.lr, options.lr_adam, options.beta1, options.beta0)
    whole("repetitions", options.repetitions, 2)
    series = {name: cooled(parts.landscape, parts.noise, rule, options.climbs) for name, rule in rules.items()}
    total, done = sum(len(places) for places in series.values()), 0
    costs = {}
    for name, places in series.items():
        rows = []
        for place in places:
            if report:
                report(done / total, f"{name}, barrier/T {place.climb:.3g}")
            done += 1
            run = rare_escapes(
                place.landscape,
                place.noise,
                place.rule,
                repetitions=options.repetitions,
                trials=options.trials,
                seed=options.seed,
            )
            if run.interrupted:
                raise KeyboardInterrupt
            pilot = float(run.ladder.steps)
            work, memory = float(run.total_steps) - pilot, float(run.ladder.memory)
            stages = len(run.ladder.levels)
            rows.append((place.climb, run.mean_steps, memory, run.relative_error, work, pilot, stages))
        costs[name] = Cost(*(np.array(column) for column in zip(*rows, strict=True)))
    return Data(options.repetitions, costs)


def growth(cost: Cost, repetitions: int, over: npt.ArrayLike | None = None) -> tuple[float, float]:
    """Return the power with which the steps of a splitting grow with ln(tau/memory), and its standard error.

    Parameters
    ----------
    cost
        What escapes cost.
    repetitions
        Of each splitting: the squared error, and so the cost, scatters by (2/(repetitions - 1))^(1/2).
    over
        In place of ln(tau/memory), (P,).

    Returns
    -------
    power, error
        NaN where fewer than two points are known.
    """
    from ..power_fit import fit_line

    rarity = np.log(cost.steps / cost.memory) if over is None else np.asarray(over, dtype=np.float64)
    known = np.isfinite(cost.splitting) & np.isfinite(rarity) & (rarity > 0.0) & (cost.splitting > 0.0)
    if known.sum() < 2:
        return float("nan"), float("nan")
    weights = np.full(int(known.sum()), 0.5 * (repetitions - 1))
    fit = fit_line(np.log(rarity[known]), np.log(cost.splitting[known]), weights)
    return fit.slope, fit.error


def draw(data: Data) -> Figure:
    """Draw the steps against the escape time, and those of splitting against its logarithm."""
    with styled(12.0, 5.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, cost in data.costs.items():
            steps_for_error(cost, ax=left, rule=name)
            steps_against_rarity(cost, data.repetitions, ax=right, rule=name)
        left.set_title("direct runs live through every escape", loc="left")
        right.set_title("splitting pays for the logarithm", loc="left")
        _guide(right, data)
        figure.legend(handles=_handles(data), loc="outside lower center", ncols=2)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    parts = [
        f"Steps for {ERROR:.0%} relative standard error of a mean escape time, directly ({ERROR**-2:.0f} τ) and by "
        "splitting, whose pilot is not counted."
    ]
    for name, cost in data.costs.items():
        known = np.flatnonzero(np.isfinite(cost.steps) & np.isfinite(cost.splitting))
        if not len(known):
            continue
        k = known[-1]
        said = (
            f"{RULE_LOOKS[name].label}, τ = {cost.steps[k]:.2g} steps: {cost.direct[k]:.2g} directly, "
            f"{cost.splitting[k]:.2g} by splitting (pilot {cost.pilot[k]:.2g})"
        )
        power, error = growth(cost, data.repetitions)
        raw, raw_error = growth(cost, data.repetitions, np.log(cost.steps))
        if np.isfinite(power + raw):
            said += (
                f"; they grow as ln(τ/memory) to the power {power:.2f} ± {error:.2f}, as ln τ (steps) over this range "
                f"to {raw:.2f} ± {raw_error:.2f}"
            )
        parts.append(said + ".")
    return " ".join(parts)


def table(data: Data) -> str:
    """Return all numbers as a table in Markdown."""
    lines = [
        "| rule | ΔL/T | τ, steps | memory, steps | stages | direct, 5 % | splitting, 5 % | pilot | direct/splitting |",
        "| --- " + "| ---: " * 8 + "|",
    ]
    for name, cost in data.costs.items():
        for k in range(len(cost.climb)):
            numbers = (cost.steps[k], cost.memory[k], cost.stages[k], cost.direct[k], cost.splitting[k], cost.pilot[k])
            told = " | ".join(f"{each:.2g}" for each in (*numbers, cost.direct[k] / cost.splitting[k]))
            lines.append(f"| {RULE_LOOKS[name].label} | {cost.climb[k]:.3g} | {told} |")
    return "\n".join(lines) + "\n"


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(RULE_LOOKS[name].label for name in data.costs)
    return (
        f"Two panels for {names}. Left, steps against the mean escape time, both logarithmic: direct simulation rises "
        "in proportion, splitting is almost flat. Right, the steps of splitting against the logarithm of the escape "
        "time, beside a line that rises as its square."
    )


def steps_for_error(cost: Cost, *, ax: Axes | None = None, rule: str = "sgd") -> Axes:
    """Draw the steps for 5 % relative error, directly (a line) and by splitting, against the mean escape time.

    Parameters
    ----------
    cost
        Of the rule; ``figure("splitting-cost").data.costs`` holds some.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule on the command line: its colour and mark.

    Returns
    -------
    Axes
        The axes, logarithmic in both.
    """
    axes, look = panel(ax), RULE_LOOKS[rule]
    axes.plot(cost.steps, cost.direct, color=GREY, linewidth=1.6, zorder=1)
    axes.plot(cost.steps, cost.splitting, **look.points, markersize=7)
    axes.plot(cost.steps, cost.splitting, color=look.colour, linestyle=look.dashes, linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("mean escape time τ (steps)")
    axes.set_ylabel("steps for 5 % relative error")
    axes.grid(visible=True)
    return axes


def steps_against_rarity(cost: Cost, repetitions: int, *, ax: Axes | None = None, rule: str = "sgd") -> Axes:
    """Draw the steps that splitting takes for 5 % relative error against ln(tau/memory), with the fitted power.

    Parameters
    ----------
    cost, ax, rule
        As in ``steps_for_error``.
    repetitions
        Of each splitting: how well the cost is known.

    Returns
    -------
    Axes
        The axes, logarithmic in both.
    """
    axes, look = panel(ax), RULE_LOOKS[rule]
    rarity, steps = np.log(cost.steps / cost.memory), cost.splitting
    spread = 1.96 * np.sqrt(2.0 / (repetitions - 1))
    bars = steps * np.array([[1.0 - np.exp(-spread)], [np.exp(spread) - 1.0]])
    axes.errorbar(rarity, steps, bars, **look.points, markersize=7, capsize=3, linewidth=1.2)
    power, _ = growth(cost, repetitions)
    known = np.isfinite(rarity) & np.isfinite(steps) & (rarity > 0.0)
    if np.isfinite(power):
        middle, height = np.log(rarity[known]).mean(), np.log(steps[known]).mean()
        axes.plot(rarity[known], np.exp(height + power * (np.log(rarity[known]) - middle)), **look.line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(spread_ticks(TICKS, *axes.get_xlim(), 0.1)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("ln(τ / memory of the chain)")
    axes.set_ylabel("steps for 5 % by splitting")
    axes.grid(visible=True)
    return axes


def _guide(axes: Axes, data: Data) -> None:
    """Draw a line of the power that independent stages would cost, under all marks."""
    rarity = np.concatenate([np.log(cost.steps / cost.memory) for cost in data.costs.values()])
    steps = np.concatenate([cost.splitting for cost in data.costs.values()])
    known = np.isfinite(rarity) & np.isfinite(steps) & (rarity > 0.0)
    if known.any():
        x = np.array([rarity[known].min(), rarity[known].max()])
        axes.plot(x, 0.5 * float(np.min((steps / rarity**BOUND)[known])) * x**BOUND, color=INK, linewidth=1.2)


def _handles(data: Data) -> list[Any]:
    handles: list[Any] = []
    for name, cost in data.costs.items():
        look, (power, error) = RULE_LOOKS[name], growth(cost, data.repetitions)
        fitted = f", power {power:.2f} ± {error:.2f}" if np.isfinite(power) else ""
        handles.append(Line2D([], [], **look.line, marker=look.mark, markersize=7,
                              label=f"{look.label}, splitting{fitted}"))  # fmt: skip
    handles.append(Line2D([], [], color=GREY, linewidth=1.6, label=f"direct: {ERROR**-2:.0f} τ"))
    handles.append(Line2D([], [], color=INK, linewidth=1.2, label="power 2"))
    return handles
