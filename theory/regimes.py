"""Where each statement holds: bounds on its dimensionless numbers, found by scanning its planes (regime_planes/)."""

from typing import NamedTuple


class Bound(NamedTuple):
    """A bound on a dimensionless number.

    Parameters
    ----------
    number
        Its name in ``regime``, ``spread_regime`` or a derivation's conditions.
    value
        The bound.
    below
        Whether the number must stay below it; above otherwise.
    reason
        Why the statement cannot hold beyond, where no other number helps.
    """

    number: str
    value: float
    below: bool
    reason: str = ""

    def broken(self, number: float) -> bool:
        """Say whether a number is beyond the bound."""
        return number > self.value if self.below else number < self.value


TOLERANCE = 0.1
"""Relative error of the printed closed form against the exact reference that the stored bounds allow."""

ANTI_ITO = (
    "C changes on the way, and under Eq. 3 the printed prefactor is anti-Ito's, off by H_ae/|H_be| at any barrier"
)
HELD = "C changes on the way, which second moments held at the minimum do not follow: off at any barrier"

BOUNDS: dict[str, tuple[Bound, ...]] = {
    "equation-3": (
        Bound("fisher_over_hessian", 1.1, True),
        Bound("fisher_over_hessian", 0.95, False),
        Bound("gradient_over_noise", 0.04, True),
        Bound("batch_over_samples", 0.09, True),
    ),
    "theorem-1": (Bound("lr_times_curvature", 0.05, True), Bound("lr_growth", 0.06, True)),
    "theorem-1, short form": (Bound("curvature_time", 0.095, True),),
    "theorem-2": (
        Bound("friction_time", 25.0, False),
        Bound("curvature_over_friction", 0.06, True),
        Bound("growth", 0.06, True),
    ),
    "theorem-3": (
        Bound("barrier_over_temperature", 5.0, False),
        Bound("lr_times_curvature", 0.3, True),
        Bound("friction_action_over_temperature", 10.5, False),
        Bound("noise_ratio", 1.05, True, ANTI_ITO),
    ),
    "theorem-4": (),
    "proposition-1": (Bound("friction_time", 25.0, False), Bound("curvature_over_friction", 0.07, True)),
    "proposition-2": (Bound("barrier_over_temperature", 2.0, False), Bound("noise_ratio", 1.02, True, HELD)),
    "proposition-3": (Bound("friction_time", 25.0, False), Bound("inertia_trace", 0.015, True)),
    "proposition-4": (Bound("barrier_over_temperature", 2.0, False), Bound("noise_ratio", 1.02, True, ANTI_ITO)),
    "flatness-selection": (Bound("barrier_over_temperature", 2.0, False),),
}
"""Statement -> bounds within which the printed form is within TOLERANCE everywhere on its planes; "STATEMENT, PLANE" is
a plane whose bounds are its own. They are the result of a scan, rounded inwards, and hold on what was scanned;
``saddlescape regime`` finds them for another error. Theorem 4 is a bound from above, and is nowhere broken."""


def outside(statement: str, numbers: dict[str, float]) -> list[str]:
    """Return the bounds of a statement that these numbers break, each as one phrase; none inside its regime.

    A number that a run does not have is not looked at.
    """
    return [
        f"{bound.number} = {numbers[bound.number]:.3g} is {'above' if bound.below else 'below'} {bound.value:g}"
        + (f": {bound.reason}" if bound.reason else "")
        for bound in BOUNDS.get(statement, ())
        if bound.number in numbers and bound.broken(numbers[bound.number])
    ]
