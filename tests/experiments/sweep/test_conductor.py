"""The same results whatever runs the units, in whatever pieces; when enough is known; what goes wrong in the middle."""

import itertools
import math
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.escape_times import CENSORED, ESCAPED, EscapeTimes
from saddlescape.experiments import record, saddle
from saddlescape.experiments.files.sweep_plan import SweepPlan
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep import store as store_module
from saddlescape.experiments.sweep.conductor import Halt, Status
from saddlescape.experiments.sweep.engines.threads import Threads
from saddlescape.experiments.sweep.merging import merge
from saddlescape.experiments.sweep.stopping import extent, next_total
from saddlescape.experiments.sweep.store import Manifest, Store, StoredSetting
from saddlescape.experiments.sweep.unit import Done, Task, perform

from .small_sweeps import (
    ESCAPE,
    SADDLE,
    check_each_once,
    conducted,
    contents,
    digest,
    engine,
    manifest,
    plain_digest,
    ranges,
    rows,
    run,
    whole_shards,
)

TEXTS = {"escape": ESCAPE, "saddle": SADDLE}
# Numbers of trajectories that fill their last unit and row, and that do not.
NUMBERS = {"escape": (1024, 1500), "saddle": (4096, 3000)}


@pytest.fixture(scope="module", params=["escape", "saddle"])
def question(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plain() -> dict[tuple[str, int], str]:
    """Digests of undivided runs, kept."""
    return {}


def expected(question: str, trajectories: int, plain: dict[tuple[str, int], str]) -> str:
    key = question, trajectories
    if key not in plain:
        plain[key] = plain_digest(manifest(TEXTS[question].format(trajectories=trajectories)))
    return plain[key]


@pytest.mark.parametrize("kind", ["1 thread", "2 threads", "2 processes"])
def test_every_engine_finds_what_the_library_finds(
    question: str, kind: str, plain: dict[tuple[str, int], str], tmp_path: Path
) -> None:
    for number in NUMBERS[question] if kind == "1 thread" else NUMBERS[question][1:]:
        asked = manifest(TEXTS[question].format(trajectories=number))
        folder = tmp_path / str(number)
        outcome = run(folder, asked, engine(kind))
        assert digest(folder) == expected(question, number, plain)
        check_each_once(folder, asked)
        assert outcome.ran == len(ranges(folder)) > 4
        assert outcome.left == 0
        assert not outcome.interrupted


def test_the_size_of_units_changes_nothing(question: str, plain: dict[tuple[str, int], str], tmp_path: Path) -> None:
    number = NUMBERS[question][1]
    for size in (1024, 2048):
        asked = manifest(TEXTS[question].format(trajectories=number), size)
        run(tmp_path / str(size), asked, Threads(2))
        assert digest(tmp_path / str(size)) == expected(question, number, plain)


def test_four_members_of_a_job_array(question: str, plain: dict[tuple[str, int], str], tmp_path: Path) -> None:
    number = NUMBERS[question][1]
    asked = manifest(TEXTS[question].format(trajectories=number))
    together, apart = tmp_path / "together", [tmp_path / str(k) for k in range(4)]
    ran = [run(together, asked, shard=(k, 4)).ran for k in (3, 1, 4, 2)]
    assert all(ran)
    assert digest(together) == expected(question, number, plain)
    check_each_once(together, asked)
    for k, folder in enumerate(apart):
        run(folder, asked, shard=(k + 1, 4))
        assert digest(folder) is None
    merge(tmp_path / "merged", apart[:3])
    assert digest(tmp_path / "merged") is None
    merge(tmp_path / "merged", apart)
    assert digest(tmp_path / "merged") == expected(question, number, plain)
    check_each_once(tmp_path / "merged", asked)


def test_more_trajectories_later_are_the_same_as_at_once(
    question: str, plain: dict[tuple[str, int], str], tmp_path: Path
) -> None:
    text = TEXTS[question]
    first, more = (manifest(text.format(trajectories=number)) for number in (1500, 3000))
    run(tmp_path, first)
    assert digest(tmp_path) == expected(question, 1500, plain)
    before = contents(tmp_path)
    run(tmp_path, more, Threads(2))
    assert digest(tmp_path) == expected(question, 3000, plain)
    assert contents(tmp_path).items() > before.items()
    if question == "escape":
        check_each_once(tmp_path, more)


def test_another_seed_has_another_digest(question: str, plain: dict[tuple[str, int], str], tmp_path: Path) -> None:
    number = NUMBERS[question][1]
    asked = manifest(TEXTS[question].format(trajectories=number).replace("[0, 1]", "[0, 2]"))
    run(tmp_path, asked)
    assert digest(tmp_path) not in (None, expected(question, number, plain))


def test_the_order_in_which_units_end_changes_nothing(tmp_path: Path, plain: dict[tuple[str, int], str]) -> None:
    # Seed 0: four threads, each waiting up to 5 ms at random before a unit begins.
    drawn, lock = np.random.default_rng(0), threading.Lock()

    def late(task: Task, stop: threading.Event) -> Done | None:
        with lock:
            wait = drawn.uniform(0.0, 0.005)
        time.sleep(wait)
        return perform(task, stop)

    asked = manifest(ESCAPE.format(trajectories=1500), 64)
    run(tmp_path, asked, Threads(4, late))
    assert digest(tmp_path) == expected("escape", 1500, plain)


def test_a_rule_that_diverges_has_a_digest_too(tmp_path: Path) -> None:
    text = SADDLE.format(trajectories=1500).replace('name = "saddle"\n[noise]', 'name = "quartic"\n[noise]')
    asked = manifest(text.replace("[0.01, 0.02]", "[0.01, 30.0]"))
    run(tmp_path, asked)
    assert digest(tmp_path) is not None
    targeted = asked._replace(plan=SweepPlan(target=0.05))
    run(tmp_path, targeted)
    totals = [extent(Store(tmp_path), targeted, each).done for each in asked.settings]
    assert totals[0] > 1500
    assert totals[2:] == [1500, 1500]  # more trajectories would diverge too
    assert digest(tmp_path) is not None


# A unit that cannot be run.


@pytest.mark.parametrize("kind", ["1 thread", "2 threads"])
def test_a_unit_that_raises_ends_the_sweep_and_the_finished_are_kept(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: dict[tuple[str, int], str]
) -> None:
    asked = manifest(ESCAPE.format(trajectories=1500))
    bad = asked.settings[2].key
    good = perform

    def sometimes(task: Task, stop: threading.Event) -> Done | None:
        if task.unit.setting == bad and task.unit.start >= 512:
            raise ValueError("lr=0.1\nis out of luck")
        return good(task, stop)

    with pytest.raises(InputError) as refused:
        run(tmp_path, asked, Threads(int(kind[0]), sometimes))
    assert "\n" not in str(refused.value)
    assert "lr=0.1" in str(refused.value)
    assert "what was finished is kept" in str(refused.value)
    kept = contents(tmp_path)
    assert 2 <= len(ranges(tmp_path)) < 24
    run(tmp_path, asked)
    assert digest(tmp_path) == expected("escape", 1500, plain)
    assert contents(tmp_path).items() > kept.items()
    check_each_once(tmp_path, asked)


# A disk that cannot be written: the k-th write fails, for every k.


class Full:
    """Lets so many files be written, and fails for all that follow, in the middle of each."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked = 0

    def __call__(self, path: Path) -> Any:
        self.asked += 1
        return record.atomic(path) if self.asked <= self.room else self.fail(path)

    def fail(self, path: Path) -> Any:
        import contextlib

        @contextlib.contextmanager
        def half() -> Any:
            with record.atomic(path) as file:

                class Short:
                    def write(self, raw: bytes) -> int:
                        file.write(raw[: len(raw) // 2])
                        raise OSError(28, "No space left on device")

                yield Short()

        return half()


@pytest.mark.parametrize("target", [None, 0.1])
def test_whatever_write_fails_nothing_finished_is_lost(
    target: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = manifest(ESCAPE.format(trajectories=200), 128)._replace(plan=SweepPlan(target=target))
    monkeypatch.setattr(store_module, "EVERY", 0.0)  # a shard for each unit, or now and then for two
    run(tmp_path / "whole", asked)
    there = digest(tmp_path / "whole")
    assert there is not None
    room, folder = 0, tmp_path / "0"
    for room in itertools.count():
        folder = tmp_path / str(room)
        monkeypatch.setattr(store_module, "atomic", Full(room))
        said = ""
        try:
            run(folder, asked)
        except InputError as error:
            said = str(error)
        if not said:
            break
        assert "No space left on device" in said
        assert "\n" not in said
        assert not list(folder.rglob("*.part"))
        assert not Store(folder).damaged
        kept = whole_shards(folder)
        assert len(kept) == 2 * (max(room - 1, 0) // 2)  # the first write is that of sweep.json
        monkeypatch.setattr(store_module, "atomic", record.atomic)
        run(folder, asked)
        assert digest(folder) == there
        assert whole_shards(folder).items() >= kept.items()
    assert room > 12
    assert digest(folder) == there


# Stopped in the middle.


def test_a_halt_lets_the_running_units_end(tmp_path: Path, plain: dict[tuple[str, int], str]) -> None:
    asked = manifest(ESCAPE.format(trajectories=1500))
    halt, told = Halt(), []
    begun = threading.Event()
    going = threading.Event()

    def waits(task: Task, stop: threading.Event) -> Done | None:
        begun.set()
        going.wait(10.0)
        return perform(task, stop)

    def report(status: Status) -> None:
        told.append(status)
        if begun.is_set() and not halt.asked:
            halt.ask()
        if status.told:
            going.set()

    (tmp_path / "shards").mkdir()
    outcome = conducted(tmp_path, asked, Threads(2, waits), halt, report)
    assert outcome.interrupted
    assert outcome.ran == 2
    assert outcome.left == 22
    assert [status.told for status in told if status.told] == ["finishing 2 units; once more stops at once"]
    assert told[-1].units_done == 2
    assert len(ranges(tmp_path)) == 2
    run(tmp_path, asked)
    assert digest(tmp_path) == expected("escape", 1500, plain)
    check_each_once(tmp_path, asked)


def test_a_second_halt_stops_at_once(tmp_path: Path, plain: dict[tuple[str, int], str]) -> None:
    asked = manifest(ESCAPE.format(trajectories=1500).replace("3.0, 4.0", "0.02, 4.0"))
    halt = Halt()

    def report(status: Status) -> None:
        if status.under_way:
            halt.ask()

    (tmp_path / "shards").mkdir()
    began = time.monotonic()
    outcome = conducted(tmp_path, asked, Threads(2), halt, report)  # a unit of the first settings takes minutes
    assert time.monotonic() - began < 5.0
    assert outcome.interrupted
    assert outcome.left > 0


def test_what_is_told_adds_up(tmp_path: Path) -> None:
    asked = manifest(ESCAPE.format(trajectories=1500))
    half = asked._replace(settings=asked.settings[:2])
    run(tmp_path, half)
    told: list[Status] = []
    run(tmp_path, asked, Threads(2), report=told.append)
    first, last = told[0], told[-1]
    assert (first.units, first.units_done, first.settings, first.settings_done) == (24, 12, 4, 2)
    assert first.cost_done == first.cost / 2
    assert first.steps == 0
    assert (last.units_done, last.settings_done, last.cost_done) == (24, 4, last.cost)
    assert last.steps == sum(int(each.steps.sum()) for each in rows(asked, tmp_path)[2:])
    assert all(one.units_done <= other.units_done for one, other in itertools.pairwise(told))


def test_the_dearest_units_come_first(tmp_path: Path) -> None:
    asked = manifest(ESCAPE.format(trajectories=512))
    costs = [1.0, 2.0, 70.0, 30.0]
    asked = asked._replace(
        settings=tuple(each._replace(cost=cost) for each, cost in zip(asked.settings, costs, strict=True))
    )
    order: list[str] = []

    def noted(task: Task, stop: threading.Event) -> Done | None:
        order.append(task.unit.setting)
        return perform(task, stop)

    run(tmp_path, asked, Threads(1, noted))
    assert list(dict.fromkeys(order)) == [asked.settings[k].key for k in (2, 3, 1, 0)]


# Adaptive stop.


TARGET = 0.04
ADAPTIVE = SweepPlan(target=TARGET, most_trajectories=4000)


@pytest.fixture(scope="module")
def adaptive(question: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, str, list[int]]:
    number = 300 if question == "escape" else 1500
    asked = manifest(TEXTS[question].format(trajectories=number))._replace(plan=ADAPTIVE)
    folder = tmp_path_factory.mktemp("adaptive") / "sweep"
    run(folder, asked)
    whole = digest(folder)
    assert whole is not None
    return asked, whole, [extent(Store(folder), asked, each).done for each in asked.settings]


@pytest.mark.parametrize("kind", ["2 threads", "2 processes"])
def test_an_adaptive_sweep_stops_at_the_same_trajectory_everywhere(
    kind: str, adaptive: tuple[Manifest, str, list[int]], tmp_path: Path
) -> None:
    asked, whole, totals = adaptive
    run(tmp_path, asked, engine(kind))
    assert [extent(Store(tmp_path), asked, each).done for each in asked.settings] == totals
    assert digest(tmp_path) == whole
    if asked.question == "escape":  # a row of the moments at a saddle that was cut short is run again, whole
        assert len(ranges(tmp_path)) == len({(key, start) for key, start, _ in ranges(tmp_path)})


def test_an_adaptive_sweep_that_is_stopped_again_and_again(
    adaptive: tuple[Manifest, str, list[int]], tmp_path: Path
) -> None:
    asked, whole, totals = adaptive
    (tmp_path / "shards").mkdir()
    for _ in range(200):
        halt = Halt()

        def report(status: Status, halt: Halt = halt) -> None:
            if status.under_way and not halt.asked:
                halt.ask()

        conducted(tmp_path, asked, Threads(1), halt, report)
        if digest_of_part(tmp_path, asked) is not None:
            break
    assert digest_of_part(tmp_path, asked) == whole
    assert [extent(Store(tmp_path), asked, each).done for each in asked.settings] == totals


def digest_of_part(folder: Path, asked: Manifest) -> str | None:
    from saddlescape.experiments.sweep.stopping import digest_of

    return digest_of(Store(folder), asked)


def test_every_interval_is_at_the_target_or_at_the_most(
    adaptive: tuple[Manifest, str, list[int]], tmp_path: Path
) -> None:
    asked, whole, totals = adaptive
    assert plain_digest(asked, {each.key: n for each, n in zip(asked.settings, totals, strict=True)}) == whole
    run(tmp_path, asked)
    for result, total, setting in zip(rows(asked, tmp_path), totals, asked.settings, strict=True):
        assert total in range(setting.trajectories, 4001)
        assert total == setting.trajectories or total == 4000 or total % setting.unit == 0
        if asked.question == "escape":
            low, high = result.interval(0.95)
            precision = (high - low) / 2 / result.mean
        else:
            precision = saddle.precision(result)
        assert precision <= TARGET or total == 4000
    if asked.question == "escape":
        assert max(totals) < 4000, "the target was met"
        assert min(totals) > 1500, "and not at the first look: 1 / sqrt(N) is below 0.04 / 1.96 only beyond 2,401"


def test_a_narrower_target_only_appends(adaptive: tuple[Manifest, str, list[int]], tmp_path: Path) -> None:
    asked, whole, _ = adaptive
    run(tmp_path, asked._replace(plan=SweepPlan(target=0.2)))
    before = contents(tmp_path)
    run(tmp_path, asked)
    assert digest(tmp_path) == whole or asked.question == "escape"  # other looks may end at another N
    assert contents(tmp_path).items() >= before.items()


def setting(unit: int, trajectories: int) -> StoredSetting:
    return StoredSetting("key", (), {"run": {"trajectories": trajectories}}, unit)


def test_next_total_keeps_its_bounds() -> None:
    plan = SweepPlan(target=0.1, most_trajectories=5000)
    assert next_total(1000, 0.1, plan, setting(256, 1000)) == 1000
    assert next_total(1000, 0.11, plan, setting(256, 1000)) == 1280  # 1.05 * 1.21, at least 1.25, whole units
    assert next_total(1000, 0.15, plan, setting(256, 1000)) == 2560  # 1.05 * 2.25 = 2.36
    assert next_total(1000, 5.0, plan, setting(256, 1000)) == 4096  # at most four times, in units
    assert next_total(1000, math.inf, plan, setting(256, 1000)) == 4096
    assert next_total(1000, math.inf, SweepPlan(target=0.1), setting(256, 1000)) == 1000  # nothing escapes: hopeless
    assert next_total(4096, 0.15, plan, setting(256, 1000)) == 5000
    assert next_total(5000, 0.15, plan, setting(256, 1000)) == 5000
    assert next_total(1000, 0.15, SweepPlan(), setting(256, 1000)) == 1000
    assert next_total(1000, 9.0, SweepPlan(target=0.1), setting(256, 30)) == 3000  # 100 times as many as asked for


@pytest.mark.slow
@pytest.mark.parametrize(("first", "horizon"), [(16, 150), (100, 150), (1000, 150), (100, 20), (100, 10**9)])
def test_the_interval_after_stopping_covers_as_it_says(first: int, horizon: int) -> None:
    # Geometric escape times of mean 200 by NumPy, cut off at a horizon, stopped by next_total at a target of 0.05; seed
    # 7, 4,000 replications each. The width depends on how many escape: with a horizon of 10^9, not at all on what was
    # drawn; with one of 150 half are cut off, with one of 20 nine of ten, and it is stopped where chance lets many
    # escape. That costs at most a percent of coverage; the sampling error is 0.0034, so below 0.93 or above 0.965 lies
    # a false alarm of less than 1 in 1000.
    plan, stored = SweepPlan(target=0.05, most_trajectories=10**6), setting(64, first)
    drawn = np.random.default_rng(7)
    covered, replications, mean = 0, 4000, 200.0
    totals = set()
    for _ in range(replications):
        steps, outcome = np.empty(0, np.int64), np.empty(0, np.int8)
        wanted = first
        low = high = precision = math.inf
        while len(steps) < wanted:
            more = drawn.geometric(1.0 / mean, wanted - len(steps))
            steps = np.concatenate([steps, np.minimum(more, horizon)])
            outcome = np.concatenate([outcome, np.where(more <= horizon, ESCAPED, CENSORED).astype(np.int8)])
            times = EscapeTimes(steps, outcome, horizon, 1.0, 0)
            low, high = times.interval(0.95)
            precision = (high - low) / (2.0 * times.mean) if times.escaped else math.inf
            wanted = next_total(len(steps), precision, plan, stored)
        assert precision <= 0.05
        totals.add(len(steps))
        covered += low <= mean <= high
    share = covered / replications
    print(f"\ncoverage {share:.4f} from {first} with horizon {horizon}, N from {min(totals)} to {max(totals)}")
    assert (len(totals) == 1) == (horizon == 10**9)
    assert 0.93 < share < 0.965
