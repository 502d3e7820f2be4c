"""Where a statement holds: closed form over exact, with the bounds that were found.

Every point is a run, told by two dimensionless numbers; the colour says by how much the closed form is off, with no
sampling. Inside all dashed lines it is within the tolerance. Try another statement, or a smaller tolerance.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

POINTS = 49

plot = ss.plot.figure("regime", statement="theorem-2", points=POINTS)
print(plot.caption)

figure, axes = plt.subplots(1, len(plot.data.maps), figsize=(13, 4.5), layout="constrained")
for ax, each in zip(axes, plot.data.maps, strict=True):
    ss.plot.regime_map(each, ax=ax)
figure.colorbar(axes[0].collections[0], ax=axes, label="ln(closed form / exact)")
figure.savefig("regime.png")
