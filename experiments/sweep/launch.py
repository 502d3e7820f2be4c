"""A sweep from its file to its folder: plan it, compare it with what is there, run what is missing."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import __version__
from ..files.experiment import Experiment, from_dict, read
from ..record import obstacle
from ..refusals import InputError
from .amounts import with_methods
from .conductor import Outcome, Report, Shard, conduct, interruptible
from .engines.interface import Engine
from .stopping import extent
from .store import (
    SHARDS,
    SWEEP,
    DamagedShardError,
    Manifest,
    Store,
    StoredSetting,
    change,
    manifest_of,
    read_manifest,
    write_manifest,
)
from .unit import UnitError
from .wording import counted

if TYPE_CHECKING:
    from distributed import Client

    from .planner import Plan, Shares
    from .reading import Sweep

Say = Callable[[str], None]
"""Takes a note on what happens, a line."""

MOST_HOURS = 24.0
"""Predicted hours beyond which a sweep is not begun."""


class Launch(NamedTuple):
    """A sweep that is about to run.

    Parameters
    ----------
    manifest
        What is to be run.
    plan
        What it will cost; None where the folder was made for the very same and is gone on with.
    before
        What the folder was made for until now.
    """

    manifest: Manifest
    plan: "Plan | None"
    before: Manifest | None


def sweep(
    source: Experiment | Path | str | dict[str, Any],
    out: Path | str,
    *,
    threads: int | None = None,
    processes: int | None = None,
    scheduler: "str | Client | None" = None,
    shard: tuple[int, int] = (1, 1),
    update: bool = False,
    most_hours: float = MOST_HOURS,
    report: Report | None = None,
) -> "Sweep":
    """Run the settings of an experiment file that a folder does not hold yet, and return all that it holds.

    It can be stopped at any moment, even killed, and called again: what is finished is never run again. The results
    are the same bits from every engine, in whatever pieces they were run.

    Parameters
    ----------
    source
        A TOML file, or the same content as a dict.
    out
        Folder; made where missing.
    threads, processes
        Units at a time, in threads of this process (one a core if nothing is said) or in processes of their own.
    scheduler
        Address of a Dask scheduler ("tcp://host:8786"), or a ``distributed.Client``.
    shard
        (i, n): run only the i-th of n parts, as a member of a job array; all may share a folder.
    update
        Take a file that no longer asks for all that is in the folder; what is finished stays on disk.
    most_hours
        Refuse what is predicted to take longer.
    report
        Called a few times a second with a ``Status``.

    Returns
    -------
    Sweep
        As ``load`` returns it.

    Raises
    ------
    ValueError
        Where the file is bad, cannot finish, or is not the one that the folder was made for; what was finished is kept.
    KeyboardInterrupt
        After Ctrl-C, once the units that ran are finished and kept.
    """
    from .reading import load

    folder, part = Path(out), Shard(*shard)
    if not 1 <= part.part <= part.parts:
        raise InputError(f"shard={shard} must be (i, n) with 1 <= i <= n")
    experiment = source if isinstance(source, Experiment) else _read(source)
    with engine_of(threads, processes, scheduler) as engine, locked(folder, part):
        launch = prepare(experiment, folder, engine.workers * part.parts, update=update, most_hours=most_hours)
        outcome, _ = carry_out(launch, folder, engine, shard=part, report=report)
    if outcome.interrupted and outcome.left:
        raise KeyboardInterrupt
    return load(folder)


def engine_of(threads: int | None, processes: int | None, scheduler: Any) -> Engine:
    """Return the engine that is asked for.

    Raises
    ------
    InputError
        Where more than one is, or a number is out of bounds.
    """
    given = {"threads": threads, "processes": processes, "scheduler": scheduler}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise InputError(f"{named[0]} and {named[1]} exclude each other: a sweep has one engine")
    for name, value in (("threads", threads), ("processes", processes)):
        if value is not None and not 1 <= value <= 4096:
            raise InputError(f"{name}={value} must lie in [1, 4096]")
    if scheduler is not None:
        from .engines.cluster import Cluster

        return Cluster(scheduler)
    if processes is not None:
        from .engines.processes import Processes

        return Processes(processes)
    from .engines.threads import Threads

    return Threads(threads)


def prepare(
    experiment: Experiment,
    folder: Path,
    workers: int,
    *,
    update: bool = False,
    most_hours: float = MOST_HOURS,
    progress: "Shares | None" = None,
) -> Launch:
    """Say what is to be run, and refuse what cannot finish or does not belong in the folder; nothing is written.

    Parameters
    ----------
    experiment
        What is asked for.
    folder
        Of the sweep.
    workers
        Units that will run at once, on all members of a job array together.
    update, most_hours
        As in sweep.
    progress
        Called with (share done, what is under way) while it is planned.

    Raises
    ------
    InputError
        With the reason.
    """
    reason = obstacle(folder)
    if reason:
        raise InputError(f"--out={folder}: {reason}")
    before, experiment = read_manifest(folder), with_methods(experiment)
    asked = manifest_of(experiment)
    if before is not None:
        asked = asked.settled(before)
        check_change(before, asked, folder, update=update)
        if all(setting.unit for setting in asked.settings) and not change(before, asked):
            return Launch(asked, None, before)
    from .planner import check, plan

    there = None if before is None else finished(folder, asked)
    planned = plan(experiment, workers, folder, progress, there, [each.unit for each in asked.settings])
    check(planned, most_hours)
    costs = [each.expected.lived * each.dimension for each in planned.settings]
    units, expected = zip(*((each.unit, each.trajectories) for each in planned.settings), strict=True)
    return Launch(asked.planned(units, costs, expected), planned, before)


def outlook(experiment: Experiment, folder: Path | None, workers: int, progress: "Shares | None" = None) -> "Plan":
    """Return what is still to be run and what it will cost; nothing is written.

    Parameters
    ----------
    experiment
        What is asked for.
    folder
        Of the sweep, or where it would go; None where that is not settled.
    workers, progress
        As in prepare.

    Raises
    ------
    InputError
        Where a setting cannot be run.
    """
    from .planner import plan

    experiment = with_methods(experiment)
    before = None if folder is None else read_manifest(folder)
    if folder is None or before is None:
        return plan(experiment, workers, folder, progress)
    asked = manifest_of(experiment).settled(before)
    units = [each.unit for each in asked.settings]
    return plan(experiment, workers, folder, progress, finished(folder, asked), units)


def objection(experiment: Experiment, folder: Path | None, planned: "Plan", *, update: bool, most_hours: float) -> str:
    """Return why a sweep with this plan would be refused, "" where it would not.

    Parameters
    ----------
    experiment, folder
        As in outlook.
    planned
        What it will cost.
    update, most_hours
        As in sweep.
    """
    from .planner import check

    try:
        before = None if folder is None else read_manifest(folder)
        if folder is not None and before is not None:
            check_change(before, manifest_of(experiment), folder, update=update)
        check(planned, most_hours)
    except InputError as error:
        return str(error)
    return ""


def finished(folder: Path, asked: Manifest) -> list[int]:
    """Return how many of the trajectories, or repetitions, that each setting needs next, or needed, are there.

    Raises
    ------
    InputError
        Where the folder cannot be read.
    """

    def there(setting: StoredSetting) -> int:
        while True:
            try:
                # Where to stop is known once the size of a unit is: till then there are those of the first look.
                settled = setting.unit or asked.plan.target is None
                wanted = extent(store, asked, setting).wanted if settled else setting.trajectories
                missing = store.missing(setting.key, asked.question, wanted)
                return wanted - sum(stop - start for start, stop in missing)
            except DamagedShardError:  # the store has forgotten it: what it held is missing
                continue

    try:
        store = Store(folder, verify=False, set_aside=False)
        return [there(setting) for setting in asked.settings]
    except OSError as error:
        raise InputError(f"cannot read {error.filename or folder}: {error.strerror or error}") from None


def check_change(before: Manifest, asked: Manifest, folder: Path, *, update: bool) -> None:
    """Refuse a file that is not the one a folder was made for, nor one that only asks for more.

    Raises
    ------
    InputError
        With what differs.
    """
    if before.version != __version__:
        raise InputError(
            f"{folder} was begun by saddlescape {before.version}, this is {__version__}: bits may differ; "
            "use that version, or another folder"
        )
    differs = change(before, asked)
    if not differs.appends and not update:
        raise InputError(
            f"{asked.name} is not the file that {folder} was made for: {differs.taken}; "
            "use another folder, or --update to take the file as it is now (what is finished stays on disk)"
        )


def carry_out(
    launch: Launch,
    folder: Path,
    engine: Engine,
    *,
    shard: Shard | None = None,
    say: Say | None = None,
    report: Report | None = None,
) -> tuple[Outcome, Store]:
    """Write what is to be run into the folder and run what is missing there.

    Parameters
    ----------
    launch
        From ``prepare``.
    folder
        Of the sweep.
    engine
        Inside its ``with``.
    shard
        Run this part alone.
    say
        Takes notes.
    report
        Called a few times a second.

    Raises
    ------
    InputError
        Where a unit cannot be run or the folder cannot be written; what was finished is kept.
    """
    say = say or (lambda line: None)
    try:
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        write_manifest(folder, launch.manifest)
        store = Store(folder)
        store.sweep_out()
        for line in store.damaged:
            say(line)
        if launch.before is not None:
            held = sum(1 for _ in store.all_units())
            differs = change(launch.before, launch.manifest)
            how = f"{'extended' if differs.appends else 'changed'}: {differs}" if differs else "resumed"
            say(f"{how}; {counted(held, 'unit')} there already")
        with interruptible() as halt:
            return conduct(store, launch.manifest, engine, halt, shard=shard, report=report), store
    except UnitError as error:
        raise InputError(f"{error}; what was finished is kept in {folder}") from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else f" in {folder}"
        raise InputError(
            f"cannot write{where}: {error.strerror or error}; what was finished is kept, "
            "the same command goes on from there"
        ) from None


@contextmanager
def locked(folder: Path, shard: Shard) -> Iterator[None]:
    """Hold a folder (or the part of a job array in it) for this process alone, where the file system knows locks.

    Raises
    ------
    InputError
        Where another process holds it.
    """
    made = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    reason = obstacle(folder)
    if reason:
        raise InputError(f"--out={folder}: {reason}")
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder / f".lock-{shard.part}-of-{shard.parts}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        _take_away(made)
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
    try:
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                made = []  # it is the other's
                raise InputError(f"another process is at work on this sweep in {folder}") from None
            except OSError:
                pass  # no locks on this file system: two of them would only do the same work twice
            yield
    finally:
        # A folder that was made for nothing is taken away again. Else the lock stays: who takes a held one away would
        # let two others in.
        if made and not (folder / SWEEP).exists():
            with contextlib.suppress(OSError):
                path.unlink()
            _take_away(made)


def _take_away(made: list[Path]) -> None:
    """Take away folders, the deepest first, as long as they are empty."""
    for each in made:
        with contextlib.suppress(OSError):
            each.rmdir()


def _read(source: Path | str | dict[str, Any]) -> Experiment:
    return from_dict(source) if isinstance(source, dict) else read(source)
