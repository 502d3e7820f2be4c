"""What is told of a setting of a sweep: quantity by quantity, with its unit and meaning."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..configuration import objects
from ..verdict import Verdict, escape_verdict, spread_verdict
from .amounts import REPETITIONS, amount_of
from .stopping import NO_RESULT, TOO_FEW, Extent
from .unit import module_of

TIME, STEPS, COUNT, SECONDS, NUMBER, TEXT = "dynamical time", "steps", "trajectories", "s", "1", ""
STEP, DIRECTION, STAGE = "step", "direction", "stage"
CLOSED, SOLVED = ("closed_form", "corrected"), ("exact_diffusion", "exact_discrete")
REFERENCES = (*CLOSED, *SOLVED)
BEST = ("exact_discrete", "exact_diffusion", "corrected", "closed_form")
"""References, the best one first."""


class Quantity(NamedTuple):
    """What can be asked of each setting.

    Parameters
    ----------
    says
        What it is, in words.
    unit
        In what it is told; "" for words.
    dims
        Dimensions beside the axes of the sweep.
    kind
        float, int, bool or str.
    closed
        Whether it needs closed forms, which take about 12 ms a setting to compute.
    """

    says: str
    unit: str = NUMBER
    dims: tuple[str, ...] = ()
    kind: type = float
    closed: bool = False

    @property
    def nothing(self) -> Any:
        """What stands for it where there is none."""
        return {float: float("nan"), int: 0, bool: False, str: ""}[self.kind]


_REACH = {
    "trajectories": Quantity("trajectories that count so far", COUNT, kind=int),
    "wanted": Quantity("how many are asked for, with a target those of the next look", COUNT, kind=int),
    "complete": Quantity("whether nothing is left to run", kind=bool),
}
_COST = {
    "seconds": Quantity("seconds of one worker that it took", SECONDS),
    "digest": Quantity("SHA-256 of the raw results, where complete", TEXT, kind=str),
    "problem": Quantity("why there is no result, where there is none for a reason", TEXT, kind=str),
}
_SAID = {
    "closed_form": "closed form as printed",
    "corrected": "closed form as corrected",
    "exact_diffusion": "exact for its diffusion, where the sweep solved it",
    "exact_discrete": "exact for this iteration, where the sweep solved it",
}


def _predicted(unit: str, dims: tuple[str, ...] = ()) -> dict[str, Quantity]:
    found = {name: Quantity(_SAID[name], unit, dims, closed=name in CLOSED) for name in REFERENCES}
    for name in REFERENCES:
        found[f"{name}_ratio"] = Quantity(f"measured over {_SAID[name]}", NUMBER, dims, closed=name in CLOSED)
    found["ratio"] = Quantity("measured over the best reference there is", NUMBER, dims, closed=True)
    found["reference"] = Quantity("which reference that is", TEXT, kind=str, closed=True)
    found["verdict"] = Quantity(
        "whether a complete setting agrees with exact_discrete, false alarms held over all settings", TEXT, kind=str
    )
    return found


_BAND = (STEP, DIRECTION)
QUANTITIES: dict[str, dict[str, Quantity]] = {
    "escape": {
        "mean": Quantity("mean escape time", TIME),
        "low": Quantity("lower end of its 95 % interval", TIME),
        "high": Quantity("upper end of its 95 % interval", TIME),
        "mean_steps": Quantity("mean escape time in steps", STEPS),
        "precision": Quantity("half the 95 % interval over the mean"),
        "method": Quantity("direct or splitting", TEXT, kind=str),
        **_REACH,
        "repetitions": Quantity("repetitions of a splitting that count so far", "repetitions", kind=int),
        "escaped": Quantity("how many escaped", COUNT, kind=int),
        "censored": Quantity("how many were still on their way when last seen", COUNT, kind=int),
        "diverged": Quantity("how many left the bound or lost finiteness; of a splitting, trials", COUNT, kind=int),
        "censored_share": Quantity("censored over trajectories"),
        "total_steps": Quantity("steps lived by all", STEPS, kind=int),
        "exponentiality": Quantity("p of the test of a constant chance of escape"),
        "relative_error": Quantity("of a splitting: standard error of its mean rate over that rate"),
        "ancestors": Quantity("fewest entries that the escapes of a repetition descend from", kind=int),
        "cautions": Quantity("how many reasons there are not to trust a splitting", kind=int),
        "caution": Quantity("the first of them", TEXT, kind=str),
        "chance": Quantity("share of the trials of a stage that reached its level", NUMBER, (STAGE,)),
        "level": Quantity("level of a stage along the escape direction, the last is the exit", "theta", (STAGE,)),
        **_predicted(TIME),
        **_COST,
    },
    "saddle": {
        "variance": Quantity("variance along an eigen-direction", NUMBER, _BAND),
        "low": Quantity("lower end of its 95 % band", NUMBER, _BAND),
        "high": Quantity("upper end of its 95 % band", NUMBER, _BAND),
        "curvature": Quantity("curvature of the loss along an eigen-direction", NUMBER, (DIRECTION,)),
        "steps": Quantity("recorded step", STEPS, (STEP,)),
        "time": Quantity("dynamical time of the recorded step", TIME, (STEP,)),
        "precision": Quantity("half the 95 % band over the variance, the largest"),
        **_REACH,
        "diverged": Quantity("how many were left out because they lost finiteness", COUNT, kind=int),
        **_predicted(NUMBER, _BAND),
        **_COST,
    },
}
"""Question -> name -> what it is."""


class Row(NamedTuple):
    """All that is known of a setting without its closed forms.

    Parameters
    ----------
    values
        Name of a quantity -> its value; those that are not known are left out.
    verdict
        Of a complete setting.
    complete
        Whether nothing is left to run.
    """

    values: dict[str, Any]
    verdict: Verdict | None
    complete: bool


def measured(
    described: Mapping[str, Any], there: Extent, result: Any, problem: str, solved: dict[str, Any] | None, together: int
) -> Row:
    """Return what a result tells.

    Parameters
    ----------
    described
        The setting's configuration.
    there
        How far it is.
    result
        EscapeTimes, RareEscapes or SaddleSpread, or None.
    problem
        Why there is none.
    solved
        What was solved with it: name of a reference -> what it says.
    together
        Settings that are judged together.
    """
    values: dict[str, Any] = {"wanted": there.wanted, "complete": there.complete, "problem": problem}
    if described["question"] == "escape":
        values["method"] = described["run"].get("method", "direct")
    known = {name: reference_values(solved, name) for name in REFERENCES} if solved else {}
    values |= {name: value for name, value in known.items() if value is not None}
    if result is None:
        if there.complete and problem == TOO_FEW:
            values["digest"] = NO_RESULT
        return Row(values, None, there.complete)
    amount = amount_of(described["run"])
    tell = _split if amount == REPETITIONS else _escape if described["question"] == "escape" else _spread
    values |= tell(result) | {amount: there.done, "seconds": result.seconds}
    if there.complete:
        values["digest"] = result.digest()
    verdict = _verdict(described, result, solved, known.get("exact_discrete"), together) if there.complete else None
    if verdict is not None:
        values["verdict"] = verdict.outcome
    return Row(values, verdict, there.complete)


def closed_forms(described: dict[str, Any]) -> dict[str, Any]:
    """Return the closed forms of a setting, computed: name -> value, those that there are."""
    if described["question"] != "escape":
        told = module_of(described).solved(described)
        known = {name: reference_values(told, name) for name in CLOSED}
    else:
        from ...theory.references import closed_references

        run = described["run"]
        both = closed_references(*objects(described), exit=run["exit"], origin=run["origin"])
        known = {name: each.value for name, each in zip(CLOSED, both, strict=True)}
    return {name: value for name, value in known.items() if value is not None}


def with_ratios(values: dict[str, Any], question: str) -> dict[str, Any]:
    """Return the values with what is measured over each reference that is among them."""
    of = values.get("mean" if question == "escape" else "variance")
    known = [name for name in BEST if name in values]
    if {"corrected", "closed_form"} <= set(known) and np.array_equal(values["corrected"], values["closed_form"]):
        known.remove("corrected")
    if of is None or not known:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {f"{name}_ratio": np.divide(of, values[name]) for name in BEST if name in values}
    return values | ratios | {"ratio": ratios[f"{known[0]}_ratio"], "reference": known[0]}


def reference_values(solved: Mapping[str, Any], name: str) -> Any:
    """Return the value of a reference as a number or an array, or None."""
    value = solved.get(name, {}).get("value")
    return np.asarray(value, dtype=np.float64) if isinstance(value, list) else value


def parsed(note: bytes | None) -> dict[str, Any] | None:
    """Return what was solved with a setting, as it lies in the folder."""
    return None if note is None else dict(json.loads(note))


def _escape(times: Any) -> dict[str, Any]:
    low, high = times.interval(0.95)
    escaped, mean_steps = times.escaped, times.mean_steps
    mean = mean_steps * times.time_step
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "mean_steps": mean_steps,
        "precision": (high - low) / (2.0 * mean) if escaped else float("inf"),
        "escaped": escaped,
        "censored": times.censored,
        "diverged": times.diverged,
        "censored_share": times.censored / times.trajectories,
        "total_steps": times.total_steps,
        "exponentiality": times.exponentiality()[1],
    }


def _split(times: Any) -> dict[str, Any]:
    from ..escape import precision

    low, high = times.interval(0.95)
    cautions = times.cautions()
    return {
        "mean": times.mean,
        "low": low,
        "high": high,
        "mean_steps": times.mean_steps,
        "precision": precision(times),
        "diverged": int(times.astray.sum()),
        "total_steps": times.total_steps,
        "relative_error": times.relative_error,
        "ancestors": int(times.ancestors[:, -1].min()),
        "cautions": len(cautions),
        "caution": cautions[0] if cautions else "",
        "chance": times.chances,
        "level": np.append(times.ladder.levels[1:], times.exit),
    }


def _spread(spread: Any) -> dict[str, Any]:
    from ..saddle import precision

    low, high = spread.interval(0.95)
    return {
        "precision": precision(spread),
        "variance": spread.variance,
        "low": low,
        "high": high,
        "curvature": spread.curvatures,
        "steps": spread.steps,
        "time": spread.time,
        "diverged": spread.diverged,
    }


def _verdict(
    described: Mapping[str, Any], result: Any, solved: dict[str, Any] | None, expected: Any, together: int
) -> Verdict | None:
    if solved is None:
        return None
    reason = str(solved.get("exact_discrete", {}).get("reason", ""))
    if described["question"] == "escape":
        from_minimum = described["run"]["origin"] is None
        return escape_verdict(result, expected, reason, from_minimum=from_minimum, together=together)
    # The recursion is of a quadratic loss with one noise everywhere; elsewhere it is an approximation, and no test.
    return spread_verdict(result, expected if result.gaussian else None, reason, together=together)
