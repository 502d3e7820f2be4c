"""Escape by splitting: raw results with a row for each repetition, and what is said of them."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .escape_summary import summary

Array = npt.NDArray[np.float64]

COUNTS = ("entries", "walked", "reached", "ancestors", "steps", "astray", "unfinished")
PATHS = ("ends", "durations")
LADDER = "ladder_"
"""Raw results: counts, some escaping paths and, with this before their names, the levels, the same in every row."""


class RareEscapeResult(NamedTuple):
    """An escape experiment by splitting and all that is said of it.

    Parameters
    ----------
    configuration
        All fields as plain values.
    landscape, noise, rule
        The checked objects.
    times
        RareEscapes.
    references
        Name -> Reference.
    regime
        Dimensionless numbers that say where a closed form may be trusted.
    verdict
        Against the exact discrete reference.
    because
        Why it was split, where that was to be chosen.
    """

    configuration: dict[str, Any]
    landscape: Any
    noise: Any
    rule: Any
    times: Any
    references: dict[str, Any]
    regime: dict[str, float]
    verdict: Any
    because: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return bool(self.times.interrupted)

    def arrays(self) -> dict[str, Any]:
        """Return the raw results for a record."""
        return rows(self.times)

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        times, ladder = self.times, self.times.ladder
        mean, low, high = transition_steps(times)
        own = {
            "repetitions": times.repetitions,
            "trials": times.trials,
            "trajectories": None,
            "escaped": int(times.reached[:, -1].sum()),
            "censored": int(times.unfinished.sum()),
            "diverged": int(times.astray.sum()),
            "max_steps": self.configuration["run"]["max_steps"],
            "relative_error": times.relative_error,
            "basin": ladder.basin,
            "levels": [*ladder.levels, times.exit],
            "coast": ladder.coast,
            "entries": int(times.entries.sum()),
            "entry_rate": entry_rate(times),
            "chances": times.chances,
            "ancestors": times.ancestors.sum(axis=0),
            "memory": ladder.memory,
            "burn_in": ladder.burn_in,
            "direct_steps": direct_steps(times),
            "direct_ratio": direct_steps(times) / times.total_steps,
            "transition_steps": {"mean": mean, "low": low, "high": high},
            "exit_points": exit_points(times),
            "cautions": times.cautions(),
        }
        return summary(self, own)


def run(prepared: Any, asked: Any, progress: Any = None) -> Any:
    """Return the RareEscapes of a run.

    Parameters
    ----------
    prepared
        RareEnsemble.
    asked
        EscapeRun.
    progress
        As in rare_escapes.

    Raises
    ------
    ValueError
        Where the start is not in the basin, or no path leads upwards.
    KeyboardInterrupt
        Where Ctrl-C came before the first repetition was over.
    """
    if progress is not None:
        progress(0, asked.repetitions * asked.trials, 0)  # the levels are placed before the ensemble tells anything
    times = prepared.run(asked.repetitions, threads=asked.threads, progress=progress)
    if times.repetitions == 0:
        raise KeyboardInterrupt
    return times


def direct_steps(times: Any) -> float:
    """Return the steps that direct simulation would take for the same error; nan where that error is not known."""
    return float(times.direct_steps) if np.isfinite(times.relative_error) else float("nan")


def entry_rate(times: Any) -> float:
    """Return the first arrivals at the lowest level a step."""
    return float(times.entries.sum() / times.walked.sum())


class Stage(NamedTuple):
    """A level of a splitting.

    Parameters
    ----------
    name
        Progress of the level.
    chance
        To get there from the level before; to the lowest, first arrivals a step.
    reached
        Chance of an entry to get there.
    ancestors
        Entries that those descend from who got there, in all repetitions.
    """

    name: str
    chance: float
    reached: float
    ancestors: int


def scale(times: Any) -> str:
    """Return what the levels of a splitting are measured by."""
    return f"e·θ {times.ladder.coast:.3g} steps ahead" if times.ladder.coast else "e·θ"


def stages(times: Any) -> list[Stage]:
    """Return the levels of a splitting from the lowest to the exit."""
    alone = times.ancestors.sum(axis=0).tolist()
    names = [*(f"{level:.4g}" for level in times.ladder.levels[1:]), f"{times.exit:.4g}, the exit"]
    far = reach(times)[1].tolist()
    lowest = Stage(f"{times.ladder.levels[0]:.4g}", entry_rate(times), far[0], int(times.entries.sum()))
    return [lowest, *(Stage(*each) for each in zip(names, times.chances.tolist(), far[1:], alone, strict=True))]


def reach(times: Any) -> tuple[Array, Array]:
    """Return all levels, the exit the last, (S + 1,), and the chance of an entry to reach each.

    The chance is that of the mean rate, which is no product of mean chances.
    """
    each = np.cumprod(times.reached / times.trials, axis=1)
    share = times.entries / times.walked
    chance = share @ each / share.sum() if share.any() else np.zeros(each.shape[1])
    return np.append(times.ladder.levels, times.exit), np.append(1.0, chance)


def transition_steps(times: Any) -> tuple[float, float, float]:
    """Return the mean steps of an escaping path from the basin to the exit, low and high (95 %); nan without one.

    Every repetition counts by its rate, for that is how often paths like its own are.
    """
    from scipy.special import stdtrit

    seen = times.rates > 0.0
    if not seen.any():
        return float("nan"), float("nan"), float("nan")
    share = times.rates[seen] / times.rates[seen].sum()
    each = np.nanmean(times.durations[seen], axis=1)
    mean, number = float(share @ each), len(each)
    if number < 2:
        return mean, 0.0, float("inf")
    error = float(np.sqrt(number / (number - 1.0) * np.sum((share * (each - mean)) ** 2)))
    half = float(stdtrit(number - 1, 0.975)) * error
    return mean, max(mean - half, 0.0), mean + half


def exit_points(times: Any) -> dict[str, Any] | None:
    """Return mean and standard deviation of where paths crossed the exit; None in one dimension or where none did."""
    seen = times.rates > 0.0
    number, d = times.ends.shape[1:]
    if d == 1 or not seen.any():
        return None
    points = times.ends[seen].reshape(-1, d)
    share = np.repeat(times.rates[seen] / times.rates[seen].sum() / number, number)
    mean = share @ points
    return {"paths": len(points), "mean": mean, "deviation": np.sqrt(share @ (points - mean) ** 2)}


def is_split(prepared: Any) -> bool:
    """Return whether an ensemble is a RareEnsemble."""
    return hasattr(prepared, "trials")


def raw_results(prepared: Any, numbers: range, stop: threading.Event | None) -> tuple[dict[str, Any], int] | None:
    """Return what these repetitions of a RareEnsemble counted, run on one thread, and their steps.

    Every array has a row for each. None where it was stopped before its end.
    """
    try:
        times = prepared.run(numbers, threads=1, stop=stop)
    except KeyboardInterrupt:
        if stop is not None and stop.is_set():
            return None
        raise
    return None if times.interrupted else (rows(times), int(times.steps.sum()))


def rows(times: Any) -> dict[str, Any]:
    """Return the raw results of RareEscapes, a row for each repetition."""
    told = {name: getattr(times, name) for name in (*COUNTS, *PATHS)}
    ladder = {name: np.asarray(value) for name, value in times.ladder._asdict().items()}
    return told | {LADDER + name: np.tile(part, (times.repetitions, *[1] * part.ndim)) for name, part in ladder.items()}


def assembled(prepared: Any, parts: Sequence[dict[str, Any]], seconds: float = 0.0) -> Any:
    """Return the RareEscapes of repetitions from 0 on, from their raw results in order.

    Raises
    ------
    ValueError
        Where their levels are not the same.
    """
    arrays = {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}
    if any(len(np.unique(part, axis=0)) > 1 for name, part in arrays.items() if name.startswith(LADDER)):
        raise ValueError("these repetitions have climbed by other levels: they are not of one run")
    return from_rows(
        arrays,
        exit=float(prepared.end.level),
        trials=prepared.trials,
        time_step=prepared.rule.time_step(),
        seed=int(prepared.start.seed),
        seconds=seconds,
    )


def from_rows(arrays: dict[str, Any], **told: Any) -> Any:
    """Return RareEscapes from raw results and what else it holds."""
    from ..dynamics.rare_escapes import RareEscapes
    from ..dynamics.splitting import Ladder

    held = {name: arrays[LADDER + name][0] for name in Ladder._fields}
    ladder = Ladder(**{name: part if part.ndim else part.item() for name, part in held.items()})
    told |= {name: np.asarray(arrays[name], dtype=np.int64) for name in COUNTS}
    told |= {name: np.asarray(arrays[name], dtype=np.float64) for name in PATHS}
    return RareEscapes(ladder=ladder, **told)
