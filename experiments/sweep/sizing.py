"""How the trajectories or repetitions of a sweep are cut in units, and how many there will be: everywhere the same."""

import math
from collections.abc import Sequence
from typing import Any

from ...dynamics import estimates
from ...dynamics.saddle_spread import GROUP
from ...dynamics.work import BLOCK_NUMBERS, LANES, NARROW
from ..files.experiment import Experiment, SweepPlan
from ..rare_escape import is_split
from .expectation import Expectation, nominal_placing, nominal_seconds
from .stopping import next_total
from .store import StoredSetting
from .unit import module_of

UNIT_SECONDS, LONGEST_UNIT, MOST_UNITS = 1.0, 600.0, 1e5
"""Nominal seconds of a unit: 1 s, and longer where there would be more than so many units, up to 10 min."""
PATIENCE = 30.0
"""Nominal seconds that a unit may take for the sake of full blocks: narrow ones are up to three times as slow."""
FEWEST = 64
LEAST_PARTS = 4
"""Units that repetitions of a splitting are cut in at least: what is under way when a sweep is killed is lost."""
LARGEST_UNIT = 2**20


def ensemble_of(configuration: Any) -> Any:
    """Return the checked ensemble of a configuration."""
    module = module_of({"question": configuration.question})
    return module.ensemble(*configuration.build(), configuration.run)


def unit_sizes(
    experiment: Experiment, expected: Sequence[Expectation], ensembles: Sequence[Any] | None = None
) -> list[int]:
    """Return the trajectories, or repetitions, in a unit of each setting, a power of two: the same on every machine.

    A unit takes max(1 s, the whole / 10^5), but at most 10 min, on a nominal machine; longer, up to 30 s, where fewer
    trajectories would not fill a block, and at least 64 trajectories in any case. For a saddle whole groups of 1024. A
    splitting, whose levels each process places anew, takes no less than twice what that costs, but has four units.

    Parameters
    ----------
    experiment
        The file.
    expected
        What is expected of each setting.
    ensembles
        Those of the settings, where they are at hand.
    """
    if ensembles is None:
        ensembles = [ensemble_of(each.configuration) for each in experiment.settings]
    costs = [nominal_seconds(each, which) for each, which in zip(ensembles, expected, strict=True)]
    numbers = [
        trajectories_of(setting.configuration, experiment.plan, which, 1)
        for setting, which in zip(experiment.settings, expected, strict=True)
    ]
    whole = sum(cost * number for cost, number in zip(costs, numbers, strict=True))
    seconds = min(max(whole / MOST_UNITS, UNIT_SECONDS), LONGEST_UNIT)
    sizes = []
    for ensemble, which, cost, wanted in zip(ensembles, expected, costs, numbers, strict=True):
        if experiment.plan.unit is not None:
            # One more than a power of two is rounded up to the next.
            number = 1 << (experiment.plan.unit - 1).bit_length()
        elif is_split(ensemble):
            worth = max(seconds, 2.0 * nominal_placing(ensemble, which))
            number = min(_power_below(worth / cost), _power_below(wanted / LEAST_PARTS))
        else:
            d = ensemble.landscape.dimension
            block = 4 * min(LANES, max(BLOCK_NUMBERS // d, NARROW))
            filling = min(block, int(max(PATIENCE, seconds) / cost))
            number = max(_power_below(seconds / cost), _power_below(filling), FEWEST)
            if experiment.plan.target is not None:
                # Whole units are run: larger ones would overshoot the target.
                number = min(number, max(_power_below(wanted / 4), FEWEST))
        sizes.append(max(min(number, LARGEST_UNIT), GROUP if hasattr(ensemble, "horizon") else 1))
    return sizes


def _power_below(number: float) -> int:
    """Return the largest power of two that is not above a number, at least 1."""
    return 1 << max(int(min(number, LARGEST_UNIT)).bit_length() - 1, 0)


def trajectories_of(configuration: Any, sweep: SweepPlan, expected: Expectation, unit: int) -> int:
    """Return how many trajectories or repetitions a setting will have: as asked, or as many units as its target needs.

    Parameters
    ----------
    configuration
        The setting.
    sweep
        How far the sweep goes.
    expected
        What is expected of each of them.
    unit
        How many are in a unit; 1 for as many as are needed.
    """
    # What the stop itself will do, were each look as precise as is expected.
    setting = StoredSetting("", (), {"run": configuration.run._asdict()}, unit)
    total = setting.trajectories
    while sweep.target is not None:
        wanted = next_total(total, half_interval(configuration.question, total, expected), sweep, setting)
        if wanted == total:
            break
        total = wanted
    return total


def half_interval(question: str, trajectories: int, expected: Expectation) -> float:
    """Return half the 95 % interval over the mean, or over a variance, that so many trajectories should have."""
    if question == "saddle":
        return _spread_half(trajectories)
    if expected.stages:
        return _split_half(trajectories, expected)
    return _escape_half(int(trajectories * expected.escaped), expected) if expected.known else math.inf


def _escape_half(escapes: int, expected: Expectation) -> float:
    """Return half the 95 % interval over the mean with so many escapes."""
    if escapes < 1:
        return math.inf
    total = max(int(min(escapes * expected.steps, 1e15)), escapes + 1)
    low, high = estimates.mean_interval(escapes, total, complete=not expected.censored > 0.0)
    return 0.5 * (high - low) * escapes / total


def _split_half(repetitions: int, expected: Expectation) -> float:
    """Return half the 95 % interval over the mean of so many repetitions."""
    from scipy.special import stdtrit

    if repetitions < 2:
        return math.inf
    # As estimates.positive_mean_interval has it: the mean times and over a factor.
    return math.sinh(min(float(stdtrit(repetitions - 1, 0.975)) * math.sqrt(expected.scatter / repetitions), 700.0))


def _spread_half(trajectories: int) -> float:
    """Return half the 95 % interval over the variance of a normal law."""
    if trajectories < 2:
        return math.inf
    low, high = estimates.variance_interval(1.0, trajectories)
    return 0.5 * float(high - low)
