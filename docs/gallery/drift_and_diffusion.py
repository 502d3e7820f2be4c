"""What momentum carries off a saddle, and what the noise adds.

Two ensembles on the same noise, one with the momentum of the long run and one at rest: their difference is the
momentum drift, Theorem 2's first term, and the one at rest is its second. The drift levels off, the diffusion grows
on. Try a larger beta1, and see the time at which the two are equal move with 1 / (1 - beta1).
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 10_000
STEPS = 1500

saddle, noise = ss.QuadraticSaddle([-0.01, 0.1]), ss.HessianNoise(batch_size=1.0)
splits = [
    ss.plot.momentum_split(
        saddle, noise, ss.Momentum(lr=0.01, beta1=beta1, beta3=1 - beta1), steps=STEPS, trajectories=TRAJECTORIES
    )
    for beta1 in (0.9, 0.99)
]

figure, panels = plt.subplots(1, 3, figsize=(17, 5.5), layout="constrained")
for split, ax in zip(splits, panels, strict=False):
    ss.plot.momentum_parts(split, ax=ax)
ss.plot.part_ratio(splits, ax=panels[2]).legend()
figure.savefig("drift_and_diffusion.png")
