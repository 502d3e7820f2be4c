"""PyTorch on the CPU: no gradients, everything in place, blocks of trajectories that stay in the cache.

In float64 normal numbers come by Box and Muller's transform from whole-array logarithms, sines and cosines, which
takes two thirds of the time of ``Tensor.normal_``; in float32 ``normal_`` is the faster one. "compiled" puts the
transform and the update through ``torch.compile``, which needs a C++ compiler; it gains nothing in float32, and the
random numbers it can compile itself are twice as slow.
"""

import importlib.util
import math
import os
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version as version_of
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from .interface import Case, UnavailableError, Work

VARIANTS = ("float64", "float64 compiled", "float32")

WIDTH = 32_768
"""Trajectories of a block in one dimension."""
CHUNK = 8
"""Steps between two looks at who has escaped."""
NUMBERS = 20_480
"""Coordinates times trajectories of a block in more dimensions."""

Tensor: TypeAlias = Any
Step: TypeAlias = Callable[..., None]


def unavailable() -> str | None:
    """Return that PyTorch is not installed, or None."""
    return None if importlib.util.find_spec("torch") else "torch is not installed"


def version() -> str:
    """Return the release."""
    return f"torch {version_of('torch')}"


def prepare(case: Case, variant: str) -> Callable[[float], Work]:
    """Return the function that does a case; see ``interface.Contestant``."""
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # Adai's products of inertias become denormal in float32
    dtype, *compiled = variant.split()
    if compiled and not shutil.which(os.environ.get("CXX", "g++")):
        raise UnavailableError("torch.compile needs a C++ compiler")
    return (_escape if case.barrier else _spread)(torch, case, getattr(torch, dtype), bool(compiled))


def _with_normals(torch: Any, step: Step, shape: tuple[int, ...], dtype: Any, compiled: bool) -> Step:
    """Return ``step(z, ...)`` with z drawn anew at each call, (d, width) or (width,)."""
    if dtype == torch.float32:
        z = torch.empty(shape, dtype=dtype)
        return lambda *state: step(z.normal_(), *state)

    size = math.prod(shape)
    half = (size + 1) // 2
    u, v, pairs = (torch.empty(n, dtype=dtype) for n in (half, half, 2 * half))
    sines, cosines, z = pairs[:half], pairs[half:], pairs[:size].view(shape)

    def transform(u: Tensor, v: Tensor, *state: Tensor) -> None:
        u.neg_().log1p_().mul_(-2.0).sqrt_()
        v.mul_(2.0 * math.pi)
        torch.sin(v, out=sines).mul_(u)
        torch.cos(v, out=cosines).mul_(u)
        step(z, *state)

    rest = torch.compile(transform, dynamic=False) if compiled else transform

    def paired(*state: Tensor) -> None:
        rest(u.uniform_(), v.uniform_(), *state)

    return paired


def _escape(torch: Any, case: Case, dtype: Any, compiled: bool) -> Callable[[float], Work]:
    """Measure y = x/s, s the noise of one step: y' = a y - b y^3 + z."""
    s, pull = case.lr * case.variance**0.5, 4.0 * case.barrier * case.lr
    a, b = 1.0 + pull, pull * s * s
    chunk = math.gcd(CHUNK, case.steps)

    def step(z: Tensor, y: Tensor, square: Tensor, after: Tensor) -> None:
        torch.mul(y, y, out=square)
        torch.add(z, y, alpha=a, out=after)
        after.addcmul_(y, square, value=-b)

    def places(width: int, compiled: bool) -> tuple[Step, Tensor, Tensor]:
        return (
            _with_normals(torch, step, (width,), dtype, compiled),
            torch.empty(chunk + 1, width, dtype=dtype),
            torch.empty(width, dtype=dtype),
        )

    def work(scale: float) -> Work:
        torch.manual_seed(1)
        number = case.number(scale)
        width = min(WIDTH, number)
        waiting, total, censored, now = number - width, 0, 0, 0
        advance, path, square = places(width, compiled)
        path[0] = -1.0 / s
        born = torch.zeros(width, dtype=torch.int64)
        while len(born):
            for before, after in pairwise(path):
                advance(before, square, after)
            now += chunk
            ended = (path[1:].amax(0) >= 0.0) | (born == now - case.steps)
            path[0] = path[chunk]
            gone = ended.nonzero().squeeze(1)
            if not len(gone):
                continue
            out = path[1:, gone] >= 0.0
            escaped = out.any(0)
            first = out.to(torch.uint8).argmax(0) + 1
            total += int((now - born[gone] - torch.where(escaped, chunk - first, 0)).sum())
            censored += len(gone) - int(escaped.sum())
            again, left = gone[:waiting], gone[waiting:]
            waiting -= len(again)
            path[0, again], born[again] = -1.0 / s, now
            if len(left):
                keep = torch.ones(len(born), dtype=torch.bool)
                keep[left] = False
                y, born = path[0, keep], born[keep]
                advance, path, square = places(len(born), False)
                path[0] = y
        return case.escaped(total, censored, number)

    without_gradients: Callable[[float], Work] = torch.inference_mode()(work)
    return without_gradients


def _spread(torch: Any, case: Case, dtype: Any, compiled: bool) -> Callable[[float], Work]:
    d, every = case.dimension, case.record or case.steps
    begin = {"sgd": _sgd, "momentum": _momentum, "adam": _adam, "adai": _adai}[case.rule]

    @cache
    def ready(width: int) -> tuple[Rule, Step]:
        rule = begin(torch, case, (d, width), dtype)
        return rule, _with_normals(torch, rule.step, (d, width), dtype, compiled)

    def work(scale: float) -> Work:
        torch.manual_seed(1)
        number = case.number(scale)
        width = math.gcd(number, max(NUMBERS // d // 128, 1) * 128)
        rule, advance = ready(width)
        second = torch.zeros(case.steps // every, d, d, dtype=dtype)
        for _ in range(number // width):
            state = [part.clone() for part in rule.rest]
            for t in range(1, case.steps + 1):
                advance(*state, *(factor[t] for factor in rule.factors))
                if t % every == 0:
                    second[t // every - 1].addmm_(state[0], state[0].T)
        return case.spread(second[-1].diagonal().double().mul(rule.unit**2 / number).numpy(), number)

    without_gradients: Callable[[float], Work] = torch.inference_mode()(work)
    return without_gradients


class Rule(NamedTuple):
    """An update rule on blocks (d, width), in units in which the noise of a step is 1.

    Parameters
    ----------
    rest
        State at rest, theta/unit first.
    step
        step(z, *state, *factors at t) changes the state and may spoil z.
    unit
        Of theta.
    factors
        Scalars that change with t, by t.
    """

    rest: list[Tensor]
    step: Step
    unit: float
    factors: tuple[Sequence[Tensor], ...] = ()


def _column(torch: Any, values: Any, dtype: Any) -> Tensor:
    return torch.as_tensor(values, dtype=dtype)[:, None]


def _sgd(torch: Any, case: Case, shape: Any, dtype: Any) -> Rule:
    keep = _column(torch, 1.0 - case.lr * case.curvatures, dtype)
    root = torch.as_tensor(case.noise_root, dtype=dtype)

    def step(z: Tensor, x: Tensor) -> None:
        x.mul_(keep).addmm_(root, z)

    return Rule([torch.zeros(shape, dtype=dtype)], step, case.lr)


def _momentum(torch: Any, case: Case, shape: Any, dtype: Any) -> Rule:
    h = _column(torch, -case.lr * case.beta3 * case.curvatures, dtype)

    def step(z: Tensor, x: Tensor, m: Tensor) -> None:
        m.mul_(case.beta1).add_(z).addcmul_(x, h)
        x.add_(m)

    return Rule([torch.zeros(shape, dtype=dtype) for _ in range(2)], step, case.lr * case.beta3 * case.variance**0.5)


def _adam(torch: Any, case: Case, shape: Any, dtype: Any) -> Rule:
    """Sums take the place of means: M = m/(1 - beta1), V = v/(1 - beta2)."""
    s = case.variance**0.5
    h = _column(torch, case.lr / s * case.curvatures, dtype)
    t = torch.arange(case.steps + 1, dtype=torch.float64)
    sum1 = (1.0 - case.beta1**t) / (1.0 - case.beta1)
    sum2 = (1.0 - case.beta2**t) / (1.0 - case.beta2)
    factors = tuple(factor.to(dtype).unbind() for factor in (sum1 / sum2**0.5, case.eps / s * sum1))

    def step(z: Tensor, x: Tensor, m: Tensor, v: Tensor, share: Tensor, eps: Tensor) -> None:
        z.addcmul_(x, h)
        m.mul_(case.beta1).add_(z)
        v.mul_(case.beta2).addcmul_(z, z)
        torch.sqrt(v, out=z).mul_(share).add_(eps)
        x.addcdiv_(m, z, value=-1.0)

    return Rule([torch.zeros(shape, dtype=dtype) for _ in range(3)], step, case.lr, factors)


def _adai(torch: Any, case: Case, shape: Any, dtype: Any) -> Rule:
    h = _column(torch, case.lr * case.curvatures, dtype)

    def step(z: Tensor, x: Tensor, m: Tensor, v: Tensor, product: Tensor, mu: Tensor) -> None:
        z.addcmul_(x, h)
        v.mul_(case.beta2).addcmul_(z, z)
        torch.mul(v, -case.beta0 / v.mean(0), out=mu).add_(1.0).clamp_(0.0, 1.0 - case.eps)
        product.mul_(mu)
        torch.lerp(z, m, mu, out=m)
        torch.sub(1.0, product, out=z)
        x.addcdiv_(m, z, value=-1.0)

    x, m, v, mu = (torch.zeros(shape, dtype=dtype) for _ in range(4))
    return Rule([x, m, v, torch.ones(shape, dtype=dtype), mu], step, case.lr * case.variance**0.5)
