"""What a saddle is: down along one direction, up along the other.

The arrows are the eigen-directions of the Hessian, each with its curvature; SGD leaves along the one that curves
downwards, to both sides. Try ss.IsotropicNoise(0.2), or curvatures of the same size.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 30
STEPS = 240

saddle = ss.QuadraticSaddle(curvatures=[-1.0, 3.0], rotation=[[0.8, -0.6], [0.6, 0.8]])
spread = ss.saddle_spread(
    saddle, ss.HessianNoise(batch_size=1.0), ss.SGD(lr=0.01), steps=STEPS, trajectories=TRAJECTORIES,
    record=range(STEPS + 1), keep_paths=True,
)  # fmt: skip

frame = (-1.5, 1.5, -1.5, 1.5)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
ss.plot.eigen_arrows(saddle, [0.0, 0.0], spread.curvatures, spread.directions, ax=left, extent=frame)
ss.plot.contours(saddle, ax=right, extent=frame)
ss.plot.trajectories(spread, ax=right, rule="sgd")
figure.savefig("saddle_point.png")
