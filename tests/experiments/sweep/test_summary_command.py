"""The page, its filters and its figure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import saddlescape as ss
from matplotlib.axes import Axes
from saddlescape.experiments.command import BAD_INPUT, main
from saddlescape.experiments.figures.style import styled
from saddlescape.experiments.figures.sweep import draw
from saddlescape.experiments.report.gather import gather
from saddlescape.experiments.report.interface import CONTRADICTED
from saddlescape.experiments.report.page import page
from saddlescape.experiments.sweep.filters import conditions
from saddlescape.experiments.sweep.reading import load
from saddlescape.experiments.verdict import AGREES, DIFFERS

from .synthetic import PLAIN, SADDLE, escape_unit, filled, made, mean_steps, note

TEXT = PLAIN.format(trajectories=200)
RULES = """
[run]
trajectories = 64
[axes]
"rule.lr" = [0.02, 0.1]
[[axes.rule]]
name = "sgd"
[[axes.rule]]
name = "momentum"
beta1 = 0.5
[[axes.rule]]
name = "momentum"
beta1 = 0.9
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    filled(tmp_path / "sweep", TEXT, solved=True)
    return tmp_path / "sweep"


def told(capsys: pytest.CaptureFixture[str], *tokens: str) -> str:
    assert main(["summary", *tokens]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *tokens: str) -> list[dict[str, Any]]:
    return list(json.loads(told(capsys, *tokens, "--json"))["rows"])


def test_the_page_fits_and_tells_each_setting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, str(folder))
    assert max(map(len, text.splitlines())) <= 80
    sweep = load(folder)
    assert f"{sweep.digest()}"[:16] in text
    assert "6 of 6 complete" in text
    for setting in sweep.settings:
        assert f"{setting.result.mean:.5g}" in text
    assert "not complete" not in text


@pytest.mark.parametrize("text", [RULES, SADDLE, TEXT + "[sweep]\ntarget = 0.5\n"])
def test_every_kind_of_sweep_fits_80_columns(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path, text if "[noise]" in text or "noise." in text else text + '[noise]\nname = "isotropic"\n')
    shown = told(capsys, str(tmp_path))
    assert max(map(len, shown.splitlines())) <= 80
    for values in load(tmp_path).varied().values():
        assert all(f"{value:.5g}" in shown for value in values if isinstance(value, float))


def test_json_holds_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, str(folder), "--json"))
    sweep = load(folder)
    assert found["digest"] == sweep.digest()
    assert (found["settings"], found["complete"], found["trajectories"]) == (6, 6, 1200)
    assert found["units"] == sweep.units == 30
    for row, setting in zip(found["rows"], sweep.settings, strict=True):
        assert row["mean"] == setting.result.mean
        assert row["coordinates"] == setting.coordinates
        assert row["configuration"] == setting.described
        assert row["verdict_detail"]["comparisons"] == 1


def test_settings_are_sorted_both_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, sign in (("mean", 1), ("-mean", -1), ("-rule.lr", -1), ("variance", 1)):
        key = {"variance": "noise.variance"}.get(name.lstrip("-"), name.lstrip("-"))
        values = [row.get(key, row["coordinates"].get(key)) for row in rows(capsys, str(folder), "--sort", name)]
        assert values == sorted(values, key=lambda value: sign * value)


def test_what_has_no_value_comes_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, manifest = made(tmp_path, TEXT)
    for k in (1, 4):
        store.add(escape_unit(manifest.settings[k], 0, 64))
    store.flush()
    for order in ("mean", "-mean"):
        assert {row["number"] for row in rows(capsys, str(tmp_path), f"--sort={order}")[:2]} == {1, 4}


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("rule.lr=0.05", [0, 2, 4]),
        ("lr>0.05", [1, 3, 5]),
        ("rule.lr>=0.05, noise.variance!=1", [0, 1, 4, 5]),
        ("rule.lr = 0.1,variance<=1.0", [1, 3]),
        ("censored_share<0.1", [0, 1, 2, 3, 4, 5]),
        ("complete=false", []),
        ("complete=true", [0, 1, 2, 3, 4, 5]),
        ("rule=sgd", [0, 1, 2, 3, 4, 5]),
        ("landscape.half_width=1", [0, 1, 2, 3, 4, 5]),
        ("run.seed>0", []),
    ],
)
def test_conditions_choose_settings(
    folder: Path, where: str, kept: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [row["number"] for row in rows(capsys, str(folder), "--where", where)] == kept


def test_conditions_add_up_and_rules_go_by_name_or_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path, RULES + '[noise]\nname = "isotropic"\n')
    both = ("--where", "rule=momentum", "--where=rule.beta1<0.6")
    assert [row["coordinates"]["rule.beta1"] for row in rows(capsys, str(tmp_path), *both)] == [0.5, 0.5]
    assert len(rows(capsys, str(tmp_path), "--where", "rule!=momentum")) == 2
    assert len(rows(capsys, str(tmp_path), "--where", "rule=momentum beta1=0.9")) == 2


def test_refusals_name_the_nearest_column(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*tokens: str) -> str:
        assert main(["summary", str(folder), *tokens]) == BAD_INPUT
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        return err

    assert "did you mean rule.lr?" in said("--where", "rule.l=1")
    assert "did you mean mean?" in said("--sort=-meen")
    assert "did you mean censored?" in said("--columns", "mean,censord")
    assert "is not NAME=VALUE" in said("--where", "rule.lr")
    assert "needs a number" in said("--where", "mean>long")
    assert "has words" in said("--where", "verdict>1")
    assert "must be at least 0" in said("--rows=-1")
    assert "goes with --plot" in said("--x=rule.lr")
    assert "there is no axis 'rule.l'" in said("--plot", str(folder / "a.png"), "--x=rule.l")
    assert main(["summary", str(folder / "shards")]) == BAD_INPUT


def test_columns_and_rows_are_chosen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, str(folder), "--columns", "escaped,digest,landscape.barrier", "--rows=2")
    assert "2 of 6 settings; --rows=0 tells all" in text
    assert "landscape.barrier" in text
    assert str(load(folder).settings[1].values()["digest"])[:16] in text
    assert "mean t" not in text


def test_conditions_are_read_as_they_stand() -> None:
    found = conditions("rule.lr >= 5e-2 , rule==sgd,complete=true")
    assert [(each.name, each.sign, each.value) for each in found] == [
        ("rule.lr", ">=", 0.05),
        ("rule", "=", "sgd"),
        ("complete", "=", True),
    ]


def test_what_is_missing_is_told_with_how_to_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, manifest = made(tmp_path, TEXT + "[sweep]\nexact = true\n")
    store.add(escape_unit(manifest.settings[0], 0, 150))
    store.add(note(manifest.settings[0], exact_discrete=1.0))
    store.flush()
    text = told(capsys, str(tmp_path))
    assert "the exact references of 5 settings are not solved yet" in text
    assert "150/150 of 200" in text
    assert "6 settings are not complete, 1,050 trajectories are missing" in text
    assert f"saddlescape sweep file.toml --out {tmp_path}" in text


def test_the_figure_draws_measurements_bars_and_references(folder: Path, tmp_path: Path) -> None:
    sweep = load(folder)
    with styled(6.0, 4.0) as figure:
        axes = ss.plot.sweep_curves(sweep, "rule.lr", ax=figure.add_subplot())
    assert isinstance(axes, Axes)
    labels = axes.get_legend_handles_labels()[1]
    assert sum(label.startswith("noise variance = ") for label in labels) == 3
    assert "exact, this iteration" in labels
    for k, container in enumerate(axes.containers):
        points = container[0]  # type: ignore[index]
        assert np.allclose(points.get_ydata(), sweep["mean"].values[k])
        bars = container[2][0].get_segments()  # type: ignore[index]
        assert np.allclose([bar[:, 1] for bar in bars],
                           np.stack([sweep["low"].values[k], sweep["high"].values[k]], axis=1))  # fmt: skip
    assert main(["summary", str(folder), "--plot", str(tmp_path / "a.svg")]) == 0
    assert (tmp_path / "a.svg").read_bytes()[:5] == b"<?xml"


def test_a_slope_is_that_of_the_law_that_the_times_were_drawn_by(tmp_path: Path) -> None:
    filled(tmp_path, PLAIN.format(trajectories=2000).replace("[0.05, 0.1]", "[0.01, 0.02, 0.05, 0.1]"), unit=500)
    with styled(6.0, 4.0) as figure:
        axes = ss.plot.sweep_curves(load(tmp_path), "noise.variance", ax=figure.add_subplot(), slopes=True)
    told = [label.partition(": power ")[2] for label in axes.get_legend_handles_labels()[1] if "power" in label]
    assert len(told) == 4
    for text in told:
        # Means are 40/(lr variance) steps. Four intervals of 1.96 errors, seeded by the keys; 3.3 errors: 1 in 1,000.
        slope, error = (float(part.replace("−", "-")) for part in text.split(" ± "))
        assert abs(slope + 1.0) < 3.3 * error / 1.96


def test_every_kind_of_sweep_has_a_figure(tmp_path: Path) -> None:
    for k, text in enumerate((RULES + '[noise]\nname = "isotropic"\n', SADDLE, TEXT.replace("[0.05, 0.1]", "[0.05]"))):
        filled(tmp_path / str(k), text)
        for axis in (None, *load(tmp_path / str(k)).dims):
            draw(load(tmp_path / str(k)), axis)
    single = load(tmp_path / "2").select(**{"rule.lr": 0.05, "noise.variance": 1.0})
    draw(single)
    made(tmp_path / "empty", TEXT)
    draw(load(tmp_path / "empty"))


def test_the_report_has_a_section_for_a_sweep(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    filled(folder, PLAIN.format(trajectories=1000), solved=True, unit=500)
    found = gather(tmp_path, "Results")
    assert not found.problems
    (entry,) = found.entries
    assert [claim.outcome for claim in entry.section.claims] == [AGREES]
    assert entry.section.made.digest == load(folder).digest()
    assert "file.toml" in page(found)


def test_the_report_tells_a_contradiction_first(tmp_path: Path) -> None:
    store, manifest = made(tmp_path, TEXT)
    for k, setting in enumerate(manifest.settings):
        wrong = 3.0 if k == 2 else 1.0
        store.add(escape_unit(setting, 0, 200))
        store.add(note(setting, exact_discrete=wrong * mean_steps(setting) * setting.described["rule"]["lr"]))
    store.flush()
    (entry,) = gather(tmp_path, "Results").entries
    claims = {claim.outcome: claim for claim in entry.section.claims}
    assert claims[CONTRADICTED].compared == 1
    assert "noise.variance = 1, rule.lr = 0.05" in claims[CONTRADICTED].says
    assert DIFFERS not in claims


def test_a_half_done_or_damaged_sweep_is_reported_all_the_same(folder: Path) -> None:
    for path in sorted((folder / "shards").glob("*.npz"))[:2]:
        path.write_bytes(b"")
    found = gather(folder, "Results")
    assert not found.problems
    text = page(found)
    assert text.count("Damaged:") == 2
    assert "Go on with" in text
    assert str(folder) not in text
