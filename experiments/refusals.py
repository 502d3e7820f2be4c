"""Bad input: told in one line, never as a traceback."""

import difflib
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(Exception):
    """Bad input: told in one line, exit code 2."""


def nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return "; did you mean ...?" with the most similar known name, or otherwise where none is similar."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else otherwise


def one_of(known: Collection[str]) -> str:
    """Return "; one of ..." with all names."""
    return f"; one of {', '.join(known)}"


@contextmanager
def deliberate_refusals() -> Iterator[None]:
    """Turn a ValueError or TypeError that our own code raises on purpose into one line; a bug still traces back."""
    try:
        yield
    except (ValueError, TypeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        house = Path(__file__).resolve().parent.parent
        if Path(last.filename).resolve().is_relative_to(house) and (last.line or "raise").startswith("raise"):
            raise InputError(str(error)) from None
        raise
