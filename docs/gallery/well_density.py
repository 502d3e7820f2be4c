"""A cloud fills a double well.

It starts as a point in the left minimum, soon fills that well, and leaks over the barrier until both are filled. The
line is the solution of the Fokker-Planck equation; nothing is fitted. Try a lower variance, and count how long the
second well takes; or a tilt, after which the wells no longer end up with half each.
"""

import matplotlib.pyplot as plt
import numpy as np
import saddlescape as ss

TRAJECTORIES = 20_000
STEPS = np.array([5, 70, 300, 4000])

well, noise, rule = ss.QuarticWell(barrier=0.25), ss.IsotropicNoise(variance=4.0), ss.SGD(lr=0.05)
cloud = ss.saddle_spread(
    well, noise, rule, steps=4000, trajectories=TRAJECTORIES, record=STEPS, origin=[-1.0], keep_paths=True
)
paths = np.asarray(cloud.paths)
density = ss.density_of(well, noise, rule, cloud.time)

figure, panels = plt.subplots(2, 2, figsize=(11, 7), layout="constrained", sharex=True)
for r, ax in enumerate(panels.flat):
    ss.plot.histogram(paths[:, r, 0], ax=ax)
    ss.plot.fokker_planck(density, r, ax=ax)
    ax.set_title(f"t = {cloud.time[r]:g}", loc="left")
    ax.set_xlabel("position θ")
figure.savefig("well_density.png")
