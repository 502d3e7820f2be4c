"""HTML as values: whatever is not markup already is text, and is escaped."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = ("img", "br", "hr", "meta", "source")
"""Elements that have no end tag."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def element(name: str, *children: Child, **attributes: str | bool | None) -> Markup:
    """Return an element.

    Parameters
    ----------
    name
        Its tag.
    children
        Text, which is escaped, Markup, which is not, lists of both, or None for nothing.
    attributes
        ``class_`` stands for class, ``data_value`` for data-value; None and False leave one out, True gives no value.
    """
    head = name
    for key, value in attributes.items():
        if value is not None and value is not False:
            head += " " + key.rstrip("_").replace("_", "-") + ("" if value is True else f'="{escape(str(value))}"')
    return Markup(f"<{head}>" if name in VOID else f"<{head}>{together(children)}</{name}>")


def together(children: Child) -> Markup:
    """Return children one after another, text escaped."""
    if children is None:
        return Markup()
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(escape(children))
    return Markup("".join(together(each) for each in children))
