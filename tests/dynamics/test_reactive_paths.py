from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from saddlescape import SGD, Adam, IsotropicNoise, Langevin, Momentum, QuarticWell
from saddlescape.dynamics import lineages
from saddlescape.dynamics.rare_escapes import rare_ensemble, rare_escapes
from saddlescape.dynamics.reactive_paths import CELLS, ReactivePaths, paths_of, reactive_paths
from saddlescape.dynamics.splitting import Machine
from saddlescape.dynamics.splitting_kernels import States
from saddlescape.theory.line import passage
from scipy.stats import f

from .dense_chain import DenseChain

WELL, NOISE, LR = QuarticWell(), IsotropicNoise(2.0 / 1.6), 0.05


def same(first, second):
    """Say whether states are the same to the last bit; what a rule does not have is empty."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def found_and_machine(landscape, noise, rule, **more):
    ensemble = rare_ensemble(landscape, noise, rule, trials=400, seed=3, **more)
    ladder = ensemble.ladder()
    return lineages.lineage(ensemble, ladder, 0), ladder, Machine(ensemble), ensemble


def check_replay(landscape, noise, rule, **more):
    found, ladder, machine, ensemble = found_and_machine(landscape, noise, rule, **more)
    rows, edges, ends = lineages.stretches(machine, ladder, found.entries, np.arange(len(found.entries.walk)))
    assert same(ends, found.entries.states)
    assert np.array_equal(rows[edges[1:] - 1], found.entries.states.theta)
    assert np.array_equal(np.diff(edges), found.entries.since + 1)
    e, start = ensemble.end.direction, ensemble.end.beginning
    if ladder.coast == 0.0:
        begins = rows[edges[:-1]] @ e
        assert np.all((begins <= ladder.basin) | (begins == start))
        inside = np.ones(len(rows), bool)
        inside[edges[:-1]] = False
        assert np.all(rows[inside] @ e > ladder.basin)
    climbed = 0
    for stage, after in zip(found.stages, [*(each.begin for each in found.stages[1:]), found.ends], strict=True):
        begin = States(*(part[stage.parent] for part in stage.begin))
        rows, edges, ends = lineages.climbs(machine, ladder.coast, begin, stage.number, stage.steps)
        moving = stage.steps > 0
        assert same([part[moving] for part in ends], [part[moving] for part in after])
        assert same([part[~moving] for part in begin], [part[~moving] for part in after])
        assert np.array_equal(rows[edges[1:][moving] - 1], after.theta[moving])
        climbed += len(stage.steps)
    assert climbed > 5 * len(found.stages)
    return found, ladder, machine


def test_a_lineage_run_again_has_the_bits_of_every_stored_state():
    check_replay(WELL, NOISE, SGD(LR))


def test_the_memory_of_a_rule_is_part_of_what_is_run_again():
    found, ladder, machine = check_replay(QuarticWell(transverse_min=[1.0]), IsotropicNoise(4.0), Adam(0.05))
    # Negative controls: second moments forgotten, the rule's own step forgotten, another stream.
    stage = found.stages[1]
    begin = States(*(part[stage.parent] for part in stage.begin))
    blank = begin._replace(state=begin.state * np.array([1.0] + [0.0] * (begin.state.shape[1] - 1))[:, None])
    young = begin._replace(t=np.zeros_like(begin.t))
    whole = lineages.climbs(machine, ladder.coast, begin, stage.number, stage.steps)[2]
    for states, number in ((blank, stage.number), (young, stage.number), (begin, stage.number + np.uint64(10**6))):
        assert not same(lineages.climbs(machine, ladder.coast, states, number, stage.steps)[2], whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "more"),
    [
        (Momentum(lr=LR, beta1=0.8, beta3=0.2), {"momentum": "thermal"}),
        (Langevin(dt=LR), {}),
        (SGD(LR), {"normals": "float32", "generator": "threefry"}),
    ],
)
def test_thermal_starts_bridges_and_other_streams_are_run_again(rule, more):
    # So hot that walks reach the exit and are put back many times.
    check_replay(WELL, IsotropicNoise(4.0), rule, **more)


@pytest.fixture(scope="module")
def paths():
    return reactive_paths(WELL, NOISE, SGD(LR), repetitions=32, trials=2000, seed=1)


@pytest.fixture(scope="module")
def chain(paths):
    return chain_of(NOISE, paths)


def chain_of(noise, paths):
    ladder = paths.escapes.ladder
    return DenseChain(passage(WELL.check(), noise.check()), LR, ladder.basin, paths.grid)


def test_the_repetitions_are_those_of_rare_escapes(paths):
    # Same entries, trials and ancestors, and the very paths whose ends and durations it kept.
    again = rare_escapes(WELL, NOISE, SGD(LR), repetitions=32, trials=2000, seed=1)
    assert again.digest() == paths.escapes.digest()
    assert np.array_equal(again.durations.ravel(), paths.durations)
    assert np.array_equal(again.ends.reshape(-1, 1), paths.ends)


def test_no_result_depends_on_threads_and_repetitions_are_numbered(paths):
    ensemble = rare_ensemble(WELL, NOISE, SGD(LR), trials=2000, seed=1)
    few = paths_of(ensemble, range(2, 4), threads=1)
    part = slice(paths.offsets[2 * 64], paths.offsets[4 * 64])
    assert np.array_equal(few.theta, paths.theta[part])
    assert np.array_equal(few.reached, paths.reached[2:4])
    assert few.escapes.first == 2


def test_a_path_is_the_iteration_from_its_last_step_in_the_basin_to_the_exit(paths):
    basin = paths.escapes.ladder.basin
    for p in range(0, paths.paths, 97):
        x = paths.path(p)[:, 0]
        assert x[0] <= basin or x[0] == -1.0
        assert np.all(x[1:] > basin)
        assert np.all(x[:-1] < paths.escapes.exit)
        assert x[-1] >= paths.escapes.exit
        kicks = (x[:-1] - x[1:] - LR * x[:-1] * (x[:-1] ** 2 - 1.0)) / (LR * np.sqrt(NOISE.variance))
        # Normals, though chosen for leading up: none of 150 is beyond 6.5; a torn path would be off by a level.
        assert np.abs(kicks).max() < 6.5
        assert paths.loss(p) == pytest.approx(0.25 * (x * x - 1.0) ** 2, abs=1e-14)


def test_transition_times_of_the_exact_chain(paths, chain):
    # Seed 1, 32 repetitions of 64 paths; each interval fails in 1e-4.
    mean, square = chain.durations()
    for exact, values in ((mean, paths.durations), (square, paths.durations.astype(float) ** 2)):
        found, low, high = paths.mean(values, 0.9999)
        assert low < exact < high
        assert high - low < 0.25 * found
    # Negative control: hotter by a third, paths are quicker by 6 %, and that is seen.
    hot = chain_of(IsotropicNoise(1.34 * NOISE.variance), paths).durations()[0]
    assert not paths.mean(paths.durations, 0.95)[1] < hot


def test_the_cost_is_that_of_the_exact_committor(paths, chain):
    # Seed 1, 32 repetitions of 2000 trials; each interval fails in 1e-4, and all are nearly one.
    cost = paths.cost(level=0.9999)
    exact = chain.fluxes(cost.levels)
    assert np.all((cost.low <= np.log(exact[0] / exact) + 1e-9) & (np.log(exact[0] / exact) - 1e-9 <= cost.high))
    assert np.all(cost.high - cost.cost < 0.2)
    assert cost.cost[0] == 0.0
    assert np.all(np.diff(cost.cost) > 0.0)
    # Between levels too, and the entries a step.
    middle = paths.grid[CELLS // 2 :: CELLS]
    between, inner = paths.cost(middle, 0.9999), chain.fluxes(middle)
    assert np.all((between.low <= np.log(exact[0] / inner)) & (np.log(exact[0] / inner) <= between.high))
    entries = paths.escapes.entries / paths.escapes.walked
    assert abs(entries.mean() - exact[0]) < 4.5 * entries.std(ddof=1) / np.sqrt(len(entries))
    # Negative control: a noise off by 5 % is seen.
    off = chain_of(IsotropicNoise(1.05 * NOISE.variance), paths).fluxes(cost.levels)
    assert not np.all((cost.low <= np.log(off[0] / off)) & (np.log(off[0] / off) <= cost.high))


def direct_ends(well, variance, lr, exit, number, seed):
    """Return where direct paths cross the exit across the valley, by plain NumPy with random numbers of its own."""
    low, high = well.transverse_min[0], well.transverse_saddle[0]
    generator = np.random.default_rng(seed)
    x, y, ends = np.full(number, -1.0), np.zeros(number), np.zeros(0)
    while len(ends) < number:
        inside = np.clip(1.0 - np.abs(x), 0.0, 1.0)
        rise = inside**3 * (10.0 - 15.0 * inside + 6.0 * inside**2)
        steep = np.where(np.abs(x) < 1.0, -np.sign(x) * 30.0 * inside**2 * (1.0 - inside) ** 2, 0.0)
        g_x = x * (x * x - 1.0) + 0.5 * (high - low) * steep * y * y
        g_y = (low + (high - low) * rise) * y
        x, y = (v - lr * (g + np.sqrt(variance) * generator.standard_normal(len(v))) for v, g in ((x, g_x), (y, g_y)))
        out = x >= exit
        ends = np.append(ends, y[out])
        x, y = x[~out], y[~out]
    return ends


def exit_distance(paths, ends, bins=8):
    """Return Hotelling's p of equal shares of y in bins of equal weight in ``ends``."""
    edges = np.quantile(ends, np.arange(1, bins) / bins)
    into = np.searchsorted(edges, paths.ends[:, 1])
    rows = np.zeros((paths.escapes.repetitions, bins))
    np.add.at(rows, (paths.repetition, into), 1.0)
    rows /= rows.sum(axis=1, keepdims=True)
    rates = paths.escapes.rates
    share = rates @ rows / rates.sum()
    number = len(rows)
    off = (rows - share) * (rates / rates.mean())[:, None]
    scatter = off[:, 1:].T @ off[:, 1:] / (number * (number - 1))
    even = 1.0 / bins
    scatter += (np.eye(bins - 1) * even - even * even) / len(ends)
    distance = share[1:] - even
    square = distance @ np.linalg.solve(scatter, distance)
    p = bins - 1
    return float(f.sf(square * (number - p) / (p * (number - 1)), p, number - p))


def test_exit_points_in_two_dimensions_are_those_of_direct_paths():
    # Splitting: seed 2, 64 repetitions of 64 paths; direct: seed 5, 3000 paths. False alarm 1e-4.
    well = QuarticWell(transverse_min=[4.0], transverse_saddle=[1.0]).check()
    noise = IsotropicNoise(3.2)
    paths = reactive_paths(well, noise, SGD(0.1), repetitions=64, trials=500, seed=2, exit=0.3)
    assert exit_distance(paths, direct_ends(well, 3.2, 0.1, 0.3, 3000, 5)) > 1e-4
    # Negative control: a valley that does not open at the saddle.
    narrow = QuarticWell(transverse_min=[4.0], transverse_saddle=[4.0]).check()
    assert exit_distance(paths, direct_ends(narrow, 3.2, 0.1, 0.3, 3000, 5)) < 1e-6


def by_hand():
    """Return three paths of two repetitions in the plane, whose numbers can be told by heart."""
    rates = np.array([3e-3, 1e-3])
    escapes: Any = SimpleNamespace(
        repetitions=2,
        rates=rates,
        time_step=0.5,
        entries=np.array([30, 10]),
        walked=np.array([1000, 1000]),
    )
    one = [[-1.0, 0.0], [0.0, 1.0], [1.0, 2.0]]
    two = [[-1.0, 0.0], [-0.5, 4.0], [0.5, 4.0], [-0.25, 4.0], [1.5, 6.0]]
    three = [[-1.0, 0.0], [2.0, 8.0]]
    grid = np.linspace(-0.5, 1.0, 2 * CELLS + 1)
    reached = np.exp(-np.outer([1.0, 2.0], grid - grid[0]))
    return ReactivePaths(
        np.array(one + two + three),
        np.array([0, 3, 8, 10]),
        np.array([0, 0, 1]),
        grid,
        reached,
        np.array([1.0, 0.0]),
        -1.0,
        0.0,
        escapes,
        None,
    )


def test_weights_and_means_by_hand():
    paths = by_hand()
    assert paths.weights == pytest.approx([0.375, 0.375, 0.25])
    assert paths.durations.tolist() == [2, 4, 1]
    assert paths.transition_times.tolist() == [1.0, 2.0, 0.5]
    assert paths.mean(paths.durations)[0] == pytest.approx(0.375 * 2 + 0.375 * 4 + 0.25 * 1)
    # The jackknife of a ratio of two repetitions, and t with one degree: 12.706.
    assert paths.mean(paths.durations)[2] - 2.5 == pytest.approx(12.7062047 * 0.5 * abs(3.0 - 1.0), rel=1e-6)
    assert paths.first_steps([-1.0, 0.0, 0.5, 1.0, 9.0]).tolist() == [[0, 1, 2, 2, 2], [0, 2, 2, 4, 4], [0, 1, 1, 1, 1]]
    assert paths.ends.tolist() == [[1.0, 2.0], [1.5, 6.0], [2.0, 8.0]]


def test_bands_by_hand():
    paths = by_hand()
    over_time = paths.band([-1.0, -0.5, 0.0, 0.5, 5.0], [0.5])
    assert over_time.share == pytest.approx([0.375, 1.0, 1.0, 0.75, 0.0])
    assert over_time.mean[2] == pytest.approx(0.375 * np.array([0.0, 1.0]) + 0.375 * np.array([0.5, 4.0]) + [0.5, 2.0])
    assert over_time.height[0, :4].tolist() == [-1.0, -1.0, 0.5, -0.25]
    assert np.isnan(over_time.height[0, 4])
    over_levels = paths.at_levels([0.0, 1.0], [0.0, 1.0])
    assert over_levels.height.tolist() == [[0.5, 0.5], [1.0, 2.0]]
    assert over_levels.mean[1] == pytest.approx(0.375 * np.array([2.5, 8.0]) + 0.25 * np.array([2.0, 8.0]))


def test_cost_by_hand():
    paths = by_hand()
    levels = paths.grid[[0, CELLS, 2 * CELLS]]
    climb = levels - levels[0]
    expected = -np.log(0.75 * np.exp(-climb) + 0.25 * np.exp(-2.0 * climb))
    assert paths.cost().levels == pytest.approx(levels)
    assert paths.cost().cost == pytest.approx(expected)
    # Each left out leaves the other's slope, 1 or 2: half their distance is the error, 12.706 its quantile.
    assert (paths.cost().high - paths.cost().cost)[1:] == pytest.approx(12.7062047 * 0.5 * climb[1:], rel=1e-6)
    with pytest.raises(ValueError, match=r"must lie from -0\.5, the lowest level, to 1, the exit"):
        paths.cost([2.0])


def test_one_repetition_tells_nothing_of_its_error():
    paths = reactive_paths(WELL, NOISE, SGD(LR), repetitions=1, trials=500, paths=3)
    assert paths.paths == 3
    assert np.all(np.isinf(paths.cost().high))
    assert np.all(paths.cost().low == 0.0)
    assert np.isinf(paths.mean(paths.durations)[2])


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="paths=0 must be at least 1"):
        reactive_paths(WELL, NOISE, SGD(LR), paths=0)
    with pytest.raises(ValueError, match="repetitions=0"):
        reactive_paths(WELL, NOISE, SGD(LR), repetitions=0)
