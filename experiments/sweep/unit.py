"""A unit of work: a range of trajectories or repetitions of one setting. It is stateless, and the same everywhere."""

import hashlib
import json
import threading
import time
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..choices import ROOT
from ..configuration import objects
from ..question import QUESTIONS
from .amounts import REPETITIONS, TRAJECTORIES, amount_of

NOT_RAW = {
    TRAJECTORIES: ("trajectories", "left_truncation", "method", "repetitions", "trials"),
    REPETITIONS: ("trajectories", "left_truncation", "repetitions"),
}
"""Fields of a run that decide how much is run and what is made of it, not what each trajectory or repetition does.

A direct run is known by what it was before there was another method.
"""

REFERENCES = "references"
"""Name of the array that holds the exact references of a setting, as JSON text."""


class Unit(NamedTuple):
    """A range of trajectories or repetitions of one setting; one of none stands for its exact references.

    Parameters
    ----------
    setting
        Key of the setting.
    start, stop
        First number, and the one after the last.
    """

    setting: str
    start: int
    stop: int


class Task(NamedTuple):
    """A unit with all that a worker needs to run it.

    Parameters
    ----------
    unit
        What to run.
    described
        The setting's configuration as plain values.
    """

    unit: Unit
    described: dict[str, Any]


class Done(NamedTuple):
    """A finished unit.

    Parameters
    ----------
    unit
        What was run.
    arrays
        Name -> raw results.
    seconds
        How long it took.
    steps
        Steps that its trajectories lived, or its repetitions took.
    """

    unit: Unit
    arrays: dict[str, npt.NDArray[Any]]
    seconds: float
    steps: int


class UnitError(Exception):
    """A unit cannot be run, for a reason that another try would not mend."""


def setting_key(described: dict[str, Any], version: str) -> str:
    """Return a digest of all that the raw results of a setting depend on, and of the version of the program."""
    left_out = NOT_RAW[amount_of(described["run"])]
    run = {name: value for name, value in described["run"].items() if name not in left_out}
    text = json.dumps([version, described | {"run": run}], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def perform(task: Task, stop: threading.Event | None = None) -> Done | None:
    """Run a unit on one thread and return its raw results, or None where it was stopped before its end.

    Parameters
    ----------
    task
        What to run.
    stop
        Looked at every tenth of a second.

    Raises
    ------
    ValueError, TypeError
        Where the setting is out of bounds.
    """
    began = time.perf_counter()
    module = module_of(task.described)
    if task.unit.start == task.unit.stop:
        text = json.dumps(_solved(module, task.described), allow_nan=False)
        note = {REFERENCES: np.frombuffer(text.encode(), dtype=np.uint8)}
        return Done(task.unit, note, time.perf_counter() - began, 0)
    with _ONE:
        prepared = _prepared(json.dumps(task.described, sort_keys=True))
    found = module.raw_results(prepared, range(task.unit.start, task.unit.stop), stop)
    if found is None:
        return None
    arrays, steps = found
    return Done(task.unit, arrays, time.perf_counter() - began, steps)


def _solved(module: Any, described: dict[str, Any]) -> dict[str, Any]:
    """Return the exact references, or why there are none: one that cannot be solved must not end a sweep."""
    try:
        return dict(module.solved(described))
    except (ArithmeticError, ValueError, IndexError, np.linalg.LinAlgError) as error:
        return {"exact_discrete": {"value": None, "reason": f"not solved: {type(error).__name__}: {error}"}}


def prepared_of(described: dict[str, Any]) -> Any:
    """Return the checked ensemble of a described configuration.

    Raises
    ------
    ValueError, TypeError
        Where a field is out of bounds or the parts do not fit one another.
    """
    module = module_of(described)
    run = getattr(module, QUESTIONS[described["question"]].run)
    return module.ensemble(*objects(described), run(**described["run"]))


def grain_of(question: str) -> int:
    """Return how many trajectories a row of the raw results stands for; one of a repetition for itself."""
    return int(import_module(f"{ROOT}.experiments.{question}").GRAIN)


def module_of(described: dict[str, Any]) -> Any:
    """Return the module of the question that a described configuration asks."""
    return import_module(f"{ROOT}.experiments.{described['question']}")


_ONE = threading.Lock()
"""So that two threads have one ensemble, and a splitting is prepared by a pilot once."""


@lru_cache(maxsize=32)
def _prepared(described: str) -> Any:
    return prepared_of(json.loads(described))
