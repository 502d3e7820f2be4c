"""JAX on the CPU: compiled loops, random numbers fused into the update or drawn a few steps ahead.

Arrays of compiled code keep their shape, so escaped trajectories cannot be compressed away. The remedy is to let
waiting ones take their places, every few steps, and to halve the arrays, between compiled calls, once nobody waits.

The environment must hold NPROC=1 before JAX is loaded: with a pool of threads, of whatever number, the many small
pieces of such loops cost two to three times the CPU time. The counter-based generator "rbg" is three times slower than
Threefry on a CPU, and so is Box and Muller's transform in float64: sine and cosine are not vectorised.
"""

import importlib.util
import math
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Any, TypeAlias

import numpy as np

from .interface import Case, Work

VARIANTS = ("float64", "float32")

WIDTH, LEAST = 2048, 128
"""Trajectories side by side in one dimension, at first and after the last halving."""
CHUNK = 16
"""Steps between two looks at who has escaped."""
NUMBERS = 20_480
"""Coordinates times trajectories side by side in more dimensions: they stay in the second-level cache."""
AHEAD = {"adam": 10}
"""Steps whose random numbers are drawn at once; 1 fuses them with the update, which Adam's is too long for."""

RUNNING, ESCAPED, CENSORED, IDLE = range(4)

Array: TypeAlias = Any
State: TypeAlias = tuple[Array, ...]
Step: TypeAlias = Callable[[State, Array], State]


def unavailable() -> str | None:
    """Return that JAX is not installed, or None."""
    return None if importlib.util.find_spec("jax") else "jax is not installed"


def version() -> str:
    """Return the release."""
    return f"jax {version_of('jax')}"


def prepare(case: Case, variant: str) -> Callable[[float], Work]:
    """Return the function that does a case; see ``interface.Contestant``."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    dtype = np.dtype(variant)
    return _escape(jax, case, dtype) if case.barrier else _spread(jax, case, dtype)


def _escape(jax: Any, case: Case, dtype: Any) -> Callable[[float], Work]:
    jnp, lax = jax.numpy, jax.lax
    s, pull = case.lr * case.variance**0.5, 4.0 * case.barrier * case.lr

    def run(key: Array, x: Array, steps: Array, fate: Array, waiting: Array) -> State:
        """Go on until nobody waits and half the places are empty; then count what has ended."""
        width = len(x)

        def chunk(state: State) -> State:
            k, x, steps, fate, waiting, total, censored = state
            z = jax.random.normal(jax.random.fold_in(key, k), (CHUNK, width), dtype)

            def step(i: Array, state: State) -> State:
                x, steps, fate = state
                x = x - pull * x * (x * x - 1.0) + s * z[i]
                runs = fate == RUNNING
                steps = steps + runs
                fate = jnp.where(runs & (steps == case.steps), CENSORED, fate)
                return x, steps, jnp.where(runs & (x >= 0.0), ESCAPED, fate)

            x, steps, fate = lax.fori_loop(0, CHUNK, step, (x, steps, fate))
            ended = (fate == ESCAPED) | (fate == CENSORED)
            total += jnp.sum(jnp.where(ended, steps, 0))
            censored += jnp.sum(fate == CENSORED)
            again = ended & (jnp.cumsum(ended) <= waiting)
            x, steps = jnp.where(again, -1.0, x), jnp.where(again, 0, steps)
            fate = jnp.where(again, RUNNING, jnp.where(ended, IDLE, fate))
            return k + 1, x, steps, fate, waiting - jnp.sum(again), total, censored

        def full(state: State) -> Array:
            _, _, _, fate, waiting, *_ = state
            return (waiting > 0) | (jnp.sum(fate == RUNNING) > (width // 2 if width > LEAST else 0))

        zero = jnp.int64(0)
        state: State = lax.while_loop(full, chunk, (zero, x, steps, fate, waiting, zero, zero))
        return state[1:]

    compiled = jax.jit(run)

    def work(scale: float) -> Work:
        number = case.number(scale)
        width = min(WIDTH, number)
        x, steps, fate = np.full(width, -1.0, dtype), np.zeros(width, np.int32), np.full(width, RUNNING, np.int32)
        waiting, total, censored = np.asarray(number - width), 0, 0
        while np.any(fate == RUNNING):
            state = compiled(jax.random.key(width), x, steps, fate, waiting)
            x, steps, fate, waiting, ended, late = (np.asarray(part) for part in state)
            total, censored = total + int(ended), censored + int(late)
            width = max(width // 2, 1)
            keep = np.argsort(fate, kind="stable")[:width]  # those that run come first
            x, steps, fate = x[keep], steps[keep], fate[keep]
        return case.escaped(total, censored, number)

    return work


def _spread(jax: Any, case: Case, dtype: Any) -> Callable[[float], Work]:
    jnp, lax = jax.numpy, jax.lax
    begin, step = {"sgd": _sgd, "momentum": _momentum, "adam": _adam, "adai": _adai}[case.rule](jnp, case, dtype)
    d = case.dimension
    every = case.record or case.steps
    ahead = math.gcd(AHEAD.get(case.rule, 1), every)
    records = case.steps // every

    def run(blocks: Array, width: int) -> Array:
        """Return the sum of theta theta^T over trajectories at every record, (records, d, d)."""

        def block(b: Array, second: Array) -> Array:
            key = jax.random.fold_in(jax.random.key(1), b)

            def several(k: Array, state: State) -> State:
                z = jax.random.normal(jax.random.fold_in(key, k), (ahead, d, width), dtype)
                after: State = lax.fori_loop(0, ahead, lambda i, state: step(state, z[i]), state)
                return after

            def record(r: Array, carry: tuple[State, Array]) -> tuple[State, Array]:
                state, second = carry
                state = lax.fori_loop(r * (every // ahead), (r + 1) * (every // ahead), several, state)
                return state, second.at[r].add(state[0] @ state[0].T)

            return lax.fori_loop(0, records, record, (begin((d, width)), second))[1]

        return lax.fori_loop(0, blocks, block, jnp.zeros((records, d, d), dtype))

    compiled = jax.jit(run, static_argnames="width")

    def work(scale: float) -> Work:
        number = case.number(scale)
        width = math.gcd(number, max(NUMBERS // d // 128, 1) * 128)
        second = np.asarray(compiled(number // width, width))
        return case.spread(np.diag(second[-1]) / number, number)

    return work


# Each of these returns (begin, step): begin(shape) is the state at rest, theta first; step(state, z) is the next one.


def _noisy_gradient(case: Case, dtype: Any) -> Callable[[Array, Array], Array]:
    h, s = case.curvatures.astype(dtype)[:, None], case.variance**0.5
    return lambda theta, z: h * theta + s * z


def _sgd(jnp: Any, case: Case, dtype: Any) -> tuple[Callable[[Any], State], Step]:
    keep = (1.0 - case.lr * case.curvatures).astype(dtype)[:, None]
    root = (case.lr * case.noise_root).astype(dtype)

    def step(state: State, z: Array) -> State:
        return (keep * state[0] + jnp.matmul(root, z),)

    return lambda shape: (jnp.zeros(shape, dtype),), step


def _momentum(jnp: Any, case: Case, dtype: Any) -> tuple[Callable[[Any], State], Step]:
    gradient = _noisy_gradient(case, dtype)

    def step(state: State, z: Array) -> State:
        theta, m = state
        m = case.beta1 * m + case.beta3 * gradient(theta, z)
        return theta - case.lr * m, m

    return lambda shape: (jnp.zeros(shape, dtype),) * 2, step


def _adam(jnp: Any, case: Case, dtype: Any) -> tuple[Callable[[Any], State], Step]:
    gradient = _noisy_gradient(case, dtype)

    def step(state: State, z: Array) -> State:
        theta, m, v, kept1, kept2 = state
        g = gradient(theta, z)
        m = case.beta1 * m + (1.0 - case.beta1) * g
        v = case.beta2 * v + (1.0 - case.beta2) * (g * g)
        kept1, kept2 = case.beta1 * kept1, case.beta2 * kept2
        rate, share = case.lr / (1.0 - kept1), 1.0 / (1.0 - kept2)
        return theta - rate * m / (jnp.sqrt(share * v) + case.eps), m, v, kept1, kept2

    def begin(shape: Any) -> State:
        return (*(jnp.zeros(shape, dtype),) * 3, *(jnp.ones((), dtype),) * 2)

    return begin, step


def _adai(jnp: Any, case: Case, dtype: Any) -> tuple[Callable[[Any], State], Step]:
    gradient = _noisy_gradient(case, dtype)

    def step(state: State, z: Array) -> State:
        theta, m, v, product = state
        g = gradient(theta, z)
        v = case.beta2 * v + (1.0 - case.beta2) * (g * g)
        mu = jnp.clip(1.0 - case.beta0 * v / jnp.mean(v, axis=0), 0.0, 1.0 - case.eps)
        m = g + mu * (m - g)
        product = mu * product
        return theta - case.lr * m / (1.0 - product), m, v, product

    return lambda shape: (*(jnp.zeros(shape, dtype),) * 3, jnp.ones(shape, dtype)), step
