"""``saddlescape flatness [RULE ...]``: the command."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from .command import INTERRUPTED
from .fields import fields
from .flags import Section, filled, parse
from .flatness import CHOICES, FlatnessRun
from .refusals import InputError, deliberate_refusals, nearest, one_of


class FlatnessOutput(NamedTuple):
    """Where results go.

    Parameters
    ----------
    json
        Print one JSON object in place of the page.
    out
        Folder for flatness.json, flatness.png and flatness.pdf; those of an earlier run are replaced.
    quiet
        Do not tell how far the run has come.
    """

    json: bool = False
    out: str | None = None
    quiet: bool = False


def answer(name: str, says: str, tokens: list[str]) -> int:
    """Run the command and return the exit code.

    Parameters
    ----------
    name
        The command.
    says
        What it asks.
    tokens
        What follows it: rules, all if there is none, and flags.

    Raises
    ------
    InputError
        Where the input is bad.
    """
    count = next((k for k, token in enumerate(tokens) if token.startswith("-")), len(tokens))
    for rule in tokens[:count]:
        if rule not in CHOICES:
            raise InputError(f"there is no rule {rule!r} here{nearest(rule, CHOICES, one_of(CHOICES))}")
    sections = [Section("Run", "", fields(FlatnessRun)), Section("Output", "", fields(FlatnessOutput))]
    listed = f"Rules, all if none is named: {', '.join(CHOICES)}."
    given = parse(f"saddlescape {name} [RULE ...]", f"{says} {listed}", sections, tokens[count:])
    if given is None:
        return 0
    rules = list(dict.fromkeys(tokens[:count])) or list(CHOICES)
    return _run(rules, filled(FlatnessRun, given), filled(FlatnessOutput, given))


def _run(rules: list[str], run: FlatnessRun, output: FlatnessOutput) -> int:
    from .flatness import flatness_experiment
    from .progress import progress
    from .record import obstacle

    if output.out is not None and (reason := obstacle(Path(output.out))):
        raise InputError(f"--out={output.out}: {reason}")
    with progress(quiet=output.quiet, of="ensembles") as report, deliberate_refusals():
        result = flatness_experiment(rules, run, report)
    if output.json:
        import json

        print(json.dumps(result.as_json(), allow_nan=False))
    else:
        from .flatness_table import show

        show(result)
    sys.stdout.flush()
    if output.out is not None:
        _write(result, Path(output.out), sys.stderr if output.json else sys.stdout)
    return INTERRUPTED if result.interrupted else 0


def _write(result: Any, folder: Path, notes: Any) -> None:
    """Write what was found and its figure, and say where."""
    import json

    from .flatness_figure import draw
    from .record import atomic
    from .style import write

    written = [folder / "flatness.json"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(written[0]) as file:
            file.write((json.dumps(result.as_json(), indent=1, allow_nan=False) + "\n").encode())
        if any(series.fits for series in result.series):
            for name in ("flatness.png", "flatness.pdf"):
                write(draw(result), folder / name)
                written.append(folder / name)
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
    for path in written:
        print(f"written {path}", file=notes)
