import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from saddlescape import SGD, HessianNoise, IsotropicNoise, Momentum, PiecewiseQuadraticWell, QuarticWell
from saddlescape.dynamics.reactive_paths import ReactivePaths, reactive_paths
from saddlescape.theory.kramers import climb
from saddlescape.theory.line import passage
from saddlescape.theory.measured_s import climb_of, measured_share

from ..dynamics.dense_chain import DenseChain

WELL, LR = PiecewiseQuadraticWell(2.0, 1.0, 0.25), 0.02
NOISE = HessianNoise(1.28)
JOINT = -math.sqrt(1.0 / 3.0)


def with_fluxes(grid, fluxes, time_step):
    """Return two like repetitions whose first arrivals a step are given."""
    escapes: Any = SimpleNamespace(
        entries=np.full(2, fluxes[0]), walked=np.ones(2), time_step=time_step, repetitions=2, rates=np.full(2, 1.0)
    )
    reached = np.tile(fluxes / fluxes[0], (2, 1))
    empty = np.zeros((0, 1))
    return ReactivePaths(
        empty, np.zeros(1, int), np.zeros(0, int), grid, reached, np.ones(1), 0.0, 0.0, escapes, WELL.check()
    )


def diffusion(landscape, noise, lr, grid):
    """Return first arrivals of the diffusion by quadrature of Ito's scale function."""
    way = passage(landscape.check(), noise.check())
    fine = np.linspace(way.minimum, grid[-1], 20001)
    slope = way.line.slope(fine) / (0.5 * lr * way.line.variance(fine))
    step = fine[1] - fine[0]
    phi = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * step)])
    scale = np.concatenate([[0.0], np.cumsum(0.5 * (np.exp(phi[1:]) + np.exp(phi[:-1])) * step)])
    d_a = 0.5 * lr * float(way.line.variance([way.minimum])[0])
    z = math.sqrt(2.0 * math.pi / (float(way.line.curvature([way.minimum])[0]) * d_a))
    return with_fluxes(grid, lr / (z * np.interp(grid, fine, scale)), lr)


@pytest.mark.parametrize(("h_a", "h_b"), [(2.0, 1.0), (1.0, 3.0), (1.0, 1.0)])
def test_of_a_diffusion_both_are_the_printed_s(h_a, h_b):
    # So small a learning rate that a level is the place itself: the climb is the integral, s is |H_b|/(H_a + |H_b|).
    well, lr = PiecewiseQuadraticWell(h_a, h_b, 0.25), 1e-7
    noise = HessianNoise(lr / 0.04)
    way = passage(well.check(), noise.check())
    grid = np.linspace(0.8 * way.minimum, 0.3, 201)
    paths = diffusion(well, noise, lr, grid)
    found = climb_of(paths, well, noise, SGD(lr))
    assert found.climb == pytest.approx(found.theory, abs=0.01)
    assert found.theory[-1] == pytest.approx(climb(way, lr), abs=0.01)
    share = measured_share(paths, well, noise, SGD(lr))
    assert share.printed == pytest.approx(h_b / (h_a + h_b))
    assert share.split is not None
    assert share.split.value == pytest.approx(share.printed, abs=0.002)
    assert share.split_expected == pytest.approx(share.printed, abs=0.002)
    if h_a == h_b:
        assert share.total is None
    else:
        assert share.total is not None
        assert share.total.value == pytest.approx(share.printed, abs=0.004)


def test_the_slope_of_the_climb_against_the_loss_is_one_over_the_diffusion():
    lr = 1e-7
    noise = HessianNoise(lr / 0.04)
    found = climb_of(diffusion(WELL, noise, lr, np.linspace(-0.8, 0.1, 401)), WELL, noise, SGD(lr))
    slope = np.gradient(found.climb, found.loss)
    below, above = (found.x > -0.75) & (found.x < JOINT - 0.02), (found.x > JOINT + 0.02) & (found.x < -0.1)
    assert slope[below] == pytest.approx(1.0 / 0.04, rel=0.02)
    assert slope[above] == pytest.approx(1.0 / 0.02, rel=0.02)


def test_constant_noise_has_no_share_of_a_minimum():
    # Then E_a and E_b are as the losses, s : 1 - s, and what is measured is 1/2 in place of 1/3: it is seen.
    lr = 1e-7
    noise = IsotropicNoise(0.08 / lr)
    share = measured_share(diffusion(WELL, noise, lr, np.linspace(-0.8, 0.3, 201)), WELL, noise, SGD(lr))
    assert share.split is not None
    assert share.split.value == pytest.approx(0.5, abs=0.002)


def exact_paths(landscape, noise, lr, cells=64):
    way = passage(landscape.check(), noise.check())
    wide = math.sqrt(
        0.5 * lr * float(way.line.variance([way.minimum])[0]) / float(way.line.curvature([way.minimum])[0])
    )
    grid = np.linspace(way.minimum + wide, 0.3, cells + 1)
    return with_fluxes(grid, DenseChain(way, lr, way.minimum, grid).fluxes(grid), lr)


def test_of_the_iteration_it_is_what_the_corrections_say():
    # The exact chain, no sampling, at B/lr fixed: off the printed 1/3 in proportion to lr, as the corrections say.
    off = []
    for lr in (LR, LR / 2.0):
        noise = HessianNoise(64.0 * lr)
        share = measured_share(exact_paths(WELL, noise, lr), WELL, noise, SGD(lr))
        assert share.split is not None
        assert share.split_expected is not None
        assert share.joint == pytest.approx(JOINT)
        expected, found = (s - 1.0 / 3.0 for s in (share.split_expected, share.split.value))
        assert found == pytest.approx(expected, rel=0.2)
        assert share.total is not None
        assert share.total_expected is not None
        off.append((expected, found, share.total.value - 1.0 / 3.0))
    assert np.array(off[0][:2]) / np.array(off[1][:2]) == pytest.approx([2.0, 2.0], rel=0.4)
    # Of the whole climb too, with a jump of C in between: in proportion to lr^(1/2) and beyond.
    assert 1.4 < off[0][2] / off[1][2] < 2.0


def test_measured_on_escaping_paths():
    # tau = 4e13 steps. Seed 0, 16 repetitions of 2000 trials; each interval fails in 1e-4.
    paths = reactive_paths(WELL, NOISE, SGD(LR), repetitions=16, trials=2000, seed=0, paths=1)
    found = measured_share(paths, WELL, NOISE, SGD(LR), 0.9999)
    exact = measured_share(exact_paths(WELL, NOISE, LR), WELL, NOISE, SGD(LR))
    for name in ("split", "total", "joint_climb", "saddle_climb"):
        measured, known = getattr(found, name), getattr(exact, name)
        assert measured.low < known.value < measured.high
    assert found.split is not None
    assert found.split.high - found.split.low < 0.03
    # Negative control: the same paths read as those of constant noise would be.
    assert not found.split.low < 0.5 < found.split.high


def test_of_a_smooth_well_s_is_the_integral_and_need_not_lie_within_its_bounds():
    # Noise that nearly vanishes at the inflection, C = max(|H|, floor)/B: the climb there costs more than at either
    # end, so that no s between them gives the whole.
    lr = 1e-7
    well, noise = QuarticWell(), HessianNoise(lr / 0.04, floor=0.3)
    share = measured_share(diffusion(well, noise, lr, np.linspace(-0.8, 0.3, 401)), well, noise, SGD(lr))
    assert share.split is None
    assert share.total is not None
    assert share.total.value == pytest.approx(share.printed, abs=0.01)
    assert share.printed < 0.0


def test_refusals():
    paths = diffusion(WELL, NOISE, LR, np.linspace(-0.8, 0.3, 17))
    with pytest.raises(ValueError, match="of Momentum they do not tell enough"):
        climb_of(paths, WELL, NOISE, Momentum(lr=LR))
    opening = QuarticWell(transverse_min=[1.0], transverse_saddle=[2.0])
    with pytest.raises(ValueError, match="no process of its own"):
        climb_of(paths, opening, IsotropicNoise(1.0), SGD(LR))
