"""``saddlescape bench``: this package beside its peers, on the same work, in one run."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .flags import Section, filled, parse
from .output import check_output, notes, tell, write_files
from .peers import PEERS
from .refusals import InputError, nearest, one_of

PARTS = {"scaling": ("How does cost grow with trajectories, dimension, steps and threads?", "scaling")}
"""Benchmarks of their own: name -> (what it asks, the module whose ``answer`` runs it)."""


class BenchRun(NamedTuple):
    """The same work, by each contestant in turn.

    Parameters
    ----------
    cases
        Some of A, B, C, D with commas between; C is C-Adam and C-Adai.
    contestants
        Names, or NAME:VARIANT, with commas between; all that are installed if left out.
    rounds
        How often each is measured on each case, after a warm-up.
    scale
        Factor on the number of trajectories; a small one is a look, not a measurement.
    """

    cases: str = "A,B,C,D"
    contestants: str | None = None
    rounds: int = 5
    scale: float = 1.0


class BenchOutput(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for bench.json, bench.png and bench.pdf.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    out: str | None = None
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    if tokens and tokens[0] in PARTS:
        part_says, module = PARTS[tokens[0]]
        return int(import_module(f".{module}", __package__).answer(f"{name} {tokens[0]}", part_says, tokens[1:]))
    if tokens and not tokens[0].startswith("-"):
        raise InputError(f"there is no benchmark {tokens[0]!r}{nearest(tokens[0], PARTS, one_of(PARTS))}")
    sections = [Section("Run", "", fields(BenchRun)), Section("Output", "", fields(BenchOutput))]
    more = "".join(f" saddlescape {name} {part} --help: {asks}" for part, (asks, _) in PARTS.items())
    given = parse(f"saddlescape {name}", says + more, sections, tokens)
    if given is None:
        return 0
    return _run(filled(BenchRun, given), filled(BenchOutput, given))


def _run(run: BenchRun, output: BenchOutput) -> int:
    from .contest import hold

    if run.rounds < 1:
        raise InputError(f"--rounds={run.rounds} must be at least 1")
    if not 0.0 < run.scale < float("inf"):
        raise InputError(f"--scale={run.scale:g} must be above 0 and finite: it is a factor on the trajectories")
    cases = chosen_cases(run.cases)
    contestants, absent = chosen_contestants(run.contestants)
    check_output(output.out)
    with _progress(quiet=output.quiet) as report:
        result = hold(cases, contestants, rounds=run.rounds, scale=run.scale, absent=absent, report=report)
    tell(result, "bench_table", json=output.json)
    if output.out is not None:
        from .figures.bench import draw

        stem = Path(output.out) / "bench"
        drawn = any(result.standings(case) for case in result.cases)
        figures = [stem.with_suffix(suffix) for suffix in (".png", ".pdf") if drawn]
        write_files(result, stem.with_suffix(".json"), notes(json=output.json), draw, figures)
    return INTERRUPTED if result.interrupted else 0


def chosen_cases(text: str) -> list[str]:
    """Return the names of the cases that a text lists, each once."""
    from .peers.interface import CASES

    found: list[str] = []
    for word in (part.strip() for part in text.split(",")):
        names = [name for name in CASES if word == name or (word and name.startswith(f"{word}-"))]
        if not names:
            raise InputError(f"--cases={text}: there is no case {word!r}{nearest(word, CASES, one_of(CASES))}")
        found += [name for name in names if name not in found]
    return found


def chosen_contestants(text: str | None) -> tuple[list[Any], dict[str, str]]:
    """Return the contestants that a text lists, and by name the peers that are not here, and why.

    Raises
    ------
    InputError
        Where a text names somebody unknown or not here.
    """
    from .contest import Contestant

    here: list[Any] = []
    absent: dict[str, str] = {}
    for word in PEERS if text is None else [part.strip() for part in text.split(",")]:
        name, _, variant = word.partition(":")
        if name not in PEERS:
            near = nearest(name, PEERS, one_of(PEERS))
            raise InputError(f"--contestants={text}: there is no contestant {name!r}{near}")
        module = import_module(f".peers.{PEERS[name]}", __package__)
        if variant and variant not in module.VARIANTS:
            near = nearest(variant, module.VARIANTS, one_of(module.VARIANTS))
            raise InputError(f"--contestants={text}: {name} has no variant {variant!r}{near}")
        reason = module.unavailable()
        if reason is None:
            found = (Contestant(name, each) for each in ([variant] if variant else module.VARIANTS))
            here += [each for each in found if each not in here]
        elif text is None:
            absent[name] = reason
        else:
            raise InputError(f"--contestants={text}: {name} is not here: {reason}")
    return here, absent


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield what a contest calls before each piece of work: a bar, or now and then a line, on stderr."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total, says: bar.update(task, description=says, completed=done, total=total)
    else:
        yield _lines()


def _lines() -> Callable[[int, int, str], None]:
    from .progress import SPARSE

    last = time.monotonic()

    def report(done: int, total: int, says: str) -> None:
        nonlocal last
        if time.monotonic() - last >= SPARSE:
            last = time.monotonic()
            print(f"{done} of {total}: {says}", file=sys.stderr, flush=True)

    return report
