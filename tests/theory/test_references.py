import math
from typing import Any

import numpy as np
import pytest
from saddlescape.dynamics.adai import Adai
from saddlescape.dynamics.adam import Adam
from saddlescape.dynamics.langevin import Langevin
from saddlescape.dynamics.momentum import Momentum
from saddlescape.dynamics.saddle_spread import saddle_spread
from saddlescape.dynamics.sgd import SGD
from saddlescape.dynamics.underdamped import UnderdampedLangevin
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.mueller_brown import MuellerBrown
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.theory import kramers
from saddlescape.theory.closed_form import closed_form
from saddlescape.theory.line import passage
from saddlescape.theory.particle import particle
from saddlescape.theory.references import References, references
from saddlescape.theory.regime_numbers import regime, spread_regime
from saddlescape.theory.spread_references import spread_references

QUARTIC, PIECEWISE = QuarticWell(), PiecewiseQuadraticWell()


def digits(found: float | None, expected: float, unit: float) -> None:
    assert found is not None
    assert abs(found - expected) <= 0.5 * unit


@pytest.mark.parametrize(
    ("batch", "discrete", "diffusion", "kramers_time", "unit"),
    [(0.5, 64.01, 64.24, 54.13, 0.01), (0.8, 271.30, 274.52, 242.57, 0.01), (1.2, 1910.5, 1938.6, 1792.4, 0.1)],
)
def test_quartic_well(batch: float, discrete: float, diffusion: float, kramers_time: float, unit: float) -> None:
    found = references(QUARTIC, IsotropicNoise(2.0 / batch), SGD(0.05), exit=0.8)
    digits(found.exact_discrete.value, discrete, unit)
    digits(found.exact_diffusion.value, diffusion, unit)
    digits(found.closed_form.value, kramers_time, unit)
    assert found.exact_discrete.value is not None
    assert found.exact_discrete.steps == found.exact_discrete.value / 0.05


def test_heavy_ball_on_the_quartic_well_takes_the_kramers_root() -> None:
    found = references(QUARTIC, IsotropicNoise(2.0), Momentum(0.05, 0.9, 0.1), exit=0.8)
    digits(found.closed_form.value, 900.7, 0.1)
    digits(found.corrected.value, 900.7, 0.1)  # constant noise: nothing to correct
    # An independent simulation, 942 +- 15, in standard errors.
    assert abs(found.exact_discrete.value - 942.0) < 3.0 * 15.0
    assert found.exact_diffusion.value == pytest.approx(found.exact_discrete.value, rel=0.02)
    digits(references(QUARTIC, IsotropicNoise(2.0), SGD(0.05), exit=0.8).closed_form.value, 659.0, 1.0)


def test_piecewise_quadratic_well_tells_printed_ito_and_iteration_apart() -> None:
    found = references(PIECEWISE, HessianNoise(0.2), SGD(0.01))
    digits(found.closed_form.value, 26140.0, 1.0)
    digits(found.exact_discrete.value, 12083.0, 1.0)
    way = passage(PIECEWISE.check(), HessianNoise(0.2))
    factor = closed_form("theorem-3", "convention_factor")(0.0, 2.0, 1.0)
    ito = closed_form("theorem-3", "log_kramers")(2.0, 1.0, kramers.climb(way, 0.01), factor, 1.0)
    digits(math.exp(ito), 13070.0, 1.0)
    assert found.corrected.value == pytest.approx(12083.0, rel=0.01)


# ln of the simulated mean escape time over the exact diffusion's, less ln of the Kramers root: 95 % intervals from
# 10 000 trajectories each, seed 0, lr 0.005, B 0.07.
MEASURED = {
    (2.0, 1.0): {0.0: (-0.0676, -0.0281), 0.5: (-0.0792, -0.0398), 0.8: (-0.1358, -0.0964), 0.9: (-0.2186, -0.1792)},
    (1.0, 2.0): {0.0: (-0.0634, -0.0224), 0.5: (-0.0561, -0.0149), 0.8: (-0.0406, 0.0008), 0.9: (-0.0186, 0.0231)},
}


@pytest.mark.parametrize("wells", MEASURED)
@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.8, 0.9])
def test_correction_of_noise_that_follows_the_curvature(wells: tuple[float, float], beta1: float) -> None:
    well, noise = PiecewiseQuadraticWell(*wells), HessianNoise(0.07)
    rule = Momentum(0.005, beta1, 1.0 - beta1) if beta1 else SGD(0.005)
    p, way = particle(rule), passage(well.check(), noise)
    assert not isinstance(p, str)
    added = kramers.lag_correction(way, p.lr, p.lag, kramers.jump_weight(p.lr, p.keep))
    low, high = MEASURED[wells][beta1]
    assert low - 0.0025 < added < high + 0.0025  # the next order
    smooth = kramers.lag_correction(way, p.lr, p.lag)
    a, b = (0.5 * p.lr * float(v) for v in way.line.variance([way.minimum, way.saddle]))
    slope = math.sqrt(0.5 / (1.0 / wells[0] + 1.0 / wells[1]))
    gridded = smooth + float(closed_form("theorem-3", "grid_jump")(p.lr, slope, a, b))
    assert gridded > high + 0.0025
    root, ito = (
        references(well, noise, rule).corrected,
        references(well, noise, Langevin(0.001, "ito", 0.005)).corrected,
    )
    assert root.value is not None
    assert ito.value is not None
    stretched = closed_form("theorem-3", "kramers_root")(wells[1], p.friction, p.friction_mass)
    assert math.log(root.value / ito.value) == pytest.approx(added + math.log(stretched), abs=1e-12)


@pytest.mark.parametrize(("beta1", "rooted"), [(1e-9, 1094), (0.5, 1114), (0.8, 1171), (0.9, 1256)])
def test_the_printed_prefactor_is_not_ito_s(beta1: float, rooted: int) -> None:
    found = references(PIECEWISE, HessianNoise(0.28), Momentum(0.02, beta1, 1.0 - beta1))
    assert found.closed_form.value is not None
    assert found.corrected.value is not None
    digits(0.5 * found.closed_form.value, rooted, 1.0)  # the Ito prefactor is 1/H_a = 1/2, the printed one 1/|H_b| = 1
    assert found.corrected.value < 0.93 * rooted


def test_exponent_correction_of_the_particle_in_closed_form() -> None:
    way = passage(PIECEWISE.check(), HessianNoise(0.28))
    p2 = 2.0 * 0.25 / (1.0 / 2.0 + 1.0)
    d_a, d_b = 0.01 * 2.0 / 0.28, 0.01 * 1.0 / 0.28
    assert kramers.lag_correction(way, 0.02, 0.2) == pytest.approx(0.5 * p2 * 0.2 * (1 / d_a - 1 / d_b), rel=1e-12)
    flat = passage(QUARTIC.check(), IsotropicNoise(2.0))
    assert kramers.lag_correction(flat, 0.05, 1.0, 1.0) == pytest.approx(0.0, abs=1e-13)
    jump = math.sqrt(p2) * (1 / d_b - 1 / d_a) * (math.sqrt(d_b) - math.sqrt(d_a))
    assert kramers.lag_correction(way, 0.02, 0.0, 0.3) == pytest.approx(0.3 * jump, rel=1e-12)


def test_momentum_without_memory_is_sgd() -> None:
    plain = references(QUARTIC, IsotropicNoise(2.5), SGD(0.025), exit=0.8)
    same = references(QUARTIC, IsotropicNoise(2.5), Momentum(0.05, 0.0, 0.5), exit=0.8)
    assert plain.exact_discrete.steps == pytest.approx(same.exact_discrete.steps, rel=1e-10)
    assert plain.exact_diffusion.steps == pytest.approx(same.exact_diffusion.steps, rel=1e-10)
    assert plain.corrected.steps == pytest.approx(same.corrected.steps, rel=1e-10)


@pytest.mark.parametrize(
    ("wells", "printed", "corrected", "measured", "half_width"),
    [((2.0, 1.0), 3823, 12783, 12475, 589), ((1.0, 2.0), 3885, 3230, 3250, 159)],
)
def test_adam(wells: tuple[float, float], printed: int, corrected: int, measured: int, half_width: int) -> None:
    # measured: independent simulations with v held at the minimum; 95 %.
    found = references(PiecewiseQuadraticWell(*wells), HessianNoise(0.05), Adam(0.02))
    digits(found.closed_form.value, printed, 1.0)
    digits(found.corrected.value, corrected, 1.0)
    assert abs(corrected - measured) < half_width
    assert abs(printed - measured) > 3 * half_width
    assert found.exact_diffusion.value is None
    assert found.closed_form.time_step == found.corrected.time_step == 0.02


def test_adam_with_constant_noise_has_one_closed_form() -> None:
    found = references(QUARTIC, IsotropicNoise(31.0), Adam(0.02), exit=0.8)
    digits(found.closed_form.value, 2281.0, 1.0)
    assert found.corrected.value == pytest.approx(found.closed_form.value, rel=1e-7)  # eps


@pytest.mark.parametrize(
    ("across", "printed", "measured", "half_width"),
    [([0.5, 0.2, 0.1], 2238, 942, 26), ([2.0] * 3, 2472, 801, 23), ([6.0] * 3, 2900, 580, 16)],
)
def test_adai(across: list[float], printed: int, measured: int, half_width: int) -> None:
    # measured: independent simulations of Adai itself; 95 %. The correction is good to a few per cent here.
    found = references(PiecewiseQuadraticWell(transverse_min=across), HessianNoise(0.14), Adai(0.01))
    digits(found.closed_form.value, printed, 1.0)
    assert found.corrected.value is not None
    assert abs(found.corrected.value - measured) < 1.5 * half_width
    assert printed > 2.0 * measured


def test_adai_in_one_direction_is_heavy_ball() -> None:
    one = references(PIECEWISE, HessianNoise(0.28), Adai(0.02, beta0=0.2))
    other = references(PIECEWISE, HessianNoise(0.28), Momentum(0.02, 0.8, 0.2))
    assert one.closed_form.value == pytest.approx(other.closed_form.value, rel=1e-12)
    assert one.corrected.value == pytest.approx(other.corrected.value, rel=1e-12)


def test_conventions_of_the_diffusion() -> None:
    found = [references(PIECEWISE, HessianNoise(0.28), Langevin(0.01, c, 0.02)) for c in ("ito", 0.5, "anti-ito")]
    exact = [r.exact_diffusion.value for r in found]
    ours = [r.corrected.value for r in found]
    sgd = references(PIECEWISE, HessianNoise(0.28), SGD(0.02))
    assert exact[0] == pytest.approx(sgd.exact_diffusion.value, rel=1e-12)
    for a, b in zip(exact, ours, strict=True):
        assert a == pytest.approx(b, rel=0.05)
    assert ours[2] == pytest.approx(found[2].closed_form.value, rel=1e-12)  # the printed prefactor is anti-Ito
    assert ours[1] == pytest.approx(math.sqrt(2.0) * ours[0], rel=1e-12)
    assert found[0].exact_discrete.value is None


def test_much_friction_is_the_overdamped_limit() -> None:
    found = references(PIECEWISE, HessianNoise(0.28), UnderdampedLangevin(0.01, 1e12, 1e-12, 0.02))
    ito = references(PIECEWISE, HessianNoise(0.28), Langevin(0.01, "ito", 0.02))
    assert found.corrected.value == pytest.approx(ito.corrected.value, rel=1e-5)


def test_constant_transverse_directions_change_nothing() -> None:
    one = references(PIECEWISE, HessianNoise(0.7), SGD(0.05))
    three = PiecewiseQuadraticWell(transverse_min=[1.0, 3.0], rotation=5)
    many = references(three, HessianNoise(0.7), SGD(0.05))
    for a, b in zip(one, many, strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-9)


def test_changing_transverse_directions() -> None:
    valley = PiecewiseQuadraticWell(transverse_min=[10.0, 4.0], transverse_saddle=[30.0, 2.0])
    found = references(valley, IsotropicNoise(4.0), SGD(0.01))
    one = references(PIECEWISE, IsotropicNoise(4.0), SGD(0.01))
    assert found.exact_discrete.value is None
    assert "where one stands across it" in found.exact_discrete.reason
    assert found.corrected.value == pytest.approx(one.corrected.value * math.sqrt(3.0 * 0.5), rel=1e-9)
    # Noise that follows the curvature: exp sum int h'/(2 |H_e|), here by hand on both sides of the joint.
    follows = references(valley, HessianNoise(0.28), SGD(0.02))
    alone = references(PIECEWISE, HessianNoise(0.28), SGD(0.02))
    a = -1.5 * math.sqrt(1.0 / 3.0)
    u = (-math.sqrt(1.0 / 3.0) - a) / -a
    step = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
    extra = (20.0 - 2.0) * (step / 4.0 + (1.0 - step) / 2.0)
    assert math.log(follows.corrected.value / alone.corrected.value) == pytest.approx(extra, rel=1e-9)


def test_curved_way_is_eyring_kramers_for_isotropic_noise_only() -> None:
    surface = MuellerBrown().check()
    way = surface.escape()
    found = references(surface, IsotropicNoise(way.barrier / (0.5e-4 * 8.0)), SGD(1e-4))
    assert found.closed_form.value is None
    assert "not straight" in found.closed_form.reason
    assert found.corrected.value is not None
    assert references(surface, HessianNoise(1.0, 1.0), SGD(1e-4)).corrected.value is None


def reasons(found: References) -> set[str]:
    assert all(r.value is None for r in found)
    return {r.reason for r in found}


def test_why_there_is_no_value() -> None:
    assert "noise vanishes at e.theta = -0.5774" in reasons(references(QUARTIC, HessianNoise(), SGD())).pop()
    assert "weight_decay" in reasons(references(QUARTIC, IsotropicNoise(), SGD(0.05, 0.1))).pop()
    turned = PiecewiseQuadraticWell(transverse_min=[1.0], rotation=2)
    for rule in (Adam(), Adai()):
        found = references(turned, HessianNoise(), rule)
        assert found.closed_form.value is None
        assert "must be a coordinate axis" in found.closed_form.reason
        assert "in theta, m and v" in found.exact_discrete.reason
    assert "dampening=0.5" in references(PIECEWISE, HessianNoise(), Adai(dampening=0.5)).closed_form.reason
    assert "weight_decay" in reasons(references(PIECEWISE, HessianNoise(), Adam(weight_decay=0.1))).pop()
    assert "no barrier" in reasons(references(QuadraticSaddle(), HessianNoise(), SGD(), exit=1.0)).pop()
    early = references(QUARTIC, IsotropicNoise(), SGD(), exit=0.0)
    assert early.closed_form.value is None
    assert "not yet committed" in early.closed_form.reason
    assert early.exact_discrete.value is not None


def test_reaching_the_saddle_takes_about_half_as_long() -> None:
    digits(references(QUARTIC, IsotropicNoise(4.0), SGD(0.05), exit=0.0).exact_discrete.value, 34.7, 0.1)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="must be above -1"):
        references(QUARTIC, IsotropicNoise(), SGD(), exit=-2.0)
    with pytest.raises(ValueError, match="must be 'rest' or 'thermal'"):
        references(QUARTIC, IsotropicNoise(), SGD(), momentum="hot")  # type: ignore[arg-type]


def test_regime_of_escape() -> None:
    found = regime(QUARTIC, IsotropicNoise(2.0), Momentum(0.05, 0.9, 0.1), exit=0.8)
    assert found["barrier_over_temperature"] == pytest.approx(5.0)
    assert found["saddle_curvature_over_friction"] == pytest.approx(4.0 * 1.0 / (2.0 * 1.0))
    assert found["lr_times_curvature"] == pytest.approx(0.1)
    # Action of the orbit of L = (x^2 - 1)^2 / 4 at the barrier: 2 int_{-sqrt 2}^0 |x| sqrt(M (1 - x^2/2)) dx
    # = (4/3) sqrt M, with M = 0.5.
    action = 4.0 / 3.0 * math.sqrt(0.5)
    assert found["friction_action_over_temperature"] == pytest.approx(2.0 * action / 0.05, rel=1e-9)
    four = PiecewiseQuadraticWell(transverse_min=[0.5, 0.2, 0.1])
    numbers = regime(four, HessianNoise(0.14), Adai(0.01))
    assert numbers["inertia_trace"] == pytest.approx(0.01 * 1.8 / (4 * 0.1))
    assert numbers["memory"] == pytest.approx(0.01 * 1.0 / 0.01)
    assert numbers["curvature_over_friction"] == pytest.approx(0.01 * 2.0 / (0.1 * 4 * 2.0 / 2.8))
    scaled = regime(PIECEWISE, HessianNoise(0.05), Adam(0.02))
    assert scaled["lr_times_curvature"] == pytest.approx(0.02 / math.sqrt(40.0) * 2.0)
    assert scaled["memory"] == pytest.approx(0.02 / math.sqrt(40.0) * 1.0 / 0.001)
    assert all(type(v) is float for v in (found | numbers).values())


def spread_is_consistent(rule: Any, momentum: Any) -> None:
    saddle = QuadraticSaddle([-1.0, 0.1, 0.01], rotation=3)
    steps = np.array([10, 100, 1000])
    found = spread_references(saddle, HessianNoise(2.0), rule, steps, momentum)
    discrete = found.variances()["exact_discrete"]
    assert found.closed_form is not None
    assert found.exact_diffusion is not None
    assert discrete is not None
    assert found.closed_form.shape == found.exact_diffusion.shape == discrete.shape == (3, 3)
    np.testing.assert_allclose(found.exact_diffusion[1:], discrete[1:], rtol=0.1)


@pytest.mark.parametrize("rule", [SGD(0.001), Momentum(0.001, 0.9, 0.1), SGD(0.001, 0.3), Momentum(0.001, 0.9, 1.0)])
@pytest.mark.parametrize("momentum", ["rest", "thermal"])
def test_spread(rule: Any, momentum: str) -> None:
    spread_is_consistent(rule, momentum)


def test_spread_of_adam_and_adai_with_their_second_moments_held() -> None:
    saddle, noise = QuadraticSaddle([-1.0, 0.1]), HessianNoise(2.0)
    steps = np.array([20, 200])
    adam = spread_references(saddle, noise, Adam(0.001), steps, "thermal")
    printed = closed_form("proposition-1", "spread")
    np.testing.assert_allclose(adam.closed_form, printed(np.array([-1.0, 0.1]), 2.0, 0.001, 0.9, steps[:, None]))
    adai = spread_references(saddle, noise, Adai(0.001), steps, "thermal")
    printed = closed_form("proposition-3", "spread")
    h = np.array([-1.0, 0.1])
    np.testing.assert_allclose(adai.closed_form, printed(h, 1.1, 2, 2.0, 0.001, 0.1, steps[:, None]))
    # 40,000 trajectories, seed 3, 8 intervals at 1 - 1e-4: false-alarm rate 1e-3; a mean inertia 20 % off is rejected.
    for told, rule, wrong in ((adam, Adam(0.001), Adam(0.001, 0.88)), (adai, Adai(0.001), Adai(0.001, 0.12))):
        spread = saddle_spread(
            saddle, noise, rule, steps=200, trajectories=40_000, seed=3, record=steps, momentum="thermal"
        )
        low, high = spread.interval(1.0 - 1e-4)
        ours = told.variances()["corrected"]
        assert np.all((low <= ours) & (ours <= high))
        off = spread_references(saddle, noise, wrong, steps, "thermal").variances()["corrected"]
        assert not np.all((low <= off) & (off <= high))


def test_why_there_is_no_spread() -> None:
    turned = spread_references(QuadraticSaddle([-1.0, 0.1], rotation=1), HessianNoise(), Adam(), [10])
    assert turned.closed_form is None
    assert "not rotation invariant" in turned.reasons["closed_form"]
    damped = spread_references(QuadraticSaddle(), HessianNoise(), Adai(dampening=0.5), [10])
    assert "dampening=0.5" in damped.reasons["closed_form"]
    assert damped.corrected is not None
    found = spread_references(QuadraticSaddle(), HessianNoise(), Adai(), [10])
    assert found.exact_discrete is None
    assert "Adai is not linear" in found.reasons["exact_discrete"]
    assert spread_references(QuadraticSaddle(), HessianNoise(), SGD(), [10]).corrected is None


def test_spread_regime() -> None:
    numbers = spread_regime(QuadraticSaddle(), HessianNoise(), Momentum(0.01, 0.9, 0.1), 400)
    assert numbers["friction_time"] == pytest.approx(40.0)
    assert numbers["curvature_over_friction"] == pytest.approx(0.4)
    assert numbers["growth"] == pytest.approx(2.0 * 4.0 / 10.0)


def test_theorem_2_over_the_exact_thermal_start() -> None:
    saddle = QuadraticSaddle([-0.01, -1.0])
    found = spread_references(saddle, HessianNoise(1.0), Momentum(0.01, 0.9, 0.1), [10, 100, 400], "thermal")
    assert found.closed_form is not None
    assert found.exact_diffusion is not None
    ratio = found.closed_form / found.exact_diffusion
    np.testing.assert_allclose(ratio[:, 0], [3.26, 1.168, 1.040], atol=0.005)
    np.testing.assert_allclose(ratio[:, 1], [3.46, 1.50, 2.30], atol=0.005)


def test_adam_s_own_learning_rate_across_the_way() -> None:
    # lr_i / lr_e = (C_e / C_i)^(1/2) = 2, C_i / C_e = 1/4: a quarter of ln(h_b / h_a) instead of a half.
    noise = ConstantNoise(np.diag([4.0, 1.0]))
    narrows = PiecewiseQuadraticWell(transverse_min=[10.0], transverse_saddle=[30.0])
    stays = PiecewiseQuadraticWell(transverse_min=[10.0])
    ours, alone = (references(well, noise, Adam(0.01)).corrected.value for well in (narrows, stays))
    assert ours is not None
    assert alone is not None
    assert ours / alone == pytest.approx(3.0**0.25, rel=1e-6)
    printed, one = (references(well, noise, Adam(0.01)).closed_form.value for well in (narrows, stays))
    assert printed is not None
    assert one is not None
    assert printed / one == pytest.approx(3.0**0.5, rel=1e-9)
