import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.estimates import mean_interval
from saddlescape.dynamics.saddle_spread import GROUP
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.files.experiment import SweepPlan
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.saddle import SaddleRun
from saddlescape.experiments.sweep import plan_table, planner
from saddlescape.experiments.sweep.planner import Plan, check, expectations, plan
from saddlescape.experiments.sweep.sizing import ensemble_of, unit_sizes
from saddlescape.experiments.sweep.wording import duration, large, share, size

from .planned import experiment


def sizes(of: Any) -> list[int]:
    ensembles = [ensemble_of(each.configuration) for each in of.settings]
    return unit_sizes(of, expectations(of, ensembles), ensembles)


def test_units_are_powers_of_two_of_about_a_second_and_the_same_again() -> None:
    # tau is about 1,300, 16,000 and 2 million steps.
    of = experiment(EscapeRun(trajectories=4000), {"noise.variance": [4.0, 2.0, 1.0]})
    first = sizes(of)
    assert first == sizes(of)
    assert all(size & (size - 1) == 0 for size in first)
    assert first[0] > first[1] > first[2] >= 512
    for number, steps in zip(first, (1.3e3, 1.6e4, 8e5), strict=True):
        assert 0.3 < number * steps * 2e-9 < 1.4
    # With another number of threads on which the rest is measured nothing changes.
    assert [each.unit for each in plan(of, 1).settings] == [each.unit for each in plan(of, 2).settings] == first


def test_units_grow_with_the_whole_and_never_fall_below_64() -> None:
    small = experiment(EscapeRun(trajectories=1000, max_steps=10**10), values=({}, {}, {"variance": 0.1}))
    assert sizes(small) == [64]
    # 1,300 steps of 2 ns each are 2.6e5 s for 10^11 trajectories: 2.6 s a unit, and 1 s for 10^9.
    found = [
        sizes(experiment(EscapeRun(trajectories=10**n), values=({}, {}, {"variance": 4.0})))[0] for n in (3, 9, 11)
    ]
    assert found == [2**18, 2**18, 2**19]


def test_units_of_a_saddle_are_whole_groups() -> None:
    found = sizes(experiment(SaddleRun(), {"run.steps": [100, 10**7]}, names=("sgd", "saddle", "hessian")))
    assert all(number % GROUP == 0 for number in found)
    assert found[0] > found[1] == GROUP


def test_a_unit_that_is_given_is_rounded_up() -> None:
    assert sizes(experiment(sweep=SweepPlan(unit=100))) == [128]
    assert sizes(experiment(sweep=SweepPlan(unit=128))) == [128]


def test_settings_that_differ_in_nothing_that_matters_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    true = planner.expect
    monkeypatch.setattr(planner, "expect", lambda *given: seen.append(given) or true(*given))
    of = experiment(
        axes={"run.seed": [1, 2, 3], "run.trajectories": [10, 20], "rule.lr": [0.05, 0.1]},
        values=({}, {}, {"variance": 4.0}),
    )
    expectations(of, [ensemble_of(each.configuration) for each in of.settings])
    assert len(seen) == 2


def test_a_target_asks_for_the_escapes_that_its_interval_needs() -> None:
    of = experiment(sweep=SweepPlan(target=0.05), values=({}, {}, {"variance": 4.0}))
    each = plan(of, 1).settings[0]
    low, high = mean_interval(each.trajectories, int(each.trajectories * each.expected.steps), complete=True)
    assert 0.5 * (high - low) / each.expected.steps <= 0.05
    # (1.96 / 0.05)^2 = 1,537 escapes, more than the 1,000 to begin with; the stop asks for 5 % more, in whole units.
    assert 1537 <= each.trajectories <= 1.05 * 1600 + each.unit
    assert each.unit == 256
    settled = plan(of, 1, units=[128]).settings[0]
    assert settled.unit == 128
    assert plan(of, 1, units=[0]).settings[0].unit == each.unit
    loose = plan(of._replace(plan=SweepPlan(target=1e-4, most_trajectories=5000)), 1).settings[0]
    assert loose.trajectories == 5000
    assert any("out of reach" in said for said in loose.warnings)


def test_what_is_there_already_costs_nothing() -> None:
    of = experiment(EscapeRun(trajectories=4000), values=({}, {}, {"variance": 1.0}))
    whole = plan(of, 1)
    rest = plan(of, 1, finished=[4000 - whole.settings[0].unit])
    assert rest.units == 1
    assert plan(of, 1, finished=[4000]).seconds == 0.0


def test_a_setting_that_cannot_be_run_is_named() -> None:
    of = experiment(axes={"rule.lr": [0.05, 5.0]})
    with pytest.raises(InputError, match=r"^rule\.lr=5: lr=5 is unstable"):
        plan(of, 1)


def test_what_would_take_years_is_refused_with_what_would_help() -> None:
    of = experiment(
        EscapeRun(trajectories=4000, max_steps=10**13),
        {"rule.lr": [0.01], "noise.batch_size": [8.0]},
        names=("sgd", "piecewise-quadratic", "hessian"),
    )
    told = plan(of, 2)
    with pytest.raises(InputError) as refused:
        check(told, 24.0)
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith("rule.lr=0.01, noise.batch_size=8: tau about 6 x 10^146 steps: direct simulation needs ")
    assert ' years; run.method="splitting" would reach it, rule.lr=0.2 or noise.batch_size=0.' in said
    assert said.endswith("more than 24 h on 2 workers")


def test_where_nothing_would_be_seen_it_is_refused_and_else_warned_of() -> None:
    dull = plan(experiment(axes={"noise.variance": [0.1, 0.2]}), 1)
    with pytest.raises(InputError, match=r"tau about .* the others likewise$"):
        check(dull, 24.0)
    mixed = plan(experiment(axes={"noise.variance": [0.1, 4.0]}), 1)
    check(mixed, 24.0)
    assert len(mixed.warnings) == 1
    assert mixed.warnings[0].startswith("noise.variance=0.1: tau about 2 x 10^45 steps: direct simulation needs")


def test_heavy_censoring_is_told_with_what_it_would_cost_to_see_more() -> None:
    each = plan(experiment(EscapeRun(max_steps=5000), values=({}, {}, {"variance": 2.0})), 1).settings[0]
    assert each.expected.censored == pytest.approx(math.exp(-5000 / 15_000), rel=0.15)
    said = re.fullmatch(
        r"(\d+) % will be censored: tau about ([\d,]+) steps; "
        r"max_steps=([\d,]+) would leave 5 %, at ([\d.]+) times the time",
        each.warnings[0],
    )
    assert said is not None
    part, tau, cap, times = (float(text.replace(",", "")) for text in said.groups())
    assert part == pytest.approx(100.0 * math.exp(-5000 / tau), abs=2.0)
    assert math.exp(-cap / tau) == pytest.approx(0.05, rel=0.15)
    assert times == pytest.approx(tau / (tau * (1.0 - math.exp(-5000 / tau))), rel=0.1)


@pytest.mark.parametrize(("free", "said"), [("memory_free", "of memory"), ("disk_free", "free in the folder")])
def test_what_does_not_fit_is_refused(free: str, said: str) -> None:
    told = plan(experiment(values=({}, {}, {"variance": 4.0})), 1)
    check(told, 24.0)
    with pytest.raises(InputError, match=said):
        check(told._replace(**{free: 1000.0}), 24.0)


def pages(told: Plan, capsys: pytest.CaptureFixture[str]) -> str:
    plan_table.show(told)
    page = capsys.readouterr().out
    assert max(len(line) for line in page.splitlines()) <= 80
    json.dumps(told.as_json(), allow_nan=False)
    return page


def test_the_page_tells_all_of_a_few_settings_and_the_dearest_of_many(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    axes = {"rule.lr": [0.05, 0.1], "noise.variance": [0.1, 4.0]}
    told = plan(experiment(axes=axes), 2, tmp_path / "not" / "there")
    page = pages(told, capsys)
    assert all(f"\n{lr}, {variance} " in page for lr in (0.05, 0.1) for variance in (0.1, 4))
    assert "warning: rule.lr=0.05, noise.variance=0.1: tau about" in page.replace("\n", " ")
    assert math.isfinite(told.disk_free)
    many = told._replace(settings=told.settings * 20)
    page = pages(many, capsys)
    assert "the 10 dearest of 80 settings" in page
    assert "more warnings" in page
    saddle = plan(experiment(SaddleRun(), names=("adai", "saddle", "hessian")), 1)
    assert "the run" in pages(saddle, capsys)
    assert saddle.settings[0].expected.lived == 100


@pytest.mark.slow
def test_what_a_sweep_will_take_is_told_within_a_factor_of_three() -> None:
    import time

    of = experiment(EscapeRun(trajectories=20_000), {"rule.lr": [0.05, 0.1], "noise.variance": [2.0, 4.0]})
    told = plan(of, 1)
    began = time.process_time()
    for setting, each in zip(of.settings, told.settings, strict=True):
        ensemble = ensemble_of(setting.configuration)
        for low in range(0, 20_000, each.unit):
            ensemble.run(range(low, min(low + each.unit, 20_000)), threads=1)
    assert 1 / 3 < told.work / (time.process_time() - began) < 3


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.004, "0.004 s"),
        (7.96, "8 s"),
        (50.0, "50 s"),
        (59.9, "1 min"),
        (12_000.0, "3 h 20 min"),
        (3600.0, "1 h"),
        (86_400.0, "24 h"),
        (10 * 86_400.0, "10 days"),
        (4 * 31_557_600.0, "4 years"),
        (1e30, "3 x 10^22 years"),
        (np.inf, "for ever"),
    ],
)
def test_durations_are_said_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_sizes_numbers_and_shares_are_rounded() -> None:
    assert [size(n) for n in (12, 2_000, 1.24e6, 2.4e10, 3e12)] == ["12 bytes", "2.0 KB", "1.2 MB", "24 GB", "3 TB"]
    logs = [math.log(n) for n in (3.0, 642.0, 21_340.0, 1e6, 9.7e11, 2.6e12)] + [1e4]
    assert [large(x) for x in logs] == ["3.0", "640", "21,000", "10^6", "10^12", "3 x 10^12", "9 x 10^4342"]
    assert [share(p) for p in (0.0, 0.001, 0.5, 0.997, 1.0, math.nan)] == ["0 %", "<1 %", "50 %", ">99 %", "100 %", "?"]
