"""Figure of escape against sharpness: a panel a rule, ln(tau / Pi_k) over k on logarithmic axes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from ...landscapes.interface import Vector
from ..flatness import CHOICES, FlatnessResult
from .interface import Parts
from .style import GREY, INK, REFERENCE_LOOKS, RULE_LOOKS, panel, styled

Array = npt.NDArray[np.float64]

CURVE = 101
NORMAL = 1.959964
"""Quantile of a two-sided 95 % band."""
TICKS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0)


class Options(NamedTuple):
    """How escape slows with the flatness of a minimum, and the exponents of its law.

    Parameters
    ----------
    rules
        Some of sgd, momentum, adai, adam with commas between; what is exact for momentum takes seconds a sharpness.
    sharpness
        The values of k, four at least; 8 from 1 to 4, with Adam to 8, if left out.
    climb
        Barrier over temperature at k = 1.
    trajectories
        N at the flattest minimum; sharper ones, which are left sooner, get up to ten times as many.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,adam"
    sharpness: Vector | None = None
    climb: float = 8.0
    trajectories: int = 200
    seed: int = 0


QUICK = {"rules": "sgd", "climb": 5.0, "trajectories": 20, "sharpness": (1.0, 1.6, 2.5, 4.0)}
PARTS: dict[str, Any] = {}
STATEMENTS = ("flatness-selection",)


class Fit(NamedTuple):
    """The fitted c + A k^-p.

    Parameters
    ----------
    exponent, low, high
        p and its 95 % interval.
    constant, scale
        c and A.
    """

    exponent: float
    low: float
    high: float
    constant: float
    scale: float


class Law(NamedTuple):
    """What is drawn of a rule.

    Parameters
    ----------
    sharpness
        The values of k, (K,).
    logs, errors
        ln tau as measured and its standard error, (K,).
    prefactor
        ln Pi_k, (K,).
    claimed, climb
        The statement's p, and A.
    exact
        ln tau of the iteration, (K,); empty where there is none.
    fit
        Of what was measured.
    exact_exponent, raw
        Fitted p of the exact times, and the slope with Pi_k left in; None where there is none.
    """

    sharpness: Array
    logs: Array
    errors: Array
    prefactor: Array
    claimed: float
    climb: float
    exact: Array
    fit: Fit
    exact_exponent: float | None
    raw: float | None


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    laws
        Rule -> its law.
    """

    laws: dict[str, Law]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Measure every rule at every sharpness and fit the exponents.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds.
    """
    from ..flatness import FlatnessRun, flatness_experiment
    from ..refusals import nearest, one_of
    from .interface import whole

    names = list(dict.fromkeys(word.strip() for word in options.rules.split(",")))
    for name in names:
        if name not in CHOICES:
            raise ValueError(
                f"rules={options.rules}: there is no {name!r} here{nearest(name, CHOICES, one_of(CHOICES))}"
            )

    def own(done: int, total: int, steps: int) -> None:
        if report:
            report(done / total, "simulating")

    run = FlatnessRun(
        sharpness=options.sharpness, climb=options.climb, trajectories=options.trajectories, seed=options.seed
    )
    return data_of(whole(flatness_experiment(names, run, own)))


def data_of(result: FlatnessResult) -> Data:
    """Return what is drawn of a result: the rules that have a fit."""
    return data_from(result.as_json())


def data_from(told: dict[str, Any]) -> Data:
    """Return what is drawn of a result's JSON object."""
    return Data({each["rule"]: _law(each) for each in told["series"] if each["fits"]})


def _law(series: dict[str, Any]) -> Law:
    fits, law = series["fits"], series["laws"]["corrected"]
    fit, exact = fits["measured"], series["exact"].get("exact_discrete")
    slope = series["slopes"].get("raw")
    low, high = finite_or(fit["low"], -np.inf), finite_or(fit["high"], np.inf)
    return Law(
        np.array(series["sharpness"]),
        np.log(series["means"]),
        np.sqrt(series["variances_of_logarithm"]),
        np.array(law["log_prefactor"]),
        series["claimed_exponent"],
        law["climb"],
        np.zeros(0) if exact is None else np.log(exact),
        Fit(fit["exponent"], low, high, fit["constant"], fit["scale"]),
        None if exact is None else fits["exact_discrete"]["exponent"],
        None if slope is None else -slope["slope"],
    )


def finite_or(value: float | None, otherwise: float) -> float:
    """Return a value, or what null stands for."""
    return otherwise if value is None else value


def draw(data: Data) -> Figure:
    """Draw what was measured with its fit, the statement, and ln tau with its prefactor left in, for each rule."""
    columns = min(len(data.laws), 2)
    rows = -(-len(data.laws) // columns)
    with styled(6.2 * columns if columns > 1 else 8.0, 1.4 + 4.4 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes in panels.ravel()[len(data.laws) :]:
            axes.set_visible(False)
        for axes, (name, law) in zip(panels.ravel(), data.laws.items(), strict=False):
            sharpness_law(law, ax=axes, rule=name)
        figure.legend(handles=_handles(data), loc="outside lower center", ncols=2)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    told = ["ln(τ/Π) against the sharpness k of a minimum whose barrier stays, Π the prefactor of the escape time τ."]
    for name, law in data.laws.items():
        exact = "" if law.exact_exponent is None else f"; the exact iteration's is {law.exact_exponent:.3f}"
        raw = "" if law.raw is None else f", and {law.raw:.3f} with Π left in"
        told.append(
            f"{RULE_LOOKS[name].label}: the measured exponent is {law.fit.exponent:.3f} [{law.fit.low:.3f}, "
            f"{law.fit.high:.3f}], the statement's {law.claimed:g}{exact}{raw}."
        )
    return " ".join(told)


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(RULE_LOOKS[name].label for name in data.laws)
    return (
        f"A panel for each of {names}: on logarithmic axes the measured ln(τ/Π) falls along a nearly straight line "
        "with the sharpness, close to the statement's line; hollow grey marks with the prefactor left in lie above "
        "them."
    )


def sharpness_law(law: Law, *, ax: Axes | None = None, rule: str = "sgd") -> Axes:
    """Draw ln(tau / Pi_k) against the sharpness k: measured, fitted, exact, and the statement.

    Parameters
    ----------
    law
        One of ``figure("flatness").data.laws``.
    ax
        Where to draw; new axes if left out.
    rule
        Name of the rule on the command line: its colour and mark.

    Returns
    -------
    Axes
        The axes, logarithmic in both, with a title that says the exponents.
    """
    axes, look, k = panel(ax), RULE_LOOKS[rule], law.sharpness
    curve = np.geomspace(k[0], k[-1], CURVE)
    axes.plot(k, law.logs, look.mark, color=GREY, markersize=5, markerfacecolor="white", zorder=2)
    axes.plot(curve, law.climb * curve**-law.claimed, **REFERENCE_LOOKS["closed_form"].line, zorder=4)
    if len(law.exact):
        axes.plot(k, law.exact - law.prefactor, **REFERENCE_LOOKS["exact_discrete"].line, zorder=3)
    axes.plot(curve, law.fit.constant + law.fit.scale * curve**-law.fit.exponent, **look.line)
    divided, errors = law.logs - law.prefactor, NORMAL * law.errors
    axes.errorbar(k, divided, errors, **look.points, markersize=5, capsize=4, linewidth=1.4, zorder=5)
    bottom, top = float(np.min(divided - errors)), float(np.max(law.logs))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(k[0] / 1.06, k[-1] * 1.06)
    axes.set_ylim(bottom / 1.1 if bottom > 0.0 else 0.1, top * 1.1)
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_locator(FixedLocator([tick for tick in TICKS if ends[0] <= tick <= ends[1]]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True)
    axes.set_xlabel("sharpness k (curvature over that at k = 1)")
    axes.set_ylabel("logarithm of the escape time, ln(τ/Π)")
    axes.set_title(
        f"{look.label}: exponent −{law.fit.exponent:.3f} [−{law.fit.high:.3f}, −{law.fit.low:.3f}],\n"
        f"stated −{law.claimed:g}{_beside('exact', law.exact_exponent)}{_beside('with Π left in', law.raw)}",
        loc="left",
        color=INK,
    )
    return axes


def _beside(word: str, exponent: float | None) -> str:
    return "" if exponent is None else f", {word} −{exponent:.3f}"


def _handles(data: Data) -> list[Any]:
    handles: list[Any] = [
        Line2D([], [], **look.line, marker=look.mark, label=f"{look.label}: measured, 95 %, and fit")
        for look in (RULE_LOOKS[name] for name in data.laws)
    ]
    handles.append(Line2D([], [], color=GREY, marker=RULE_LOOKS[next(iter(data.laws))].mark, markerfacecolor="white",
                          linestyle="none", label="the same with Π left in, ln τ"))  # fmt: skip
    stated, exact = REFERENCE_LOOKS["closed_form"], REFERENCE_LOOKS["exact_discrete"]
    handles.append(Line2D([], [], **stated.line, label="the statement, A/kᵖ"))
    if any(len(law.exact) for law in data.laws.values()):
        handles.append(Line2D([], [], **exact.line, label=exact.label))
    return handles
