"""The page: verdicts first, then a section for each result, all in one file that asks nothing of the network."""

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from ... import __version__
from ..verdict import AGREES, DIFFERS, NO_REFERENCE, UNDERPOWERED
from .drawing import images, movie_address
from .html import Markup, element, together
from .interface import (
    CONTRADICTED,
    OUTCOMES,
    Block,
    Cell,
    Claim,
    Facts,
    Heading,
    Made,
    Mark,
    Picture,
    Problem,
    Prose,
    Section,
    Stated,
    Table,
)
from .statements import typeset

HERE = Path(__file__).parent
SIGNS: dict[str, str] = dict(zip(OUTCOMES, ("✕", "≠", "?", "✓", "–"), strict=True))
"""Outcome -> its sign, so that it is not told by colour alone."""
MEANS = {
    CONTRADICTED: "the simulation differs from what is exact for its own iteration",
    DIFFERS: "a statement does not hold where it was measured",
    UNDERPOWERED: "too few trajectories to say",
    AGREES: "",
    NO_REFERENCE: "nothing to compare with",
}
LONG = 28
"""Characters of a text that may break into lines."""
TOKEN = 36
"""Characters of a flag that may break into lines."""
_EXPONENT = re.compile(r"e([+-])0*(\d+)$")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Entry(NamedTuple):
    """A result on the page.

    Parameters
    ----------
    at
        Its id.
    section
        What it tells.
    body
        The same as HTML.
    """

    at: str
    section: Section
    body: Markup


class Report(NamedTuple):
    """All that a page tells.

    Parameters
    ----------
    title
        Of the page.
    entries
        In the order of the page.
    problems
        What could not be shown.
    ignored
        How many files are of no known kind.
    """

    title: str
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    ignored: int

    @property
    def claims(self) -> list[tuple[str, Claim]]:
        """Every verdict with the id of its section, contradictions first."""
        told = [
            (f"{each.at}--{claim.key}" if claim.key else each.at, claim)
            for each in self.entries
            for claim in each.section.claims
        ]
        return sorted(told, key=lambda each: OUTCOMES.index(each[1].outcome))

    def as_json(self) -> dict[str, Any]:
        """Return the verdicts as one plain object."""
        counts = Counter(claim.outcome for _, claim in self.claims)
        return {
            "title": self.title,
            "counts": {outcome: counts[outcome] for outcome in OUTCOMES},
            "verdicts": [{"section": at, **_plain(claim)} for at, claim in self.claims],
            "results": [
                {
                    "section": at,
                    "title": section.title,
                    "file": section.source,
                    "command": section.made.command,
                    "version": section.made.version,
                    "digest": section.made.digest,
                }
                for at, section, _ in self.entries
            ],
            "problems": [each._asdict() for each in self.problems],
            "ignored": self.ignored,
            "version": __version__,
        }


def page(report: Report) -> str:
    """Return the page as HTML; the same report gives the same text."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    parts = {
        "title": together(report.title),
        "version": together(__version__),
        "about": _about(report),
        "contents": _contents(report),
        "content": together([_verdicts(report), [each.body for each in report.entries]]),
        "style": (HERE / "style.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(parts)


def slug(text: str) -> str:
    """Return a text as an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().removesuffix(".json")).strip("-") or "result"


def unused(name: str, taken: Collection[str]) -> str:
    """Return a name, with a number behind where it is taken or the page's own."""
    k, each = 1, name
    while each in taken or each in ("content", "contents", "verdicts", "scheme"):
        k += 1
        each = f"{name}-{k}"
    return each


def number(value: float) -> str:
    """Return a number as a reader would write it: 12,345; 0.98765; 1.2×10⁻⁵; ∞."""
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if math.isinf(value):
        return "∞" if value > 0.0 else "−∞"
    text = f"{value:.5g}"
    if found := _EXPONENT.search(text):
        power = ("-" if found[1] == "-" else "") + found[2]
        text = f"{text[: found.start()]}×10{power.translate(_RAISED)}"
    return text.replace("-", "−")


def _about(report: Report) -> list[Markup] | Markup:
    """Return when the results were made, and by what."""
    made = [each.section.made for each in report.entries]
    versions = sorted({each.version for each in made})
    dates = sorted({each.created for each in made if each.created})
    said = f"{_counted(len(made), 'result')} of saddlescape {', '.join(versions)}" if made else "No result"
    if dates:
        first, last = dates[0][:10], dates[-1][:10]
        said += f", its records made {first}" if first == last else f", its records made {first} to {last}"
    packages = sorted({each.packages for each in made if each.packages})
    lines = [
        _summary(report),
        element("p", f"{said}. This page is by saddlescape {__version__}; it needs neither network nor other files."),
    ]
    if packages:
        lines.append(element("p", f"Made with {'; '.join(packages)}."))
    return together(lines)


def _summary(report: Report) -> Markup:
    """Return what all verdicts come to, in a line that links to them."""
    counts = Counter(claim.outcome for _, claim in report.claims)
    shown = [outcome for outcome in OUTCOMES if counts[outcome]]
    if not shown:
        return element("p", "No result here carries a verdict.", class_="summary")
    parts = [[str(counts[outcome]), " ", _badge(outcome)] for outcome in shown]
    joined = [part for k, each in enumerate(parts) for part in ([", ", *each] if k else each)]
    return element("p", element("a", f"{_counted(sum(counts.values()), 'verdict')}", href="#verdicts"), ": ", joined,
                   ".", class_="summary")  # fmt: skip


def _counted(count: int, one: str, several: str = "") -> str:
    """Return "1 file", "2 files"."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def _day(moment: str) -> str:
    return moment.replace("T", " ").replace("+00:00", " UTC")


def _contents(report: Report) -> Markup:
    entries = [element("li", element("span", class_="mark"), element("a", "Verdicts", href="#verdicts"))]
    for at, section, _ in report.entries:
        worst = min((claim.outcome for claim in section.claims), key=OUTCOMES.index, default=None)
        mark = element("span", class_="mark") if worst is None else _sign(worst)
        inner = [_entry(section, at, block) for block in section.blocks if isinstance(block, Heading)]
        entry = [mark, element("a", section.title, href=f"#{at}")]
        entries.append(element("li", entry, element("ul", inner) if inner else None))
    return element("ul", entries)


def _entry(section: Section, at: str, heading: Heading) -> Markup:
    """Return the line of a heading within a section."""
    worst = min((each.outcome for each in section.claims if each.key == heading.key), key=OUTCOMES.index, default=None)
    mark = element("span", class_="mark") if worst is None else _sign(worst)
    return element("li", mark, element("a", heading.text, href=f"#{at}--{heading.key}"))


def _verdicts(report: Report) -> Markup:
    """Return what comes first: contradictions, what could not be shown, counts, and the table of all verdicts."""
    claims = report.claims
    counts = Counter(claim.outcome for _, claim in claims)
    wrong = [(at, claim) for at, claim in claims if claim.outcome == CONTRADICTED]
    children: list[Any] = [element("h2", "Verdicts")]
    if wrong:
        items = [
            element("li", element("a", claim.what, href=f"#{at}"), f", against {claim.against}{_ratio(claim)}")
            for at, claim in wrong
        ]
        headline = f"{SIGNS[CONTRADICTED]} CONTRADICTED: {len(wrong)} of {len(claims)} verdicts."
        children.append(
            element(
                "div",
                element(
                    "p",
                    element("strong", headline, class_="contradicted"),
                    " ",
                    "A simulation differs from what is "
                    "exact for its own iteration. That is an error of the program or of a record, not of a statement.",
                ),
                element("ul", items),
                class_="alarm",
            )
        )
    elif claims:
        children.append(element("p", "No simulation contradicts what is exact for its own iteration."))
    else:
        children.append(element("p", "Nothing here was judged: these results carry no verdict."))
    if report.problems:
        items = [element("li", element("code", each.name), f": {each.says}") for each in report.problems]
        says = f"{_counted(len(items), 'file')} could not be shown, so that no verdict of it is here:"
        children.append(element("div", element("strong", f"! {says}"), element("ul", items), class_="problems"))
    if claims:
        shown = [outcome for outcome in OUTCOMES if counts[outcome]]
        children.append(
            element(
                "ul",
                [element("li", element("strong", str(counts[outcome])), " ", _badge(outcome)) for outcome in shown],
                class_="counts",
            )
        )
        meanings = [f"{outcome}: {MEANS[outcome]}" for outcome in shown if MEANS[outcome]]
        if meanings:
            children.append(element("p", "; ".join(meanings).capitalize() + "."))
        children.append(_claims_table(claims))
    if report.ignored:
        those = _counted(report.ignored, "other file of the folder is", "other files of the folder are")
        children.append(element("p", f"{those} no result and left out."))
    return element("section", children, id="verdicts")


def _claims_table(claims: Sequence[tuple[str, Claim]]) -> Markup:
    rows = [
        (
            element("a", claim.what, href=f"#{at}"),
            claim.against,
            _badge(claim.outcome),
            claim.ratio,
            claim.low,
            claim.high if claim.ratio is None or claim.high is not None else math.inf,
            claim.compared,
        )
        for at, claim in claims
    ]
    headings = ("what", "against", "verdict", "measured ÷ it", "low", "high", "compared")
    table = Table(
        "All verdicts, the gravest first; the ratio is that of the most discrepant comparison", headings, rows
    )
    return _table(
        table, "verdicts-table", ["contradicted" if claim.outcome == CONTRADICTED else "" for _, claim in claims]
    )


def rendered(section: Section, at: str) -> Markup:
    """Return a section as HTML; at is its id.

    What a file holds may be anything: this may raise as the section's own module may.
    """
    children: list[Any] = [element("h2", section.title), element("p", section.asked)]
    own = [claim for claim in section.claims if not claim.key]
    children += [_claim(claim, named=len(own) > 1) for claim in own]
    children += [_block(block, at, k + 1) for k, block in enumerate(section.blocks)]
    return element("section", children, _again(section), id=at)


def _claim(claim: Claim, *, named: bool = False) -> Markup:
    what = f" {claim.what}," if named else ""
    said = f"; {claim.says}" if claim.says else ""
    return element("p", _badge(claim.outcome), f":{what} against {claim.against}{_ratio(claim)}{said}.")


def _ratio(claim: Claim) -> str:
    if claim.ratio is None or claim.low is None:
        return ""
    high = math.inf if claim.high is None else claim.high
    return f", measured ÷ predicted {number(claim.ratio)} [{number(claim.low)}, {number(high)}]"


def _block(block: Block, at: str, k: int) -> Markup:
    """Return a block as HTML; at is the id of its section and k its place there."""
    match block:
        case Heading():
            return element("h3", block.text, id=f"{at}--{block.key}")
        case Prose():
            return element("p", block.text)
        case Facts():
            return _facts(block)
        case Picture():
            return _picture(block)
        case Table():
            return _table(block, f"{at}--{k}")
        case Stated():
            return element("div", typeset(block.statement, titled=block.titled), class_="statement")
        case Claim():
            return _claim(block)


def _facts(facts: Facts) -> Markup:
    return element("dl", [[element("dt", name), element("dd", told)] for name, told in facts.pairs])


def _picture(picture: Picture) -> Markup:
    shown = images(picture.figure)
    width, height = (round(100.0 * inches) for inches in picture.figure.get_size_inches())
    size = {"width": str(width), "height": str(height), "style": f"--inches: {width / 100.0:g}"}
    drawn = [
        element(
            "img", src=address, alt=picture.alt, class_="on-paper" if scheme == "paper" else f"for-{scheme}", **size
        )
        for scheme, address in shown.items()
    ]
    children: list[Any] = [element("div", drawn, class_="scroll", tabindex="0", role="group", aria_label="Figure")]
    if picture.movie is not None and (moving := movie_address(picture.movie)):
        still = element("img", src=moving, alt=picture.alt, class_="on-paper", style=size["style"])
        children.append(element("details", element("summary", "Play the animation"), still))
    return element("figure", children, element("figcaption", picture.caption))


def _table(table: Table, at: str, marks: Sequence[str] = ()) -> Markup:
    """Return a table that scrolls in its own box, without columns that have no value.

    A column in which all is numbers is set as numbers.
    """
    kept = [k for k in range(len(table.headings)) if k == 0 or any(not _is_empty(row[k]) for row in table.rows)]
    headings, rows = [table.headings[k] for k in kept], [[row[k] for k in kept] for row in table.rows]
    numeric = [all(_is_number(row[k]) for row in rows) for k in range(len(headings))]
    head = [
        element("th", heading, scope="col", class_="number" if numeric[k] else None)
        for k, heading in enumerate(headings)
    ]
    body = []
    for j, row in enumerate(rows):
        cells = [_cell(cell, first=k == 0) for k, cell in enumerate(row)]
        body.append(element("tr", cells, class_=f"row-{marks[j]}" if marks and marks[j] else None))
    caption = element("caption", table.caption, id=at)
    parts = [caption, element("thead", element("tr", head)), element("tbody", body)]
    box = element(
        "div",
        element("table", parts, class_="sortable"),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_labelledby=at,
    )
    return element("div", box, class_="table")


def _is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, Mark) and cell.value is None)


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | float | Mark)


def _cell(cell: Cell, *, first: bool) -> Markup:
    name, scope = ("th", "row") if first else ("td", None)
    outcome = cell.outcome if isinstance(cell, Mark) else ""
    cell = cell.value if isinstance(cell, Mark) else cell
    if isinstance(cell, str):
        kind = None if isinstance(cell, Markup) else "text" if len(cell) > LONG else "short"
        return element(name, cell, scope=scope, class_=kind)
    if cell is None or math.isnan(cell):
        return element(name, "–", scope=scope, class_="number")
    value = repr(float(cell)) if math.isfinite(cell) else "Infinity" if cell > 0 else "-Infinity"
    mark = [" ", _sign(outcome)] if outcome in (CONTRADICTED, DIFFERS, UNDERPOWERED) else None
    return element(name, number(cell), mark, scope=scope, class_="number", data_value=value)


def _badge(outcome: str) -> Markup:
    """Return an outcome with its sign."""
    word = outcome.upper() if outcome == CONTRADICTED else outcome
    sign = element("span", SIGNS[outcome], aria_hidden="true")
    return element("span", sign, f" {word}", class_=f"mark {slug(outcome)}")


def _sign(outcome: str) -> Markup:
    """Return an outcome as its sign, the word for those who do not see it."""
    word = element("span", f" {outcome}", class_="unseen")
    return element("span", element("span", SIGNS[outcome], aria_hidden="true"), word, class_=f"mark {slug(outcome)}")


def _again(section: Section) -> list[Markup]:
    """Return what makes a result again."""
    made: Made = section.made
    facts = [("version", f"saddlescape {made.version}")]
    if made.packages:
        facts.append(("with", made.packages))
    if made.digest:
        facts.append((f"SHA-256 of {made.of}", made.digest))
    if made.created:
        facts.append(("made", _day(made.created)))
    facts.append(("file", section.source))
    command = (
        element("pre", element("code", _tokens(made.command)))
        if made.command
        else element("p", "It was made from Python: there is no command line that makes it again.")
    )
    listed = [
        [element("dt", name), element("dd", element("code", told) if "SHA" in name or name == "file" else told)]
        for name, told in facts
    ]
    return [element("h3", "To make it again"), command, element("dl", listed)]


def _tokens(command: str) -> list[Any]:
    """Return a command whose flags do not break into two lines."""
    tokens = command.split(" ")
    return [
        [" " if k else "", element("span", token, class_="together") if len(token) < TOKEN else token]
        for k, token in enumerate(tokens)
    ]


def _plain(claim: Claim) -> dict[str, Any]:
    """Return a claim as JSON can hold it."""
    told = claim._asdict()
    del told["key"]
    return {name: None if isinstance(each, float) and not math.isfinite(each) else each for name, each in told.items()}
