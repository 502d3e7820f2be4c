"""Where does a statement hold? Its planes, scanned with what is exact, and bounds within which it is good enough."""

import time
from typing import Any, NamedTuple

from .. import __version__
from ..theory.regime_planes.plane import OURS, PRINTED, Report, Scan
from ..theory.regime_planes.search import Regime
from ..theory.regimes import BOUNDS, TOLERANCE
from .fields import plain


class Found(NamedTuple):
    """Bounds that were found.

    Parameters
    ----------
    name
        The statement, or "STATEMENT, PLANE" where a plane has bounds of its own.
    form
        "printed" or "ours".
    planes
        Names of the planes that they hold on together.
    regime
        The bounds, and how good the form is within.
    """

    name: str
    form: str
    planes: tuple[str, ...]
    regime: Regime


class RegimeResult(NamedTuple):
    """A statement's planes and its regime.

    Parameters
    ----------
    statement
        Its name.
    tolerance
        Relative error that the bounds allow.
    scans
        The planes, evaluated.
    found
        The bounds of each form.
    seconds
        How long it took.
    """

    statement: str
    tolerance: float
    scans: list[Scan]
    found: list[Found]
    seconds: float

    def regime_of(self, scan: Scan, form: str) -> Regime:
        """Return the bounds of a form that hold on a plane."""
        return next(f.regime for f in self.found if f.form == form and scan.plane.name in f.planes)

    def as_json(self) -> dict[str, Any]:
        """Return everything as one plain object."""
        return dict(
            plain(
                {
                    "statement": self.statement,
                    "tolerance": self.tolerance,
                    "planes": [_as_json(scan) for scan in self.scans],
                    "found": [each._asdict() | {"regime": _bounds_as_json(each.regime)} for each in self.found],
                    "stored": {
                        "tolerance": TOLERANCE,
                        "bounds": {
                            name: [bound._asdict() for bound in BOUNDS[name]]
                            for name in dict.fromkeys(each.name for each in self.found)
                            if name in BOUNDS
                        },
                    },
                    "seconds": self.seconds,
                    "version": __version__,
                }
            )
        )


def regime_experiment(
    statement: str, *, tolerance: float = TOLERANCE, points: int | None = None, report: Report | None = None
) -> RegimeResult:
    """Scan the planes of a statement and find the bounds within which its forms are within a relative error.

    Parameters
    ----------
    statement
        Name as in ``theory.statements.STATEMENTS``.
    tolerance
        The error, in (0, 1).
    points
        Values along each axis; each plane's own number if left out.
    report
        Told the share that is done and which plane is under way.

    Raises
    ------
    ValueError
        Where there is no such statement, or a number is out of bounds.
    """
    from ..theory.regime_planes import planes
    from ..theory.regime_planes.plane import scan
    from ..theory.regime_planes.search import find

    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance={tolerance:g} must lie in (0, 1): it is a relative error")
    if points is not None and points < 2:
        raise ValueError(f"points={points} must be at least 2: an axis has two ends")
    began = time.perf_counter()
    listed = planes(statement)
    scans: list[Scan] = []
    for k, plane in enumerate(listed):

        def told(share: float, name: str, k: int = k) -> None:
            if report is not None:
                report((k + share) / len(listed), name)

        scans.append(scan(plane, points, told))
    found = []
    for form in (PRINTED, OURS):
        chosen = [each for each in scans if form in each.log_ratios]
        shared = [each for each in chosen if not each.plane.own]
        groups = [(statement, shared)] if shared else []
        groups += [(f"{statement}, {each.plane.name}", [each]) for each in chosen if each.plane.own]
        found += [
            Found(name, form, tuple(each.plane.name for each in group), find(group, tolerance, form))
            for name, group in groups
        ]
    return RegimeResult(statement, tolerance, scans, found, time.perf_counter() - began)


def _as_json(scan: Scan) -> dict[str, Any]:
    plane = scan.plane
    return {
        "name": plane.name,
        "says": plane.says,
        "x": {"label": plane.x.label, "values": scan.x},
        "y": {"label": plane.y.label, "values": scan.y},
        "log_ratios": scan.log_ratios,
        "numbers": scan.numbers,
        "upper": plane.upper,
        "never": plane.never,
    }


def _bounds_as_json(regime: Regime) -> dict[str, Any]:
    bounds = None if regime.bounds is None else [bound._asdict() for bound in regime.bounds]
    return regime._asdict() | {"bounds": bounds}
