"""Simulated, exact for the iteration, exact for its diffusion, closed form: what each step costs.

A theorem about a discrete optimizer takes two steps: from the iteration to a diffusion, and from the diffusion to a
closed form. Each rung is compared with the one it stands on. Try a learning rate of 0.01: the first step vanishes, the
second does not.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 2_000

well, noise = ss.PiecewiseQuadraticWell(barrier=0.25), ss.HessianNoise(batch_size=0.7)
rules = {"sgd": ss.SGD(lr=0.05), "adam": ss.Adam(lr=0.08, beta1=0.8)}
cases = {
    name: (ss.escape_times(well, noise, rule, trajectories=TRAJECTORIES), ss.references(well, noise, rule))
    for name, rule in rules.items()
}

figure, axes = plt.subplots(figsize=(12, 5), layout="constrained")
ss.plot.escape_ladder(cases, ax=axes)
figure.savefig("ladder.png")
