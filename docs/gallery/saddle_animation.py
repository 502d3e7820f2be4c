"""A cloud leaves a saddle under several rules.

SGD, Momentum, Adam and Adai start at the same saddle with the same random numbers and the same learning rate. Adam is
gone long before the others: its steps do not shrink with the noise along the flat unstable direction. Try curvatures of
-1 and 0.1, where the unstable direction is the noisy one, or a batch size of 0.2. With ffmpeg, save an .mp4 as well.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 2000
STEPS = 200
FRAMES = 64

saddle, noise, rule = ss.QuadraticSaddle([-0.1, 1.0]), ss.HessianNoise(batch_size=1.0), ss.SGD(lr=0.05)

plot = ss.plot.figure("saddle-animation", landscape=saddle, noise=noise, trajectories=TRAJECTORIES, frames=FRAMES)
plot.save("saddle_animation.gif")

# The same cloud on axes of one's own, with the exact law of the iteration.
law = ss.spread_references(saddle, noise, rule, [STEPS]).exact_discrete
spread = ss.saddle_spread(saddle, noise, rule, steps=STEPS, trajectories=TRAJECTORIES, record=1, keep_paths=True)
figure, ax = plt.subplots(layout="constrained")
assert spread.paths is not None
assert law is not None
ss.plot.cloud(spread.paths[:, -1], ax=ax, rule="sgd", covariance=law[-1])
ax.set(xlabel="θ along the unstable direction", ylabel="θ across it", title=f"SGD after {STEPS} steps, 1σ and 2σ")
figure.savefig("saddle_animation.png")
