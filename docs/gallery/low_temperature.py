"""Does a closed form come true as temperature falls? Its ratio to escape times that splitting measures.

Theorem 3 is about low temperature, where nobody can wait for an escape: here the longest takes 10^16 steps. As the
learning rate falls the corrected form tends to 1. The printed one stays off by the curvature at the minimum over the
one at the saddle. Try ``curvature_min=1.0``: that factor goes away.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

REPETITIONS = 10
TRIALS = 1_000

well, noise = ss.PiecewiseQuadraticWell(curvature_min=2.0, curvature_saddle=1.0), ss.HessianNoise(batch_size=0.2)
rules = [ss.SGD(lr=lr) for lr in (0.02, 0.01, 0.005, 0.003)]
climbs = [ss.regime(well, noise, rule)["barrier_over_temperature"] for rule in rules]
times = [ss.rare_escapes(well, noise, rule, repetitions=REPETITIONS, trials=TRIALS) for rule in rules]
rungs = [ss.references(well, noise, rule) for rule in rules]

figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
ss.plot.low_temperature_ratio(climbs, times, rungs, ax=axes, rule="sgd")
figure.savefig("low_temperature.png")
