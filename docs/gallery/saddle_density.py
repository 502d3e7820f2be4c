"""A cloud on a saddle.

Everything starts on the saddle itself. Along the unstable direction the cloud becomes wider without end, along the
stable one it settles; the line is the Fokker-Planck density, a normal law whose variance Theorem 1 gives. Try a
larger lr, and see the histogram leave the line of the diffusion; or ss.Adam(lr=0.01), whose first steps are bounded.
"""

import matplotlib.pyplot as plt
import numpy as np
import saddlescape as ss

TRAJECTORIES = 20_000
STEPS = np.array([5, 10, 20, 40])

saddle, noise, rule = ss.QuadraticSaddle([-1.0, 2.0]), ss.HessianNoise(batch_size=1.0), ss.SGD(lr=0.05)
spread = ss.saddle_spread(saddle, noise, rule, steps=40, trajectories=TRAJECTORIES, record=STEPS, keep_paths=True)
law = np.asarray(ss.spread_references(saddle, noise, rule, STEPS).exact_diffusion)
paths = np.asarray(spread.paths)

figure, panels = plt.subplots(2, 4, figsize=(13, 6), layout="constrained", sharex="row")
for i, row in enumerate(panels):
    for r, ax in enumerate(row):
        ss.plot.histogram(paths[:, r, i], ax=ax)
        ss.plot.normal_law(law[r, i], ax=ax)
        ax.set_title(f"t = {spread.time[r]:g}", loc="left")
        ax.locator_params(axis="x", nbins=5)
        ax.set_xlabel(f"distance θ along H = {spread.curvatures[i]:g}")
figure.savefig("saddle_density.png")
