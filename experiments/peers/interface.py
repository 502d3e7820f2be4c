"""What a benchmark case is, and what a contestant is.

A contestant is one module of this folder. It does the work of a case in its own way, with its own random numbers, and
says how much useful work that was and what came out, so that nobody is fast by doing something else.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class UnavailableError(Exception):
    """Raised by prepare: this variant cannot run on this machine; the text says why."""


class Work(NamedTuple):
    """What a contestant did in one call.

    Parameters
    ----------
    units
        Useful trajectory-step-dimensions: steps lived before an escape or the cap, times d.
    answers
        What came out, by name: ``mean_steps`` (of the smaller of first-passage step and cap) and ``censored`` (share)
        where trajectories escape, else ``variance_k`` at the last step of the k-th of the case's watched coordinates;
        ``escaped`` and ``spread`` make it.
    samples
        Trajectories behind the answers, from which their sampling error follows.
    """

    units: float
    answers: dict[str, float]
    samples: int


class Case(NamedTuple):
    """One piece of work: all trajectories start at rest, in the well's left minimum or on the saddle.

    Parameters
    ----------
    name
        As on the command line.
    says
        What it is, in one line.
    rule
        "sgd", "momentum", "adam" or "adai".
    trajectories
        N at scale 1.
    steps
        Steps of each, or the cap where they escape.
    curvatures
        Of the quadratic saddle, (d,); empty for the quartic well.
    lr
        Learning rate.
    variance
        Of isotropic gradient noise; 0 where ``noise_root`` holds the noise.
    noise_root
        L with C = L L^T, (d, d), or (0, 0).
    record
        Steps between two records of the whole covariance matrix; 0 for none but the answers at the last step.
    watched
        Coordinates whose variance at the end is the answer.
    barrier
        Of the quartic well L = V, V = barrier (x^2 - 1)^2, left at x >= 0 from -1; 0 for a saddle.
    beta1, beta2, beta0, beta3, eps
        Of the rule, where it has them.
    """

    name: str
    says: str
    rule: str
    trajectories: int
    steps: int
    curvatures: npt.NDArray[np.float64]
    lr: float
    variance: float
    noise_root: npt.NDArray[np.float64]
    record: int
    watched: tuple[int, ...] = ()
    barrier: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0
    beta0: float = 0.0
    beta3: float = 0.0
    eps: float = 0.0

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return max(len(self.curvatures), 1)

    def number(self, scale: float) -> int:
        """Return N at a scale: a multiple of 128, so that nobody is left with a ragged block."""
        return max(128, round(self.trajectories * scale / 128) * 128)

    def escaped(self, total_steps: float, censored: int, trajectories: int) -> Work:
        """Return the work of an ensemble that escapes.

        Parameters
        ----------
        total_steps
            Sum over trajectories of the smaller of first-passage step and cap.
        censored
            Trajectories that had not escaped at the cap.
        trajectories
            N.
        """
        answers = {"mean_steps": float(total_steps) / trajectories, "censored": censored / trajectories}
        return Work(float(total_steps), answers, trajectories)

    def spread(self, variance: npt.ArrayLike, trajectories: int) -> Work:
        """Return the work of an ensemble that spreads, given the variance at the last step of every coordinate."""
        of = np.asarray(variance, np.float64)
        answers = {f"variance_{k}": float(of[i]) for k, i in enumerate(self.watched)}
        return Work(float(trajectories) * self.steps * self.dimension, answers, trajectories)


class Contestant(Protocol):
    """A module of this folder."""

    VARIANTS: tuple[str, ...]
    """What it can be run as, ("float64", "float32") for instance; the first is the fair one."""

    def unavailable(self) -> str | None:
        """Return why it cannot run here, or None; nothing heavy is imported for that."""
        ...

    def version(self) -> str:
        """Return what is measured: the library and its release, or the compiler; called after ``prepare``."""
        ...

    def prepare(self, case: Case, variant: str) -> Callable[[float], Work] | None:
        """Return the function that does a case at a scale, or None where this contestant cannot do it.

        Raises
        ------
        UnavailableError
            Where this variant cannot run here.
        """
        ...


TEN = np.array([-0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0])
NONE: npt.NDArray[np.float64] = np.zeros((0, 0))


def _dense_root(d: int) -> npt.NDArray[np.float64]:
    return np.array(
        [[0.1 if i == j else 0.005 * math.cos(1.3 * i + 0.7 * j) if j < i else 0.0 for j in range(d)] for i in range(d)]
    )


CASES = {
    case.name: case
    for case in (
        Case(
            name="A",
            says="SGD leaves a quartic well: first passage, d = 1",
            rule="sgd",
            trajectories=100_000,
            steps=4_000,
            curvatures=np.zeros(0),
            lr=0.05,
            variance=3.2,
            noise_root=NONE,
            record=0,
            barrier=0.25,
        ),
        Case(
            name="B",
            says="Momentum spreads at a saddle, d = 10",
            rule="momentum",
            trajectories=20_480,
            steps=1_000,
            curvatures=TEN,
            lr=0.01,
            variance=1e-4,
            noise_root=NONE,
            record=50,
            watched=(0, 1, 9),
            beta1=0.9,
            beta3=1.0,
        ),
        Case(
            name="C-Adam",
            says="Adam spreads at a saddle, d = 10",
            rule="adam",
            trajectories=10_240,
            steps=1_000,
            curvatures=TEN,
            lr=0.001,
            variance=0.25,
            noise_root=NONE,
            record=50,
            watched=(0, 1, 9),
            beta1=0.9,
            beta2=0.99,
            eps=1e-8,
        ),
        Case(
            name="C-Adai",
            says="Adai spreads at a saddle, d = 10",
            rule="adai",
            trajectories=10_240,
            steps=1_000,
            curvatures=TEN,
            lr=0.001,
            variance=0.25,
            noise_root=NONE,
            record=50,
            watched=(0, 1, 9),
            beta2=0.99,
            beta0=0.1,
            eps=1e-3,
        ),
        Case(
            name="D",
            says="SGD with dense noise in a valley, d = 100",
            rule="sgd",
            trajectories=4_096,
            steps=100,
            curvatures=1.0 + 0.01 * np.arange(100.0),
            lr=0.01,
            variance=0.0,
            noise_root=_dense_root(100),
            record=0,
            watched=(0, 50, 99),
        ),
    )
}
"""Name on the command line -> case. Case C is run with two rules."""
