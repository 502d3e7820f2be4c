"""Fields as flags of a command: parsed and explained by cyclopts, in our words where these say more."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from cyclopts import App, CycloptsError, Group, Parameter

from .fields import REQUIRED, Field, as_text, fields
from .refusals import InputError, nearest

NEGATIVE_VALUE = re.compile(r"-\.?\d")
SHORT = {"trajectories": "-n"}
"""Field -> its flag of one letter."""


class UnknownFlagError(InputError):
    """A flag that a command does not have.

    Parameters
    ----------
    flag
        Its name.
    known
        The flags that there are.
    """

    def __init__(self, flag: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no {flag} here{nearest(flag, known)}")
        self.flag = flag


class ARRAY(str):
    """Named by help as the kind of value that rows of numbers are."""


class Section(NamedTuple):
    """A titled group of flags.

    Parameters
    ----------
    title
        Heading in help.
    says
        A line under it.
    fields
        What can be set.
    """

    title: str
    says: str
    fields: Sequence[Field]


def parse(name: str, says: str, sections: Sequence[Section], tokens: Sequence[str]) -> dict[str, Any] | None:
    """Return the value of each field that is given, or None after printing help.

    Parameters
    ----------
    name
        The command in full.
    says
        What it is for.
    sections
        All its flags; the last also holds ``--help``.
    tokens
        What follows the name.

    Raises
    ------
    InputError
        Where a flag is unknown, repeated, without a value or missing, or where its value means nothing.
    """

    def bound(**given: Any) -> None: ...

    groups = [Group(part.title, help=part.says, sort_key=k) for k, part in enumerate(sections)]
    known = {field.name: (field, group) for part, group in zip(sections, groups, strict=True) for field in part.fields}
    parameters = [_parameter(field, group) for field, group in known.values()]
    bound.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    bound.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = App(name=name, help=says, help_format="plaintext", usage=f"Usage: {name} [OPTIONS]", version_flags=[])
    app["--help"].group = groups[-1]
    app.default(bound)
    try:
        command, arguments, _ = app.parse_args(_joined(tokens), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise _explained(error, [field.flag for field, _ in known.values()], tokens) from None
    if command is not bound:
        command(*arguments.args, **arguments.kwargs)
        return None
    texts = arguments.arguments
    return {each: text if isinstance(text, bool) else known[each][0].parse(text) for each, text in texts.items()}


def filled(owner: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Return a NamedTuple with those of the given values that are its fields."""
    return owner(**{field.name: given[field.name] for field in fields(owner) if field.name in given})


def _parameter(field: Field, group: Group) -> inspect.Parameter:
    how: dict[str, Any] = {"name": field.flag, "help": field.doc, "group": group}
    hint: Any = bool
    if field.kinds == (bool,):
        how |= {"negative": "", "show_default": False}
    else:
        # Texts are taken as they are and read by ourselves; the kind is told to help alone.
        hint = ARRAY if field.takes_array else field.kinds[0]
        empty = field.default is None or field.default == ()
        how |= {"converter": _first_text, "show_default": False if empty else as_text}
    if field.name in SHORT:
        how |= {"alias": SHORT[field.name]}
    default = inspect.Parameter.empty if field.default is REQUIRED else field.default
    annotation = Annotated[hint, Parameter(**how)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _first_text(kind: Any, tokens: Sequence[Any]) -> str:
    return str(tokens[0].value)


def _joined(tokens: Sequence[str]) -> list[str]:
    """Join a flag and a value that begins with a minus sign, which would pass for another flag."""
    joined: list[str] = []
    for token in tokens:
        before = joined[-1] if joined else ""
        if NEGATIVE_VALUE.match(token) and before.startswith("--") and "=" not in before:
            joined[-1] = f"{before}={token}"
        else:
            joined.append(token)
    return joined


def _explained(error: CycloptsError, known: Sequence[str], tokens: Sequence[str]) -> InputError:
    from cyclopts import MissingArgumentError, RepeatArgumentError, UnknownOptionError, UnusedCliTokensError

    if isinstance(error, UnknownOptionError):
        return UnknownFlagError((error.token.keyword or error.token.value).partition("=")[0], known)
    if isinstance(error, UnusedCliTokensError):
        return InputError(
            f"{' '.join(error.unused_tokens or [])!r} is the value of no flag; an array has commas, no blanks"
        )
    if isinstance(error, RepeatArgumentError):
        return InputError(f"{error.token.keyword} is given twice")
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        names = set(error.argument.names)
        k = next((k for k, token in enumerate(tokens) if token.partition("=")[0] in names), None)
        if k is None:
            return InputError(f"{error.argument.name} is required: it has no default")
        value = tokens[k + 1] if k + 1 < len(tokens) else ""
        joint = value.startswith("-") and value.partition("=")[0] not in {*known, *SHORT.values()}
        return InputError(
            f"{tokens[k]} needs a value" + (f"; {tokens[k]}={value} would give it {value}" if joint else "")
        )
    error.verbose = False
    return InputError(" ".join(str(error).split()))
