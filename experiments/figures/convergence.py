"""Figure of a convergence experiment: the smallest mean square gradient against the horizon, and within one run."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..convergence import Convergence
from ..table import arguments
from .interface import Choice, Parts
from .style import REFERENCE_LOOKS, RULE_LOOKS, Look, panel, styled

Array = npt.NDArray[np.float64]

APART = 0.16
"""Relative distance between the marks of two rules, which would hide one another."""
LOOKS = {
    "sgd": RULE_LOOKS["sgd"],
    "frozen": RULE_LOOKS["momentum"]._replace(label="frozen inertia"),
    "adai": RULE_LOOKS["adai"],
}
LABELS = {"closed_form": "Theorem 4's bound", "corrected": "our bound", "exact_discrete": "exact, this iteration"}


class Options(NamedTuple):
    """How fast gradients fade as the horizon grows.

    Parameters
    ----------
    rules
        Some of sgd, frozen, adai with commas between; frozen is Adai with its inertia frozen.
    horizons
        T, rising; each is a run of its own.
    c0
        The learning rate of a run is c0/sqrt(T + 1).
    inertia
        mu of the frozen inertia.
    beta0
        Adai's 1 - mu where v_i is the mean.
    trajectories
        Most trajectories of a run.
    budget
        Most trajectory-steps of a run: a long one has fewer trajectories, 64 at least.
    seed
        Seed of the random streams, in [0, 2^64).
    """

    rules: str = "sgd,frozen,adai"
    horizons: Any = (10, 100, 1000, 10_000)
    c0: float = 1.0
    inertia: float = 0.9
    beta0: float = 0.1
    trajectories: int = 2048
    budget: int = 4_000_000
    seed: int = 0


QUICK = {"rules": "sgd", "horizons": (10, 40), "trajectories": 128}
PARTS = {"landscape": Choice("pseudo-huber", {}), "noise": Choice("isotropic", {})}
STATEMENTS = ("theorem-4",)


class Curve(NamedTuple):
    """What is drawn of a rule, at its H horizons.

    Parameters
    ----------
    steps
        T, (H,).
    value, low, high
        The smallest E|grad L|^2 with its 95 % interval, (H,).
    known
        closed_form, corrected and exact_discrete -> value, (H,), nan where there is none.
    exponent
        Fitted p of T^-p with its 95 % interval; nan with one horizon.
    """

    steps: Array
    value: Array
    low: Array
    high: Array
    known: dict[str, npt.NDArray[np.float64]]
    exponent: tuple[float, float, float]


class Data(NamedTuple):
    """What is drawn.

    Parameters
    ----------
    parts
        Landscape, noise and learning rate in words.
    curves
        Rule -> what it did.
    """

    parts: str
    curves: dict[str, Curve]


def compute(options: Options, parts: Parts, report: Callable[[float, str], None] | None = None) -> Data:
    """Run every rule at every horizon.

    Raises
    ------
    ValueError, TypeError
        Where an option is out of bounds, or no bound is known on such a landscape.
    """
    from ...theory.convergence import constants
    from ..convergence import ConvergeRun, checked, experiment
    from .interface import whole

    if not hasattr(parts.landscape, "slopes"):
        raise ValueError(f"landscape={type(parts.landscape).__name__} must be pseudo-huber: Theorem 4 bounds gradients")
    run = checked(ConvergeRun(**options._asdict()), parts.landscape)
    constants(parts.landscape, parts.noise, np.asarray(run.origin))

    def own(done: int, total: int, steps: int) -> None:
        if report:
            report(done / total, "simulating")

    return data_of(whole(experiment(run, parts.landscape, parts.noise, progress=own)))


def data_of(result: Convergence) -> Data:
    """Return what is drawn of a result."""
    return data_from(result.as_json())


def data_from(told: dict[str, Any]) -> Data:
    """Return what is drawn of a result's JSON object."""
    described = told["configuration"]
    rate = f"learning rate {described['run']['c0']:g}/√(T + 1)"
    return Data(f"{parts_of(described)}, {rate}", {name: _curve(each) for name, each in told["rules"].items()})


def parts_of(described: dict[str, Any]) -> str:
    """Return landscape and noise of a described configuration in words."""
    return ", ".join(described[kind]["name"] + arguments(described[kind]) for kind in ("landscape", "noise"))


def _curve(rule: dict[str, Any]) -> Curve:
    rows, fit = rule["horizons"], rule["exponent"]

    def of(name: str) -> Any:
        return np.array([row[name] for row in rows], dtype=np.float64)

    known = {
        name: np.array([row[name]["value"] for row in rows], dtype=np.float64)
        for name in ("closed_form", "corrected", "exact_discrete")
    }
    exponent = (np.nan, np.nan, np.nan) if fit is None else (fit["value"], fit["low"], fit["high"])
    return Curve(of("steps"), of("mean_square_gradient"), of("low"), of("high"), known, exponent)


def draw(data: Data) -> Figure:
    """Draw the decay with the horizon beside its bounds, and the same times the square root of the horizon."""
    with styled(12.0, 6.4) as figure:
        left, right = figure.subplots(1, 2)
        for k, (name, curve) in enumerate(data.curves.items()):
            shift = (1.0 + APART) ** (k - 0.5 * (len(data.curves) - 1))
            gradient_decay(curve, ax=left, rule=name, shift=shift)
            gradient_decay(curve, ax=right, rule=name, shift=shift, power=0.5)
        left.set_title("smallest mean square gradient of a run", loc="left")
        right.set_title("times √(T + 1): level where it decays like T⁻¹ᐟ²", loc="left")
        figure.legend(handles=_handles(data), loc="outside lower center", ncols=2)
        figure.suptitle(data.parts)
        return figure


def caption(data: Data) -> str:
    """Return what the figure shows, with its numbers."""
    told = [
        f"The smallest E|∇L|² of a run of T steps, with 95 % intervals ({data.parts}), beside Theorem 4's bound, ours, "
        "and what is exact."
    ]
    for name, curve in data.curves.items():
        value, low, high = curve.exponent
        if np.isfinite(value):
            told.append(f"{LOOKS[name].label} decays like T^−p with p = {value:.3f} [{low:.3f}, {high:.3f}].")
    return " ".join(told)


def alt(data: Data) -> str:
    """Return what the figure looks like."""
    names = ", ".join(LOOKS[name].label for name in data.curves)
    return (
        f"Two panels on logarithmic axes. Left, the marks of {names} fall with the horizon, below the lines of the "
        "bounds. Right, the same times the square root of the horizon, where the marks run nearly level."
    )


def gradient_decay(
    curve: Curve, *, ax: Axes | None = None, rule: str = "sgd", shift: float = 1.0, power: float = 0.0
) -> Axes:
    """Draw the smallest mean square gradient of a run against its horizon, with its bounds and what is exact.

    Parameters
    ----------
    curve
        One of ``figure("convergence").data.curves``.
    ax
        Where to draw; new axes if left out.
    rule
        sgd, frozen or adai: its colour and mark.
    shift
        Factor on T at which the marks stand, to keep those of several rules apart.
    power
        Power of T + 1 that values are multiplied by.

    Returns
    -------
    Axes
        The axes, logarithmic in both.
    """
    axes, look = panel(ax), LOOKS[rule]
    scale = (curve.steps + 1.0) ** power
    for name, known in curve.known.items():
        if np.any(np.isfinite(known)):
            # Bounds of several rules on the same axes are told apart by the rule's mark.
            mark: dict[str, Any] = (
                {} if name == "exact_discrete" else {"marker": look.mark, "markersize": 4, "markerfacecolor": "white"}
            )
            axes.plot(curve.steps, scale * known, **REFERENCE_LOOKS[name].line, **mark)
    bars = [scale * (curve.value - curve.low), scale * (curve.high - curve.value)]
    axes.errorbar(
        curve.steps * shift, scale * curve.value, bars,
        **look.points, markersize=6, linewidth=1.4, capsize=3, zorder=3,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("horizon T (steps)")
    axes.set_ylabel("√(T + 1) × smallest E|∇L|²  (loss²/θ²)" if power == 0.5 else "smallest E|∇L|²  (loss²/θ²)")
    axes.grid(visible=True)
    return axes


def _handles(data: Data) -> list[Any]:
    """Return the rules with their exponents, then what the lines are that were drawn."""
    rules = []
    for name, curve in data.curves.items():
        look: Look = LOOKS[name]
        value, low, high = curve.exponent
        said = look.label + (f": p = {value:.3f} [{low:.3f}, {high:.3f}]" if np.isfinite(value) else "")
        rules.append(Line2D([], [], **look.points, label=said))
    lines = [
        Line2D([], [], **REFERENCE_LOOKS[name].line, label=LABELS[name])
        for name in LABELS
        if any(np.any(np.isfinite(curve.known[name])) for curve in data.curves.values())
    ]
    number = max(len(rules), len(lines))
    blanks = [Line2D([], [], linestyle="none", label=" ")] * (number - len(rules))
    return [*rules, *blanks, *lines]
