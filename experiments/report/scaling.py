"""The result of ``saddlescape bench scaling``."""

from typing import Any

from ..figures.scaling import draw
from ..scaling import Growth, Point, ScalingResult, ScalingRun
from ..scaling_sweeps import SWEEPS
from ..scaling_worker import Sample
from ..verdict import AGREES
from .again import command
from .interface import CONTRADICTED, Block, Claim, Made, Picture, Prose, Section, Source, Table


def section(source: Source) -> Section:
    """Return how cost grows as a section."""
    told = source.told
    blocks: list[Block] = []
    result = restored(told)
    if result is not None and result.sweeps:
        blocks.append(Picture(draw(result), _alt(result), _caption(result)))
    for name, sweep in told["sweeps"].items():
        blocks.append(_table(name, sweep))
        blocks += [Prose(text) for text in _remarks(name, sweep)]
    machine = ", ".join(f"{name} {value}" for name, value in told["machine"].items())
    asked = (
        "How does cost grow with trajectories, dimension, steps and threads? Calls of one run on one machine, "
        f"{told['rounds']} interleaved {'round' if told['rounds'] == 1 else 'rounds'}, set-up told apart from the "
        f"steps ({machine})."
        + (" The run was interrupted: this is what was measured by then." if told["interrupted"] else "")
    )
    claims = tuple(
        Claim(
            f"Scaling, {name}",
            "one thread, to the last bit",
            AGREES if sweep["same_digest"] else CONTRADICTED,
            compared=sum(len(each["points"]) for each in sweep["series"].values()),
        )
        for name, sweep in told["sweeps"].items()
        if "same_digest" in sweep
    )
    again = command(
        "bench",
        "scaling",
        sweeps=",".join(told["sweeps"]),
        rounds=told["rounds"],
        quick=told["quick"],
        seed=told["seed"],
    )
    return Section("How cost grows", asked, claims, tuple(blocks), Made(again, told["version"]), source.name)


def restored(told: dict[str, Any]) -> ScalingResult | None:
    """Return the result that a JSON object tells of; None where it does not tell the single rounds."""
    sweeps = {}
    for name, sweep in told["sweeps"].items():
        points = []
        for series, curve in sweep["series"].items():
            for point in curve["points"]:
                if "samples" not in point:
                    return None
                common = {"units": point["units"], "useful_share": point.get("useful_share"), "digest": point["digest"]}
                samples = tuple(Sample(**each, **common) for each in point["samples"])
                points.append(Point(series, point[name], samples, point.get("peak_bytes")))
        sweeps[name] = Growth(SWEEPS[name], tuple(points))
    run = ScalingRun(",".join(sweeps), told["rounds"], told["quick"], told["seed"])
    return ScalingResult(run, sweeps, told["seconds"], told["interrupted"])


def _table(name: str, sweep: dict[str, Any]) -> Table:
    rows: list[Any] = []
    for series, curve in sweep["series"].items():
        for point in curve["points"]:
            last = point["speed_up"] if name == "threads" else point["wall_ns"]
            rows.append(
                (point[name], series, *(point["cpu_ns"][word] for word in ("median", "low", "high")), last["median"])
            )
    last = "speed-up" if name == "threads" else "wall ns, median"
    headings = (name, "of", "CPU ns, median", "CPU ns, lowest", "CPU ns, highest", last)
    return Table(f"{sweep['says'][0].upper()}{sweep['says'][1:]}: per {sweep['unit']}", headings, rows)


def _remarks(name: str, sweep: dict[str, Any]) -> list[str]:
    said = []
    for series, curve in sweep["series"].items():
        if fit := curve.get("exponent"):
            power = f"{fit['exponent']:.3f} [{fit['low']:.3f}, {fit['high']:.3f}]"
            said.append(f"{series}: all work grows as {name} to the power {power}.")
    if sweep.get("bytes_per_trajectory") is not None:
        said.append(f"Memory grows by {sweep['bytes_per_trajectory']:.3g} bytes a trajectory.")
    return said


def _caption(result: ScalingResult) -> str:
    rounds = "One round" if result.run.rounds == 1 else f"Medians of {result.run.rounds} rounds with lowest and highest"
    return (
        f"{rounds}: cost per unit of useful work over {', '.join(result.sweeps)}; exponents are of all work's CPU time."
    )


def _alt(result: ScalingResult) -> str:
    return (
        f"{len(result.sweeps)} panels: cost per unit of useful work against {', '.join(result.sweeps)}; level curves "
        "mean that all work grows in proportion."
    )
