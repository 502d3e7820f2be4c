"""Write raw 64-bit words of the random streams to standard output, without end, for test batteries that read them.

Run with ``python docs/generator_words.py --over trajectories --lanes 1024 | battery``; what was run, and what came of
it, is in docs/generator_tests.md. The words are little-endian and interleaved as ``--over`` says:

trajectories
    Word by word over ``--lanes`` consecutive trajectories of one seed; one lane is one long stream.
seeds
    Word by word over ``--lanes`` consecutive seeds of trajectory 0.
starts
    The first ``--words`` words of trajectory 0, then those of trajectory 1, and so on without end.
"""

import argparse
import sys

import numpy as np
from numba import njit
from saddlescape.dynamics import dispatch, streams  # noqa: F401  dispatch teaches Numba the calls
from saddlescape.dynamics.generator import two_words

BLOCK = 1 << 18  # words a write


@njit
def seed_streams(source, stream, seed, first, over_seeds):
    """Put the lanes at the beginning of consecutive streams."""
    for j in range(stream.shape[1]):
        n = np.uint64(first) + np.uint64(j)
        if over_seeds:
            streams.seed_lane(source, stream, j, np.uint64(seed) + n, streams.PATH, np.uint64(0))
        else:
            streams.seed_lane(source, stream, j, np.uint64(seed), streams.PATH, n)


@njit
def fill_words(source, stream, out):
    """Write the next words of all lanes, (count, lanes); count is even."""
    for i in range(0, out.shape[0], 2):
        for j in range(out.shape[1]):
            s0, s1, s2, s3 = stream[0, j], stream[1, j], stream[2, j], stream[3, j]
            out[i, j], out[i + 1, j], s0, s1, s2, s3 = two_words(source.generator, s0, s1, s2, s3)
            stream[0, j], stream[1, j], stream[2, j], stream[3, j] = s0, s1, s2, s3


def blocks(generator, over, lanes, words, seed):
    """Yield arrays of words in the order in which they are written."""
    source = streams.Source(streams.GENERATORS[generator](), streams.NORMALS["float64"]())
    if over == "starts":
        lanes = BLOCK // words
        first, stream, out = 0, np.zeros((4, lanes), np.uint64), np.empty((words + words % 2, lanes), np.uint64)
        while True:
            seed_streams(source, stream, seed, first, False)
            fill_words(source, stream, out)
            yield np.ascontiguousarray(out[:words].T)
            first += lanes
    stream, out = np.zeros((4, lanes), np.uint64), np.empty((2 * max(1, BLOCK // lanes // 2), lanes), np.uint64)
    seed_streams(source, stream, seed, 0, over == "seeds")
    while True:
        fill_words(source, stream, out)
        yield out


def main():
    """Write until the reader closes the pipe."""
    parser = argparse.ArgumentParser(description="Raw 64-bit words of the random streams.")
    parser.add_argument("--generator", choices=streams.GENERATORS, default="xoshiro")
    parser.add_argument("--over", choices=("trajectories", "seeds", "starts"), default="trajectories")
    parser.add_argument("--lanes", type=int, default=1024)
    parser.add_argument("--words", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = vars(parser.parse_args())
    try:
        for block in blocks(**arguments):
            sys.stdout.buffer.write(block.data)
    except BrokenPipeError:
        sys.stderr.close()  # nothing is left to say, and to nobody


if __name__ == "__main__":
    main()
