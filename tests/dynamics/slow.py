"""The obvious twin of the kernels: one trajectory at a time, methods run as plain Python."""

import numpy as np
from numba import njit
from saddlescape.dynamics import streams
from saddlescape.dynamics.interface import advance, start, thermal
from saddlescape.landscapes.interface import noise_root_at


@njit
def _two_steps(stream, z0, z1):
    streams.fill_two_steps(stream, z0, z1)


def stream_of(seed, purpose, trajectory):
    stream = np.zeros((4, 1), np.uint64)
    streams.seed_lane(stream, 0, np.uint64(seed), purpose, np.uint64(trajectory))
    return stream


def trajectory(landscape, noise, rule, number, *, seed, origin, momentum="rest"):
    """Yield theta (d,) before the first step and after each."""
    d = len(origin)
    theta = np.array(origin, dtype=float).reshape(d, 1)
    state, gain, g = np.zeros((rule.rows(), d, 1)), np.ones((d, 1)), np.zeros((d, 1))
    start(rule, 0, theta, state)
    if momentum == "thermal":
        root = noise_root_at(noise, landscape, origin)
        first, second = np.empty((d, 1)), np.empty((d, 1))
        _two_steps(stream_of(seed, streams.THERMAL, number), first, second)
        kick = np.zeros(d)
        for i in range(d):
            for k in range(d):
                kick[i] += root[i, k] * first[k, 0]
        thermal(rule, 0, kick, np.array([sum(r * r for r in row) for row in root]), state)
    stream, t, z = stream_of(seed, streams.PATH, number), np.zeros(1), np.empty((2, d, 1))
    yield theta[:, 0].copy()
    while True:
        _two_steps(stream, z[0], z[1])
        for half in z:
            t += 1
            advance(rule, landscape, noise, theta, half, g, state, t, gain)
            yield theta[:, 0].copy()


def first_passage(landscape, noise, rule, number, *, seed, origin, direction, level, max_steps, momentum="rest"):
    """Return the first step with e.theta >= level, or max_steps."""
    path = trajectory(landscape, noise, rule, number, seed=seed, origin=origin, momentum=momentum)
    for step, theta in enumerate(path):
        if step and direction @ theta >= level:
            return step
        if step == max_steps:
            return max_steps
    return None
