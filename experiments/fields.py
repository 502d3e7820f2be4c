"""Fields of a landscape, a noise, a rule or a run as flags: their names, defaults and help, and values as text.

Whatever has a signature and a numpydoc docstring will do, a ``NamedTuple`` or a function that makes one.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from .refusals import InputError, nearest

REQUIRED = inspect.Parameter.empty
"""Default of a field that has none."""
SPELLING = {"text": "expression"}
"""Parameter -> its flag, where the name alone would not tell what it is."""
MOST_DIGITS = 30
"""A whole number with more digits is refused before it is written out."""


class Field(NamedTuple):
    """One field of a landscape, a noise, a rule or a run.

    Parameters
    ----------
    name
        As in Python.
    kinds
        Types that it may have, None left out.
    default
        Its default, or REQUIRED.
    doc
        What the docstring says, in one line.
    """

    name: str
    kinds: tuple[Any, ...]
    default: Any
    doc: str

    @property
    def flag(self) -> str:
        """Name on the command line."""
        return flag_of(self.name)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, where these are listed."""
        return tuple(str(word) for kind in self.kinds if get_origin(kind) is Literal for word in get_args(kind))

    @property
    def takes_array(self) -> bool:
        """Whether rows of numbers are a value."""
        return any(_is_array(kind) for kind in self.kinds)

    def parse(self, text: str) -> Any:
        """Return the value that a text means; InputError where it means none."""
        if not text.strip():
            raise InputError(f"{self.flag} needs a value")
        if self.choices:
            if text not in self.choices:
                near = nearest(text, self.choices)
                raise InputError(f"{self.flag}={text} must be one of {', '.join(self.choices)}{near}")
            return text
        if bool in self.kinds:
            return _truth(self.flag, text)
        if self.takes_array:
            return self._number_or_array(text)
        if str in self.kinds:
            return _number_or_text(text) if float in self.kinds else text
        return whole(self.flag, text) if float not in self.kinds else real(self.flag, text)

    def _number_or_array(self, text: str) -> Any:
        if text.endswith(".npy") or set(text) & set(",;"):
            return array(self.flag, text)
        if {int, Any} & set(self.kinds) and text.strip().lstrip("+-").isdigit():
            return whole(self.flag, text)
        return real(self.flag, text) if {float, Any} & set(self.kinds) else array(self.flag, text)


def flag_of(name: str) -> str:
    """Return the flag of a field."""
    return "--" + SPELLING.get(name, name).replace("_", "-")


def fields(owner: Callable[..., Any]) -> list[Field]:
    """Return the fields of a NamedTuple class or the parameters of a function, in order.

    What a class names in ``derived()`` is computed from the other fields and left out.
    """
    hints = get_type_hints(owner)
    docs = documented(owner)
    return [
        Field(name, _kinds(hints.get(name, Any)), parameter.default, docs.get(name, ""))
        for name, parameter in inspect.signature(owner).parameters.items()
        if name not in getattr(owner, "derived", tuple)()
    ]


def summary(owner: Callable[..., Any]) -> str:
    """Return the first line of the docstring."""
    return (inspect.getdoc(owner) or "").partition("\n")[0]


def documented(owner: Any) -> dict[str, str]:
    """Return what the numpydoc section "Parameters" says of each name; a subclass adds to what its base says."""
    docs: dict[str, str] = {}
    for part in reversed(inspect.getmro(owner)) if inspect.isclass(owner) else (owner,):
        docs |= dict(_parameters_section(inspect.cleandoc(part.__doc__ or "")))
    return docs


def _parameters_section(doc: str) -> Iterator[tuple[str, str]]:
    lines = doc.splitlines()
    start = next((i + 2 for i in range(len(lines) - 1) if lines[i] == "Parameters" and lines[i + 1][:3] == "---"), None)
    names: list[str] = []
    said: list[str] = []
    for i in range(len(lines) if start is None else start, len(lines)):
        line = lines[i]
        if line.startswith(" ") or not line:
            said.append(line.strip())
            continue
        yield from ((name, " ".join(said).strip()) for name in names)
        names, said = [], []
        if i + 1 < len(lines) and lines[i + 1].startswith("---"):  # the next section
            return
        names = [name.strip() for name in line.partition(" : ")[0].split(",")]
    yield from ((name, " ".join(said).strip()) for name in names)


def _kinds(hint: Any) -> tuple[Any, ...]:
    if hint == npt.ArrayLike:
        return (npt.NDArray[np.float64],)
    if get_origin(hint) in (typing.Union, types.UnionType):
        if set(get_args(npt.ArrayLike)) <= set(get_args(hint)):
            return (npt.NDArray[np.float64],)
        return tuple(kind for kind in get_args(hint) if kind is not type(None))
    return (hint,)


def _is_array(kind: Any) -> bool:
    return kind in (Any, np.ndarray) or get_origin(kind) in (np.ndarray, tuple, list)


def real(flag: str, text: str) -> float:
    """Return a number; 1e-3 and 1_000 are numbers too."""
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{flag}={text} must be a number") from None


def whole(flag: str, text: str) -> int:
    """Return a whole number; 1e6 and 1_000_000 are whole, 1.5 is not."""
    try:
        number = Decimal(text.strip().replace("_", ""))
    except InvalidOperation:
        raise InputError(f"{flag}={text} must be a whole number") from None
    if not number.is_finite() or number.adjusted() > MOST_DIGITS or number != number.to_integral_value():
        raise InputError(f"{flag}={text} must be a whole number")
    return int(number)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def array(flag: str, text: str) -> npt.NDArray[np.float64]:
    """Return numbers separated by commas, rows separated or ended by semicolons, or what a .npy file holds."""
    if text.endswith(".npy"):
        return _loaded(flag, text)
    lines = text.removesuffix(";").split(";")
    rows = [[real(flag, part) if part.strip() else None for part in line.split(",")] for line in lines]
    if any(number is None for row in rows for number in row):
        raise InputError(f"{flag}={text} must be numbers with a comma between any two, without a gap")
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{flag}={text} must have rows of one length, not {', '.join(str(len(row)) for row in rows)}")
    return np.array(rows if ";" in text else rows[0], dtype=np.float64)


def _loaded(flag: str, path: str) -> npt.NDArray[np.float64]:
    try:
        content = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{flag}={path}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{flag}={path} cannot be read as an array: {error}") from None
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiu":
        raise InputError(f"{flag}={path} must hold an array of real numbers")
    return content.astype(np.float64)


def _truth(flag: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InputError(f"{flag}={text} must be true or false")
    return text == "true"


def as_text(value: Any) -> str:
    """Return a value as it is written on the command line; parse gives it back."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, np.ndarray | tuple | list):
        rows = np.asarray(value, dtype=np.float64)
        if rows.ndim > 1:
            return ";".join(as_text(row) for row in rows) + (";" if len(rows) == 1 else "")
        return ",".join(as_text(float(number)) for number in rows)
    if isinstance(value, float | np.floating):
        return repr(float(value)).removesuffix(".0")
    return str(value)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: lists for arrays, None for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
