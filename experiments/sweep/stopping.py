"""When a setting has been run often enough.

With a target, trajectories are added until the interval is narrow enough. What decides is a function of the results of
trajectories [0, N) alone, looked at for certain N: so every engine, split and resumption stops at the same N.
"""

import hashlib
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..files.experiment import SweepPlan
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
"""Default of ``most_trajectories`` in multiples of ``trajectories``."""


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


def most_trajectories(plan: SweepPlan, first: int) -> int:
    """Return at how many trajectories a setting stops even if it is not precise enough."""
    return MOST_TIMES * first if plan.most_trajectories is None else max(first, plan.most_trajectories)


def next_total(total: int, precision: float, plan: SweepPlan, setting: StoredSetting) -> int:
    """Return how many trajectories a setting should have after N, N itself where these will do.

    Parameters
    ----------
    total
        N.
    precision
        Half of the 95 % interval over the mean, of trajectories [0, N).
    plan
        With the target.
    setting
        Its unit rounds the number.
    """
    most = most_trajectories(plan, setting.trajectories)
    hopeless = not math.isfinite(precision) and plan.most_trajectories is None
    if plan.target is None or precision <= plan.target or total >= most or hopeless:
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
    """Return the EscapeTimes or SaddleSpread of trajectories [0, N) of a setting, all of which are there.

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
