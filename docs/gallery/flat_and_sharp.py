"""What a flat and a sharp minimum are, and where the noise leaves them.

Two minima of the same loss, one five times as curved as the other. The noise of minibatches is larger where the loss
is more curved, so that the sharp minimum is left sooner, and most of the time is spent in the flat one. Try
ss.IsotropicNoise(14.0), which does not know of curvature.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 400

text = "0.25*(x**2 - 1)**2*(1 + x + 0.5*x**2)"
noise, rule = ss.HessianNoise(batch_size=0.07, floor=1.0), ss.SGD(lr=0.01)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.rise_of_loss(ss.from_expression(text), 0.2, ax=left)
for start, name, colour in ((-1.0, "flat", "black"), (1.0, "sharp", "gray")):
    times = ss.escape_times(ss.from_expression(text, start=[start]), noise, rule, trajectories=TRAJECTORIES)
    ss.plot.kaplan_meier(times, ax=right, colour=colour, label=f"{name}: mean {times.mean:.3g}")
handles = [line for line in right.get_lines() if "mean" in str(line.get_label())]
figure.legend(handles=handles, loc="outside lower right", ncols=2)
figure.savefig("flat_and_sharp.png")
