"""The same setting at lower temperatures: weaker noise, or a smaller learning rate."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

WAYS = {"noise": "by weaker noise", "lr": "by a smaller learning rate"}
"""How the temperature can be lowered, and how that is said."""
SCALES = {"batch_size": 1.0, "variance": -1.0}
"""Field of a noise -> power of a factor that divides the covariance by it."""


class Place(NamedTuple):
    """A setting at one temperature.

    Parameters
    ----------
    climb
        Barrier over temperature, the rule's own.
    landscape, noise, rule
        What is run.
    """

    climb: float
    landscape: Any
    noise: Any
    rule: Any


def climb_of(landscape: Any, noise: Any, rule: Any) -> float:
    """Return the barrier over the temperature, the rule's own.

    Raises
    ------
    ValueError
        Where there is none.
    """
    from ...theory.regime_numbers import regime

    found = regime(landscape, noise, rule).get("barrier_over_temperature")
    if found is None:
        raise ValueError(
            f"landscape={type(landscape).__name__} with {type(noise).__name__} has no barrier over a temperature: "
            "the way to the saddle must be straight, and the noise nowhere 0 on it"
        )
    return found


def field_of(noise: Any) -> str:
    """Return the field by which a noise is made weaker.

    Raises
    ------
    ValueError
        Where it has none.
    """
    for name in SCALES:
        if name in getattr(noise, "_fields", ()):
            return name
    raise ValueError(f"noise={type(noise).__name__} has no field {' or '.join(SCALES)} to be cooled by")


def cooled(landscape: Any, noise: Any, rule: Any, climbs: npt.ArrayLike, way: str = "noise") -> list[Place]:
    """Return a setting at each barrier over the temperature, the hottest first.

    Parameters
    ----------
    landscape, noise, rule
        Checked; the hottest has this rule, and a noise that makes its temperature.
    climbs
        Barriers over the temperature, (P,).
    way
        One of WAYS.

    Raises
    ------
    ValueError, TypeError
        Where a climb is out of bounds or the setting cannot be cooled so.
    """
    from ...landscapes.checks import vector

    wanted = np.unique(vector("climbs", climbs))
    if len(wanted) == 0 or not np.all(wanted > 0.0):
        raise ValueError(f"climbs={wanted} must be numbers above 0: they are barriers over the temperature")
    field = field_of(noise)

    def noise_of(cooler: float) -> Any:
        return noise._replace(**{field: getattr(noise, field) * cooler ** SCALES[field]}).check()

    # The climb goes with the covariance's power -1, or -1/2 for Adam, whose steps are divided by its root.
    now = climb_of(landscape, noise, rule)
    power = np.log(climb_of(landscape, noise_of(2.0), rule) / now) / np.log(2.0)
    made = []
    for climb in wanted:
        colder = float(climb / wanted[0])
        weaker = noise_of(float(((climb if way == "noise" else wanted[0]) / now) ** (1.0 / power)))
        slower = rule._replace(lr=rule.lr / colder).check() if way == "lr" else rule
        made.append(Place(climb_of(landscape, weaker, slower), landscape, weaker, slower))
    return made
