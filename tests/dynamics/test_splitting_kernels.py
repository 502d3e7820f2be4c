"""The loops of splitting against a plain twin, one walk or trial at a time in plain Python, bit for bit."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import saddlescape as ss
from numba import njit
from saddlescape.dynamics import streams
from saddlescape.dynamics.interface import advance, start, thermal
from saddlescape.dynamics.rare_escapes import rare_ensemble
from saddlescape.dynamics.splitting import Machine, Walks, parents, stream_numbers
from saddlescape.dynamics.splitting_kernels import ASTRAY, FAILED, REACHED, STRIDE, UNFINISHED
from saddlescape.landscapes.interface import noise_root_at, suited

from . import draws


@njit
def _exponentials(of, seed, purpose, number, out):
    stream = np.zeros((4, 1), np.uint64)
    streams.seed_lane(of, stream, 0, seed, purpose, number)
    for i in range(out.shape[0]):
        streams.fill_exponentials(of, stream, out[i])


class Twin:
    """One path and its streams."""

    def __init__(self, setting, purposes, number, coast):
        self.landscape, self.noise, self.rule = (
            suited(part, setting.landscape) for part in (setting.landscape, setting.noise, setting.rule)
        )
        self.setting, self.end, self.d = setting, setting.end, setting.landscape.dimension
        self.purposes, self.number, self.coast, self.steps = purposes, number, coast, 0
        self.generator = {v: k for k, v in streams.GENERATORS.items()}[type(setting.source.generator)]
        self.precision = {v: k for k, v in streams.NORMALS.items()}[type(setting.source.normals)]
        self.theta, self.state = np.zeros((self.d, 1)), np.zeros((self.rule.rows(), self.d, 1))
        self.t, self.place, self.pace, self.progress = np.zeros(1), 0.0, 0.0, 0.0

    def begin(self, starts=0):
        self.theta[:, 0], self.t[0], self.place = self.setting.start.origin, 0.0, self.end.beginning
        start(self.rule, 0, self.theta, self.state)
        if self.setting.start.root.size:
            root = noise_root_at(self.setting.noise, self.landscape, self.setting.start.origin)
            number = [self.number * 2**28 + starts]
            seed = int(self.setting.start.seed)
            first = draws.rows_of_normals(self.generator, "float64", seed, number, self.d, streams.WALK_THERMAL)
            kick = np.zeros(self.d)
            for i in range(self.d):
                for k in range(self.d):
                    kick[i] += root[i, k] * first[k, 0]
            thermal(self.rule, 0, kick, np.array([sum(r * r for r in row) for row in root]), self.state)

    def restore(self, states, n):
        self.theta[:, 0], self.state[:, :, 0], self.t[0] = states.theta[n], states.state[n], states.t[n]
        self.place, self.pace, self.progress = states.place[n], states.pace[n], states.height[n]

    def step(self):
        """Take a step and return the progress: e.theta after some more steps like it, infinite at the exit."""
        if self.steps % 256 == 0:  # all of them anew, from the first
            seed, count = int(self.setting.start.seed), (self.steps + 256) * self.d
            self.z = draws.rows_of_normals(self.generator, self.precision, seed, [self.number], count, self.purposes[0])
            self.chances = np.empty((self.steps + 256, 1))
            of = draws.source(self.generator)
            _exponentials(of, np.uint64(seed), self.purposes[1], np.uint64(self.number), self.chances)
        z = self.z[self.steps * self.d : (self.steps + 1) * self.d]
        chance = self.chances[self.steps, 0]
        self.t += 1
        g, gain = np.full((self.d, 1), np.nan), np.ones((self.d, 1))
        advance(self.rule, self.landscape, self.noise, self.theta, z, g, self.state, self.t, gain)
        self.steps += 1
        place = 0.0
        for i in range(self.d):
            place += self.end.direction[i] * self.theta[i, 0]
        if self.end.bridge > 0.0:
            away = 4.0 * (self.end.level - self.place) * (self.end.level - place)
            place = max(place, self.end.level) if chance * self.end.bridge >= away else place
        self.place, self.pace = place, place - self.place
        self.progress = np.inf if place >= self.end.level else place + self.coast * self.pace
        return self.progress

    @property
    def astray(self):
        return not np.all(np.abs(self.theta) <= self.end.bound)

    @property
    def kept(self):
        whole = self.theta[:, 0], self.state[:, :, 0], self.t[0]
        return *(part.tolist() for part in whole), self.place, self.pace, self.progress


class Seen(NamedTuple):
    entries: list
    arrivals: int
    astray: int
    restarts: int


def slow_walks(setting, numbers, asked):
    entries, arrivals, astray, restarts = [], 0, 0, 0
    for number in numbers:
        path = Twin(setting, (streams.WALK, streams.WALK_BRIDGE), number, asked.coast)
        path.begin()
        in_basin, last, starts = True, 0, 1
        for step in range(1, asked.burn_in + asked.length + 1):
            height = path.step()
            counts = step > asked.burn_in
            last = step if height <= asked.basin else last
            over = False
            if (in_basin and height >= asked.level) or (not in_basin and height == np.inf):
                if path.astray:
                    astray, over = astray + 1, True
                else:
                    if in_basin and counts:
                        entries.append((number, step, step - last, *path.kept))
                    in_basin = False
                    if height == np.inf:
                        arrivals, over = arrivals + counts, True
            elif not in_basin and height <= asked.basin:
                in_basin = True
            if not over and step % STRIDE == 0 and path.astray:
                astray, over = astray + 1, True
            if over:
                path.begin(starts)
                in_basin, last, starts = True, step, starts + 1
                restarts += 1
    return Seen(entries, arrivals, astray, restarts)


def slow_trial(setting, begin, parent, number, basin, level, coast=0.0):
    path = Twin(setting, (streams.TRIAL, streams.TRIAL_BRIDGE), int(number), coast)
    path.restore(begin, parent)
    height = peak = begin.height[parent]
    if height >= level:
        return REACHED, 0, peak, path.kept
    while True:
        height = path.step()
        peak = max(peak, height)
        if height >= level:
            astray = path.astray
            return (ASTRAY if astray else REACHED), path.steps, peak, None if astray else path.kept
        if height <= basin:
            return FAILED, path.steps, peak, None
        if path.steps % STRIDE == 0 and (path.astray or path.steps >= setting.end.max_steps):
            return (ASTRAY if path.astray else UNFINISHED), path.steps, peak, None


PLANE = ss.QuarticWell(transverse_min=[1.5], transverse_saddle=[2.0], rotation=4)
CASES = {  # landscape, noise, rule, how far paths coast, options
    "sgd": (ss.QuarticWell(), ss.IsotropicNoise(6.0), ss.SGD(0.1), 0.0, {}),
    "sgd, float32 threefry": (
        ss.QuarticWell(),
        ss.IsotropicNoise(6.0),
        ss.SGD(0.1),
        0.5,
        {"generator": "threefry", "normals": "float32"},
    ),
    "momentum, rotated": (PLANE, ss.IsotropicNoise(4.0), ss.Momentum(0.1, 0.7, 0.3), 1.5, {}),
    "momentum, thermal": (PLANE, ss.IsotropicNoise(4.0), ss.Momentum(0.1, 0.7, 0.3), 0.0, {"momentum": "thermal"}),
    "adam": (ss.QuarticWell(), ss.IsotropicNoise(2.0), ss.Adam(0.15, beta2=0.99), 2.0, {}),
    "adai, rotated": (PLANE, ss.IsotropicNoise(6.0), ss.Adai(0.2, beta2=0.99), 2.5, {}),
    "langevin": (ss.QuarticWell(), ss.IsotropicNoise(6.0), ss.Langevin(0.1), 0.0, {}),
    "underdamped": (ss.QuarticWell(), ss.IsotropicNoise(6.0), ss.UnderdampedLangevin(0.1), 3.0, {}),
}


@pytest.fixture(params=CASES, ids=[name.replace(" ", "-") for name in CASES])
def case(request):
    landscape, noise, rule, coast, options = CASES[request.param]
    setting = rare_ensemble(landscape, noise, rule, trials=10, seed=3, exit=0.3, max_steps=60, **options)
    return setting, ASKED._replace(coast=coast)


def walks(setting, numbers, asked, expected=20):
    entries, tally, steps = Machine(setting).walks(numbers, asked, expected)
    return entries, (int(tally.arrivals[0]), int(tally.astray[0])), steps


def listed(entries):
    columns = entries.walk, entries.step, entries.since, *entries.states
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


ASKED = Walks(basin=-0.85, level=-0.7, burn_in=120, length=280)


def test_walks_are_the_slow_twins(case):
    (setting, asked), own = case, range(7, 19)
    entries, (arrivals, astray), steps = walks(setting, own, asked)
    expected = slow_walks(setting, own, asked)
    assert listed(entries) == expected.entries
    assert (arrivals, astray) == (expected.arrivals, expected.astray)
    assert steps == 400 * len(own)
    assert len(expected.entries) > 20  # the case tells something
    assert expected.arrivals > 0
    assert expected.restarts > expected.arrivals  # some of them while nothing counts


def test_trials_are_the_slow_twins(case):
    setting, asked = case
    begin = walks(setting, range(7, 19), asked)[0].states
    results = set()
    for level in (float(np.median(begin.height)), np.inf):
        levels = asked.basin, level, asked.coast
        parent, number = parents(len(begin.t), 60, 0.3), stream_numbers(11, 2, 60)
        trials, _ = Machine(setting).trials(begin, parent, number, *levels)
        for n in range(60):
            result, steps, peak, kept = slow_trial(setting, begin, parent[n], number[n], *levels)
            assert (trials.result[n], trials.steps[n], trials.peak[n]) == (result, steps, peak)
            if result == REACHED:
                assert tuple(part[n].tolist() for part in trials.states) == kept
            results.add((result, steps == 0))
    assert {(FAILED, False), (REACHED, False), (REACHED, True)} <= results


def test_a_patient_enough_trial_is_given_up_at_the_stated_step():
    # Between basin and level for ever: a level far up, a basin far down, and a start in between.
    setting = rare_ensemble(*CASES["sgd"][:3], trials=10, seed=3, exit=5.0, max_steps=10)
    begin = walks(setting, range(4), ASKED)[0].states
    trials, _ = Machine(setting).trials(begin, np.zeros(20, np.int64), stream_numbers(0, 0, 20), -9.0, np.inf)
    assert set(trials.result) == {UNFINISHED}
    assert set(trials.steps) == {12}  # looked at every STRIDE


def test_paths_beyond_the_bound_are_astray_and_put_back():
    setting = rare_ensemble(*CASES["sgd"][:3], trials=10, seed=3, exit=0.3)
    setting = replace(setting, end=setting.end._replace(bound=1.7))
    entries, (arrivals, astray), _ = walks(setting, range(7, 19), ASKED)
    expected = slow_walks(setting, range(7, 19), ASKED)
    assert listed(entries) == expected.entries
    assert (arrivals, astray) == (expected.arrivals, expected.astray)
    assert expected.astray > 0
    parent, number = parents(len(entries.walk), 60, 0.3), stream_numbers(0, 0, 60)
    trials, _ = Machine(setting).trials(entries.states, parent, number, -2.5, np.inf)
    for n in range(60):
        result, steps, peak, _ = slow_trial(setting, entries.states, parent[n], number[n], -2.5, np.inf)
        assert (trials.result[n], trials.steps[n], trials.peak[n]) == (result, steps, peak)
    assert {ASTRAY, REACHED} <= set(trials.result)


CUBIC = ss.from_expression("x**2/2 - x**3/3"), ss.IsotropicNoise(1.5), ss.SGD(0.1)


@pytest.mark.parametrize("lanes", [8, 16, 48])
def test_idle_lanes_that_blow_up_change_nothing(lanes, monkeypatch):
    # Beyond the saddle of the cubic well paths reach infinity within a few steps, and a lane without work goes on.
    setting = rare_ensemble(*CUBIC, trials=10, seed=5, exit=3.0)
    whole = Machine.block
    monkeypatch.setattr(Machine, "block", lambda self, low, high, _=None: whole(self, low, high, lanes))
    asked = Walks(basin=0.0, level=0.4, burn_in=20, length=400)
    entries, (arrivals, astray), _ = walks(setting, range(40), asked)
    expected = slow_walks(setting, range(40), asked)
    assert listed(entries) == expected.entries
    assert (arrivals, astray) == (expected.arrivals, 0)
    assert arrivals > 0
    parent, number = parents(len(entries.walk), 50, 0.5), stream_numbers(0, 0, 50)
    trials, _ = Machine(setting).trials(entries.states, parent, number, asked.basin, np.inf)
    slow = [
        slow_trial(setting, entries.states, *pair, asked.basin, np.inf) for pair in zip(parent, number, strict=True)
    ]
    assert list(zip(trials.result, trials.steps, strict=True)) == [each[:2] for each in slow]
    assert set(trials.result) == {FAILED, REACHED}


def test_entries_that_need_more_room_are_the_same():
    setting = rare_ensemble(*CASES["sgd"][:3], trials=10, seed=3, exit=0.3)
    asked = ASKED._replace(length=40_000)
    tight, _, _ = walks(setting, range(8), asked, expected=0)
    ample, _, _ = walks(setting, range(8), asked, expected=100_000)
    assert len(tight.walk) > 2000
    assert listed(tight) == listed(ample)
