"""An oracle for splitting in one dimension: SGD's own chain as a dense matrix, put back to its start at the exit."""

import math
from itertools import pairwise

import numpy as np
from saddlescape.theory.quadrature import panel_nodes
from scipy.special import ndtr


class DenseChain:
    """The chain x -= lr (L' + C^(1/2) xi) on quadrature nodes; what leaves is taken exactly, nothing is sampled."""

    def __init__(self, way, lr, basin, levels):
        line, exit = way.line, way.exit
        home = lr * float(line.variance([way.minimum])[0])
        bend = float(line.curvature([way.minimum])[0])
        low = way.minimum - 9.0 * math.sqrt(home / (bend * (2.0 - lr * bend)))
        cuts = np.unique(np.concatenate([[low, basin, exit], levels, way.edges]))
        cuts = cuts[(cuts >= low) & (cuts <= exit)]
        finest = lr * math.sqrt(float(line.variance(np.linspace(low, exit, 501)).min()))
        grid = [low]
        for a, b in pairwise(cuts):
            grid += list(np.linspace(a, b, max(1, math.ceil((b - a) / (2.5 * finest))) + 1)[1:])
        self.x, weights = (v.ravel() for v in panel_nodes(np.array(grid), 8))
        self.basin, self.level, self.exit = basin, levels[0], exit
        sources = np.append(self.x, way.start)
        self.mean = sources - lr * line.slope(sources)
        self.sigma = lr * np.sqrt(line.variance(sources))
        z = (self.x - self.mean[:, None]) / self.sigma[:, None]
        self.steps = np.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * self.sigma[:, None]) * weights
        self._settle()

    def above(self, level):
        """Return the chance of each source to be at a level or above after a step."""
        return ndtr((self.mean - level) / self.sigma)

    def _settle(self):
        """Solve for the steady state of (place, whether the lowest level was reached since the basin)."""
        x, n = self.x, len(self.x)
        fresh, climbing = np.flatnonzero(x < self.level), np.flatnonzero(x > self.basin)
        start = len(fresh) + len(climbing)
        t = np.zeros((start + 1, start + 1))
        sources = np.append(fresh, n)
        own = np.append(np.arange(len(fresh)), start)
        up, down = np.flatnonzero(x[climbing] >= self.level), np.flatnonzero(x[fresh] <= self.basin)
        t[np.ix_(own, np.arange(len(fresh)))] = self.steps[np.ix_(sources, fresh)]
        t[np.ix_(own, len(fresh) + up)] = self.steps[np.ix_(sources, climbing[up])]
        t[own, start] += self.above(self.exit)[sources]
        own = len(fresh) + np.arange(len(climbing))
        t[np.ix_(own, own)] = self.steps[np.ix_(climbing, climbing)]
        t[np.ix_(own, down)] = self.steps[np.ix_(climbing, fresh[down])]
        t[own, start] += self.above(self.exit)[climbing]
        t /= t.sum(axis=1, keepdims=True)
        equations = (np.eye(start + 1) - t).T
        equations[0] = 1.0
        right = np.zeros(start + 1)
        right[0] = 1.0
        share = np.linalg.solve(equations, right)
        self.fresh = np.zeros(n + 1)  # weight of each source that has not reached the lowest level since the basin
        self.fresh[sources] = np.append(share[: len(fresh)], share[start])
        self.home = np.where(np.append(x <= self.basin, True), self.fresh, 0.0)

    def committor(self, level):
        """Return the chance of each node to reach a level before the basin; those at it or beyond have 1."""
        between = np.flatnonzero((self.x > self.basin) & (self.x < level))
        chance = np.where(self.x >= level, 1.0, 0.0)
        if len(between):
            kept = np.eye(len(between)) - self.steps[np.ix_(between, between)]
            chance[between] = np.linalg.solve(kept, self.above(level)[between])
        return chance

    def fluxes(self, levels):
        """Return first arrivals a step at each level after the basin."""
        entries = np.where(self.x >= self.level, self.fresh @ self.steps, 0.0)
        at_once = float(self.fresh @ self.above(self.exit))
        return np.array([entries @ self.committor(level) + at_once for level in levels])

    def durations(self):
        """Return mean and mean square of the steps from the last one in the basin to the exit."""
        h = self.committor(self.exit)
        between = np.flatnonzero((self.x > self.basin) & (self.x < self.exit))
        kept = np.eye(len(between)) - self.steps[np.ix_(between, between)]
        once = np.linalg.solve(kept, h[between])
        twice = np.linalg.solve(kept, 2.0 * once - h[between])
        first = (self.home @ self.steps)[between]
        at_once = float(self.home @ self.above(self.exit))
        flux = first @ h[between] + at_once
        mean = 1.0 + first @ once / flux
        return mean, 1.0 + first @ (2.0 * once + twice) / flux
