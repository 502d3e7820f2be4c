"""Experiment files: one run, or a sweep over many, as TOML text.

A file has the names of the flags and their checks. It is read and nothing more: no key or value of it is ever run.
"""

from pathlib import Path
from typing import Any, NamedTuple

from ..configuration import Configuration
from ..fields import fields
from ..question import QUESTIONS
from ..refusals import nearest, one_of
from .assembly import KINDS, Assembly, fields_of
from .assembly import check_setting as check_setting
from .axes import Axis as Axis
from .axes import bundles
from .source import QUESTION, TABLES, TOP, Source, from_mapping, opened, parsed
from .sweep_plan import SweepPlan as SweepPlan
from .sweep_plan import sweep_plan
from .toml_values import keys, shown, shown_key


class Setting(NamedTuple):
    """One setting of a sweep.

    Parameters
    ----------
    place
        Its position on each axis.
    configuration
        What is run there.
    """

    place: tuple[int, ...]
    configuration: Configuration


class Experiment(NamedTuple):
    """A file that was read and checked.

    Parameters
    ----------
    name
        Of the file, for messages.
    text
        What it says.
    question
        Name of the experiment, as on the command line.
    axes
        What is varied; none for a single run.
    settings
        All of them, the last axis fastest.
    plan
        How far a sweep goes.
    """

    name: str
    text: str
    question: str
    axes: tuple[Axis, ...]
    settings: tuple[Setting, ...]
    plan: SweepPlan


def read(path: Path | str) -> Experiment:
    """Read a file and check every setting of it.

    Raises
    ------
    InputError
        In one line, with the place in the file.
    """
    return experiment(opened(path))


def from_text(text: str, name: str = "experiment") -> Experiment:
    """Read what a file says; raises as ``read`` does, with this name of the file."""
    return experiment(parsed(text, name))


def from_dict(mapping: dict[str, Any], name: str = "experiment") -> Experiment:
    """Read the same content as Python dicts: arrays may be NumPy's, and None stands for what is left out."""
    return experiment(from_mapping(mapping, name))


def experiment(source: Source) -> Experiment:
    """Return the experiment that a file describes, every setting of it checked; raises as ``read`` does."""
    for key in source.content:
        if key not in TOP:
            raise source.refusal((key,), _stray(key))
    question = _question(source)
    for word in TABLES:
        if not isinstance(source.content.get(word, {}), dict):
            value = source.content[word]
            hint = (
                f"; write [{word}] and below it name = {shown(value)}"
                if isinstance(value, str) and word in KINDS
                else ""
            )
            raise source.refusal((word,), f"{word}={shown(value)} must be a table{hint}")
    found = bundles(source, fields_of(question))
    plan = sweep_plan(source)
    settings = tuple(Setting(*each) for each in Assembly(source, question, found).settings(plan))
    return Experiment(source.name, source.text, question, tuple(each.axis() for each in found), settings, plan)


def _question(source: Source) -> str:
    question = source.content.get(QUESTION, next(iter(QUESTIONS)))
    if not isinstance(question, str) or question not in QUESTIONS:
        words = ", ".join(f'"{name}"' for name in QUESTIONS)
        near = nearest(question, QUESTIONS) if isinstance(question, str) else ""
        raise source.refusal((QUESTION,), f"question={shown(question)} must be one of {words}{near}")
    return question


def _stray(key: str) -> str:
    """Say where a key belongs that stands at the top."""
    for table in TABLES:
        if any(key in fields_of(question)[table] for question in QUESTIONS) and key != "name":
            return f"{key} is a field of [{table}]: write it below that line, or as {table}.{key}"
    if key in keys(fields(SweepPlan)):
        return f"{key} is a field of [sweep]: write it below that line"
    return f"there is no {shown_key(key)} here{nearest(key, TOP, one_of(TOP))}"
