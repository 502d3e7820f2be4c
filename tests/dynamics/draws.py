"""What the streams give, as arrays: the one place where tests reach into their compiled functions."""

import numpy as np
from numba import njit
from saddlescape.dynamics import dispatch, streams  # noqa: F401  dispatch teaches Numba the calls
from saddlescape.dynamics.generator import two_words


def source(generator="xoshiro", precision="float64"):
    return streams.Source(streams.GENERATORS[generator](), streams.NORMALS[precision]())


def words(generator, seed, purpose, trajectories, count):
    """The first words of the streams of the given trajectories (N,), as (N, count)."""
    out = np.empty((count + count % 2, len(trajectories)), np.uint64)
    _words(source(generator), np.uint64(seed), purpose, np.asarray(trajectories, np.uint64), out)
    return out[:count].T


def beginnings(generator, seeds, purposes, trajectories):
    """What tells a stream from all others when it begins, (N, 4) words: its state, or the first words of a counter."""
    out = np.zeros((4, len(trajectories)), np.uint64)
    places = np.asarray(seeds, np.uint64), np.asarray(purposes), np.asarray(trajectories, np.uint64)
    _beginnings(source(generator), *places, out)
    return _four_words(source(generator), out) if generator == "threefry" else out.T


def rows_of_normals(generator, precision, seed, trajectories, count, purpose=streams.PATH):
    """The first normals of the streams of the given trajectories (N,), as (count, N)."""
    of = source(generator, precision)
    at_once = of.normals.at_once()
    out = np.empty((-(-count // at_once) * at_once, len(trajectories)))
    _normals(of, np.uint64(seed), purpose, np.asarray(trajectories, np.uint64), out)
    return out[:count]


def exponentials(generator, seed, trajectories, count):
    """Chi-squares of two degrees of freedom, (count, N)."""
    out = np.empty((count, len(trajectories)))
    _exponentials(source(generator), np.uint64(seed), np.asarray(trajectories, np.uint64), out)
    return out


@njit
def _lanes(of, seed, purpose, trajectories):
    stream = np.zeros((4, trajectories.size), np.uint64)
    for j in range(trajectories.size):
        streams.seed_lane(of, stream, j, seed, purpose, trajectories[j])
    return stream


@njit
def _beginnings(of, seeds, purposes, trajectories, out):
    for j in range(trajectories.size):
        streams.seed_lane(of, out, j, seeds[j], purposes[j], trajectories[j])


@njit
def _four_words(of, stream):
    out = np.empty((stream.shape[1], 4), np.uint64)
    for j in range(stream.shape[1]):
        a, b, s0, s1, s2, s3 = two_words(of.generator, stream[0, j], stream[1, j], stream[2, j], stream[3, j])
        out[j, 0], out[j, 1] = a, b
        out[j, 2], out[j, 3], s0, s1, s2, s3 = two_words(of.generator, s0, s1, s2, s3)
    return out


@njit
def _words(of, seed, purpose, trajectories, out):
    stream = _lanes(of, seed, purpose, trajectories)
    for i in range(0, out.shape[0], 2):
        for j in range(out.shape[1]):
            a, b, s0, s1, s2, s3 = two_words(of.generator, stream[0, j], stream[1, j], stream[2, j], stream[3, j])
            stream[0, j], stream[1, j], stream[2, j], stream[3, j] = s0, s1, s2, s3
            out[i, j], out[i + 1, j] = a, b


@njit
def _normals(of, seed, purpose, trajectories, out):
    stream = _lanes(of, seed, purpose, trajectories)
    scratch = np.empty(stream.shape, np.uint32), np.empty(stream.shape, np.float32)
    streams.fill_normals(of, stream, scratch[0], scratch[1], out)


@njit
def _exponentials(of, seed, trajectories, out):
    stream = _lanes(of, seed, streams.BRIDGE, trajectories)
    for i in range(out.shape[0]):
        streams.fill_exponentials(of, stream, out[i])
