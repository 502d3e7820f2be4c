"""What every run is given, checked before anything runs: parts, trajectory numbers, the start."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..landscapes.checks import vector, whole
from ..landscapes.eigen_directions import spectrum
from ..landscapes.interface import Vector
from ..landscapes.pairs import check_pair
from .evaluate import noise_root
from .interface import max_time_step

Progress: TypeAlias = Callable[[int, int, int], None]
"""Called now and then with (trajectories over, trajectories in all, steps taken)."""

Momentum: TypeAlias = Literal["rest", "thermal"]
GeneratorName: TypeAlias = Literal["xoshiro", "threefry"]
NormalsName: TypeAlias = Literal["float64", "float32"]


def checked_parts(landscape: Any, noise: Any, rule: Any) -> tuple[Any, Any, Any]:
    """Return landscape, noise and rule, each checked, and with one another."""
    landscape, noise, rule = landscape.check(), noise.check(), rule.check()
    check_pair(landscape, noise)
    return landscape, noise, rule


def trajectory_numbers(trajectories: Any) -> range:
    """Return the trajectory numbers of an ensemble."""
    if isinstance(trajectories, range):
        if trajectories.step != 1 or trajectories.start < 0 or len(trajectories) == 0:
            raise ValueError(f"trajectories={trajectories} must be a range of numbers from 0 up, one by one")
        return trajectories
    return range(whole("trajectories", trajectories, 1))


def starting_point(origin: npt.ArrayLike, landscape: Any) -> Vector:
    """Return origin as a point of the landscape."""
    point = vector("origin", origin)
    if len(point) != landscape.dimension:
        raise ValueError(f"origin has {len(point)} coordinates; the landscape has {landscape.dimension}")
    return point


def start_of(landscape: Any, noise: Any, origin: Vector, momentum: str, seed: Any) -> Any:
    """Return what a kernel needs to know of the start, a ``kernels.Start``."""
    from .kernels import Start

    if momentum not in ("rest", "thermal"):
        raise ValueError(f"momentum={momentum!r} must be 'rest' or 'thermal'")
    if not 0 <= whole("seed", seed, 0) < 2**64:
        raise ValueError(f"seed={seed} must be below 2^64: it is a key of 64 bits")
    root = noise_root(landscape, noise, origin) if momentum == "thermal" else np.zeros((0, 0))
    return Start(np.ascontiguousarray(origin, np.float64), root, np.uint64(seed))


def random_source(generator: Any, normals: Any) -> Any:
    """Return the ``streams.Source`` of these names."""
    from .streams import GENERATORS, NORMALS, Source

    for name, given, known in (("generator", generator, GENERATORS), ("normals", normals, NORMALS)):
        if given not in known:
            raise ValueError(f"{name}={given!r} must be one of {', '.join(map(repr, known))}")
    return Source(GENERATORS[generator](), NORMALS[normals]())


def check_stable(landscape: Any, rule: Any, points: Sequence[Vector | None]) -> None:
    """Refuse a rule whose noiseless iteration diverges at one of the points."""
    curvature = max(float(spectrum(landscape, p).max()) for p in points if p is not None)
    if not curvature > 0.0:
        return
    largest = max_time_step(rule, curvature)
    step = rule.time_step()
    if step > largest:
        name = "lr" if "lr" in rule._fields and "dt" not in rule._fields else "dt"
        others = [f"{f}={v:g}" for f, v in rule._asdict().items() if f != name and isinstance(v, float) and v != 0.0]
        raise ValueError(
            f"{name}={step:g} is unstable on the curvature {curvature:g} of {type(landscape).__name__}"
            + (f" with {', '.join(others)}" if others else "")
            + f": it must be at most {largest:g}, beyond which every step grows"
        )
