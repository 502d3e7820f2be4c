"""One random stream per trajectory, and standard normals for all lanes of a block at once.

Trajectory i of seed s owns a stream for each purpose: its path, a thermal start, bridge tests. A path is a function of
(s, i) alone: the same bits for any thread, lane, block or split. Its normals are numbered step d + coordinate and made
a few at a time, whatever d is.
"""

from typing import Any, NamedTuple

import numpy as np

from .box_muller import DoubleNormals, box_muller, exponential
from .box_muller_single import SingleNormals
from .generator import at_once, begin, make, two_words
from .intrinsics import arguments_do_not_overlap
from .jit import compiled, compiled_in_place
from .threefry import Threefry
from .xoshiro import Xoshiro

PATH, THERMAL, BRIDGE = 0, 1, 2
"""Purposes of a trajectory's streams."""
WALK, WALK_THERMAL, WALK_BRIDGE, TRIAL, TRIAL_BRIDGE, RESAMPLING = 3, 4, 5, 6, 7, 8
"""Purposes of the streams of splitting."""

GENERATORS: dict[str, Any] = {"xoshiro": Xoshiro, "threefry": Threefry}
NORMALS: dict[str, Any] = {"float64": DoubleNormals, "float32": SingleNormals}

U = np.uint64


class Source(NamedTuple):
    """Where a run's random numbers come from: a generator and a normal transform."""

    generator: Any
    normals: Any


@compiled
def seed_lane(source: Any, stream: Any, j: int, seed: int, purpose: int, trajectory: int) -> None:
    """Put lane j of stream (4, lanes) at the beginning of a trajectory's stream."""
    words = begin(source.generator, U(seed), U(purpose), U(trajectory))
    stream[0, j], stream[1, j], stream[2, j], stream[3, j] = words


@compiled_in_place
def fill_normals(source: Any, stream: Any, words: Any, singles: Any, z: Any) -> None:
    """Write the next normals of every lane to the rows of z, a multiple of those made at once."""
    arguments_do_not_overlap()
    for i in range(0, z.shape[0], at_once(source.normals)):
        make(source.normals, source.generator, stream, words, singles, z, i)


@compiled_in_place
def fill_exponentials(source: Any, stream: Any, out: Any) -> None:
    """Write -2 log u for every lane."""
    for j in range(stream.shape[1]):
        a, _, s0, s1, s2, s3 = two_words(source.generator, stream[0, j], stream[1, j], stream[2, j], stream[3, j])
        stream[0, j] = s0
        stream[1, j] = s1
        stream[2, j] = s2
        stream[3, j] = s3
        out[j] = exponential(a)


@compiled
def add_thermal_kick(source: Any, seed: Any, purpose: int, trajectory: int, root: Any, kick: Any) -> None:
    """Add C^(1/2) z to kick (d,), z from a stream of its own, always in float64."""
    d = kick.shape[0]
    s0, s1, s2, s3 = begin(source.generator, U(seed), U(purpose), U(trajectory))
    for k in range(0, d, 2):
        a, b, s0, s1, s2, s3 = two_words(source.generator, s0, s1, s2, s3)
        first, second = box_muller(a, b)
        for i in range(d):
            kick[i] += root[i, k] * first
        if k + 1 < d:
            for i in range(d):
                kick[i] += root[i, k + 1] * second
