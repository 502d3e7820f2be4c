"""Command ``saddlescape sweep FILE.toml --out DIR``."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .flags import Section, filled, parse
from .refusals import InputError

MOST_SHARDS = 100_000


class SweepRun(NamedTuple):
    """How a sweep is run; no result depends on it.

    Parameters
    ----------
    out
        Folder of the sweep, made where missing; what is finished there is not run again.
    threads
        Units at a time in this process; one a core if left out.
    processes
        Run units in so many processes of their own.
    scheduler
        Run units on a Dask cluster: the address of its scheduler, tcp://host:8786. Needs saddlescape[cluster].
    shard
        i/n: run only the i-th of n parts, as a member of a job array. All may share a folder; else see merge.
    dry_run
        Run nothing: tell what it will cost.
    most_hours
        Refuse what is predicted to take longer, all members of a job array running at once.
    update
        Take a file that no longer asks for all that the folder was made for; what is finished stays on disk.
    """

    out: str | None = None
    threads: int | None = None
    processes: int | None = None
    scheduler: str | None = None
    shard: str = "1/1"
    dry_run: bool = False
    most_hours: float = 24.0
    update: bool = False


class SweepOutput(NamedTuple):
    """What is told.

    Parameters
    ----------
    json
        Print one JSON object at the end.
    progress
        How far the run has come, on stderr: a bar, lines now and then, JSON lines, or nothing. A bar on a terminal and
        lines elsewhere if left out. Each JSON line has event (planning, note, start, progress, interrupted, end), time,
        and of a running sweep share, units_done, units, settings_done, settings, steps, steps_per_second, eta, workers.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    progress: Literal["auto", "bar", "lines", "json", "none"] = "auto"
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it does.
    tokens
        What follows it: a file and flags.

    Raises
    ------
    InputError
        Where the input is bad, the sweep cannot finish, or its folder cannot be written.
    """
    first = tokens[0] if tokens else "--help"
    title = f"saddlescape {name} FILE.toml"
    if first.startswith("-") and first not in ("--help", "-h"):
        raise InputError(f"the file comes before {first}: {title}")
    flags = ["--help"] if first in ("--help", "-h") else tokens[1:]
    sections = [Section("Sweep", "", fields(SweepRun)), Section("Output", "", fields(SweepOutput))]
    given = parse(title, says, sections, flags)
    if given is None:
        return 0
    run, output = filled(SweepRun, given), filled(SweepOutput, given)
    if run.out is None and not run.dry_run:
        raise InputError(f"--out is required: the folder of the sweep, as in {title} --out DIR")
    if not run.most_hours > 0.0:
        raise InputError(f"--most-hours={run.most_hours:g} must be above 0")
    return _run(tokens, run, output)


def _run(tokens: list[str], run: SweepRun, output: SweepOutput) -> int:
    from .files.experiment import read
    from .sweep.conductor import Shard
    from .sweep.launch import carry_out, engine_of, locked, prepare

    shard = Shard(*_shard(run.shard))
    experiment = read(tokens[0])
    if run.dry_run:
        return _dry_run(experiment, shard, run, output)
    folder = Path(run.out or "")
    how = "none" if output.quiet else output.progress
    command = shlex.join(["saddlescape", "sweep", *tokens])
    with engine_of(run.threads, run.processes, run.scheduler) as engine, locked(folder, shard):
        from .sweep.progress import meter, notes, planning

        say = notes(how)
        with planning(how) as report:
            launch = prepare(
                experiment,
                folder,
                engine.workers * shard.parts,
                update=run.update,
                most_hours=run.most_hours,
                progress=report,
            )
        if launch.plan is not None and not output.quiet:
            from .sweep.plan_table import warned

            for line in warned(launch.plan):
                say(line)
        with meter(how, engine.name, command) as status:
            outcome, store = carry_out(launch, folder, engine, shard=shard, say=say, report=status)
    _tell(launch, folder, store, shard, outcome, command, output)
    return INTERRUPTED if outcome.interrupted and outcome.left else 0


def _dry_run(experiment: Any, shard: Any, run: SweepRun, output: SweepOutput) -> int:
    from .sweep.launch import engine_of, objection, outlook
    from .sweep.progress import planning, tell

    folder = None if run.out is None else Path(run.out)

    with (
        engine_of(run.threads, run.processes, run.scheduler) as engine,
        planning("none" if output.quiet else output.progress) as report,
    ):
        workers = engine.workers * shard.parts
        planned = outlook(experiment, folder, workers, report)
    refused = objection(experiment, folder, planned, update=run.update, most_hours=run.most_hours)
    if output.json:
        from json import dumps

        print(dumps(planned.as_json() | {"refused": refused}, allow_nan=False))
    else:
        from .sweep.plan_table import show

        show(planned)
        sys.stdout.flush()
        if refused:
            tell(f"saddlescape: it would be refused: {refused}")
    return 0


def _tell(launch: Any, folder: Path, store: Any, shard: Any, outcome: Any, command: str, output: SweepOutput) -> None:
    from .. import __version__
    from .sweep.stopping import digest_of
    from .sweep.store import Store
    from .sweep.wording import counted, duration

    if shard.parts > 1:
        store = Store(folder, verify=False, set_aside=False)  # what other members of the job array wrote by now
    digest = digest_of(store, launch.manifest)
    told = {
        "folder": str(folder),
        "settings": len(launch.manifest.settings),
        "complete": digest is not None,
        "interrupted": outcome.interrupted,
        "units": sum(1 for _ in store.all_units()),
        "ran": outcome.ran,
        "left": outcome.left,
        "steps": outcome.steps,
        "seconds": outcome.seconds,
        "busy": outcome.busy,
        "digest": digest,
        "version": __version__,
    }
    if output.json:
        from json import dumps

        print(dumps(told, allow_nan=False))
        sys.stdout.flush()
        return
    print(
        f"{counted(outcome.ran, 'unit')} in {duration(outcome.seconds)}, {outcome.steps:.3g} steps; "
        f"{told['units']:,} in {folder}"
    )
    if digest is not None:
        print(f"complete: {counted(told['settings'], 'setting')}; digest {digest[:16]}  (first 16 of 64)")
        print(f"read it: saddlescape summary {shlex.quote(str(folder))}")
    elif outcome.left:
        print(f"{counted(outcome.left, 'unit')} {'is' if outcome.left == 1 else 'are'} missing; go on with: {command}")
    else:
        print("this part is complete; others are not, or lie in other folders: then saddlescape merge joins them")
    sys.stdout.flush()


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    index, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= index <= count <= MOST_SHARDS:
        raise InputError(f"--shard={text} must be i/n with 1 <= i <= n <= {MOST_SHARDS}, as in 1/4 to 4/4")
    return index, count
