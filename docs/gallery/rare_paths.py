"""Escaping paths too rare to wait for, and where on the way the climb is paid: the s of Theorem 3.

One would wait 4 x 10^13 steps for one of these paths; by splitting they take seconds. What they paid is a line against
the loss whose slope is 1/D: it bends at the joint, where the noise of the minimum ends. Try equal curvatures: the bend
goes away, and with it the meaning of s.
"""

import matplotlib.pyplot as plt
import saddlescape as ss
from saddlescape.dynamics.reactive_paths import reactive_paths
from saddlescape.theory.measured_s import climb_of, measured_share

REPETITIONS = 16
TRIALS = 2_000

well, noise, rule = ss.PiecewiseQuadraticWell(barrier=0.25), ss.HessianNoise(batch_size=1.28), ss.SGD(lr=0.02)
paths = reactive_paths(well, noise, rule, repetitions=REPETITIONS, trials=TRIALS)
share = measured_share(paths, well, noise, rule)
print(f"s: measured {share.split}, printed {share.printed:.3f}")

steps = paths.first_steps(paths.saddle)[:, 0]
some = range(0, paths.paths, paths.paths // 40)
times = [0.02 * (range(len(paths.path(p))) - steps[p]) for p in some]

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.path_bundle(times, [paths.path(p)[:, 0] for p in some], ax=left)
ss.plot.climb_by_loss(climb_of(paths, well, noise, rule), 0.25, ax=right, joint=0.25 / 3.0)
figure.savefig("rare_paths.png")
