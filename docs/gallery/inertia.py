"""Adai's inertia in every coordinate.

Adai gives each coordinate an inertia of its own: 1 - mu follows the share that its gradient has in the mean square of
all. Proposition 3 says that this is beta0 n |H_i| / ||H||_1 between two clips. Try beta2=0.9, whose second moments
are noisier, or more steps, after which the direction that runs away has taken the share of all others.
"""

import matplotlib.pyplot as plt
import numpy as np
import saddlescape as ss

TRAJECTORIES = 1000
STEPS = 1500

curvatures = np.array([4.0, -0.3, *np.geomspace(0.5, 0.0005, 14)])
rule, noise = ss.Adai(lr=0.01, beta2=0.999), ss.HessianNoise(batch_size=1.0)
measured = ss.plot.adai_inertia(ss.QuadraticSaddle(curvatures), noise, rule, steps=STEPS, trajectories=TRAJECTORIES)

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
ss.plot.inertia_by_curvature(measured, ax=left, label="mean over trajectories").legend()
ss.plot.inertia_over_time(measured, ax=right)
figure.savefig("inertia.png")
