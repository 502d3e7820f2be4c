"""Bad input: told in one line, never as a traceback."""

import difflib
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Bad input: told in one line, with exit code 2 on the command line."""


def nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return "; did you mean ...?" with the most similar known name, or otherwise where none is similar."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else otherwise


def one_of(known: Collection[str]) -> str:
    """Return "; one of ..." with all names."""
    return f"; one of {', '.join(known)}"


def leading_names(tokens: Sequence[str], known: Collection[str], word: str) -> tuple[list[str], list[str]]:
    """Return the names before the first flag, each once, and the tokens from there on.

    Raises
    ------
    InputError
        Where a name is not known; ``word`` says what it should be the name of.
    """
    count = next((k for k, token in enumerate(tokens) if token.startswith("-")), len(tokens))
    for name in tokens[:count]:
        if name not in known:
            raise InputError(f"there is no {word} {name!r}{nearest(name, known, one_of(known))}")
    return list(dict.fromkeys(tokens[:count])), list(tokens[count:])


def listed(flag: str, text: str, known: Collection[str], word: str) -> list[str]:
    """Return the names that a text lists with commas between them, each once.

    Raises
    ------
    InputError
        Where one is not known; ``word`` says what it should be the name of.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise InputError(f"{flag}={text}: there is no {word} {name!r}{nearest(name, known, one_of(known))}")
    return list(dict.fromkeys(names))


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
