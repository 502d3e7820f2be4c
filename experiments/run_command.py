"""Command ``saddlescape run FILE.toml``: what the flags would have done."""

from .fields import fields
from .files.source import opened
from .flags import Section, filled, parse
from .question import Output, carry_out
from .refusals import InputError


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run an experiment file and return the exit code; the arguments are those of ``question.answer``.

    Raises
    ------
    InputError
        Where the file or a flag is bad, or the file describes a sweep.
    """
    first = tokens[0] if tokens else "--help"
    if first.startswith("-") and first not in ("--help", "-h"):
        raise InputError(f"the file comes before {first}: saddlescape {name} FILE.toml {first}")
    flags = ["--help"] if first in ("--help", "-h") else tokens[1:]
    given = parse(f"saddlescape {name} FILE.toml", says, [Section("Output", "", fields(Output))], flags)
    if given is None:
        return 0
    source = opened(first)
    if source.is_sweep:
        raise source.refusal(
            (next(key for key in ("axes", "zip", "sweep") if key in source.content),),
            f"this is a sweep: run it by saddlescape sweep {first} --out DIR",
        )
    from .files.experiment import experiment

    return carry_out(experiment(source).settings[0].configuration, filled(Output, given))
