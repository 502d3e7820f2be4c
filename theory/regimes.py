"""Where each statement holds: bounds on its dimensionless numbers."""

from typing import NamedTuple


class Bound(NamedTuple):
    """A bound on a dimensionless number.

    Parameters
    ----------
    number
        Its name in ``regime`` or ``spread_regime``.
    value
        The bound.
    below
        Whether the number must stay below it; above otherwise.
    """

    number: str
    value: float
    below: bool


BOUNDS: dict[str, tuple[Bound, ...]] = {
    "theorem-1": (Bound("lr_times_curvature", 0.1, True),),
}


def outside(statement: str, numbers: dict[str, float]) -> list[str]:
    """Return the bounds of a statement that these numbers break, each as one phrase; none inside its regime."""
    return [
        f"{bound.number} = {numbers[bound.number]:.3g} is {'above' if bound.below else 'below'} {bound.value:g}"
        for bound in BOUNDS.get(statement, ())
        if bound.number in numbers and (numbers[bound.number] > bound.value) is bound.below
    ]
