import json
from typing import Any

import pytest
import saddlescape as ss
from saddlescape.experiments import verify as verify_module
from saddlescape.experiments.command import main
from saddlescape.experiments.verdict import AGREES, DIFFERS, NO_REFERENCE, UNDERPOWERED
from saddlescape.experiments.verification.setting import (
    Known,
    Point,
    Setting,
    escape_setting,
    rare_escape_setting,
    spread_setting,
)
from saddlescape.experiments.verify import judge, settings_of, verify
from saddlescape.theory.statements import STATEMENTS

NOISE = ss.HessianNoise(1.0)


def point(low: float, high: float, **known: Known) -> Point:
    return Point("a number", 0.5 * (low + high), lambda level: (low, high), known, {})


def outcome(row: Any, rung: str = "exact_discrete") -> str:
    return str(row.comparisons[rung].outcome)


def test_verdicts() -> None:
    row = judge(
        "theorem-1",
        "a setting",
        point(0.9, 1.1, exact_discrete=Known(1.0), exact_diffusion=Known(1.2), closed_form=Known(None, reason="none")),
        0.99,
    )
    assert outcome(row) == AGREES
    assert outcome(row, "exact_diffusion") == DIFFERS
    assert row.comparisons["exact_diffusion"].left_out == pytest.approx(1.2)
    assert outcome(row, "closed_form") == NO_REFERENCE
    assert outcome(row, "corrected") == NO_REFERENCE
    assert outcome(judge("theorem-1", "", point(0.7, 1.3, exact_discrete=Known(1.0)), 0.99)) == UNDERPOWERED
    # The prediction's own error counts.
    assert outcome(judge("theorem-1", "", point(1.01, 1.02, exact_discrete=Known(1.0)), 0.99)) == DIFFERS
    assert outcome(judge("theorem-1", "", point(1.01, 1.02, exact_discrete=Known(1.0, error=0.02)), 0.99)) == AGREES


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, AGREES), (0.9, 1.1, UNDERPOWERED), (1.1, 1.3, DIFFERS)]
)
def test_an_upper_bound_is_broken_from_above_only(low: float, high: float, expected: str) -> None:
    row = judge("theorem-4", "", point(low, high, closed_form=Known(1.0))._replace(upper=True), 0.99)
    assert outcome(row, "closed_form") == expected


def test_the_level_is_shared_among_all_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def measure(seed: int, progress: Any) -> list[Point]:
        def interval(level: float) -> tuple[float, float]:
            asked.append(level)
            return 0.9, 1.1

        known = {"exact_discrete": Known(1.0), "closed_form": Known(1.0), "corrected": Known(None)}
        return [Point("", 1.0, interval, known, {})] * 5

    monkeypatch.setattr(verify_module, "settings_of", lambda name, quick: [Setting("", 1.0, measure)])
    found = verify(["theorem-1"])
    assert found.comparisons == 10
    assert set(asked) == {1.0 - 0.01 / 10}


def test_each_setting_has_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def measure(seed: int, progress: Any) -> list[Point]:
        seeds.append(seed)
        return [point(0.9, 1.1, exact_discrete=Known(1.0))]

    monkeypatch.setattr(verify_module, "settings_of", lambda name, quick: [Setting("", 1.0, measure)] * 2)
    verify(["theorem-1", "theorem-2"], seed=5)
    assert seeds == [5, 6, 7, 8]


WELL, EQUATION_3 = ss.PiecewiseQuadraticWell(), ss.HessianNoise(0.28)
FOUR = ss.PiecewiseQuadraticWell(2.0, 1.0, transverse_min=[2.0, 2.0, 2.0])
QUARTIC = (ss.QuarticWell(), ss.IsotropicNoise(2.0 / 1.2), 0.8)


def spread(rule: Any, claimed: Any, step: int, momentum: str = "thermal", curvature: float = -0.1) -> Setting:
    saddle = ss.QuadraticSaddle([curvature, 0.05])
    return spread_setting(
        "",
        saddle,
        NOISE,
        rule,
        record=(step,),
        trajectories=20_000,
        momentum=momentum,
        directions=(0,),
        claimed=claimed,
    )


def escape(well: Any, noise: Any, rule: Any, claimed: Any, number: int = 3_000, **more: Any) -> Setting:
    return escape_setting("", well, noise, rule, trajectories=number, mean_steps=90_000, claimed=claimed, **more)


# Statement -> which rung, and the setting with the rule's own predictions or, where wrong, another rule's. Intervals
# at 1 - 1e-4: false-alarm rate 1e-4 a case.
CONTROLS = {
    "theorem-1": ("closed_form", lambda wrong: spread(ss.SGD(0.01), ss.SGD(0.01 * wrong), 100)),
    "theorem-2": (
        "closed_form",
        lambda wrong: spread(ss.Momentum(0.001, 0.5, 0.5), ss.Momentum(0.001, 0.5, 0.5 * wrong), 1000),
    ),
    "theorem-3": ("closed_form", lambda wrong: escape(*QUARTIC[:2], ss.SGD(0.05), ss.SGD(0.05 * wrong), exit=0.8)),
    "theorem-3, 1e8 steps": (
        "exact_discrete",
        lambda wrong: rare_escape_setting(
            "",
            QUARTIC[0],
            ss.IsotropicNoise(0.75),
            ss.SGD(0.05),
            repetitions=32,
            trials=2_000,
            steps=5e7,
            claimed=ss.SGD(0.05 * wrong),
        ),
    ),
    "theorem-3, heavy ball": (
        "exact_discrete",
        lambda wrong: escape(WELL, EQUATION_3, ss.Momentum(0.02, 0.9, 0.1), ss.Momentum(0.02, 0.9, 0.1 * wrong)),
    ),
    "proposition-1": ("corrected", lambda wrong: spread(ss.Adam(0.001), ss.Adam(0.001, 1.0 - 0.1 * wrong), 20)),
    "proposition-3": ("corrected", lambda wrong: spread(ss.Adai(0.001), ss.Adai(0.001, 0.1 * wrong**3), 20)),
    "proposition-2": (
        "corrected",
        lambda wrong: escape(
            ss.PiecewiseQuadraticWell(1.0, 2.0),
            ss.HessianNoise(0.05),
            ss.Adam(0.02),
            ss.Adam(0.02 * wrong),
            1_000,
            momentum="thermal",
        ),
    ),
    "proposition-4": (
        "corrected",
        lambda wrong: escape(
            FOUR, ss.HessianNoise(0.14), ss.Adai(0.01), ss.Adai(0.01 * wrong), 2_000, momentum="thermal"
        ),
    ),
}


@pytest.mark.parametrize("case", CONTROLS)
def test_a_wrong_constant_is_seen(case: str) -> None:
    rung, made = CONTROLS[case]
    statement = case.partition(",")[0]
    for wrong, expected in ((1.0, AGREES), (1.15, DIFFERS)):
        (measured,) = made(wrong).measure(7, None)
        assert outcome(judge(statement, "", measured, 1.0 - 1e-4), rung) == expected


def test_a_wrong_program_is_contradicted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # 20,000 trajectories; a momentum 3 % off.
    for claimed, code, says in ((0.9, 0, "No simulation contradicts"), (0.87, 3, "CONTRADICTED")):
        listed = [spread(ss.Momentum(0.01, 0.9), ss.Momentum(0.01, claimed), 100, "rest")]
        monkeypatch.setattr(verify_module, "settings_of", lambda name, quick, listed=listed: listed)
        assert main(["verify", "theorem-2", "--quiet"]) == code
        assert says in capsys.readouterr().out


def test_every_statement_has_settings() -> None:
    for name in STATEMENTS:
        few, many = settings_of(name, True), settings_of(name, False)
        assert 0 < len(few) <= len(many)
        assert sum(setting.work for setting in few) <= sum(setting.work for setting in many)


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    out = tmp_path / "results"
    assert main(["verify", "theorem-1", "--quick", "--json", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told == json.loads((out / "verify.json").read_text())
    assert told["contradictions"] == 0
    assert {row["statement"] for row in told["rows"]} == {"theorem-1"}
    row = told["rows"][0]
    assert {"inside", "outside", "regime", "measured", "low", "high"} <= set(row)
    assert row["comparisons"]["exact_discrete"]["outcome"] == "agrees"
    assert row["comparisons"]["closed_form"]["source"] == "Theorem 1"
    assert any(not row["inside"] for row in told["rows"])
    assert "theorem-1: variance: SGD" in printed.err
    plotted = tmp_path / "ratios.svg"
    assert main(["verify", "theorem-1", "--quick", "--quiet", f"--plot={plotted}"]) == 0
    assert plotted.read_bytes().startswith(b"<?xml")
    page, written = capsys.readouterr().out.split("written ")
    assert written.strip() == str(plotted)
    assert max(map(len, page.splitlines())) <= 80
    assert "o outside the regime: lr_times_curvature = 0.8" in page
    assert "printed, outside the regime: " in page


def test_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    for tokens, says in (
        (["theorem-7"], "there is no statement 'theorem-7'"),
        (["theorem-1", "--seed", "-1"], "--seed=-1 must lie in [0, 2^64 - 1000)"),
        (["--fast"], "there is no --fast"),
    ):
        assert main(["verify", *tokens]) == 2
        assert says in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"statement='theorem-7' must be one of equation-3"):
        verify(["theorem-7"])
    with pytest.raises(ValueError, match=r"seed=-1 must lie in"):
        verify(["theorem-1"], seed=-1)
