"""What a setting is counted in: trajectories, or repetitions where it is split.

A unit of work, a total or a number that is missing is of whichever the setting has; where "trajectories" stands alone
in this folder, repetitions are meant too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..files.experiment import Experiment
from ..method import settled
from .wording import counted

TRAJECTORIES, REPETITIONS = "trajectories", "repetitions"
AMOUNTS = (TRAJECTORIES, REPETITIONS)


def amount_of(run: Mapping[str, Any]) -> str:
    """Return the field of a described run that says how much is run."""
    return REPETITIONS if run.get("method") == "splitting" else TRAJECTORIES


def counted_up(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the sum of each amount, those that there are, from what each setting is counted in and its number."""
    found: dict[str, int] = {}
    for amount, number in numbers:
        found[amount] = found.get(amount, 0) + number
    return {amount: found[amount] for amount in AMOUNTS if amount in found}


def in_words(numbers: Mapping[str, int], joined: str = ", ") -> str:
    """Return how many there are of each, as in "4,000 trajectories, 32 repetitions"."""
    nouns = {TRAJECTORIES: "trajectory", REPETITIONS: "repetition"}
    told = [counted(number, nouns[amount]) for amount, number in numbers.items()]
    return joined.join(told) or "0 trajectories"


def with_methods(experiment: Experiment) -> Experiment:
    """Return an experiment in which each setting that leaves the method open has the one that suits it.

    It depends on the setting alone, so that every machine comes to the same.

    Raises
    ------
    ValueError, TypeError
        Where a setting cannot be run.
    """
    settings = tuple(each._replace(configuration=settled(each.configuration)[0]) for each in experiment.settings)
    return experiment._replace(settings=settings)
