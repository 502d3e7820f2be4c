"""Experiments made without a file, for tests of the planner."""

import itertools
from typing import Any

from saddlescape.experiments.choices import LANDSCAPE, NOISE, RULE, choose
from saddlescape.experiments.configuration import Configuration
from saddlescape.experiments.escape import EscapeRun
from saddlescape.experiments.files.experiment import Axis, Experiment, Setting, SweepPlan


def experiment(
    run: Any = None,
    axes: dict[str, list[Any]] | None = None,
    sweep: SweepPlan | None = None,
    names: tuple[str, str, str] = ("sgd", "quartic", "isotropic"),
    values: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {}),
) -> Experiment:
    """Return an experiment over the product of these axes, whose names are dotted."""
    run = EscapeRun(trajectories=1000) if run is None else run
    question = "escape" if isinstance(run, EscapeRun) else "saddle"
    kinds = (RULE, LANDSCAPE, NOISE)
    parts = tuple(choose(kind, name) for kind, name in zip(kinds, names, strict=True))
    axes = axes or {}
    settings = []
    for place in itertools.product(*(range(len(each)) for each in axes.values())):
        given, there = [dict(each) for each in values], run
        for (name, choices), k in zip(axes.items(), place, strict=True):
            word, _, field = name.partition(".")
            if word == "run":
                there = there._replace(**{field: choices[k]})
            else:
                given[[kind.word for kind in kinds].index(word)][field] = choices[k]
        settings.append(Setting(place, Configuration(question, parts, tuple(given), there)))  # type: ignore[arg-type]
    told = tuple(Axis((name,), tuple((v,) for v in choices), tuple(choices)) for name, choices in axes.items())
    return Experiment("test.toml", "", question, told, tuple(settings), sweep or SweepPlan())
