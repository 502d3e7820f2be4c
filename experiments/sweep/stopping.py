"""When a setting has been run often enough.

With a target, trajectories or repetitions are added until the interval is narrow enough. What decides is a function of
the results of numbers [0, N) alone, looked at for certain N: so every engine, split and resumption stops at the same N.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..files.experiment import SweepPlan
from .amounts import REPETITIONS
from .store import Manifest, Store, StoredSetting
from .unit import module_of, prepared_of

LEAST_GROWTH, MOST_GROWTH = 1.25, 4.0
"""Bounds of the factor from one look to the next."""
MARGIN = 1.05
"""What is asked for beyond the trajectories that the last look says will do."""
TOO_FEW = "fewer than two trajectories stayed finite: the rule diverges"
"""Why a setting that is over may have no result."""
NO_RESULT = "none"
"""Stands for the digest of the result of such a setting."""
MOST_TIMES = 100
"""Default of ``most_trajectories`` and ``most_repetitions`` in multiples of those that are run first."""


LEAST_REPETITIONS = 16
"""Repetitions before which a target stops nothing: a few lie close by chance too often."""


class Extent(NamedTuple):
    """How far a setting is.

    Parameters
    ----------
    done
        Trajectories [0, done) are there and make up its result so far.
    wanted
        Trajectories that are to be there next; done where it is over.
    """

    done: int
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether nothing is left to run."""
        return self.done == self.wanted


def most_of(plan: SweepPlan, setting: StoredSetting) -> int:
    """Return at how many trajectories or repetitions a setting stops even if it is not precise enough."""
    most = _most_asked(plan, setting)
    return MOST_TIMES * setting.trajectories if most is None else max(setting.trajectories, most)


def _most_asked(plan: SweepPlan, setting: StoredSetting) -> int | None:
    return plan.most_repetitions if setting.amount == REPETITIONS else plan.most_trajectories


def next_total(total: int, precision: float, plan: SweepPlan, setting: StoredSetting) -> int:
    """Return how many trajectories or repetitions a setting should have after N, N itself where these will do.

    Parameters
    ----------
    total
        N.
    precision
        Half of the 95 % interval over the mean, of numbers [0, N).
    plan
        With the target.
    setting
        Its unit rounds the number.
    """
    most = most_of(plan, setting)
    if plan.target is None or total >= most:
        return total
    if setting.amount == REPETITIONS and total < LEAST_REPETITIONS:
        return min(most, math.ceil(LEAST_REPETITIONS / setting.unit) * setting.unit)
    hopeless = not math.isfinite(precision) and _most_asked(plan, setting) is None
    if precision <= plan.target or hopeless:
        return total
    growth = MARGIN * (precision / plan.target) ** 2 if math.isfinite(precision) else MOST_GROWTH
    wanted = total * min(max(growth, LEAST_GROWTH), MOST_GROWTH)
    return min(most, math.ceil(wanted / setting.unit) * setting.unit)


def extent(store: Store, manifest: Manifest, setting: StoredSetting) -> Extent:
    """Return how far a setting is, by what is on disk."""
    done, wanted = 0, setting.trajectories
    while not store.missing(setting.key, manifest.question, wanted):
        done = wanted
        if manifest.plan.target is None:
            break
        result = result_of(store, manifest, setting, done)
        if result is None:
            break  # more would not stay finite either
        wanted = next_total(done, module_of(setting.described).precision(result), manifest.plan, setting)
        if wanted == done:
            break
    return Extent(done, wanted)


def result_of(store: Store, manifest: Manifest, setting: StoredSetting, trajectories: int) -> Any:
    """Return the EscapeTimes, RareEscapes or SaddleSpread of numbers [0, N) of a setting, all of which are there.

    None where too few of them stayed finite to tell anything.

    Raises
    ------
    InputError
        Where a shard was changed.
    """
    parts, _, seconds = store.results(setting.key, manifest.question, trajectories)
    return module_of(setting.described).assembled(prepared_of(setting.described), parts, seconds)


def digest_of(store: Store, manifest: Manifest) -> str | None:
    """Return the SHA-256 over the key and the digest of the result of every setting in order; None where one lacks.

    "none" stands for the digest of a setting of which too few trajectories stayed finite to tell anything.
    """
    extents = (extent(store, manifest, setting) for setting in manifest.settings)
    return combined(
        (setting.key, _digest(store, manifest, setting, there.done) if there.complete else None)
        for setting, there in zip(manifest.settings, extents, strict=True)
    )


def combined(digests: Iterable[tuple[str, str | None]]) -> str | None:
    """Return the digest of a sweep from the key and the digest of each setting; None where a setting has none."""
    whole = hashlib.sha256()
    for key, digest in digests:
        if digest is None:
            return None
        whole.update(f"{key} {digest}\n".encode())
    return whole.hexdigest()


def _digest(store: Store, manifest: Manifest, setting: StoredSetting, trajectories: int) -> str:
    result = result_of(store, manifest, setting, trajectories)
    return NO_RESULT if result is None else str(result.digest())
