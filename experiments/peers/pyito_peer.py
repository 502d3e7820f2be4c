"""PyIto: Euler-Maruyama of Numba functions, a trajectory at a time, with steps of one unit of time.

It integrates every path from one common start to one common end. So an escaped path cannot leave: its drift and
diffusion become 0 and it is carried to the cap; only the steps before count as useful. It keeps the last state or every
state: where covariances are recorded on the way, every state of a few paths at a time. The noise of an
equation cannot enter its coefficients, which leaves out Adam and Adai.
"""

import importlib.util
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .interface import Case, Work

VARIANTS = ("float64",)

PATHS = 128
"""Paths whose every state is kept at a time."""

Array: TypeAlias = npt.NDArray[np.float64]


def unavailable() -> str | None:
    """Return that PyIto is not installed, or None."""
    return None if importlib.util.find_spec("pyito") else "pyito is not installed"


def version() -> str:
    """Return the release."""
    return f"pyito {version_of('pyito')}"


def prepare(case: Case, variant: str) -> Callable[[float], Work] | None:
    """Return the function that does a case; see ``interface.Contestant``."""
    if case.barrier:
        return _escape(case)
    return {"sgd": _sgd, "momentum": _momentum}[case.rule](case) if case.rule in ("sgd", "momentum") else None


def _escape(case: Case) -> Callable[[float], Work]:
    """Integrate (x, x + steps lived): one noise serves both, so that a step draws one number."""
    pyito = import_module("pyito")
    s, pull = case.lr * case.variance**0.5, 4.0 * case.barrier * case.lr

    def drift(t: float, y: Any, args: Any) -> Any:
        lives = 1.0 if y[0] < 0.0 else 0.0
        a = -lives * args[0] * y[0] * (y[0] * y[0] - 1.0)
        return a, a + lives

    def diffusion(t: float, y: Any, args: Any) -> Any:
        return args[1] if y[0] < 0.0 else 0.0

    sde = pyito.SDE(drift, diffusion, args=(pull, s))

    def work(scale: float) -> Work:
        number = case.number(scale)
        y = pyito.integrate(sde, np.full(2, -1.0), (0.0, float(case.steps)), 1.0, n_paths=number, seed=1)
        return case.escaped(np.rint(y[:, 1] - y[:, 0]).sum(), int((y[:, 0] < 0.0).sum()), number)

    return work


def _sgd(case: Case) -> Callable[[float], Work]:
    pyito = import_module("pyito")

    def drift(t: float, y: Any, args: Any) -> Any:
        return args[0] * y

    def diffusion(t: float, y: Any, args: Any) -> Any:
        return args[1]

    sde = pyito.SDE(drift, diffusion, args=(-case.lr * case.curvatures, case.lr * case.noise_root))

    def work(scale: float) -> Work:
        number = case.number(scale)
        y = pyito.integrate(sde, np.zeros(case.dimension), (0.0, float(case.steps)), 1.0, n_paths=number, seed=1)
        return case.spread((y * y).mean(axis=0), number)

    return work


def _momentum(case: Case) -> Callable[[float], Work]:
    """Integrate two positions, (x before, x): x'' = (1 + beta1 - lr beta3 h) x' - beta1 x + noise."""
    pyito = import_module("pyito")
    d, every = case.dimension, case.record

    def drift(t: float, y: Any, args: Any) -> Any:
        a = np.empty_like(y)
        now, kept = args[0], args[1]
        d = len(now)
        for i in range(d):
            a[i] = y[d + i] - y[i]
            a[d + i] = now[i] * y[d + i] - kept * y[i]
        return a

    def diffusion(t: float, y: Any, args: Any) -> Any:
        return args[2]

    noise = np.repeat([0.0, case.lr * case.beta3 * case.variance**0.5], d)
    sde = pyito.SDE(drift, diffusion, args=(case.beta1 - case.lr * case.beta3 * case.curvatures, case.beta1, noise))

    def work(scale: float) -> Work:
        number = case.number(scale)
        second = np.zeros((case.steps // every, d, d))
        for first in range(0, number, PATHS):
            y = pyito.integrate(
                sde, np.zeros(2 * d), (0.0, float(case.steps)), 1.0, n_paths=PATHS, output="all", seed=1 + first
            )
            x = y[every::every, :, d:]
            second += np.matmul(x.transpose(0, 2, 1), x)
        return case.spread(np.diag(second[-1]) / number, number)

    return work
