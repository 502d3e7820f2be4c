"""The obvious twin of the kernels: one trajectory at a time, methods run as plain Python."""

import numpy as np
from saddlescape.dynamics import streams
from saddlescape.dynamics.interface import advance, start, thermal
from saddlescape.landscapes.interface import noise_root_at

from .draws import rows_of_normals

AHEAD = 64
"""Steps whose normals are drawn at a time."""


def trajectory(
    landscape, noise, rule, number, *, seed, origin, momentum="rest", generator="xoshiro", normals="float64"
):
    """Yield theta (d,) before the first step and after each."""
    d = len(origin)
    theta = np.array(origin, dtype=float).reshape(d, 1)
    state, gain, g = np.zeros((rule.rows(), d, 1)), np.ones((d, 1)), np.zeros((d, 1))
    start(rule, 0, theta, state)
    if momentum == "thermal":
        root = noise_root_at(noise, landscape, origin)
        first = rows_of_normals(generator, "float64", seed, [number], d, streams.THERMAL)
        kick = np.zeros(d)
        for i in range(d):
            for k in range(d):
                kick[i] += root[i, k] * first[k, 0]
        thermal(rule, 0, kick, np.array([sum(r * r for r in row) for row in root]), state)
    t, steps = np.zeros(1), 0
    yield theta[:, 0].copy()
    while True:
        if steps % AHEAD == 0:  # all of them anew, from the first
            rows = rows_of_normals(generator, normals, seed, [number], (steps + AHEAD) * d)
        t += 1
        advance(rule, landscape, noise, theta, rows[steps * d : (steps + 1) * d], g, state, t, gain)
        steps += 1
        yield theta[:, 0].copy()


def first_passage(landscape, noise, rule, number, *, seed, origin, direction, level, max_steps, **how):
    """Return the first step with e.theta >= level, or max_steps."""
    path = trajectory(landscape, noise, rule, number, seed=seed, origin=origin, **how)
    for step, theta in enumerate(path):
        if step and direction @ theta >= level:
            return step
        if step == max_steps:
            return max_steps
    return None
