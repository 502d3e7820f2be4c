"""What makes a result again: its command, flag by flag, and a digest of all that a second run must repeat."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..fields import as_text, flag_of

CLOCK = ("seconds", "version")
"""What a second run of the same command need not repeat."""


def command(*words: str, **values: Any) -> str:
    """Return a command line with a flag for each value: a bare one for True, none for None, False and what is empty."""
    return shlex.join(["saddlescape", *words, *flags(values)])


def flags(values: Mapping[str, Any]) -> list[str]:
    """Return the tokens of the values that are set."""
    tokens = []
    for name, value in values.items():
        if value is True:
            tokens.append(flag_of(name))
        elif value is not None and value is not False and np.size(value):
            tokens.append(f"{flag_of(name)}={as_text(value)}")
    return tokens


def digest_of(told: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a result tells, what the clock says left out."""
    kept = {name: value for name, value in told.items() if name not in CLOCK}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
