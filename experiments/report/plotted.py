"""The data of a figure, as ``saddlescape plot`` and ``saddlescape gallery`` write them."""

from ..fields import summary
from ..plot import redrawn
from .interface import Block, Made, Picture, Section, Source, Stated, Table


def section(source: Source) -> Section:
    """Return a figure as a section."""
    plot = redrawn(source.path)
    movie = source.path.with_suffix(".gif") if plot.animated else None
    blocks: list[Block] = [Picture(plot.draw(), plot.alt, plot.caption, movie)]
    blocks += [Stated(name) for name in source.told["statements"]]
    rows = [
        (f"{kind} {part['name']}" if "name" in part else "figure", field.replace("_", " "), _cell(value))
        for kind, part in plot.options.items()
        for field, value in part.items()
        if field != "name" and value is not None and value != []
    ]
    if rows:
        blocks.append(Table("What was set", ("of", "field", "value"), rows))
    about = summary(plot.module.Options)
    said = "" if about.rstrip(".") == plot.title else f"{about} "
    asked = f"{said}Drawn from this package's own runs and references."
    made = Made(plot.command, source.told["version"], plot.digest, "the data that is drawn")
    return Section(plot.title, asked, (), tuple(blocks), made, source.name)


def _cell(value: object) -> str | int | float:
    """Return a number as a number and anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
    return value
