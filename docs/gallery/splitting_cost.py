"""What rare escapes cost: steps for 5 % relative error, directly and by splitting.

A direct run lives through every escape: 400 mean escape times for 5 %. Splitting climbs one level after another and
pays for the logarithm. Try ``climbs=(10, 20, 40)``: an escape in 10^19 steps costs some ten million.
"""

import matplotlib.pyplot as plt
import saddlescape as ss

REPETITIONS = 16

data = ss.plot.figure(
    "splitting-cost", rules="sgd", climbs=(5.0, 10.0, 16.0, 24.0), repetitions=REPETITIONS, trials=1_000
).data

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
ss.plot.steps_for_error(data.costs["sgd"], ax=left, rule="sgd")
ss.plot.steps_against_rarity(data.costs["sgd"], REPETITIONS, ax=right, rule="sgd")
figure.savefig("splitting_cost.png")
