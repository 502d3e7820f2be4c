"""What an escape path is: long waiting, then quickly over the saddle.

A path is a function of the seed and the number of its trajectory. So an ensemble of escape times comes first, and one
of its trajectories is then run once more with every step recorded. Try another number, or a rule with inertia.
"""

import matplotlib.pyplot as plt
import numpy as np
import saddlescape as ss

TRAJECTORIES = 50

well = ss.QuarticWell(barrier=0.25, transverse_min=[2.0])
noise, rule = ss.IsotropicNoise(variance=2.0), ss.SGD(lr=0.05)
times = ss.escape_times(well, noise, rule, trajectories=TRAJECTORIES, seed=0)
number = int(np.argmin(times.steps))
steps = int(times.steps[number])
again = ss.saddle_spread(
    well, noise, rule, steps=steps, trajectories=range(number, number + 2), seed=0, origin=[-1.0, 0.0],
    record=range(steps + 1), keep_paths=True,
)  # fmt: skip
path = np.asarray(again.paths)[0]
loss = 0.25 * (path[:, 0] ** 2 - 1.0) ** 2 + path[:, 1] ** 2

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.contours(well, ax=left)
ss.plot.escape_path(path[-150:], ax=left)
ss.plot.loss_on_the_way(again.time, loss, 0.0, 0.25, ax=right)
figure.savefig("escape_path.png")
