"""The closed forms of an escape time along a way: as printed, and ours where the printed one errs."""

import math
from typing import Any

import numpy as np

from ..dynamics.adai import Adai
from ..dynamics.adam import Adam
from ..landscapes.interface import Vector, hessian_at
from . import kramers
from .closed_form import closed_form
from .line import Passage
from .particle import Particle
from .reference import Reference, from_log_time
from .second_moments import Frozen, frozen, variances

COMMITTED = 1.0
"""Units of T that the exit must lie below the saddle for a closed form to say anything."""
CONVENTION = {0.0: "Ito", 0.5: "Stratonovich", 1.0: "anti-Ito"}


def closed_forms(way: Passage, p: Particle) -> tuple[Reference, Reference]:
    """Return the printed closed form and ours."""
    if not way.straight:
        return _curved(way, p)
    problem = _unfit(way, p)
    if problem:
        nothing = Reference(None, "Theorem 3", problem, time_step=p.time_step)
        return nothing, nothing._replace(source="Kramers")
    h_a, h_b = _curvatures(way)
    exponent = kramers.climb(way, p.lr)
    root, factor, ours = _kramers(way, p)
    b = kramers.batch_size(way)
    if b is not None:
        closed = from_log_time(
            float(closed_form("theorem-3", "log_escape_time")(h_b, exponent, p.friction, p.friction_mass)),
            "Theorem 3" + _with_share("theorem-3", exponent, h_a, h_b, way.way.barrier, b, p.lr),
            "as printed: low temperature, and the anti-Ito prefactor 1/|H_be|",
            p,
        )
    else:
        closed = from_log_time(
            ours,
            f"Kramers{_rooted(root)}" + ("" if abs(factor - 1.0) < 1e-9 else f", K = {factor:.4g}"),
            "C is not |H|/B along e (Eq. 3): the general one-dimensional form for Theorem 3; low temperature",
            p,
        )
    return closed, _corrected(way, p, ours, root)


def _unfit(way: Passage, p: Particle) -> str:
    """Return why no closed form applies to a straight way; nothing where one does."""
    h_a, h_b = _curvatures(way)
    drop = -p.friction_mass * kramers.climb(way, p.lr, way.saddle, way.exit) if way.exit > way.saddle else 0.0
    if not (h_a > 0.0 and h_b > 0.0):
        return f"curvature along e is {h_a:g} at the minimum and {-h_b:g} at the saddle: it must be above and below 0"
    if way.start >= way.saddle:
        return "the start lies beyond the saddle"
    if drop < COMMITTED:
        return f"the exit lies only {drop:.2g} T below the saddle: a trajectory there is not yet committed"
    return ""


def _curvatures(way: Passage) -> tuple[float, float]:
    """Return H_ae and |H_be|."""
    h_a, h_b = (float(v) for v in way.line.curvature([way.minimum, way.saddle]))
    return h_a, -h_b


def _kramers(way: Passage, p: Particle) -> tuple[float, float, float]:
    """Return the Kramers root, the convention's factor and ln tau with both."""
    h_a, h_b = _curvatures(way)
    d_a, d_b = (0.5 * p.lr * float(v) for v in way.line.variance([way.minimum, way.saddle]))
    root = float(closed_form("theorem-3", "kramers_root")(h_b, p.friction, p.friction_mass))
    factor = float(closed_form("theorem-3", "convention_factor")(p.convention, d_a, d_b))
    log_time = closed_form("theorem-3", "log_kramers")
    return root, factor, float(log_time(h_a, h_b, kramers.climb(way, p.lr), factor * root, p.friction_mass))


def _with_share(statement: str, exponent: float, h_a: float, h_b: float, *more: float) -> str:
    """Return the words for s; it has no value, and no effect, where both curvatures are one."""
    if h_a == h_b:
        return ""
    return f" with s = {float(closed_form(statement, 'share')(exponent, h_a, h_b, *more)):.4g}"


def _rooted(root: float) -> str:
    return ", Kramers root" if root > 1.0 else ""


def _corrected(way: Passage, p: Particle, ours: float, root: float, rates: Vector | None = None) -> Reference:
    source = f"Kramers, K of the {CONVENTION[p.convention]} convention{_rooted(root)}"
    lag = 0.0
    if p.lag > 0.0:
        weight = kramers.jump_weight(p.lr, p.keep) if p.iterated else kramers.jump_weight(1.0 / p.friction)
        lag = kramers.lag_correction(way, p.lr, p.lag, weight)
        if abs(lag) > 1e-10:
            source += ", first correction of the exponent"
    valley = kramers.transverse_factor(way, rates)
    if valley is None:
        turning = "the directions across the way turn between minimum and saddle"
        return Reference(None, source, turning, time_step=p.time_step)
    reason = "low temperature"
    if abs(lag) > 1e-10:
        reason += f"; the exponent is changed by {lag:.3g}, to leading order in lr, or in max|H|/(gamma^2 M) below 0.1"
    if valley != 0.0:
        source += ", transverse factor"
        reason += "; the directions across relax fast, and the noise along e does not change across"
    return from_log_time(ours + lag + valley, source, reason, p)


def second_moment_forms(way: Passage, rule: Any) -> tuple[Reference, Reference]:
    """Return Proposition 2 (Adam) or 4 (Adai) as printed, and ours with the second moments held at the minimum."""
    name = "Proposition 2" if isinstance(rule, Adam) else "Proposition 4"
    held = frozen(way, rule)
    problem = held if isinstance(held, str) else ""
    if not problem and not way.straight:
        problem = "the way from minimum to saddle is not straight along e"
    if isinstance(held, str) or problem:
        nothing = Reference(None, name, problem, time_step=rule.time_step())
        return nothing, nothing._replace(source="Kramers")
    problem = _unfit(way, held.particle)
    if problem:
        nothing = Reference(None, name, problem, time_step=rule.time_step())
        return nothing, nothing._replace(source="Kramers")
    printed = _adam(way, rule, held) if isinstance(rule, Adam) else _adai(way, rule, held)
    root, _, ours = _kramers(way, held.particle)
    corrected = _corrected(way, held.particle, ours + math.log(held.stretch), root, held.rates)
    kept = "v" if isinstance(rule, Adam) else f"1 - mu = {1.0 - held.particle.keep:.4g}"
    return printed, corrected._replace(
        source=f"{corrected.source}, {kept} as at the minimum",
        reason=f"{corrected.reason}; lr_e |H_b| is above 1 - beta2, so that v does not follow the path",
    )


def _adam(way: Passage, rule: Adam, held: Frozen) -> Reference:
    """Return Proposition 2 as printed, or its general form where the noise is not Eq. 3's."""
    (h_a, h_b), b = _curvatures(way), kramers.batch_size(way)
    bottom, top = (np.diag(hessian_at(way.line.landscape, point)) for point in (way.way.minimum, way.way.saddle))
    across = np.abs(way.line.direction) < 0.5
    if not (np.all(bottom[across] > 0.0) and np.all(top[across] > 0.0)):
        problem = "a direction across the way does not curve upwards at minimum and saddle"
        return Reference(None, "Proposition 2", problem, time_step=rule.time_step())
    v_a, v_b = held.second_moments, variances(way, way.way.saddle)
    climbed = kramers.rescaled_climb(way)
    if b is not None and all(np.allclose(v * b, np.abs(h), rtol=1e-9) for v, h in ((v_a, bottom), (v_b, top))):
        s = 0.5 if h_a == h_b else closed_form("proposition-2", "share")(climbed, h_a, h_b, way.way.barrier, b)
        volume = float(np.sum(np.log(np.abs(top / bottom))))
        log_time = closed_form("proposition-2", "log_escape_time")(
            h_a, h_b, way.way.barrier, b, rule.lr, s, rule.beta1, volume
        )
        source = "Proposition 2" + ("" if h_a == h_b else f" with s = {float(s):.4g}")
        return from_log_time(
            float(log_time), source, "as printed: low temperature, and v = C along the way", held.particle
        )
    volume = float(np.sum(np.log((top / np.sqrt(v_b))[across] / (bottom / np.sqrt(v_a))[across])))
    c_a, c_b = (float(c) for c in way.line.variance([way.minimum, way.saddle]))
    log_time = closed_form("proposition-2", "log_general")(h_a, h_b, c_a, c_b, climbed, rule.lr, rule.beta1, volume)
    reason = "C is not |H|/B (Eq. 3): Proposition 2 with H/v^(1/2) and lr C/(2v), v = C along the way; low temperature"
    return from_log_time(float(log_time), "Proposition 2, general form", reason, held.particle)


def _adai(way: Passage, rule: Adai, held: Frozen) -> Reference:
    """Return Proposition 4 as printed, or its general form where the noise is not Eq. 3's."""
    h_a, h_b = _curvatures(way)
    v = variances(way, way.way.saddle)
    c_b = float(way.line.variance([way.saddle])[0])
    # |H_be| / (share of v_e in the trace) is ||H_b||_1 under Eq. 3.
    size, exponent, b = h_b * float(v.sum()) / c_b, kramers.climb(way, rule.lr), kramers.batch_size(way)
    given = (rule.lr, rule.beta0, len(v), size)
    if b is not None:
        log_time = closed_form("proposition-4", "log_escape_time")(h_b, exponent, *given)
        source = "Proposition 4" + _with_share("theorem-3", exponent, h_a, h_b, way.way.barrier, b, rule.lr)
        reason = "as printed: low temperature, mu = 1 - beta0 C_e/mean(C) at the saddle, and the prefactor 1/|H_be|"
        return from_log_time(float(log_time), source, reason, held.particle)
    _, factor, _ = _kramers(way, held.particle)
    root = float(closed_form("proposition-4", "root")(size, rule.lr, rule.beta0, len(v)))
    log_time = closed_form("theorem-3", "log_kramers")(h_a, h_b, exponent, factor * root, 1.0)
    reason = "C is not |H|/B along e (Eq. 3): Theorem 3's general form with mu at the saddle; low temperature"
    return from_log_time(float(log_time), "Kramers, root of Proposition 4", reason, held.particle)


def _curved(way: Passage, p: Particle) -> tuple[Reference, Reference]:
    """Return the closed forms where the saddle does not lie straight ahead of the minimum."""
    bent = "the way from minimum to saddle is not straight along e, so that s is not defined"
    closed = Reference(None, "Theorem 3", bent, time_step=p.time_step)
    ours = closed._replace(
        source="Eyring-Kramers", reason="the way is not straight, nor the noise constant and isotropic"
    )
    c = kramers.isotropic_variance(way)
    if c is None:
        return closed, ours
    bottom, top = (hessian_at(way.line.landscape, x) for x in (way.way.minimum, way.way.saddle))
    unstable = -float(np.linalg.eigvalsh(top)[0])
    root = float(closed_form("theorem-3", "kramers_root")(unstable, p.friction, p.friction_mass))
    log_time = kramers.log_eyring_kramers(bottom, top, way.way.barrier / (0.5 * p.lr * c), p.friction_mass)
    source = f"Eyring-Kramers{_rooted(root)}"
    return closed, from_log_time(log_time + math.log(root), source, "low temperature, constant isotropic noise", p)
