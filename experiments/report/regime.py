"""The result of ``saddlescape regime``."""

from typing import Any

import numpy as np

from ...theory.regime_planes import planes
from ...theory.regime_planes.plane import PRINTED
from ...theory.statements import STATEMENTS
from ..figures.regime import Bound, Data, Map, alt, caption, draw
from .again import command, digest_of
from .interface import Block, Made, Picture, Prose, Section, Source, Stated, Table


def section(source: Source) -> Section:
    """Return a statement's regime as a section."""
    told = source.told
    name = told["statement"]
    known = {plane.name: plane for plane in planes(name)}
    maps = tuple(
        _map(plane, form, known[plane["name"]], told) for plane in told["planes"] for form in plane["log_ratios"]
    )
    drawn = Data(name, told["tolerance"], maps)
    words = name.replace("-", " ").capitalize()
    blocks: list[Block] = [Picture(draw(drawn), alt(drawn), caption(drawn)), Stated(name), *_bounds(told)]
    blocks += [Prose(f"{plane['name']}: {plane['says']}.") for plane in told["planes"]]
    asked = (
        f"Where does {words} hold, and how far is it off elsewhere? {STATEMENTS[name]}: its closed form over what is "
        f"exact, on {len(told['planes'])} planes of dimensionless numbers, without sampling, and the bounds within "
        f"which it is off by {100.0 * told['tolerance']:.3g} % at most."
    )
    points = _points(told, known)
    again = command("regime", name, tolerance=told["tolerance"], points=points)
    made = Made(again, told["version"], digest_of(told), "all numbers but the clock's")
    return Section(f"Where {words} holds", asked, (), tuple(blocks), made, source.name)


def _map(plane: dict[str, Any], form: str, known: Any, told: dict[str, Any]) -> Map:
    found = next(each["regime"] for each in told["found"] if each["form"] == form and plane["name"] in each["planes"])
    nowhere = bool(plane["never"]) and form == PRINTED
    bounds = []
    for bound in found["bounds"] or ():
        logs = np.zeros((0, 0))
        if bound["number"] in plane["numbers"] and not nowhere:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log(np.array(plane["numbers"][bound["number"]], dtype=np.float64) / bound["value"])
        bounds.append(Bound(bound["number"], float(bound["value"]), bool(bound["below"]), logs))
    x, y = (np.array(plane[axis]["values"], dtype=np.float64) for axis in ("x", "y"))
    ratio = np.array(plane["log_ratios"][form], dtype=np.float64)
    share = float("nan") if found["share"] is None else float(found["share"])
    marks = tuple((float(mark.x), float(mark.y)) for mark in known.marks)
    return Map(
        known.name,
        form,
        x,
        y,
        known.x.tex,
        known.y.tex,
        ratio,
        tuple(bounds),
        share,
        bool(plane["upper"]),
        nowhere,
        marks,
    )


def _bounds(told: dict[str, Any]) -> list[Block]:
    """Return the bounds that were found of each form, and how good it is within."""
    blocks: list[Block] = []
    size = f"{100.0 * told['tolerance']:.3g} %"
    for found in told["found"]:
        regime = found["regime"]
        form, where = "As printed" if found["form"] == PRINTED else "Our form", ", ".join(found["planes"])
        if regime["bounds"]:
            rows = [
                (bound["number"].replace("_", " "), "at most" if bound["below"] else "at least", bound["value"])
                for bound in regime["bounds"]
            ]
            caption_of = f"{form}: bounds within which it is off by {size} at most"
            share, worst = (f"{100.0 * regime[name]:.3g} %" for name in ("share", "worst"))
            together = f"They hold together on the planes {where}, and leave {share} of their area"
            blocks.append(Table(caption_of, ("number", "is", "bound"), rows))
            blocks.append(Prose(f"{together}, on which the form is off by {worst} at worst."))
        elif regime["bounds"] is None:
            blocks.append(Prose(f"{form}, on the planes {where}: nowhere within {size}."))
        else:
            blocks.append(Prose(f"{form}, on the planes {where}: it holds anywhere on what was scanned."))
    return blocks


def _points(told: dict[str, Any], known: dict[str, Any]) -> int | None:
    """Return the number of points that was asked for; None where each plane has its own."""
    sizes = [
        (len(plane[axis]["values"]), getattr(known[plane["name"]], axis), known[plane["name"]].points[k])
        for plane in told["planes"]
        for k, axis in enumerate(("x", "y"))
    ]
    if all(size == len(axis.values(own)) for size, axis, own in sizes):
        return None
    # An odd number of a centred axis may be one more than was asked for.
    asked = sorted({size - less for size, _, _ in sizes for less in (0, 1)})
    return next((points for points in asked if all(size == len(axis.values(points)) for size, axis, _ in sizes)), None)
