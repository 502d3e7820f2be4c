"""How far a sweep goes: the table [sweep] of an experiment file."""

from typing import Any, NamedTuple

from ..fields import fields
from ..refusals import InputError, nearest, one_of
from .source import Source
from .toml_values import keys, shown, shown_key, value_of

MOST = {"most_trajectories": ("trajectories", "direct"), "most_repetitions": ("repetitions", "splitting")}
"""Field of the plan -> field of a run whose growth it bounds, and the method that has it."""


class SweepPlan(NamedTuple):
    """How far a sweep goes.

    Parameters
    ----------
    target
        Run each setting until half its 95 % interval over its mean is at most this; else all its trajectories are run.
    most_trajectories
        With a target, trajectories of a setting at which to stop all the same; 100 times ``trajectories`` if left out,
        and where none of these escapes, no more.
    most_repetitions
        The same for the repetitions of a setting that is split.
    unit
        Trajectories, or repetitions, in a unit of work, rounded up to a power of two; so many that a unit takes a
        second or more if left out. No trajectory depends on it; with a target, how many are run does: whole units.
    exact
        Also solve the exact references of each setting: up to half a minute each for a rule with inertia.
    """

    target: float | None = None
    most_trajectories: int | None = None
    most_repetitions: int | None = None
    unit: int | None = None
    exact: bool = False


def sweep_plan(source: Source) -> SweepPlan:
    """Return the table [sweep], checked."""
    table = source.content.get("sweep", {})
    if not isinstance(table, dict):
        raise source.refusal(("sweep",), f"sweep={shown(table)} must be a table")
    known = keys(fields(SweepPlan))
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise source.refusal(
                ("sweep", key), f"there is no sweep.{shown_key(key)}{nearest(key, known, one_of(known))}"
            )
        try:
            values[key] = value_of(known[key], f"sweep.{key}", value)
        except InputError as error:
            raise source.refusal(("sweep", key), str(error)) from None
    plan = SweepPlan(**values)
    if plan.target is not None and not 0.0 < plan.target < 1.0:
        raise source.refusal(
            ("sweep", "target"),
            f"sweep.target={shown(plan.target)} must lie between 0 and 1: it is half an interval over its mean",
        )
    for key in (*MOST, "unit"):
        if values.get(key, 1) < 1:
            raise source.refusal(("sweep", key), f"sweep.{key}={values[key]} must be at least 1")
    for most, (first, _) in MOST.items():
        if plan.target is None and most in values:
            raise source.refusal(
                ("sweep", most), f"sweep.{most} goes with sweep.target: without one, run.{first} are run"
            )
    return plan


def check_most(plan: SweepPlan, run: Any) -> None:
    """Raise InputError where a sweep would stop before a setting's first trajectories, or repetitions, are run."""
    for name, (of, method) in MOST.items():
        most, first = getattr(plan, name), getattr(run, of, 1)
        if most is not None and most < first and getattr(run, "method", "direct") in ("auto", method):
            raise InputError(f"{name}={most} must be at least run.{of}={first}, which are run first")
