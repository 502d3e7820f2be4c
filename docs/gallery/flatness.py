"""Escape against the sharpness of a minimum, with fitted exponents.

A sharper minimum with the same barrier is left sooner: ln(tau/Pi) falls like 1/k with SGD but only like 1/sqrt(k) with
Adam, which therefore prefers flat minima less. Try to leave the prefactor Pi in: the fitted exponent is another.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

TRAJECTORIES = 200

laws = ss.plot.figure("flatness", rules="sgd,adam", trajectories=TRAJECTORIES).data.laws

figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
for ax, (rule, law) in zip(axes, laws.items(), strict=True):
    ss.plot.sharpness_law(law, ax=ax, rule=rule)
    print(rule, law.fit.exponent, "stated", law.claimed)
figure.savefig("flatness.png")
