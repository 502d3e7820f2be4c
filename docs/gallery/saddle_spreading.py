"""How a cloud spreads from a saddle, direction by direction.

Marks are measured, lines are predictions: exact for the iteration, exact for its diffusion, and Theorem 2 as printed,
which means t well beyond the momentum's memory. On the right the same cloud, as ellipses of two standard deviations.
Try ss.SGD(lr=0.01), where all lines fall on one another, or momentum="rest".
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 20_000
STEPS = 150

saddle, noise = ss.QuadraticSaddle([-1.0, -0.1, 0.5]), ss.HessianNoise(batch_size=1.0)
rule = ss.Momentum(lr=0.01, beta1=0.9, beta3=0.1)
spread = ss.saddle_spread(
    saddle, noise, rule, steps=STEPS, trajectories=TRAJECTORIES, momentum="thermal", keep_paths=True
)
references = ss.spread_references(saddle, noise, rule, spread.steps, "thermal")

figure, panels = plt.subplots(1, 3, figsize=(17, 5.5), layout="constrained")
ss.plot.variances(spread, references=references, ax=panels[0])
ss.plot.variance_ratios(spread, references, ax=panels[1])
ss.plot.ellipses(spread, references=references, ax=panels[2])
figure.savefig("saddle_spreading.png")
