"""The package itself, called as a user calls it."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import __version__
from ...dynamics.vectors import VARIABLE
from .interface import Case, Work

VARIANTS = ("float64", "wide", "float32", "wide float32")
"""Stock settings; vectors of 512 bits; random numbers in float32; both."""


def unavailable() -> str | None:
    """Return None: it is always here."""
    return None


def version() -> str:
    """Return the release, and that of Numba, which compiles it."""
    from importlib.metadata import version as version_of

    return f"saddlescape {__version__} (numba {version_of('numba')})"


def prepare(case: Case, variant: str) -> Callable[[float], Work]:
    """Return the function that does a case; see ``interface.Contestant``."""
    if "wide" in variant.split():
        os.environ[VARIABLE] = "512"
    from ...dynamics.adai import Adai
    from ...dynamics.adam import Adam
    from ...dynamics.escape_times import escape_times
    from ...dynamics.momentum import Momentum
    from ...dynamics.saddle_spread import saddle_spread
    from ...dynamics.sgd import SGD
    from ...landscapes.constant_noise import ConstantNoise
    from ...landscapes.isotropic_noise import IsotropicNoise
    from ...landscapes.quadratic_saddle import QuadraticSaddle
    from ...landscapes.quartic_well import QuarticWell

    more: dict[str, Any] = {"threads": 1}
    if "float32" in variant.split():
        more["normals"] = "float32"
    rules: dict[str, Any] = {
        "sgd": SGD(case.lr),
        "momentum": Momentum(case.lr, case.beta1, case.beta3),
        "adam": Adam(case.lr, case.beta1, case.beta2, case.eps),
        "adai": Adai(case.lr, case.beta0, case.beta2, case.eps),
    }
    rule = rules[case.rule]  # checked when it runs
    root = case.noise_root
    noise: Any = ConstantNoise(root @ root.T) if len(root) else IsotropicNoise(case.variance)

    def escape(scale: float) -> Work:
        times = escape_times(
            QuarticWell(case.barrier), noise, rule,
            trajectories=case.number(scale), exit=0.0, max_steps=case.steps, **more,
        )  # fmt: skip
        return case.escaped(times.total_steps, times.censored, times.trajectories)

    def spread(scale: float) -> Work:
        every = case.record or case.steps
        found = saddle_spread(
            QuadraticSaddle(case.curvatures), noise, rule, origin=np.zeros(case.dimension),
            steps=case.steps, trajectories=case.number(scale), record=np.arange(every, case.steps + 1, every), **more,
        )  # fmt: skip
        return case.spread(np.diag(found.covariance[-1]), found.trajectories)

    return escape if case.barrier else spread
