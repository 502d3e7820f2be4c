"""Diffrax: Euler's method on whole blocks of trajectories, with steps of one unit of time and its fast Brownian path.

Solves of one trajectory each under ``vmap``, with an ``Event``, cost some forty times as much: every step then waits
for all. Here an escaped trajectory stands still until, every few steps, a waiting one takes its place. The noise of an
equation cannot enter its coefficients, which leaves out Adam and Adai. NPROC=1 as for JAX.
"""

import importlib.util
import math
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Any, TypeAlias

import numpy as np

from .interface import Case, Work

VARIANTS = ("float64", "float32")

WIDTH, LEAST = 8192, 1024
"""Trajectories side by side in one dimension, at first and after the last halving."""
SEGMENT = 64
"""Steps of one solve where trajectories escape."""
NUMBERS = 20_480
"""Coordinates times trajectories side by side in more dimensions."""

Array: TypeAlias = Any


def unavailable() -> str | None:
    """Return that Diffrax is not installed, or None."""
    return None if importlib.util.find_spec("diffrax") else "diffrax is not installed"


def version() -> str:
    """Return the release, and that of JAX, on which it stands."""
    return f"diffrax {version_of('diffrax')}, jax {version_of('jax')}"


def prepare(case: Case, variant: str) -> Callable[[float], Work] | None:
    """Return the function that does a case; see ``interface.Contestant``."""
    if case.rule not in ("sgd", "momentum"):
        return None
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    dtype = np.dtype(variant)
    return _escape(jax, case, dtype) if case.barrier else _spread(jax, case, dtype)


def _solve(jax: Any, drift: Any, push: Any, y: Any, noise: Array, key: Array, steps: int, saveat: Any) -> Any:
    """Take Euler steps y += drift(y) + push(y, z), z standard normal like ``noise``."""
    dfx, lineax = import_module("diffrax"), import_module("lineax")
    like = jax.ShapeDtypeStruct(noise.shape, noise.dtype)

    def diffusion(t: Array, y: Any, args: Any) -> Any:
        return lineax.FunctionLinearOperator(partial(push, y), like)

    terms = dfx.MultiTerm(
        dfx.ODETerm(lambda t, y, args: drift(y)),
        dfx.ControlTerm(diffusion, dfx.UnsafeBrownianPath(shape=like, key=key)),
    )
    return dfx.diffeqsolve(
        terms, dfx.Euler(), *noise.dtype.type([0.0, steps, 1.0]), y,
        saveat=saveat, adjoint=dfx.ForwardMode(), max_steps=None, throw=False,
    )  # fmt: skip


def _escape(jax: Any, case: Case, dtype: Any) -> Callable[[float], Work]:
    jnp = jax.numpy
    dfx = import_module("diffrax")
    s, pull = case.lr * case.variance**0.5, 4.0 * case.barrier * case.lr
    segment = math.gcd(SEGMENT, case.steps)

    def run(key: Array, x: Array, lived: Array, waiting: Array) -> Any:
        """Go on until nobody waits and half the places are empty, or nobody runs; then count what has ended."""
        width = len(x)

        def drift(y: Any) -> Any:
            x, _ = y
            runs = (x < 0.0).astype(dtype)
            return -pull * runs * x * (x * x - 1.0), runs

        def push(y: Any, z: Array) -> Any:
            x, lived = y
            return jnp.where(x < 0.0, s * z, 0.0), jnp.zeros_like(lived)

        def some(state: Any) -> Any:
            k, x, lived, waiting, total, censored = state
            part = jax.random.fold_in(key, k)
            y = _solve(jax, drift, push, (x, lived), x, part, segment, dfx.SaveAt(t1=True)).ys
            x, lived = y[0][0], y[1][0]
            late = (x < 0.0) & (lived == case.steps)
            ended = ((x >= 0.0) | late) & (lived > 0)
            total += jnp.sum(jnp.where(ended, lived, 0), dtype=jnp.int64)
            censored += jnp.sum(late)
            again = ended & (jnp.cumsum(ended) <= waiting)
            x = jnp.where(again, -1.0, jnp.where(ended, 1.0, x))
            return k + 1, x, jnp.where(ended, 0.0, lived), waiting - jnp.sum(again), total, censored

        def full(state: Any) -> Array:
            _, x, _, waiting, *_ = state
            return (waiting > 0) | (jnp.sum(x < 0.0) > (width // 2 if width > LEAST else 0))

        zero = jnp.int64(0)
        return jax.lax.while_loop(full, some, (zero, x, lived, waiting, zero, zero))[1:]

    compiled = jax.jit(run)

    def work(scale: float) -> Work:
        number = case.number(scale)
        width = min(WIDTH, number)
        x, lived = np.full(width, -1.0, dtype), np.zeros(width, dtype)
        waiting, total, censored = np.asarray(number - width), 0, 0
        while np.any(x < 0.0):
            state = compiled(jax.random.key(width), x, lived, waiting)
            x, lived, waiting, ended, late = (np.asarray(part) for part in state)
            total, censored = total + int(ended), censored + int(late)
            width = max(width // 2, 1)
            keep = np.argsort(x >= 0.0, kind="stable")[:width]  # those that run come first
            x, lived = x[keep], lived[keep]
        return case.escaped(total, censored, number)

    return work


def _spread(jax: Any, case: Case, dtype: Any) -> Callable[[float], Work]:
    """Integrate theta, or two positions of the heavy ball: x'' = (1 + beta1 - lr beta3 h) x' - beta1 x + noise."""
    jnp = jax.numpy
    dfx = import_module("diffrax")
    d, every = case.dimension, case.record or case.steps
    h = case.curvatures.astype(dtype)[:, None]
    root = (case.lr * case.noise_root).astype(dtype)
    s = case.lr * case.beta3 * case.variance**0.5
    kept = case.beta1 - case.lr * case.beta3 * h
    heavy = case.rule == "momentum"

    def drift(y: Any) -> Any:
        if not heavy:
            return (-case.lr * h * y[0],)
        before, x = y
        return x - before, kept * x - case.beta1 * before

    def push(y: Any, z: Array) -> Any:
        return (jnp.zeros_like(y[0]), s * z) if heavy else (root @ z,)

    def second_moment(t: Array, y: Any, args: Any) -> Array:
        return y[-1] @ y[-1].T

    def run(blocks: Array, width: int) -> Array:
        rest = jnp.zeros((d, width), dtype)
        saveat = dfx.SaveAt(ts=jnp.arange(every, case.steps + 1, every, dtype=dtype), fn=second_moment)

        def block(b: Array, second: Array) -> Array:
            y = (rest, rest) if heavy else (rest,)
            key = jax.random.fold_in(jax.random.key(1), b)
            return second + _solve(jax, drift, push, y, rest, key, case.steps, saveat).ys

        return jax.lax.fori_loop(0, blocks, block, jnp.zeros((case.steps // every, d, d), dtype))

    compiled = jax.jit(run, static_argnames="width")

    def work(scale: float) -> Work:
        number = case.number(scale)
        width = math.gcd(number, max(NUMBERS // d // 128, 1) * 128)
        second = np.asarray(compiled(number // width, width))
        return case.spread(np.diag(second[-1]) / number, number)

    return work
