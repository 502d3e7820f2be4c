"""What a sweep will cost, told before it is launched: steps, time, memory, disk and censoring of each setting."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ...dynamics.rare_escapes import FEW_REPETITIONS
from ...dynamics.saddle_spread import GROUP
from ...dynamics.splitting import PATHS
from ..fields import as_text, plain
from ..files.experiment import Experiment, SweepPlan
from ..rare_escape import is_split
from ..refusals import InputError, deliberate_refusals
from .advice import advice, advised
from .amounts import REPETITIONS, TRAJECTORIES, amount_of, with_methods
from .expectation import Expectation, expect, expect_split, fixed, like, nominal_placing
from .sizing import ensemble_of, half_interval, trajectories_of, unit_sizes
from .speed import Speed, busy, combination, compile_now, measure, octave, unit_seconds
from .wording import duration, large, share, size

Shares = Callable[[float, str], None]
"""Called with (share done, what is under way)."""

MOSTLY = 0.5
"""Share censored from which a warning is given."""
TOO_FEW = 1.0
"""Expected escapes below which nothing will be seen."""
LONG_UNIT = 3600.0
"""Seconds of a unit from which a warning is given."""
ADVISED = 3
"""Settings for which advice is sought: the worst."""
BASE_MEMORY = 300e6
"""Bytes of a process with everything loaded."""
SHARD_BYTES = 2_000
"""Bytes on disk of a unit beside its arrays."""
MOST_PLACING = 30.0
"""Nominal seconds of placing levels after which splittings of the same classes are taken to cost the same."""
ROW_NUMBERS, STATES = 11, 6
"""Numbers of a repetition beside those of its stages and paths; states that are kept at once for each trial."""
_EXACT_SECONDS = {"Momentum": 10.0, "UnderdampedLangevin": 10.0}


class SettingPlan(NamedTuple):
    """What a setting will cost.

    Parameters
    ----------
    at
        Name -> value, in words, on each axis.
    expected
        What is expected of each trajectory, or repetition.
    dimension, max_steps
        d, and the steps after which a trajectory is cut off, or a trial given up.
    trajectories, finished
        How many trajectories, or repetitions, will be run in all, and how many of them are there already.
    unit, units
        How many of them are in a unit, and units still to be run.
    seconds, longest
        On one worker: of all that is still to be run, and of one unit.
    uncut
        Seconds on one worker if no trajectory was censored; inf where that is not known.
    half_interval
        Half the 95 % interval over the mean (of an escape time, or of a variance) that is to be expected.
    memory, disk
        Bytes: of the results in memory, and on disk.
    exact
        Seconds to solve its exact references, where asked for.
    warnings
        One line each.
    hopeless
        Whether hardly an escape is to be expected.
    amount
        What it is counted in: trajectories, or repetitions where it is split.
    """

    at: dict[str, str]
    expected: Expectation
    dimension: int
    max_steps: int
    trajectories: int
    finished: int
    unit: int
    units: int
    seconds: float
    longest: float
    uncut: float
    half_interval: float
    memory: float
    disk: float
    exact: float
    warnings: tuple[str, ...] = ()
    hopeless: bool = False
    amount: str = TRAJECTORIES

    @property
    def coordinates(self) -> str:
        """Where it lies on the axes: "rule.lr=0.01, noise.batch_size=8"."""
        return ", ".join(f"{name}={value}" for name, value in self.at.items())


class Plan(NamedTuple):
    """What a sweep will cost.

    Parameters
    ----------
    name, question
        The file, and what it asks.
    settings
        Each of the file, in order.
    workers
        Units that run at once.
    combinations, compiled, compile_seconds
        Different kernels; how many of them were compiled while this was planned, and how long that took.
    memory_free, disk_free
        Bytes that are available; inf where that cannot be told.
    busy
        How many times as long it takes while other work on this machine goes on; the seconds are those without.
    """

    name: str
    question: str
    settings: tuple[SettingPlan, ...]
    workers: int
    combinations: int
    compiled: int
    compile_seconds: float
    memory_free: float
    disk_free: float
    busy: float

    @property
    def units(self) -> int:
        """Units still to be run."""
        return sum(each.units for each in self.settings)

    @property
    def work(self) -> float:
        """Seconds on one worker."""
        return sum(each.seconds for each in self.settings)

    @property
    def seconds(self) -> float:
        """Wall time on these workers, exact references included."""
        longest = max((each.longest for each in self.settings if each.units), default=0.0)
        # The workers do not end together: half a unit is lost on average.
        busy = max(self.work / self.workers + 0.5 * longest * (1.0 - 1.0 / self.workers), longest)
        return busy + sum(each.exact for each in self.settings) / self.workers

    @property
    def steps(self) -> float:
        """Steps that all trajectories still to be run will live."""
        return sum((each.trajectories - each.finished) * each.expected.lived for each in self.settings)

    @property
    def memory(self) -> float:
        """Bytes of this process, one setting's results at a time."""
        return BASE_MEMORY + max((each.memory for each in self.settings), default=0.0)

    @property
    def disk(self) -> float:
        """Bytes in the folder."""
        return sum(each.disk for each in self.settings)

    @property
    def warnings(self) -> list[str]:
        """All warnings, each with its setting."""
        return [_at(each) + said for each in self.settings for said in each.warnings]

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object; what is infinite or undefined is null."""
        whole = ("units", "work", "seconds", "steps", "memory", "disk", "warnings")
        settings = [
            each._asdict()
            | {"coordinates": each.coordinates, "expected": each.expected._asdict() | {"steps": each.expected.steps}}
            for each in self.settings
        ]
        told = self._asdict() | {name: getattr(self, name) for name in whole} | {"settings": settings}
        return dict(plain(told))


def plan(
    experiment: Experiment,
    workers: int,
    folder: Path | None = None,
    progress: Shares | None = None,
    finished: Sequence[int] | None = None,
    units: Sequence[int] | None = None,
) -> Plan:
    """Return what a sweep will cost: seconds for a file of a few combinations of classes, once these are compiled.

    Parameters
    ----------
    experiment
        The file.
    workers
        Units that will run at once.
    folder
        Where results go; for the disk.
    progress
        Called with (share done, what is under way).
    finished
        Trajectories, or repetitions, of each setting that are there already.
    units
        Unit size of each setting, 0 where that is not settled yet.

    Raises
    ------
    InputError
        Where a setting cannot be run, in one line that tells which.
    """
    report = progress or (lambda share, told: None)
    experiment = with_methods(experiment)
    number, slower = len(experiment.settings), busy(workers)
    ensembles = []
    for setting in experiment.settings:
        with _refused_at(experiment, setting.place):
            ensembles.append(ensemble_of(setting.configuration))
    groups: dict[Any, list[int]] = {}
    for k, ensemble in enumerate(ensembles):
        groups.setdefault(combination(ensemble), []).append(k)
    codes = {key[0]: members[0] for key, members in groups.items()}
    compiling = []
    for k, first in enumerate(codes.values()):
        report(0.3 * k / len(codes), f"compiling, {k + 1} of {len(codes)} combinations")
        compiling.append(compile_now(ensembles[first]))
    report(0.3, "how long trajectories will live")
    expected = expectations(experiment, ensembles)
    told = unit_sizes(experiment, expected, ensembles)
    if units is not None:
        told = [settled or own for settled, own in zip(units, told, strict=True)]
    wanted = [
        trajectories_of(each.configuration, experiment.plan, expected[k], told[k])
        for k, each in enumerate(experiment.settings)
    ]
    at_once = min(workers, sum(-(-number // unit) for number, unit in zip(wanted, told, strict=True)))
    speeds: dict[Any, Speed] = {}
    for k, (key, members) in enumerate(groups.items()):
        report(0.6 + 0.35 * k / len(groups), f"how fast this machine is, {k + 1} of {len(groups)}")
        lives = {which: (ensembles[m], expected[m]) for m in members if (which := octave(expected[m])) is not None}
        largest = max(min(told[m], wanted[m]) for m in members)
        speeds[key] = measure(ensembles[members[0]], largest, at_once, lives)
    there = [0] * number if finished is None else list(finished)
    settings = [
        _setting_plan(
            experiment, k, ensembles[k], expected[k], told[k], wanted[k], there[k], speeds[combination(each)], at_once
        )
        for k, each in enumerate(ensembles)
    ]
    report(0.95, "what would help")
    _advise(experiment, settings, workers)
    report(1.0, "planned")
    return Plan(
        experiment.name,
        experiment.question,
        tuple(settings),
        max(workers, 1),
        len(codes),
        sum(seconds > 0.0 for seconds in compiling),
        sum(compiling),
        memory_available(),
        disk_available(folder),
        slower,
    )


def check(plan: Plan, most_hours: float) -> None:
    """Refuse a sweep that takes longer than most_hours, or more memory or disk than there is, or shows nothing.

    Raises
    ------
    InputError
        In one line, with what would help.
    """
    if plan.disk > plan.disk_free:
        raise InputError(f"the results take {size(plan.disk)}; there are {size(plan.disk_free)} free in the folder")
    if plan.memory > plan.memory_free:
        worst = max(plan.settings, key=lambda each: each.memory)
        raise InputError(
            f"{_at(worst)}its {worst.trajectories:,} {worst.amount} take {size(plan.memory)} of memory; "
            f"{size(plan.memory_free)} are available"
        )
    if plan.seconds > 3600.0 * most_hours:
        worst = max(plan.settings, key=lambda each: each.seconds)
        whole = "" if len(plan.settings) == 1 else f"; the whole sweep takes {duration(plan.seconds)}"
        alone = worst.seconds / min(plan.workers, max(worst.units, 1))
        fewer = int(worst.trajectories * 3600.0 * most_hours / len(plan.settings) / max(alone, 1e-9))
        help_ = [said for said in worst.warnings if " would " in said]
        said = help_[0] if help_ else f"{_how_long(worst)}: it needs {duration(alone)}"
        if not help_ and 1 <= fewer < worst.trajectories:
            said += f"; {worst.amount}={_rounded_down(fewer):,} would do"
        raise InputError(f"{_at(worst)}{said}{whole}, more than {most_hours:g} h on {_workers(plan.workers)}")
    if plan.settings and all(each.hopeless for each in plan.settings):
        worst = plan.settings[0]
        raise InputError(f"{_at(worst)}{worst.warnings[0]}{'' if len(plan.settings) == 1 else '; the others likewise'}")


def expectations(experiment: Experiment, ensembles: Sequence[Any]) -> list[Expectation]:
    """Return what is expected of each setting; what differs in nothing that matters is looked at once."""
    known: dict[str, Expectation] = {}
    seen: dict[Any, Expectation] = {}
    spent, found = 0.0, []
    for setting, ensemble in zip(experiment.settings, ensembles, strict=True):
        configuration = setting.configuration
        described = configuration.described(ensemble.landscape, ensemble.noise, ensemble.rule)
        for name in ("trajectories", "repetitions", "seed", "left_truncation"):
            described["run"].pop(name, None)
        key = json.dumps(described, sort_keys=True)
        if key not in known:
            if hasattr(ensemble, "horizon"):
                known[key] = fixed(ensemble.horizon)
            elif is_split(ensemble):
                kind = combination(ensemble)
                if kind in seen and spent > MOST_PLACING:
                    known[key] = like(seen[kind])
                else:
                    with _refused_at(experiment, setting.place):
                        known[key] = seen[kind] = expect_split(ensemble)
                    spent += nominal_placing(ensemble, seen[kind])
            else:
                run = configuration.run
                known[key] = expect(ensemble, run.exit, run.origin, len(ensembles))
        found.append(known[key])
    return found


@contextmanager
def _refused_at(experiment: Experiment, place: Sequence[int]) -> Iterator[None]:
    """Have a refusal say at which setting."""
    try:
        with deliberate_refusals():
            yield
    except InputError as error:
        at = ", ".join(f"{name}={value}" for name, value in coordinates(experiment, place).items())
        raise InputError(f"{at}: {error}" if at else str(error)) from None


def coordinates(experiment: Experiment, place: Sequence[int]) -> dict[str, str]:
    """Return where a setting lies on the axes, name -> value in words."""
    said = {}
    for axis, k in zip(experiment.axes, place, strict=True):
        values = axis.values[k]
        if any(isinstance(value, dict | list) for value in values):
            said["+".join(axis.names)] = str(axis.labels[k])
        else:
            said |= {name: _short(value) for name, value in zip(axis.names, values, strict=True)}
    return said


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else as_text(value)


def _setting_plan(
    experiment: Experiment,
    k: int,
    ensemble: Any,
    expected: Expectation,
    unit: int,
    wanted: int,
    finished: int,
    speed: Speed,
    at_once: int,
) -> SettingPlan:
    d = ensemble.landscape.dimension
    left = max(wanted - finished, 0)
    whole, rest = divmod(left, unit)
    one = unit_seconds(speed, min(unit, wanted), expected, ensemble)
    last = unit_seconds(speed, rest, expected, ensemble) if rest else 0.0
    seconds = whole * one + last
    units = whole + (rest > 0)
    saddle = hasattr(ensemble, "horizon")
    if saddle:
        records, groups = len(ensemble.at), math.ceil(wanted / GROUP)
        moments = 8.0 * records * (3 * d + d * d)
        memory = 8.0 * records * d * GROUP + (groups + 2) * moments
        disk = groups * moments
        cap, uncut = ensemble.horizon, seconds
    elif is_split(ensemble):
        seconds += 1e-9 * speed.wide * expected.placing if units else 0.0
        path = 8.0 * (d * (1 + ensemble.rule.rows()) + 2)
        row = 8.0 * (ROW_NUMBERS + 4 * expected.stages + PATHS * (d + 1))
        memory = at_once * STATES * ensemble.trials * path + 3.0 * row * wanted
        disk = row * wanted
        cap, uncut = ensemble.end.max_steps, seconds
    else:
        memory, disk = 27.0 * wanted, 9.0 * wanted
        cap = ensemble.end.max_steps
        uncut = seconds * expected.steps / expected.lived if expected.known else math.inf
    rule = type(ensemble.rule).__name__
    result = SettingPlan(
        coordinates(experiment, experiment.settings[k].place),
        expected,
        d,
        cap,
        wanted,
        min(finished, wanted),
        unit,
        units,
        seconds,
        one if whole else last,
        uncut,
        half_interval(experiment.question, wanted, expected),
        memory,
        disk + SHARD_BYTES * math.ceil(wanted / unit),
        _EXACT_SECONDS.get(rule, 1.0) if experiment.plan.exact and not saddle else 0.0,
        amount=amount_of(experiment.settings[k].configuration.run._asdict()),
    )
    if not saddle:
        result = _warned(result, experiment.plan)
    if result.longest > LONG_UNIT:
        said = f"a unit takes {duration(result.longest)}: what is under way when a sweep is stopped is lost"
        result = result._replace(warnings=(*result.warnings, said))
    return result


def _warned(each: SettingPlan, sweep: SweepPlan) -> SettingPlan:
    expected, said = each.expected, []
    escapes = each.trajectories * expected.escaped
    split = each.amount == REPETITIONS
    hopeless = bool(expected.known and escapes < TOO_FEW and not expected.diverged > 0.0 and not split)
    if split:
        if each.trajectories < FEW_REPETITIONS:
            said.append(f"{each.trajectories} repetitions tell little of their own scatter: take {FEW_REPETITIONS}")
    elif hopeless:
        seen = "no escape is" if escapes < 0.1 else f"about {escapes:.1g} escapes are"
        said.append(f"{_how_long(each)}: {seen} expected within max_steps={each.max_steps:,}")
    elif not expected.known:
        beyond = f"tau is beyond {large(expected.log_steps)} steps" if expected.log_steps > 0.0 else "tau is not known"
        said.append(f"{beyond}: no escape in the pilot, no closed form; the cost is at most that of all censored")
    elif expected.censored > MOSTLY:
        enough = 3.0 * expected.steps
        more = each.uncut / max(each.seconds, 1e-9)
        said.append(
            f"{share(expected.censored)} will be censored: {_how_long(each)}; "
            f"max_steps={_rounded_up(enough):,} would leave 5 %, at {more:.2g} times the time"
        )
    if expected.diverged > 0.05:
        said.append(f"{share(expected.diverged)} of the trajectories will diverge")
    if sweep.target is not None and expected.known and each.half_interval > 1.02 * sweep.target:
        reached = f"about {each.half_interval:.2g}" if math.isfinite(each.half_interval) else "nothing"
        said.append(f"the target {sweep.target:g} is out of reach of {each.trajectories:,} {each.amount}: {reached}")
    return each._replace(warnings=tuple(said), hopeless=hopeless)


def _advise(experiment: Experiment, settings: list[SettingPlan], workers: int) -> None:
    """Add to the warnings of the worst settings what would help, and to all how long they would take uncut."""
    stuck = [k for k, each in enumerate(settings) if each.hopeless or each.seconds / workers > 3600.0]
    stuck = [k for k in stuck if settings[k].expected.source != "as asked" and settings[k].expected.known]
    stuck = [k for k in stuck if settings[k].amount == TRAJECTORIES]
    worst = sorted(stuck, key=lambda k: -settings[k].expected.log_steps)[:ADVISED]
    dearest = max(range(len(settings)), key=lambda k: settings[k].seconds, default=None)
    if dearest in stuck and dearest not in worst:
        worst.append(dearest)
    for k in stuck:
        each = settings[k]
        text = f'direct simulation needs {_uncut(each, workers)}; run.method="splitting" would reach it'
        if k in worst:
            steps = each.max_steps * min(1.0, 3600.0 * workers / max(each.seconds, 1e-9))
            target = math.floor(math.log10(max(steps, 1e4)) + 1e-9) * math.log(10.0)
            helps = advised(advice(experiment.settings[k].configuration, target))
            text += f", {helps}" if helps else ""
        kept = [said for said in each.warnings if not said.startswith("tau about")]
        settings[k] = each._replace(warnings=(f"{_how_long(each)}: {text}", *kept))


def _uncut(each: SettingPlan, workers: int) -> str:
    """Return how long all trajectories would take if none was censored."""
    log = math.log(max(each.seconds, 1e-9) / workers / each.expected.lived) + each.expected.log_steps
    return duration(math.exp(log)) if log < 600.0 else f"{large(log - math.log(31_557_600.0))} years"


def _how_long(each: SettingPlan) -> str:
    return f"tau about {large(each.expected.log_steps)} steps"


def _at(each: SettingPlan) -> str:
    return f"{each.coordinates}: " if each.coordinates else ""


def _workers(number: int) -> str:
    return "1 worker" if number == 1 else f"{number} workers"


def _rounded_up(number: float) -> int:
    digits = max(math.floor(math.log10(max(number, 1.0))) - 1, 0)
    return int(math.ceil(number / 10**digits) * 10**digits)


def _rounded_down(number: int) -> int:
    digits = max(len(str(number)) - 2, 0)
    return int(number // 10**digits * 10**digits)


def memory_available() -> float:
    """Return the bytes of memory that can be had; inf where that cannot be told."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * float(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return math.inf


def disk_available(folder: Path | None) -> float:
    """Return the bytes that are free where a folder is, or will be; inf where that cannot be told."""
    if folder is None:
        return math.inf
    place = folder.absolute()
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        return float(shutil.disk_usage(place).free)
    except OSError:
        return math.inf
