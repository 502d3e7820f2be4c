"""How far a sweep is: what is said of it, when, and that nobody need listen."""

import io
import json
import os
import re
import sys

import pytest
from saddlescape.experiments.sweep import progress
from saddlescape.experiments.sweep.conductor import Status
from saddlescape.experiments.sweep.progress import Pace, meter, notes, planning, tell

COMMAND = "saddlescape sweep 'my file.toml' --out out"


def status(
    done: float, cost: float = 100.0, units: int = 200, steps: int = 0, told: str = "", before: int = 0
) -> Status:
    """Return a status in which a share of the cost is done, two settings in all."""
    share = done / cost
    return Status(
        units, int(share * units), cost, done, 2, int(share * 2), steps or int(1e6 * (done - before)), 1.0, 2, 3, told
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress.time, "monotonic", made)
    monkeypatch.setattr(Pace.__init__, "__defaults__", (made,))
    return made


def test_a_steady_run_is_predicted_to_the_second() -> None:
    clock = Clock()
    pace = Pace(clock)
    for second in range(51):
        clock.now = 1000.0 + second
        pace.see(status(float(second)))
    assert pace.left(status(50.0)) == pytest.approx(50.0)
    assert pace.steps == pytest.approx(1e6)


def test_nothing_is_predicted_before_there_is_something_to_go_by() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.see(status(0.0))
    assert pace.left(status(0.0)) is None
    assert pace.steps == 0.0
    clock.now += 30.0
    pace.see(status(0.0))
    assert pace.left(status(0.0)) is None
    clock.now += 10.0
    pace.see(status(20.0))
    assert pace.left(status(20.0)) == pytest.approx(160.0)


def test_what_was_there_before_is_not_counted_as_done_in_no_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    for second in range(11):
        clock.now = 1000.0 + second
        pace.see(status(80.0 + second, before=80))
    assert pace.left(status(90.0)) == pytest.approx(10.0)
    assert pace.left(status(90.0)) != pytest.approx(10.0 * 10.0 / 90.0)  # as it would be at 90 in 10 s
    assert pace.steps == pytest.approx(1e6)


def test_it_is_counted_down_between_two_units_and_up_when_one_is_overdue() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.see(status(0.0))
    clock.now += 10.0
    pace.see(status(50.0))
    told = []
    for _ in range(4):
        told.append(pace.left(status(50.0)))
        clock.now += 4.0
        pace.see(status(50.0))
    assert told == pytest.approx([10.0, 6.0, 8.0, 12.0])


def test_a_change_of_speed_is_followed_within_as_long_again() -> None:
    clock = Clock()
    pace = Pace(clock)
    done = 0.0
    for second in range(200):
        clock.now = 1000.0 + second
        done += 1.0 if second < 100 else 0.1
        pace.see(status(done, 1000.0))
    assert pace.left(status(done, 1000.0)) == pytest.approx((1000.0 - done) / 0.1, rel=0.02)


def test_a_long_run_is_kept_in_little_memory() -> None:
    clock = Clock()
    pace = Pace(clock)
    for number in range(100_000):
        clock.now += 0.1
        pace.see(status(number / 1000.0))
    assert len(pace._seen) < 2 * progress.LOOKS


def lines_of(
    how: str, reports: list[tuple[float, Status]], clock: Clock, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Return what is said where a status is reported so many seconds after the one before."""
    with meter(how, "2 threads", COMMAND) as report:
        assert report is not None
        for seconds, each in reports:
            clock.now += seconds
            report(each)
    said = capsys.readouterr()
    assert not said.out
    return said.err.splitlines()


def test_lines_come_every_half_minute_and_at_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [(0.0, status(0.0))] + [(1.0, status(0.5 * k)) for k in range(1, 75)] + [(1.0, status(100.0))]
    assert lines_of("lines", reports, clock, capsys) == [
        "15 %, 30 of 200 units, 0 of 2 settings, 1.5e7 steps, about 3 min left",
        "30 %, 60 of 200 units, 0 of 2 settings, 3.0e7 steps, about 2 min left",
        "100 %, 200 of 200 units, 2 of 2 settings, 1.0e8 steps in 1 min",
    ]


def test_lines_say_how_to_go_on_when_stopped(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    asked = status(50.0, told="finishing 2 units; once more stops at once")
    reports = [(0.0, status(0.0)), (5.0, asked), (0.1, status(51.0))]
    assert lines_of("lines", reports, clock, capsys) == [
        f"finishing 2 units; once more stops at once; go on later with: {COMMAND}",
        "51 %, 102 of 200 units, 1 of 2 settings, 5.1e7 steps in 5.1 s",
    ]


def test_never_a_hundred_percent_before_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of("lines", [(0.0, status(99.9999))], clock, capsys)[0].startswith(">99 %, 199 of 200 units")


def test_json_lines_come_once_a_second(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [(0.01, status(0.01 * k)) for k in range(250)]
    reports += [(0.0, status(2.5, told="finishing 3 units; once more stops at once")), (0.1, status(4.0))]
    told = [json.loads(line) for line in lines_of("json", reports, clock, capsys)]
    assert [each["event"] for each in told] == ["start", "progress", "progress", "interrupted", "end"]
    start, first, _, asked, end = told
    assert start["engine"] == "2 threads"
    assert start["command"] == asked["command"] == COMMAND
    assert start["eta"] is None
    assert asked["told"] == "finishing 3 units; once more stops at once"
    assert first["seconds"] == pytest.approx(1.01, abs=0.011)
    assert first["eta"] == pytest.approx(99.0, abs=0.5)
    assert first["steps_per_second"] == pytest.approx(1e6, rel=0.01)
    assert end["share"] == 0.04
    common = {"event", "time", "seconds", "share", "units_done", "units", "settings_done", "settings"}
    common |= {"steps", "steps_per_second", "eta", "workers", "under_way"}
    assert set(first) == set(end) == common
    assert end["units"] == 200
    assert end["units_done"] == 8
    assert end["workers"] == 2


def test_a_bar_goes_away_and_notes_stay(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setenv("COLUMNS", "120")
    with meter("bar", "2 threads", COMMAND) as report:
        assert report is not None
        report(status(0.0))
        clock.now += 20.0
        report(status(40.0))
        report(status(40.0, told="finishing 2 units; once more stops at once"))
        clock.now += 1.0
        report(status(41.0))
        tell("from elsewhere")
        sys.stderr.flush()
    shown = file.getvalue()
    assert "41 %, 30 s left, 0 of 2 settings, 82 of 200 units, 2 workers, 2.0e6 steps/s" in shown
    assert screen(shown, 120) == [
        "finishing 2 units; once more stops at once",
        f"go on later with: {COMMAND}",
        "from elsewhere",
    ]


def screen(text: str, columns: int) -> list[str]:
    """Return what a terminal shows in the end: its lines, without the empty ones at the end.

    Knows what rich writes: carriage return, line feed, colours, cursor up, erase the line, hide and show the cursor.
    """
    shown: list[list[str]] = [[]]
    row = column = 0
    for part in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|.|\n", text.replace("\r\n", "\n")):
        if part == "\n":
            row, column = row + 1, 0
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b"):
            number = int(re.sub(r"\D", "", part) or 1)
            if part[-1] == "A":
                row -= number
            elif part[-1] == "K":
                shown[row] = []
            continue
        else:
            if column >= columns:
                row, column = row + 1, 0
            while len(shown) <= row:
                shown.append([])
            shown[row][column:] = [*([" "] * (column - len(shown[row]))), part, *shown[row][column + 1 :]]
            column += 1
        while len(shown) <= row:
            shown.append([])
    lines = ["".join(line).rstrip() for line in shown]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def test_the_screen_of_the_test_is_one() -> None:
    assert screen("a\nbc\r\x1b[2Kd\n\x1b[1A\x1b[2Ke\n", 80) == ["a", "e"]
    assert screen("abcdef", 4) == ["abcd", "ef"]
    assert screen("bar 40 %\nleft\n", 80) == ["bar 40 %", "left"]  # a bar that stays would be seen


@pytest.mark.parametrize("how", ["auto", "bar", "lines", "json"])
def test_nobody_need_listen(how: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", buffering=1) as nobody:
        monkeypatch.setattr(sys, "stderr", nobody)
        with planning(how) as plan:
            assert plan is not None
            for k in range(3):
                plan(k / 3.0, f"part {k}")
        notes(how)("a note")
        with meter(how, "2 threads", COMMAND) as report:
            assert report is not None
            for k in range(5):
                clock.now += 40.0
                report(status(10.0 * k, told="finishing" if k == 3 else ""))


@pytest.mark.parametrize("how", ["auto", "bar", "lines", "json", "none"])
def test_without_a_stderr_nothing_is_said(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with planning(how) as plan:
        if plan is not None:
            plan(0.5, "half")
    notes(how)("a note")
    with meter(how, "2 threads", COMMAND) as report:
        if report is not None:
            report(status(1.0))
    assert not capsys.readouterr().out


def test_none_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with planning("none") as plan, meter("none", "2 threads", COMMAND) as report:
        if plan is not None:
            plan(0.5, "half")
        assert report is None
    assert capsys.readouterr() == ("", "")


def test_plans_and_notes_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with planning("json") as plan:
        assert plan is not None
        plan(0.25, "compiling")
    notes("json")("resumed")
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["event"], each["told"]) for each in told] == [("planning", "compiling"), ("note", "resumed")]
    assert told[0]["share"] == 0.25
    notes("lines")("resumed")
    assert capsys.readouterr().err == "saddlescape: resumed\n"
