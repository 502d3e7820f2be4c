"""What the sections of records have in common: the record read and verified, its verdict, and what makes it again."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..figures.style import RULE_LOOKS
from ..record import RecordError, load
from ..table import REFERENCES, arguments
from ..verdict import DIFFERS
from .interface import CONTRADICTED, Claim, Facts, Made, Source, Table

STARTS = {"rest": "at rest", "thermal": "with thermal momentum"}


def read(source: Source, restored: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Any:
    """Return the result that a record holds.

    Raises
    ------
    RecordError
        Where a part is missing or was changed.
    """
    record = load(source.path)
    result = restored(record.manifest, record.arrays)
    raw = result.times if hasattr(result, "times") else result.spread
    told = record.manifest["summary"]
    if raw.digest() != told["digest"]:
        raise RecordError(f"{source.path} tells another digest than its raw results have: it was changed")
    if result.verdict.outcome != told["verdict"]:
        raise RecordError(
            f"{source.path} says {told['verdict']!r}, its raw results say {result.verdict.outcome!r}: it was changed, "
            "or written by another version"
        )
    return result


def claim(what: str, verdict: Any) -> Claim:
    """Return a verdict against the exact iteration as a claim."""
    outcome = CONTRADICTED if verdict.outcome == DIFFERS else verdict.outcome
    said = "; ".join(text for text in (verdict.where, verdict.reason) if text)
    return Claim(
        what,
        REFERENCES[verdict.against],
        outcome,
        verdict.ratio,
        verdict.low,
        verdict.high,
        0 if verdict.ratio is None else verdict.comparisons,
        said,
    )


def made(told: dict[str, Any]) -> Made:
    """Return what makes a record again."""
    return Made(
        command=told["command"],
        version=told["version"],
        digest=told["digest"],
        of="the raw results",
        created=told["created"],
        packages=", ".join(f"{name} {told[name]}" for name in ("python", "numpy", "numba", "scipy")),
    )


def rule_of(described: dict[str, Any]) -> str:
    """Return the rule's name in words."""
    return RULE_LOOKS[described["rule"]["name"]].label


def title(verb: str, described: dict[str, Any]) -> str:
    """Return the heading of a record, with what tells it from its like."""
    landscape, noise, rule = described["landscape"]["name"], described["noise"]["name"], described["rule"]
    step = next(f", {name} = {rule[name]:g}" for name in ("lr", "dt") if name in rule)
    return f"{rule_of(described)} {verb}: {landscape} landscape, {noise} noise{step}, seed {described['run']['seed']}"


def parts(described: dict[str, Any]) -> Facts:
    """Return rule, landscape and noise with their numbers other than 0."""
    said = []
    for kind in ("rule", "landscape", "noise"):
        part = {name: value for name, value in described[kind].items() if value != 0}
        said.append((kind, f"{part['name']} {arguments(part)}".strip()))
    return Facts(tuple(said))


def sources(references: dict[str, Any]) -> Facts:
    """Return where each reference comes from and where it holds, or why there is none; what is the same, once."""
    said: dict[str, list[str]] = {}
    for name, each in references.items():
        source = "" if each.value is None else each.source
        said.setdefault("; ".join(text for text in (source, each.reason) if text), []).append(REFERENCES[name])
    return Facts(tuple((" and ".join(names), text or "–") for text, names in said.items()))


def regime_table(regime: dict[str, float]) -> Table:
    """Return the dimensionless numbers that say where a closed form may be trusted."""
    rows = [(name.replace("_", " "), None if np.isnan(value) else value) for name, value in regime.items()]
    return Table(
        "Dimensionless numbers of this run, which say where a closed form may be trusted", ("number", "value"), rows
    )
