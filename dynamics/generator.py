"""What a random generator and a normal transform are, and the calls by which kernels reach them.

Both are ``NamedTuple`` classes whose methods are compiled into the kernel, like those of a rule.
"""

from typing import Any, Protocol


class Generator(Protocol):
    """A stream of 64-bit words for each (seed, purpose, trajectory), its state four uint64."""

    def begin(self, seed: Any, purpose: Any, trajectory: Any) -> tuple[Any, Any, Any, Any]:
        """Return the state of a stream at its beginning."""
        ...

    def two_words(self, s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Return the next two words and the state after them."""
        ...


class Normals(Protocol):
    """A transform of words to standard normals, all lanes of a block at once."""

    def at_once(self) -> int:
        """Return how many normals are made together from two words."""
        ...

    def make(self, generator: Any, stream: Any, words: Any, singles: Any, z: Any, i: int) -> None:
        """Write that many rows of z, from row i on, for every lane.

        stream is (4, lanes); words uint32 and singles float32, both (4, lanes), are scratch.
        """
        ...


def begin(generator: Any, seed: Any, purpose: Any, trajectory: Any) -> Any:
    """Call the generator's begin."""
    return generator.begin(seed, purpose, trajectory)


def two_words(generator: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    """Call the generator's two_words."""
    return generator.two_words(s0, s1, s2, s3)


def at_once(normals: Any) -> Any:
    """Call the transform's at_once."""
    return normals.at_once()


def make(normals: Any, generator: Any, stream: Any, words: Any, singles: Any, z: Any, i: int) -> None:
    """Call the transform's make."""
    normals.make(generator, stream, words, singles, z, i)
