"""How fast gradients fade as the horizon grows, beside the bounds of Theorem 4.

With the learning rate c0/sqrt(T + 1) the smallest mean square gradient of a run of T steps falls like 1/sqrt(T). The
theorem's bound lies far above with much inertia and falls faster until its last term is gone. Try less inertia.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 2_048

plot = ss.plot.figure("convergence", rules="sgd,frozen,adai", inertia=0.9, trajectories=TRAJECTORIES)
print(plot.caption)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
for k, (rule, curve) in enumerate(plot.data.curves.items()):
    ss.plot.gradient_decay(curve, ax=left, rule=rule, shift=1.15 ** (k - 1))
    ss.plot.gradient_decay(curve, ax=right, rule=rule, shift=1.15 ** (k - 1), power=0.5)
figure.savefig("convergence.png")
