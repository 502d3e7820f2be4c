"""Contestants beside one another on the same work: interleaved rounds, medians, ratios, and a look at the answers."""

import contextlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from .. import __version__
from .choices import ROOT
from .fields import plain
from .peers import PEERS
from .peers.exact import Answer, exact_answers
from .peers.interface import CASES, Case, Work
from .peers.worker import ONE_THREAD

TOLERANCE = 5.0
"""Standard errors within which an answer agrees: a false alarm in 1.7 million, for normal errors."""

Report: TypeAlias = Callable[[int, int, str], None]
"""Called before each piece of work with (pieces done, pieces in all, what comes)."""


class Contestant(NamedTuple):
    """Who takes part.

    Parameters
    ----------
    name
        One of PEERS.
    variant
        One of its module's VARIANTS.
    """

    name: str
    variant: str

    @property
    def label(self) -> str:
        """Name and variant."""
        return f"{self.name} {self.variant}"


BASE = Contestant("numpy", "float64")
"""The one that speed is told in multiples of."""
LIMIT = Contestant("c++", "limit")
"""The one that the hardware's limit is read from."""
OURS = "saddlescape"
"""Name of this package among the contestants."""


class Measurement(NamedTuple):
    """One contestant on one case in one round.

    Parameters
    ----------
    round
        From 1; 0 is the warm-up, which includes imports and compilation.
    case, contestant
        Name, and label.
    seconds, wall
        CPU time of the process, all its threads, and wall time.
    units
        Useful trajectory-step-dimensions.
    """

    round: int
    case: str
    contestant: str
    seconds: float
    wall: float
    units: float

    @property
    def ns(self) -> float:
        """CPU time of a unit in nanoseconds."""
        return self.seconds / self.units * 1e9


class Range(NamedTuple):
    """Median over the rounds, lowest and highest."""

    median: float
    low: float
    high: float


class Standing(NamedTuple):
    """What the rounds say of one contestant on one case.

    Parameters
    ----------
    case, contestant
        Name, and label.
    ns
        CPU time of a unit in nanoseconds.
    speedup
        NumPy's time over its own, round by round; None without NumPy.
    of_limit
        Its own time over that of the C++ limit, round by round; None without that.
    differs
        How its answers differ from the reference; "" where they agree.
    """

    case: str
    contestant: str
    ns: Range
    speedup: Range | None
    of_limit: Range | None
    differs: str


class Reference(NamedTuple):
    """What the answers to a case are compared with.

    Parameters
    ----------
    source
        "exact", or the label of a contestant.
    answers
        By name.
    samples
        Trajectories behind them; inf where they are exact.
    """

    source: str
    answers: dict[str, Answer]
    samples: float

    def difference(self, work: Work) -> str:
        """Return how the answers of some work differ by more than sampling allows, "" where they agree.

        The standard error is that of two independent ensembles, with the reference's deviation for both.
        """
        said = []
        for name, (value, deviation) in self.answers.items():
            found = work.answers.get(name, math.nan)
            error = deviation * math.sqrt(1.0 / work.samples + 1.0 / self.samples)
            if not abs(found - value) <= TOLERANCE * error:
                said.append(f"{name} {found:.5g}, not {value:.5g} +- {error:.2g}")
        return "; ".join(said)


class Contest(NamedTuple):
    """All that was measured.

    Parameters
    ----------
    cases, contestants
        Names of the cases, and who took part, in the order asked for.
    rounds, scale
        As asked for.
    measurements
        In the order of time, warm-ups included.
    found
        (case, label) -> what came out.
    references
        Case -> what it is compared with; none where there is nothing to compare with.
    absent
        Label, or "label, case" -> why nothing was measured.
    versions
        Label -> what was measured.
    machine
        What it ran on.
    interrupted
        Whether Ctrl-C ended it early.
    """

    cases: tuple[str, ...]
    contestants: tuple[Contestant, ...]
    rounds: int
    scale: float
    measurements: list[Measurement]
    found: dict[tuple[str, str], Work]
    references: dict[str, Reference]
    absent: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, Any]
    interrupted: bool

    def standings(self, case: str) -> list[Standing]:
        """Return the standings of all that were measured on a case, in the order asked for."""
        times = {each.label: self._times(case, each.label) for each in self.contestants}
        base, limit = times.get(BASE.label, {}), times.get(LIMIT.label, {})
        return [
            Standing(
                case,
                label,
                _range(own),
                _range({k: base[k] / own[k] for k in own.keys() & base.keys()}),
                _range({k: own[k] / limit[k] for k in own.keys() & limit.keys()}),
                self.differs(case, label),
            )
            for label, own in times.items()
            if own
        ]

    def differs(self, case: str, label: str) -> str:
        """Return how the answers of a contestant differ from the reference, "" where they agree."""
        reference = self.references.get(case)
        return "" if reference is None else reference.difference(self.found[case, label])

    def _times(self, case: str, label: str) -> dict[int, float]:
        return {
            each.round: each.ns
            for each in self.measurements
            if each.round > 0 and (each.case, each.contestant) == (case, label)
        }

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object."""
        return dict(
            plain(
                {
                    "version": __version__,
                    "unit": "ns of CPU time per useful trajectory-step-dimension, one thread",
                    "scale": self.scale,
                    "rounds": self.rounds,
                    "tolerance": TOLERANCE,
                    "cases": {name: self._case_as_json(name) for name in self.cases},
                    "contestants": self.versions,
                    "absent": self.absent,
                    "measurements": [each._asdict() | {"ns": each.ns} for each in self.measurements],
                    "machine": self.machine,
                    "interrupted": self.interrupted,
                }
            )
        )

    def _case_as_json(self, name: str) -> dict[str, Any]:
        reference = self.references.get(name)
        return {
            "says": CASES[name].says,
            "trajectories": CASES[name].number(self.scale),
            "reference": None if reference is None else _told(reference),
            "standings": {each.contestant: _standing_as_json(each) for each in self.standings(name)},
            "answers": {label: work._asdict() for (case, label), work in self.found.items() if case == name},
        }


def _told(reference: Reference) -> dict[str, Any]:
    answers = {name: each._asdict() for name, each in reference.answers.items()}
    return {"source": reference.source, "samples": reference.samples, "answers": answers}


def _standing_as_json(standing: Standing) -> dict[str, Any]:
    ranges = {"ns": standing.ns, "speedup": standing.speedup, "of_limit": standing.of_limit}
    told = {name: None if each is None else each._asdict() for name, each in ranges.items()}
    return told | {"differs": standing.differs}


def _range(values: dict[int, float]) -> Any:
    if not values:
        return None
    return Range(statistics.median(values.values()), min(values.values()), max(values.values()))


def hold(
    cases: Sequence[str],
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    scale: float,
    absent: dict[str, str] | None = None,
    report: Report | None = None,
) -> Contest:
    """Measure every contestant on every case, in turn, and return what is measured; Ctrl-C ends it early.

    Each contestant is warmed up on each case before the first round. In each round and case the contestants follow one
    another, the first of them another one each time, so that a change of the machine's pace meets all alike.

    Parameters
    ----------
    cases
        Names.
    contestants
        Who takes part.
    rounds, scale
        How often, and with how many trajectories, in multiples of the case's own number.
    absent
        Who does not take part, and why; those who turn out unable are added.
    report
        Told before each piece of work.
    """
    absent = dict(absent or {})
    versions: dict[str, str] = {}
    found: dict[tuple[str, str], Work] = {}
    measurements: list[Measurement] = []
    interrupted = False
    processes: dict[str, _Process] = {}
    order = list(_order(cases, contestants, rounds))
    try:
        for done, (k, case, each) in enumerate(order):
            label = each.label
            if label in absent or f"{label}, case {case}" in absent:
                continue
            if report is not None:
                said = f"round {k} of {rounds}" if k else "warm-up"
                report(done, len(order), f"{said}, case {case}, {label}")
            if label not in processes:
                processes[label] = _Process(PEERS[each.name], each.variant)
            told = processes[label].ask(case, scale)
            if "unavailable" in told:
                absent[label] = told["unavailable"]
            elif "seconds" not in told:
                absent[f"{label}, case {case}"] = told.get("error", "this contestant cannot do it")
            else:
                versions[label] = told["version"]
                found[case, label] = Work(told["units"], told["answers"], told["samples"])
                measurements.append(Measurement(k, case, label, told["seconds"], told["wall"], told["units"]))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for process in processes.values():
            process.end()
    references = {case: known for case in cases if (known := _reference(CASES[case], found)) is not None}
    return Contest(
        tuple(cases),
        tuple(contestants),
        rounds,
        scale,
        measurements,
        found,
        references,
        absent,
        versions,
        machine(),
        interrupted,
    )


def _order(
    cases: Sequence[str], contestants: Sequence[Contestant], rounds: int
) -> Iterator[tuple[int, str, Contestant]]:
    """Yield (round, case, contestant) in the order of measurement; round 0 is the warm-up."""
    for k in range(rounds + 1):
        for place, case in enumerate(cases):
            turn = (k + place) % len(contestants)
            for each in (*contestants[turn:], *contestants[:turn]):
                yield k, case, each


def _reference(case: Case, found: dict[tuple[str, str], Work]) -> Reference | None:
    """Return the exact answers, or those of NumPy with the deviations of normal trajectories."""
    exact = exact_answers(case)
    if exact is not None:
        return Reference("exact", exact, math.inf)
    work = found.get((case.name, BASE.label))
    if work is None:
        return None
    answers = {name: Answer(value, math.sqrt(2.0) * value) for name, value in work.answers.items()}
    return Reference(BASE.label, answers, work.samples)


class _Process:
    """A worker's process, asked line by line."""

    def __init__(self, module: str, variant: str) -> None:
        self.complaints = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        # In a session of its own it does not hear Ctrl-C: the contest ends it.
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{ROOT}.experiments.peers.worker", module, variant],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            env=os.environ | ONE_THREAD,
            start_new_session=True,
        )

    def ask(self, case: str, scale: float) -> dict[str, Any]:
        """Return what the worker tells of a case."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        try:
            print(case, scale, file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            pass
        if line:
            return dict(json.loads(line))
        self.complaints.seek(0)
        last = self.complaints.read().strip().rpartition("\n")[2]
        return {"error": f"its process ended with {self.process.wait()}" + (f": {last}" if last else "")}

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.complaints):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def machine() -> dict[str, Any]:
    """Return what a measurement depends on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
