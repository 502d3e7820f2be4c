"""One run in full: the chosen landscape, noise and rule, what to do with them, and all of it as plain values."""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np

from .choices import LANDSCAPE, NOISE, RULE, Part, choose
from .fields import as_text, flag_of, plain

NOT_RESULTS = ("threads", "lanes")
"""Fields of a run on which no result depends."""


class Configuration(NamedTuple):
    """What was asked for.

    Parameters
    ----------
    question
        Name of the experiment, as on the command line.
    parts
        The chosen rule, landscape and noise.
    values
        What was given for the fields of each, in the same order.
    run
        What to do with them, a NamedTuple.
    """

    question: str
    parts: tuple[Part, Part, Part]
    values: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
    run: Any

    def build(self) -> tuple[Any, Any, Any]:
        """Return landscape, noise and rule, checked; ValueError or TypeError where a field is out of bounds."""
        rule, landscape, noise = (part.build(given) for part, given in zip(self.parts, self.values, strict=True))
        return landscape, noise, rule

    def names(self) -> dict[str, str]:
        """Return the name of the chosen rule, landscape and noise."""
        return {part.kind.word: part.name for part in self.parts}

    def described(self, landscape: Any, noise: Any, rule: Any) -> dict[str, Any]:
        """Return all fields as plain values, those of the given objects resolved."""
        built = (rule, landscape, noise)
        told = {
            part.kind.word: part.describe(each, given)
            for part, each, given in zip(self.parts, built, self.values, strict=True)
        }
        left_out = {*NOT_RESULTS, *idle(self.run)}
        run = {name: value for name, value in self.run._asdict().items() if name not in left_out}
        return dict(plain({"question": self.question, **told, "run": run}))


def idle(run: Any) -> dict[str, str]:
    """Return the fields of a run that do nothing beside its others, and why."""
    return dict(run.idle()) if hasattr(run, "idle") else {}


def command_line(described: dict[str, Any]) -> list[str]:
    """Return the tokens that run a described configuration again, every field written out."""
    rule, landscape, noise = described["rule"], described["landscape"], described["noise"]
    tokens = ["saddlescape", described["question"], rule["name"]]
    tokens += [f"--landscape={landscape['name']}", f"--noise={noise['name']}"]
    for part in (rule, landscape, noise, described["run"]):
        for name, value in part.items():
            if name != "name" and value is not None and np.size(value):
                tokens.append(f"{flag_of(name)}={as_text(value)}")
    return tokens


def objects(described: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return landscape, noise and rule of a described configuration, checked.

    Raises
    ------
    ValueError, TypeError, InputError
        Where there is no such part, or a field is out of bounds.
    """
    return tuple(
        choose(kind, described[kind.word]["name"]).build(
            {
                name: np.asarray(value, dtype=np.float64) if isinstance(value, list) else value
                for name, value in described[kind.word].items()
                if name != "name" and value is not None and np.size(value)
            }
        )
        for kind in (LANDSCAPE, NOISE, RULE)
    )


def key(described: dict[str, Any], version: str) -> str:
    """Return a digest of a described configuration and the version of the program."""
    text = json.dumps([version, described], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
