import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from saddlescape import (
    SGD,
    Adai,
    Adam,
    ConstantNoise,
    HessianNoise,
    IsotropicNoise,
    Momentum,
    PiecewiseQuadraticWell,
    QuadraticSaddle,
    QuarticWell,
)
from saddlescape.experiments import flatness, flatness_table
from saddlescape.experiments.command import main
from saddlescape.experiments.figures import flatness as flatness_figure
from saddlescape.experiments.figures.style import write
from saddlescape.experiments.flatness import (
    CHOICES,
    FlatnessResult,
    FlatnessRun,
    Identity,
    Series,
    exponent_verdict,
    measure,
    rescaling_identity,
    setup_of,
    sharpened,
)
from saddlescape.experiments.power_fit import fit_power
from saddlescape.experiments.verdict import AGREES, DIFFERS, UNDERPOWERED
from saddlescape.landscapes.interface import covariance_at, gradient_at, value_at
from saddlescape.theory.references import references

WELL = PiecewiseQuadraticWell(1.0, 1.0, 0.25, transverse_min=(0.5, 0.5, 0.5))
RULES = {"sgd": SGD(0.1), "momentum": Momentum(0.1, 0.9, 0.1), "adai": Adai(0.1), "adam": Adam(0.1, eps=0.0)}
QUICK = ["flatness", "sgd", "--climb=5", "-n", "20", "--quiet"]


@pytest.mark.parametrize("k", [0.3, 4.0])
@pytest.mark.parametrize(
    ("landscape", "noise"),
    [
        (PiecewiseQuadraticWell(2.0, 1.0, 0.3, 3.0, (0.5, 2.0), (1.5, 1.0), 7), HessianNoise(0.7, floor=1.2)),
        (QuarticWell(0.3, 1.4, 0.1, (0.5,), (0.9,)), IsotropicNoise(3.0)),
        (QuarticWell(transverse_min=(0.5,)), ConstantNoise(((2.0, 0.5), (0.5, 1.0)))),
    ],
)
def test_a_sharper_landscape_is_the_same_one_seen_closer(landscape: Any, noise: Any, k: float) -> None:
    landscape, noise = landscape.check(), noise.check()
    closer, louder = sharpened(landscape, k), sharpened(noise, k)
    for theta in np.random.default_rng(0).standard_normal((5, landscape.dimension)):
        near = theta / np.sqrt(k)
        assert value_at(closer, near) == pytest.approx(value_at(landscape, theta), rel=1e-12, abs=1e-14)
        assert gradient_at(closer, near) == pytest.approx(np.sqrt(k) * gradient_at(landscape, theta), rel=1e-11)
        assert covariance_at(louder, closer, near) == pytest.approx(
            k * covariance_at(noise, landscape, theta), rel=1e-9
        )


def test_other_landscapes_are_refused() -> None:
    with pytest.raises(TypeError, match="QuadraticSaddle is not one that can be made sharper here"):
        sharpened(QuadraticSaddle([-1.0, 1.0]), 2.0)


@pytest.mark.parametrize("k", [4.0, 16.0, 0.25])
@pytest.mark.parametrize("momentum", ["thermal", "rest"])
@pytest.mark.parametrize("name", RULES)
def test_sharpness_is_the_learning_rate_bit_for_bit(name: str, momentum: str, k: float) -> None:
    # B small enough that all escape within thousands of steps; a quarter as sharp starts from a quarter's well.
    rule = RULES[name]._replace(lr=0.4 * RULES[name].lr)
    well = WELL if k > 1.0 else sharpened(WELL.check(), 4.0)
    batch = 0.05 if name == "adam" else 0.3
    found = rescaling_identity(well, HessianNoise(batch), rule, k, trajectories=300, momentum=momentum, max_steps=4000)
    assert found == Identity(k, 300, 300, exact=True)


def test_smooth_wells_and_constant_noise_rescale_too() -> None:
    found = rescaling_identity(QuarticWell(), IsotropicNoise(5.0), SGD(0.02), 4.0, trajectories=300, exit=None)
    assert (found.same, found.exact) == (300, True)


@pytest.mark.parametrize("name", RULES)
def test_between_powers_of_four_rounding_alone_parts_the_paths(name: str) -> None:
    found = rescaling_identity(WELL, HessianNoise(0.3), RULES[name], 3.0, trajectories=300, max_steps=4000)
    assert not found.exact
    assert found.same >= 297


@pytest.mark.parametrize(("name", "factor"), [("sgd", 2.0), ("momentum", 2.0), ("adai", 2.0), ("adam", 4.0)])
def test_another_learning_rate_gives_other_paths(name: str, factor: float) -> None:
    found = rescaling_identity(
        WELL, HessianNoise(0.3), RULES[name], 4.0, trajectories=300, max_steps=4000, learning_rate_factor=factor
    )
    assert found.same < 100


def test_noise_that_is_not_rescaled_gives_other_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def landscape_alone(part: Any, k: float) -> Any:
        return part if isinstance(part, IsotropicNoise) else sharpened(part, k)

    monkeypatch.setattr(flatness, "sharpened", landscape_alone)
    found = rescaling_identity(QuarticWell(), IsotropicNoise(5.0), SGD(0.02), 4.0, trajectories=300, max_steps=4000)
    assert found.same < 100


def test_adam_with_a_constant_beside_the_root_is_refused() -> None:
    with pytest.raises(ValueError, match="eps=1e-08 must be 0"):
        rescaling_identity(WELL, HessianNoise(0.3), Adam(0.1))


@pytest.mark.parametrize("name", ["sgd", "momentum"])
@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0)])
def test_the_laws_are_the_closed_forms_at_every_sharpness(name: str, low: float, high: float) -> None:
    setup = setup_of(name, FlatnessRun(curvature_min=low, curvature_saddle=high))
    for k in (1.0, 2.5):
        known = references(*setup.at(k))
        assert known.closed_form.value == pytest.approx(np.exp(setup.laws["closed_form"].log_time(k)), rel=1e-10)
        if name == "sgd" or low == high:
            assert known.corrected.value == pytest.approx(np.exp(setup.laws["corrected"].log_time(k)), rel=1e-10)


def test_adam_is_proposition_2_and_its_frozen_form() -> None:
    # Figures of an independent evaluation: H_a 2, H_b 1, B 0.05, lr 0.02, beta1 0.9.
    well, noise, rule = PiecewiseQuadraticWell(2.0, 1.0, 0.25).check(), HessianNoise(0.05), Adam(0.02, eps=0.0)
    found = flatness.laws("adam", well, noise, rule)
    assert float(np.exp(found["closed_form"].log_time(1.0))) == pytest.approx(3823.0, abs=1.0)
    assert float(np.exp(found["corrected"].log_time(1.0))) == pytest.approx(14875.0, abs=1.0)


@pytest.mark.parametrize(
    ("across", "printed"), [((0.5, 0.2, 0.1), 2238), ((2.0, 2.0, 2.0), 2472), ((6.0, 6.0, 6.0), 2900)]
)
def test_adai_is_proposition_4(across: tuple[float, ...], printed: float) -> None:
    well = PiecewiseQuadraticWell(2.0, 1.0, 0.25, transverse_min=across).check()
    found = flatness.laws("adai", well, HessianNoise(0.14), Adai(0.01))["closed_form"]
    assert float(np.exp(found.log_time(1.0))) == pytest.approx(printed, abs=1.0)


def test_the_climb_sets_the_batch_size_and_the_quickest_get_the_most_trajectories() -> None:
    for name, choice in CHOICES.items():
        setup = setup_of(name, FlatnessRun(curvature_min=2.0))
        assert setup.laws["corrected"].climb == pytest.approx(choice.climb)
        numbers = setup.trajectories(100)
        assert numbers[0] == 100
        assert np.all(np.diff(numbers) >= 0)
        assert numbers[-1] == 1000


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"climb": 0.0}, "climb=0.0 must be above 0"),
        ({"lr": -0.1}, "lr=-0.1 must be above 0"),
        ({"sharpness": np.array([1.0, 2.0, 3.0])}, "must be at least 4 numbers above 0"),
        ({"sharpness": np.array([0.0, 1.0, 2.0, 3.0])}, "must be at least 4 numbers above 0"),
        ({"curvature_min": 0.0}, "curvature_min=0.0 must be above 0"),
    ],
)
def test_what_is_out_of_bounds_is_refused(run: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        setup_of("sgd", FlatnessRun(**run))


@pytest.fixture(scope="module")
def measured() -> dict[str, Series]:
    """SGD and Adam at low barriers, seed 4: the exponents to about 6 %."""
    return {
        name: measure(setup_of(name, FlatnessRun(climb=6.0, sharpness=np.geomspace(1.0, highest, 6))), 400, 4)[0]
        for name, highest in (("sgd", 3.0), ("adam", 6.0))
    }


def test_measured_times_and_exponents_are_those_of_the_iteration(measured: dict[str, Series]) -> None:
    # 6 times and one exponent, each at the level 1 - 1e-4: seed 4, N from 400 up, false alarm 7e-4.
    series = measured["sgd"]
    exact = series.exact["exact_discrete"]
    assert np.all(np.abs(np.log(series.means / exact)) < 3.9 * np.sqrt(series.variances))
    low, high = series.fits["measured"].interval(1.0 - 1e-4)
    assert low < series.fits["exact_discrete"].exponent < high
    assert series.identity == Identity(4.0, 500, 500, exact=True)


def test_each_rule_has_its_own_exponent_and_not_the_others(measured: dict[str, Series]) -> None:
    # Verdicts at 1 - 1e-3, seed 4; the wrong exponent is the control.
    for name, right, wrong in (("sgd", 1.0, 0.5), ("adam", 0.5, 1.0)):
        fit = measured[name].fits["measured"]
        assert exponent_verdict(fit, right).outcome != DIFFERS
        assert exponent_verdict(fit, wrong).outcome == DIFFERS


def test_leaving_the_prefactor_in_changes_the_slope(measured: dict[str, Series]) -> None:
    for series in measured.values():
        claimed = series.setup.laws["closed_form"].exponent
        divided, raw = series.slopes["divided"], series.slopes["raw"]
        assert divided.slope == pytest.approx(-claimed, abs=0.06)
        assert abs(raw.slope + claimed) > abs(divided.slope + claimed)


@pytest.mark.parametrize(("p", "raw"), [(1.0, -0.935), (0.5, -0.465)])
def test_the_raw_slope_of_the_law_itself_is_wrong(p: float, raw: float) -> None:
    # Figures of an independent evaluation: A = 10, Pi_1 = 2 pi, no inertia, k from 0.5 to 2.
    k, one = np.geomspace(0.5, 2.0, 9), np.ones(9)
    setup = setup_of("sgd", FlatnessRun(sharpness=k))
    law = setup.laws["closed_form"]._replace(exponent=p, prefactor=lambda k: np.log(2.0 * np.pi * k**-p))
    slopes = flatness._slopes(setup._replace(laws={"corrected": law}), k, np.exp(law.log_time(k)), one)
    assert slopes["raw"].slope == pytest.approx(raw, abs=0.02)
    logs = law.log_time(k)
    assert float(np.polyfit(np.log(k), np.log(logs), 1)[0]) == pytest.approx(raw, abs=0.0005)
    assert slopes["divided"].slope == pytest.approx(-p, abs=1e-12)


def test_verdicts() -> None:
    k, logs = np.geomspace(1.0, 4.0, 8), 10.0 / np.geomspace(1.0, 4.0, 8)
    assert exponent_verdict(fit_power(k, logs, np.full(8, 1e4)), 1.0).outcome == AGREES
    assert exponent_verdict(fit_power(k, logs, np.full(8, 1e4)), 0.5).outcome == DIFFERS
    assert exponent_verdict(fit_power(k, logs, np.full(8, 10.0)), 1.0).outcome == UNDERPOWERED
    assert exponent_verdict(None, 1.0).outcome == UNDERPOWERED


def test_too_high_a_barrier_is_told() -> None:
    setup = setup_of("sgd", FlatnessRun(climb=6.0))
    slow = setup._replace(noise=HessianNoise(40.0))
    with pytest.raises(ValueError, match=r"sharpness=1: 0 of 10 trajectories of sgd escaped in .* steps: lower climb"):
        measure(slow, 10, 0)


def synthetic(name: str, seed: int = 0, points: int = 8, interrupted: bool = False) -> Series:
    """Return a series whose times are the law's, with the errors of 300 escapes."""
    setup = setup_of(name, FlatnessRun(curvature_min=2.0 if name == "adam" else 1.0))
    k = setup.sharpness[:points]
    law = setup.laws["corrected"]
    variances = np.full(points, 1.0 / 300.0)
    means = np.exp(law.log_time(k) + np.random.default_rng(seed).standard_normal(points) * np.sqrt(variances))
    exact = {"exact_discrete": np.exp(law.log_time(k)) * 1.02} if name == "sgd" else {}
    fits = flatness._fits(setup, k, {"measured": means, **exact}, variances)
    number = np.full(points, 300)
    return Series(
        setup, k, means, 0.9 * means, 1.1 * means, variances, number, number, exact,
        {} if exact else {"exact_discrete": "not evaluated"}, fits, flatness._slopes(setup, k, means, variances),
        None if interrupted else Identity(4.0, 500, 500, exact=True), ({"a": 1.0}, {"a": 2.0}),
        exponent_verdict(fits.get("measured"), law.exponent), interrupted,
    )  # fmt: skip


def result(names: tuple[str, ...] = tuple(CHOICES)) -> FlatnessResult:
    return FlatnessResult(FlatnessRun(), [synthetic(name) for name in names], 1.0)


def test_the_page_fits_80_columns_and_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    flatness_table.show(result())
    page = capsys.readouterr().out
    assert max(len(line) for line in page.splitlines()) <= 80
    assert "…" not in page
    flat = " ".join(page.split())
    for said in ("agrees", "on 5 degrees of freedom", "on one more with the exponent held at -0.5",
                 "exact, this iteration", "measured, Pi_k as printed",
                 "slope of ln ln tau, Pi_k left in",
                 "adam, 4 times as sharp against 2 times the learning rate: 500 of 500 trajectories escape",
                 "no exact times, momentum, iteration; adai, iteration; adam, iteration: not evaluated"):  # fmt: skip
        assert said in flat


def test_what_was_done_by_ctrl_c_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    partial = FlatnessResult(FlatnessRun(), [synthetic("sgd"), synthetic("adam", points=2, interrupted=True)], 1.0)
    assert partial.interrupted
    flatness_table.show(partial)
    assert "interrupted: this is what was done by then" in capsys.readouterr().out
    assert len(flatness_figure.draw(flatness_figure.data_of(partial)).axes) == 1
    told = json.loads(json.dumps(partial.as_json(), allow_nan=False))
    assert told["series"][1]["fits"] == {}
    assert told["series"][1]["verdict"] == "underpowered"


@pytest.mark.parametrize("names", [("sgd",), ("sgd", "adam"), tuple(CHOICES)])
def test_no_legend_covers_the_data_and_nothing_is_clipped(names: tuple[str, ...]) -> None:
    figure = flatness_figure.draw(flatness_figure.data_of(result(names)))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == len(names)
    (legend,) = figure.legends
    artists: list[Any] = [legend]
    for axes in panels:
        assert not legend.get_window_extent(renderer).overlaps(axes.get_window_extent(renderer))
        artists += [axes.xaxis.label, axes.yaxis.label, axes._left_title]  # type: ignore[attr-defined]
    for artist in artists:
        extent = artist.get_window_extent(renderer)
        assert extent.x0 >= -1
        assert extent.y0 >= -1
        assert extent.x1 <= figure.bbox.x1 + 1
        assert extent.y1 <= figure.bbox.y1 + 1


def test_the_same_result_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write(flatness_figure.draw(flatness_figure.data_of(result(("sgd",)))), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_command_writes_one_object_a_figure_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--json", "--out", str(tmp_path / "new")]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        f"flatness.{end}" for end in ("json", "pdf", "png")
    ]
    assert json.loads((tmp_path / "new" / "flatness.json").read_text()) == told
    assert err.count("written") == 3
    (series,) = told["series"]
    assert series["rule"] == "sgd"
    assert len(series["means"]) == len(series["sharpness"]) == 8
    assert series["claimed_exponent"] == 1.0
    assert series["identity"]["same"] == series["identity"]["trajectories"]
    assert set(series["fits"]) >= {"measured", "exact_discrete", "exact_diffusion"}
    plotted = tmp_path / "law.svg"
    assert main([*QUICK, "--sharpness=1,1.5,2,3", "--momentum=rest", f"--plot={plotted}"]) == 0
    said = capsys.readouterr().out
    assert "exponents" in said
    assert f"written {plotted}" in said
    assert plotted.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("flatness sgdd", "there is no rule 'sgdd'; did you mean sgd?"),
        ("flatness langevin", "there is no rule 'langevin'; one of"),
        ("flatness sgd --climb=0", "climb=0.0 must be above 0"),
        ("flatness sgd --trajectories=1", "trajectories=1 must be at least 10"),
        ("flatness sgd --sharpness=1,2", "must be at least 4 numbers above 0"),
        ("flatness sgd --momentum=cold", "--momentum=cold must be one of rest, thermal"),
        ("flatness sgd --barier=1", "there is no --barier here; did you mean --barrier?"),
        ("flatness sgd --out=/dev/null", "--out=/dev/null: /dev/null is not a folder"),
        ("flatness momentum --beta1=1", "beta1=1.0 must lie in [0, 1)"),
    ],
)
def test_bad_input_is_told_in_one_line(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(" "), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from saddlescape.experiments.command import main; main(['flatness', '--help']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numba", "scipy", "sympy", "matplotlib"} & set(done.stderr.split())
    assert all(name in done.stdout for name in CHOICES)
    assert "--climb" in done.stdout


def test_splitting_measures_the_exponent_where_nobody_can_wait(capsys: pytest.CaptureFixture[str]) -> None:
    # 16 repetitions, 1,000 trials, seed 4; each of 4 means within its interval at 1 - 1e-4, the exponent at 0.999:
    # false-alarm rate 1.4e-3.
    run = FlatnessRun(climb=24.0, transverse=(), sharpness=np.array([1.0, 1.5, 2.2, 3.2]))
    setup = flatness.setup_of("sgd", run)
    found, _ = flatness.measure(setup, 200, 4, method="auto", repetitions=16, trials=1000)
    assert found.methods == ("splitting",) * 3 + ("direct",) or found.methods == ("splitting",) * 4
    exact = found.exact["exact_discrete"]
    error = np.sqrt(found.variances)
    assert np.all(np.abs(np.log(found.means / exact)) < 5.3 * error)
    low, high = found.fits["measured"].interval(0.999)
    assert low < found.fits["exact_discrete"].exponent < high
    assert high - low < 0.3
    flatness_table.show(FlatnessResult(run, [found], 1.0))
    page = capsys.readouterr().out
    assert "split" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_direct_run_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    setup = flatness.setup_of("sgd", FlatnessRun(climb=5.0, transverse=()))
    found, _ = flatness.measure(setup, 20, 0, method="auto")
    again, _ = flatness.measure(setup, 20, 0)
    assert found.methods == again.methods == ("direct",) * len(setup.sharpness)
    np.testing.assert_array_equal(found.means, again.means)
    flatness_table.show(FlatnessResult(FlatnessRun(), [again], 1.0))
    assert "split" not in capsys.readouterr().out
    with pytest.raises(ValueError, match="repetitions=1 must be at least 2"):
        flatness.measure(setup, 20, 0, method="splitting", repetitions=1)
