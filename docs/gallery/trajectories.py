"""The same noise under several rules: trajectories on a landscape.

All start on a saddle and meet the same random numbers; the three bold ones are the same in every panel. Follow one of
them: the noise is the same, but the rule decides into which valley it falls. Adam's learning rate makes its steps as
long as SGD's where the noise dominates. Try another seed, or ss.StyblinskiTang().
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 40
STEPS = 300

landscape, noise = ss.MuellerBrown(scale=0.01), ss.IsotropicNoise(variance=20.0)
rules = {
    "sgd": ss.SGD(lr=0.01),
    "momentum": ss.Momentum(lr=0.01, beta1=0.9, beta3=0.1),
    "adam": ss.Adam(lr=0.01 * 20.0**0.5),
    "adai": ss.Adai(lr=0.01),
}

figure, panels = plt.subplots(1, 4, figsize=(13, 4.5), layout="constrained", sharex=True, sharey=True)
for ax, (name, rule) in zip(panels, rules.items(), strict=True):
    spread = ss.saddle_spread(
        landscape, noise, rule, steps=STEPS, trajectories=TRAJECTORIES, seed=0, record=range(STEPS + 1), keep_paths=True
    )
    ss.plot.contours(landscape, ax=ax, extent=(-1.5, 1.1, -0.4, 2.0))
    ss.plot.trajectories(spread, ax=ax, rule=name, highlighted=3)
    ax.set_title(name, loc="left")
figure.savefig("trajectories.png")
