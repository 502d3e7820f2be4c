"""Mean escape times against figures from independent simulations of the same iterations, written before this package.

Each case: theirs +- half of their 95 % interval, where our 4000 trajectories give theirs within both intervals. The
verdict is at 4 standard errors of the difference (false-alarm rate 6e-5 a case); a figure 25 % off is rejected.
"""

import pytest
import saddlescape as ss

QUARTIC = ss.QuarticWell(0.25)


EQ_3 = ss.HessianNoise(0.14)


def piecewise(h_a, h_b, transverse=()):
    return ss.PiecewiseQuadraticWell(h_a, h_b, 0.25, transverse_min=transverse)


CASES = {
    "heavy ball, quartic": (QUARTIC, ss.IsotropicNoise(2.0), ss.Momentum(0.05, 0.9, 0.1), 0.8, 942, 15),
    "Adam, quartic": (QUARTIC, ss.IsotropicNoise(31.0), ss.Adam(0.02), 0.8, 2616, 48),
    "SGD, Eq. 3": (piecewise(2.0, 1.0), ss.HessianNoise(0.2), ss.SGD(0.01), None, 11940, 218),
    "heavy ball, Eq. 3, beta1 0": (piecewise(2, 1), ss.HessianNoise(0.28), ss.Momentum(0.02, 0.0, 1.0), None, 1009, 24),
    "heavy ball, Eq. 3, beta1 .5": (piecewise(2, 1), ss.HessianNoise(0.28), ss.Momentum(0.02, 0.5, 0.5), None, 984, 24),
    "heavy ball, Eq. 3, beta1 .8": (piecewise(2, 1), ss.HessianNoise(0.28), ss.Momentum(0.02, 0.8, 0.2), None, 907, 22),
    "heavy ball, Eq. 3, beta1 .9": (piecewise(2, 1), ss.HessianNoise(0.28), ss.Momentum(0.02, 0.9, 0.1), None, 785, 19),
    "Adam, Eq. 3, 2 to 1": (piecewise(2, 1), ss.HessianNoise(0.05), ss.Adam(0.02), None, 9683, 464),
    "Adam, Eq. 3, 1 to 2": (piecewise(1, 2), ss.HessianNoise(0.05), ss.Adam(0.02), None, 3495, 175),
    "Adai, transverse .5 .2 .1": (piecewise(2, 1, [0.5, 0.2, 0.1]), EQ_3, ss.Adai(0.01), None, 942, 26),
    "Adai, transverse 2 2 2": (piecewise(2, 1, [2.0, 2.0, 2.0]), EQ_3, ss.Adai(0.01), None, 801, 23),
    "Adai, transverse 6 6 6": (piecewise(2, 1, [6.0, 6.0, 6.0]), EQ_3, ss.Adai(0.01), None, 580, 16),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_agrees_within_both_sampling_errors(case):
    landscape, noise, rule, exit, theirs, half_width = CASES[case]
    seed = list(CASES).index(case)  # one seed for all would make the cases rise and fall together
    times = ss.escape_times(landscape, noise, rule, trajectories=4000, seed=seed, exit=exit, max_steps=10**8)
    assert times.escaped == 4000
    low, high = times.interval(0.95)
    error = (((high - low) / 2) ** 2 + half_width**2) ** 0.5 / 1.96
    print(f"\n{case}: ours {times.mean:.1f} [{low:.1f}, {high:.1f}], theirs {theirs} +- {half_width}")
    assert abs(times.mean - theirs) < 4 * error
    assert abs(times.mean - 1.25 * theirs) > 4 * error
