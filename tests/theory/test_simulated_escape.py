"""Simulated mean escape times against the exact references: rung 1 against rungs 2 and 3.

8000 trajectories a case, intervals at level 99.9 %: false-alarm rate 1e-3 a case. A reference 15 % off is rejected.
"""

import pytest
import saddlescape as ss

ROTATED = ss.PiecewiseQuadraticWell(2.0, 1.0, 0.2, transverse_min=[1.0, 3.0], rotation=6)
FLOORED = ss.HessianNoise(0.5, floor=0.4)
ITERATIONS = {
    "quartic, tilted": (ss.QuarticWell(tilt=0.05), ss.IsotropicNoise(3.0), ss.SGD(0.1), None),
    "quartic, Hessian noise with a floor": (ss.QuarticWell(), FLOORED, ss.SGD(0.1), 0.5),
    "piecewise, unequal wells": (ss.PiecewiseQuadraticWell(2, 1, 0.2, 5), ss.HessianNoise(0.4), ss.SGD(0.05), None),
    "piecewise, three dimensions, rotated": (ROTATED, ss.HessianNoise(0.4), ss.SGD(0.05), None),
    "momentum without memory": (ss.QuarticWell(), ss.IsotropicNoise(3.0), ss.Momentum(0.1, 0.0, 1.0), None),
}


def holds(times, value):
    low, high = times.interval(0.999)
    return low < value < high


@pytest.mark.parametrize("case", ITERATIONS)
def test_an_iteration_takes_its_exact_time(case):
    landscape, noise, rule, exit = ITERATIONS[case]
    seed = list(ITERATIONS).index(case)
    times = ss.escape_times(landscape, noise, rule, trajectories=8000, seed=seed, exit=exit)
    exact = ss.references(landscape, noise, rule, exit=exit).exact_discrete.value
    assert times.escaped == 8000
    assert holds(times, exact)
    assert not holds(times, 1.15 * exact)


CONVENTIONS = ["ito", "stratonovich", "anti-ito"]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_each_convention_takes_its_own_time_over_a_jump_of_the_noise(convention):
    # D jumps by a factor of 2 where the curvature does; the three means lie about 40 % apart. At dt = 0.002 what is
    # left of the scheme's bias at the jump (test_langevin.py) is under 1 %, inside the interval of +-4 %.
    well, noise = ss.PiecewiseQuadraticWell(2.0, 1.0, 0.2), ss.HessianNoise(0.5)
    exact = {
        name: ss.references(well, noise, ss.Langevin(0.002, name, lr=0.1)).exact_diffusion.value for name in CONVENTIONS
    }
    seed = CONVENTIONS.index(convention)
    times = ss.escape_times(well, noise, ss.Langevin(0.002, convention, lr=0.1), trajectories=8000, seed=seed)
    assert [name for name in CONVENTIONS if holds(times, exact[name])] == [convention]


def test_a_crossing_between_steps_is_seen():
    # Absorbed at the top, a process looked at on its steps alone takes 7 % too long (dt = 0.0125, 20 000 trajectories).
    well, noise, rule = ss.QuarticWell(), ss.IsotropicNoise(4.0), ss.Langevin(0.0125, lr=0.05)
    exact = ss.references(well, noise, rule, exit=0.0).exact_diffusion.value

    def times(bridge):
        return ss.escape_times(well, noise, rule, trajectories=20_000, seed=3, exit=0.0, bridge=bridge)

    assert holds(times(None), exact)
    assert not holds(times(False), exact)


def test_underdamped_motion_nears_the_overdamped_time():
    # gamma^2 M = 200 curvatures: the Kramers root and the inertia change the time by under 2 %.
    well, noise = ss.QuarticWell(), ss.IsotropicNoise(4.0)
    rule = ss.UnderdampedLangevin(dt=0.005, friction=20.0, mass=0.05, lr=0.05)
    exact = ss.references(well, noise, ss.Langevin(0.005, lr=0.05)).exact_diffusion.value
    times = ss.escape_times(well, noise, rule, trajectories=8000, seed=1)
    assert holds(times, 1.02 * exact) or holds(times, exact)
    assert not holds(times, 1.15 * exact)
