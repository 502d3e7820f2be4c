"""Escape times against the barrier over the temperature, measured and by every rung.

The logarithm of the mean escape time rises by one for each unit of barrier over temperature: that is Arrhenius' law.
What the printed closed form misses is the factor in front, which the panel on the right shows. Try a larger learning
rate: the exact iteration leaves its diffusion behind.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 1_000
MAX_STEPS = 20_000

noise, rule = ss.HessianNoise(batch_size=0.7), ss.SGD(lr=0.05)
wells = [ss.PiecewiseQuadraticWell(barrier=barrier) for barrier in (0.1, 0.2, 0.3, 0.4)]
times = [ss.escape_times(well, noise, rule, trajectories=TRAJECTORIES, max_steps=MAX_STEPS) for well in wells]
climbs = [ss.regime(well, noise, rule)["barrier_over_temperature"] for well in wells]
rungs = [ss.references(well, noise, rule) for well in wells]

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.arrhenius_plot(climbs, times, rungs, ax=left, rule="sgd")
ss.plot.arrhenius_ratio(climbs, times, rungs, ax=right, rule="sgd")
figure.savefig("arrhenius.png")
