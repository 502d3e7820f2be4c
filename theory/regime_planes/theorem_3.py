"""Theorem 3: SGD and heavy ball out of a minimum, with constant noise and with Eq. 3's, as printed and ours."""

from typing import Any

from ...dynamics.sgd import SGD
from ...dynamics.underdamped import UnderdampedLangevin
from ...landscapes.hessian_noise import HessianNoise
from ...landscapes.isotropic_noise import IsotropicNoise
from ...landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from ...landscapes.quartic_well import QuarticWell
from .escapes import batch_for, row_of
from .plane import Axis, Candidate, Mark, Plane

BARRIER = Axis("barrier/T", "barrier over temperature", 2.0, 20.0)
STEP = Axis("lr max|H|", r"step, $\eta\,\max|H|$", 0.01, 1.0)
ROOT = Axis("4|H_b|/(gamma^2 M)", r"stiffness, $4|H_b|\,/\,(\gamma^2 M)$", 0.03, 300.0)
RATIO = Axis("H_a/|H_b|", r"curvatures, $H_a\,/\,|H_b|$", 0.25, 4.0, centred=True)
SMALL = 0.02
"""lr max|H| where something else is varied."""
ANTI_ITO = "under Eq. 3 the printed 1/|H_b| is anti-Ito's prefactor: off by H_a/|H_b| at every barrier and step"
TEMPERATURE = Candidate("barrier_over_temperature", False)
INERTIA = (Candidate("saddle_curvature_over_friction", True), Candidate("friction_action_over_temperature", False))


def planes() -> tuple[Plane, ...]:
    """Return the planes: SGD with constant noise and with Eq. 3's, and heavy ball with both."""
    heavy = BARRIER._replace(high=10.0)
    return (
        Plane(
            "SGD, constant noise",
            "quartic well; the general form over the iteration, exactly",
            BARRIER,
            STEP,
            row_of(_quartic),
            (TEMPERATURE, Candidate("lr_times_curvature", True)),
            points=(11, 11),
            # lr .05, B .5, .8 and 1.2.
            marks=tuple(Mark(x, 0.1) for x in (2.5, 4.0, 6.0)),
        ),
        Plane(
            "SGD, Eq. 3, curvatures",
            f"piecewise-quadratic well, lr max|H| = {SMALL:g}; both forms over the iteration, exactly",
            BARRIER,
            RATIO,
            row_of(_ratio),
            (TEMPERATURE, Candidate("noise_ratio", True)),
            points=(7, 13),
        ),
        Plane(
            "SGD, Eq. 3, steps",
            "piecewise-quadratic well, H_a/|H_b| = 2; both forms over the iteration, exactly",
            BARRIER,
            STEP,
            row_of(_steps),
            (TEMPERATURE, Candidate("lr_times_curvature", True)),
            points=(9, 9),
            never=ANTI_ITO,
            marks=(Mark(5.83, 0.04), Mark(8.33, 0.02)),
        ),
        Plane(
            "heavy ball, constant noise",
            "quartic well; the general form over the particle's diffusion, exactly",
            heavy,
            ROOT,
            row_of(_particle),
            (TEMPERATURE, *INERTIA),
            points=(5, 7),
            marks=(Mark(5.0, 2.0),),
        ),
        Plane(
            "heavy ball, Eq. 3",
            "piecewise-quadratic well, H_a/|H_b| = 2; both forms over the particle's diffusion, exactly",
            heavy,
            ROOT._replace(high=3.0),
            row_of(_particle_equation_3),
            (TEMPERATURE, *INERTIA),
            points=(4, 5),
            never=ANTI_ITO,
        ),
    )


def _quartic(climb: float, stiffness: float) -> tuple[Any, Any, Any]:
    return _constant(climb, SGD(0.5 * stiffness).check())


def _particle(climb: float, stiffness: float) -> tuple[Any, Any, Any]:
    return _constant(climb, _underdamped(stiffness))


def _constant(climb: float, rule: Any) -> tuple[Any, Any, Any]:
    """Return a run on the quartic well, max|H| = 2, |H_b| = 1 and dL = 1/4; T = lr C/2."""
    return QuarticWell().check(), IsotropicNoise(0.5 / (climb * rule.lr)).check(), rule


def _ratio(climb: float, ratio: float) -> tuple[Any, Any, Any]:
    return _equation_3(climb, ratio, SGD(SMALL / max(ratio, 1.0)).check())


def _steps(climb: float, stiffness: float) -> tuple[Any, Any, Any]:
    return _equation_3(climb, 2.0, SGD(0.5 * stiffness).check())


def _particle_equation_3(climb: float, stiffness: float) -> tuple[Any, Any, Any]:
    return _equation_3(climb, 2.0, _underdamped(stiffness))


def _equation_3(climb: float, ratio: float, rule: Any) -> tuple[Any, Any, Any]:
    """Return a run on the well of curvatures ratio and -1 with Eq. 3's noise."""
    well = PiecewiseQuadraticWell(curvature_min=ratio, curvature_saddle=1.0).check()
    return well, HessianNoise(batch_for(well, HessianNoise, rule.lr, climb)).check(), rule


def _underdamped(stiffness: float) -> Any:
    """Return the particle of gamma M = 1 with |H_b| = 1; its own step is no matter."""
    friction = 4.0 / stiffness
    return UnderdampedLangevin(dt=1e-3, friction=friction, mass=1.0 / friction, lr=0.01).check()
