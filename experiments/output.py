"""What a command does with its result: whether it can be written, a page or JSON, files, and where they went."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .refusals import InputError

PLOTS = (".png", ".pdf", ".svg")


def check_output(out: str | None, plot: str | None = None) -> None:
    """Refuse, before the run, a folder or a figure that could not be written after it."""
    from .record import obstacle

    if out is not None and (reason := obstacle(Path(out))):
        raise InputError(f"--out={out}: {reason}")
    if plot is not None:
        path = Path(plot)
        if path.suffix.lower() not in PLOTS:
            raise InputError(f"--plot={path} must end in {', '.join(PLOTS[:-1])} or {PLOTS[-1]}")
        reason = f"{path} is a folder" if path.is_dir() else obstacle(path.parent)
        if reason:
            raise InputError(f"--plot={path}: {reason}")


def tell(result: Any, page: str, *, json: bool) -> None:
    """Print a result on stdout, as one JSON object or by the ``show`` of a module here, loaded only then."""
    if json:
        from json import dumps

        print(dumps(result.as_json(), allow_nan=False))
    else:
        import_module(f".{page}", __package__).show(result)
    sys.stdout.flush()


def notes(*, json: bool) -> Any:
    """Return where the notes on what was written go: not between a JSON object and its reader."""
    return sys.stderr if json else sys.stdout


def write_files(
    result: Any,
    numbers: Path | None,
    to: Any,
    draw: Callable[[Any], Any] | None = None,
    figures: Sequence[Path] = (),
) -> None:
    """Write a result's JSON object and its figures, and say where; what was written before a failure is told too.

    Parameters
    ----------
    result
        Has ``as_json()``.
    numbers
        The .json file; its folder is made.
    to
        Where the notes go.
    draw
        result -> figure, where there are figures.
    figures
        .png, .pdf or .svg files.

    Raises
    ------
    InputError
        Where a file cannot be written.
    """
    from json import dumps

    from .record import atomic

    written = []
    try:
        if numbers is not None:
            numbers.parent.mkdir(parents=True, exist_ok=True)
            with atomic(numbers) as file:
                file.write((dumps(result.as_json(), indent=1, allow_nan=False) + "\n").encode())
            written.append(numbers)
        if draw is not None:
            from .figures.style import write

            for path in figures:
                write(draw(result), path)
                written.append(path)
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
    finally:
        for path in written:
            print(f"written {path}", file=to)
