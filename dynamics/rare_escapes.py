"""Mean escape times too long to be lived through, by splitting."""

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import whole
from .setting import GeneratorName, Momentum, NormalsName, Progress

REPETITIONS, TRIALS = 32, 4000
"""Defaults."""


class RareEscapes(NamedTuple):
    """Mean escape time from R independent repetitions of a splitting with S stages.

    Parameters
    ----------
    entries
        First arrivals at the lowest level after the basin, of each repetition, (R,).
    walked
        Steps in which they were counted, of each repetition, (R,).
    reached
        Trials that reached the level of their stage, (R, S); the last level is the exit.
    ancestors
        Entries that those descend from, (R, S).
    steps
        Steps of each repetition in all, (R,).
    astray
        Walks and trials that left the stated bound or lost finiteness, (R,): never counted as escapes.
    unfinished
        Trials that were neither at their level nor back in the basin after the most steps, (R,).
    ends
        Where some of the escaping paths crossed the exit, (R, P, d).
    durations
        Steps from the basin to the exit of the same paths, (R, P).
    ladder
        Where the levels are.
    exit
        The absorbing level along the escape direction.
    trials
        Trials a stage of each repetition.
    time_step
        Dynamical time of one step.
    seed, first
        Seed, and number of the first repetition.
    seconds
        Wall time, that of placing the levels included.
    interrupted
        Whether the run was stopped before its end; repetitions under way are then left out.
    """

    entries: npt.NDArray[np.int64]
    walked: npt.NDArray[np.int64]
    reached: npt.NDArray[np.int64]
    ancestors: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    astray: npt.NDArray[np.int64]
    unfinished: npt.NDArray[np.int64]
    ends: npt.NDArray[np.float64]
    durations: npt.NDArray[np.float64]
    ladder: Any
    exit: float
    trials: int
    time_step: float
    seed: int
    first: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def repetitions(self) -> int:
        """Number of repetitions R."""
        return len(self.entries)

    @property
    def rates(self) -> npt.NDArray[np.float64]:
        """Escapes a step, of each repetition, (R,); their mean is unbiased but for what the burn-in leaves."""
        chances: npt.NDArray[np.float64] = np.prod(self.reached / self.trials, axis=1)
        return self.entries / self.walked * chances

    @property
    def mean_steps(self) -> float:
        """Mean escape time in steps; inf where no repetition saw an escape."""
        rate = float(self.rates.mean()) if self.repetitions else 0.0
        return 1.0 / rate if rate > 0.0 else float("inf")

    @property
    def mean(self) -> float:
        """Mean escape time in dynamical time; inf where no repetition saw an escape."""
        return self.mean_steps * self.time_step

    @property
    def relative_error(self) -> float:
        """Standard error of the mean rate over the mean rate, from the scatter of the repetitions."""
        from .estimates import relative_error_of_mean

        return relative_error_of_mean(self.rates)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval of the mean escape time at this level, in dynamical time, from how the rates scatter."""
        from .estimates import positive_mean_interval

        low, high = positive_mean_interval(self.rates, level)
        with np.errstate(divide="ignore"):
            return float(np.divide(self.time_step, high)), float(np.divide(self.time_step, low))

    @property
    def chances(self) -> npt.NDArray[np.float64]:
        """Chance of each stage, (S,): the mean of the trials, over repetitions that got there."""
        before = np.column_stack([self.entries, self.reached[:, :-1]])
        tried = self.trials * np.count_nonzero(before, axis=0)
        chances: npt.NDArray[np.float64] = self.reached.sum(axis=0) / np.maximum(tried, 1)
        return chances

    @property
    def total_steps(self) -> int:
        """Steps taken in all, those of placing the levels included."""
        return int(self.steps.sum() + self.ladder.steps)

    @property
    def direct_steps(self) -> float:
        """Steps of direct simulation for the same relative error: as many escapes as that needs; nan without one."""
        error = self.relative_error
        return self.mean_steps / error**2 if 0.0 < error < float("inf") else float("nan")

    def cautions(self) -> list[str]:
        """Return why the estimate or its interval should not be trusted, one line each; none where it may be."""
        said = []
        if self.repetitions < FEW_REPETITIONS:
            those = "one repetition tells" if self.repetitions == 1 else f"{self.repetitions} repetitions tell"
            said.append(f"{those} little of their own scatter: take {FEW_REPETITIONS} or more")
        alone = float(np.median(self.ancestors[:, -1])) if self.repetitions else 0.0
        if alone < FEW_ANCESTORS:
            said.append(
                f"the escapes of a repetition descend from {alone:g} of its entries, fewer than {FEW_ANCESTORS}: "
                "take more trials"
            )
        rates = self.rates
        if len(rates) >= FEW_REPETITIONS and rates.any() and np.var(rates, ddof=1) > LARGE_VARIANCE * rates.mean() ** 2:
            scatter = np.std(rates, ddof=1) / rates.mean()
            said.append(f"the rates of the repetitions scatter by {scatter:.0%}: take more trials")
        if not self.ladder.settled:
            said.append(
                f"the chain remembers for longer than {self.ladder.memory:.3g} steps: the start may not be forgotten"
            )
        if self.unfinished.any():
            said.append(
                f"{int(self.unfinished.sum())} trials neither climbed nor fell back in max_steps: the rate is at least "
                "what is said; there may be a valley on the way"
            )
        if self.astray.any():
            said.append(f"{int(self.astray.sum())} walks or trials diverged: they count as no escapes")
        return said

    def digest(self) -> str:
        """Return the SHA-256 of the raw results: entries, reached, ancestors, and steps of every repetition."""
        raw = hashlib.sha256()
        for counts in (
            self.entries,
            self.walked,
            self.reached,
            self.ancestors,
            self.steps,
            self.astray,
            self.unfinished,
        ):
            raw.update(np.ascontiguousarray(counts, "<i8").tobytes())
        for places in (self.ends, self.durations, self.ladder.levels):
            raw.update(np.ascontiguousarray(places, "<f8").tobytes())
        return raw.hexdigest()


FEW_REPETITIONS = 8
FEW_ANCESTORS = 10
LARGE_VARIANCE = 0.5
"""Below or above these the scatter of the repetitions is no measure of the error."""


def rare_escapes(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    repetitions: int | range = REPETITIONS,
    trials: int = TRIALS,
    seed: int = 0,
    exit: float | None = None,
    max_steps: int | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    bridge: bool | None = None,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
    threads: int | None = None,
    progress: Progress | None = None,
) -> RareEscapes:
    """Estimate the mean escape time from a minimum by splitting, however rare escapes are.

    It estimates what escape_times estimates, the mean number of steps from the start to the exit, at a cost that grows
    as the square of its logarithm. See ``dynamics.splitting`` for the method. Where a start has a chance p to escape
    before it settles in the basin, and escapes from there are rare, it misses the factor 1 - p.

    Parameters
    ----------
    landscape, noise, rule
        What to run; each is checked first.
    repetitions
        R, or a range of their numbers: independent estimates, from whose scatter the interval comes.
    trials
        Trials a stage of each repetition.
    seed, exit, origin, momentum, bridge, generator, normals
        As in escape_times; the origin must be in the basin.
    max_steps
        Steps after which a trial is given up; default 10^6 / d, but at least 10^4 and 100 memories of the chain.
    threads
        How the work is cut; the results do not depend on it.
    progress
        Called with (trials over, trials in all, steps taken).

    Returns
    -------
    RareEscapes
        Interrupted by Ctrl-C, it holds the repetitions that are done.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of bounds, the rule unstable on the landscape, the noise cannot carry it out, or the
        start is not in the basin.
    """
    ensemble = rare_ensemble(
        landscape,
        noise,
        rule,
        trials=trials,
        seed=seed,
        exit=exit,
        max_steps=max_steps,
        origin=origin,
        momentum=momentum,
        bridge=bridge,
        generator=generator,
        normals=normals,
    )
    return ensemble.run(repetitions, threads=threads, progress=progress)


@dataclass(frozen=True, eq=False)
class RareEnsemble:
    """A splitting that was checked, of which any repetitions can be run.

    Parameters
    ----------
    landscape, noise, rule, start, end, source
        As in EscapeEnsemble; ``end.max_steps`` is that of a trial.
    trials
        Trials a stage of each repetition.
    impatient
        Whether the most steps of a trial were asked for; else they may be more than ``end`` says.
    """

    landscape: Any
    noise: Any
    rule: Any
    start: Any
    end: Any
    source: Any
    trials: int
    impatient: bool = False
    _placed: list[Any] = field(default_factory=list, repr=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def ladder(self, stop: threading.Event | None = None) -> Any:
        """Return the levels, placed when first asked for: a function of the setting and its seed.

        Raises
        ------
        ValueError
            Where the start is not in the basin, or no path leads upwards.
        """
        from .splitting_levels import place_levels

        with self._lock:
            if not self._placed:
                self._placed.append(place_levels(self, stop))
            return self._placed[0]

    def run(
        self,
        repetitions: int | range,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> RareEscapes:
        """Run these repetitions; once ``stop`` is set it returns soon, as after Ctrl-C.

        Parameters
        ----------
        repetitions, threads, progress
            As in rare_escapes.
        stop
            Looked at every tenth of a second.
        """
        from .splitting import StoppedError, repeat
        from .work import run_in_order, thread_count

        numbers = repetition_numbers(repetitions)
        began = time.perf_counter()
        done: list[Any] = []
        try:
            ladder = self.ladder(stop)
        except StoppedError:
            raise KeyboardInterrupt from None
        stages, steps = len(ladder.levels), [0]

        def work(number: int, stop: threading.Event) -> Any:
            try:
                return repeat(self, ladder, number, self.trials, stop)
            except StoppedError:
                return None

        cut = False

        def fold(found: Any) -> None:
            nonlocal cut
            cut = cut or found is None  # what follows one that was stopped would have the wrong number
            if found is not None and not cut:
                done.append(found)
                steps[0] += found.steps

        def report() -> None:
            if progress is not None:
                each = stages * self.trials
                progress(len(done) * each, len(numbers) * each, steps[0])

        report()
        interrupted = run_in_order(work, list(numbers), thread_count(threads, len(numbers)), fold, report, stop)
        return self.result(ladder, done, numbers.start, time.perf_counter() - began, interrupted=interrupted)

    def result(
        self, ladder: Any, done: Sequence[Any], first: int, seconds: float = 0.0, *, interrupted: bool = False
    ) -> RareEscapes:
        """Return what repetitions measured together."""
        stages, d = len(ladder.levels), self.landscape.dimension
        from .splitting import PATHS

        def column(name: str, kind: Any, shape: tuple[int, ...] = ()) -> Any:
            return np.array([getattr(each, name) for each in done], kind).reshape(len(done), *shape)

        return RareEscapes(
            entries=column("entries", np.int64),
            walked=column("walked", np.int64),
            reached=column("reached", np.int64, (stages,)),
            ancestors=column("ancestors", np.int64, (stages,)),
            steps=column("steps", np.int64),
            astray=column("astray", np.int64),
            unfinished=column("unfinished", np.int64),
            ends=column("ends", np.float64, (PATHS, d)),
            durations=column("durations", np.float64, (PATHS,)),
            ladder=ladder,
            exit=self.end.level,
            trials=self.trials,
            time_step=self.rule.time_step(),
            seed=int(self.start.seed),
            first=first,
            seconds=seconds,
            interrupted=interrupted,
        )


def repetition_numbers(repetitions: Any) -> range:
    """Return the numbers of repetitions."""
    if isinstance(repetitions, range):
        numbers = repetitions
        if numbers.step != 1 or numbers.start < 0 or len(numbers) == 0:
            raise ValueError(f"repetitions={numbers} must be a range of numbers from 0 up, one by one")
    else:
        numbers = range(whole("repetitions", repetitions, 1))
    if numbers.stop > MOST_REPETITIONS:
        raise ValueError(f"repetitions={repetitions} must stay below {MOST_REPETITIONS}: the streams are numbered so")
    return numbers


MOST_REPETITIONS = 2**23
MOST_TRIALS = 2**27


def rare_ensemble(
    landscape: Any,
    noise: Any,
    rule: Any,
    *,
    trials: int = TRIALS,
    seed: int = 0,
    exit: float | None = None,
    max_steps: int | None = None,
    origin: npt.ArrayLike | None = None,
    momentum: Momentum = "rest",
    bridge: bool | None = None,
    generator: GeneratorName = "xoshiro",
    normals: NormalsName = "float64",
) -> RareEnsemble:
    """Check all that rare_escapes is given and return what can be run; nothing is compiled yet.

    Raises
    ------
    ValueError, TypeError
        As in rare_escapes, but for what only a pilot run can see.
    """
    from .escape_times import escape_ensemble

    if whole("trials", trials, 2) > MOST_TRIALS:
        raise ValueError(f"trials={trials} must be at most {MOST_TRIALS}: the streams are numbered so")
    direct = escape_ensemble(
        landscape,
        noise,
        rule,
        seed=seed,
        exit=exit,
        max_steps=max_steps,
        origin=origin,
        momentum=momentum,
        bridge=bridge,
        generator=generator,
        normals=normals,
    )
    parts = direct.landscape, direct.noise, direct.rule, direct.start, direct.end, direct.source
    return RareEnsemble(*parts, trials, impatient=max_steps is not None)
