"""Folders of results made without a kernel, for tests of the report."""

import json
from pathlib import Path
from typing import Any

from saddlescape.experiments.plot import Plot
from saddlescape.experiments.record import save
from saddlescape.experiments.verdict import AGREES, DIFFERS, escape_verdict
from saddlescape.experiments.verification.setting import Known, Point
from saddlescape.experiments.verify import Verification, judge

from .results import TRUE_MEAN, escape_result, exponential_times, saddle_result


def verification(*, contradicted: bool = False) -> Verification:
    """Return a verification of two statements, with numbers of every outcome."""

    def row(statement: str, measured: float, width: float, regime: dict[str, float], **known: Known) -> Any:
        def interval(level: float) -> tuple[float, float]:
            return measured - width, measured + width

        return judge(statement, "a setting", Point("H = -1, T = 10", measured, interval, known, regime), 0.99)

    exact = Known(3.0 if contradicted else 1.01, "recursion")
    inside, outside = {"lr_times_curvature": 0.01, "lr_growth": 0.01}, {"lr_times_curvature": 3.0, "lr_growth": 0.01}
    rows = [
        row("theorem-1", 1.0, 0.05, inside, exact_discrete=Known(1.0), closed_form=Known(1.02)),
        row("theorem-1", 2.0, 0.05, outside, exact_discrete=Known(2.0), closed_form=Known(1.0)),
        row("theorem-2", 1.0, 0.05, {}, exact_discrete=exact, closed_form=Known(1.0), corrected=Known(None)),
    ]
    return Verification(rows, 6, 0, True, 1.5, False)


def fill(folder: Path, *, contradicted: bool = False) -> None:
    """Write records of two escapes and a saddle, a verification and a figure, and two files that are no result."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, escape_result(exponential_times(0)))
    save(folder / "below", saddle_result(0))
    if contradicted:
        save(folder, contradicting())
    told = verification(contradicted=contradicted).as_json()
    (folder / "verify.json").write_text(json.dumps(told), encoding="utf-8")
    survival(folder / "survival.json")
    (folder / "notes.txt").write_text("not a result", encoding="utf-8")
    (folder / "package.json").write_text('{"name": "something else"}', encoding="utf-8")


def contradicting() -> Any:
    """Return an escape whose exact reference is thrice too long, so that its verdict is "differs"."""
    result = escape_result(exponential_times(1))
    known = dict(result.references)
    known["exact_discrete"] = known["exact_discrete"]._replace(value=3.0 * TRUE_MEAN)
    verdict = escape_verdict(result.times, 3.0 * TRUE_MEAN, "", from_minimum=True)
    assert verdict.outcome == DIFFERS
    assert escape_result(exponential_times(1)).verdict.outcome == AGREES
    return result._replace(references=known, verdict=verdict)


def survival(path: Path) -> Plot:
    """Write the data of the survival figure, of geometric escape times."""
    from saddlescape.experiments.figures.survival import Data

    data = Data(exponential_times(0), {"exact_discrete": TRUE_MEAN})
    options = {"options": {"trajectories": 400}, "rule": {"name": "sgd", "lr": 0.05}}
    plot = Plot("survival", data, options, "saddlescape plot survival --rule=sgd")
    plot.save(path)
    return plot
