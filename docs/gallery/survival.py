"""Who has not escaped yet, and whether escape is memoryless.

After a short start every step has the same chance of an escape, so that the share still in the well falls exponentially
and the escape times lie on a line against exponential quantiles. Try MAX_STEPS = 1_000: most are censored, and the
estimate is still right, only wider.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 4_000
MAX_STEPS = 12_000

well, noise, rule = ss.QuarticWell(barrier=0.25), ss.IsotropicNoise(variance=2.5), ss.SGD(lr=0.05)
times = ss.escape_times(well, noise, rule, trajectories=TRAJECTORIES, max_steps=MAX_STEPS)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.kaplan_meier(times, ax=left, references=ss.references(well, noise, rule)._asdict())
ss.plot.exponential_qq(times, ax=right)
left.legend()
figure.savefig("survival.png")
