import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.command import main
from saddlescape.experiments.fields import plain
from saddlescape.experiments.figures import style
from saddlescape.experiments.figures import verify as verify_figure
from saddlescape.experiments.record import load, save
from saddlescape.experiments.report import KINDS
from saddlescape.experiments.report import bench as bench_section
from saddlescape.experiments.report import regime as regime_section
from saddlescape.experiments.report import scaling as scaling_section
from saddlescape.experiments.report.again import command, digest_of
from saddlescape.experiments.report.drawing import DARK_INK, DARK_PAPER, LEAST_CONTRAST, contrast, dark, images
from saddlescape.experiments.report.gather import gather
from saddlescape.experiments.report.html import Markup, element
from saddlescape.experiments.report.interface import OUTCOMES, Source
from saddlescape.experiments.report.mathml import mathml
from saddlescape.experiments.report.page import SIGNS, number, page
from saddlescape.experiments.report.statements import PRINTED, about_escape, about_saddle, times, typeset
from saddlescape.theory.statements import STATEMENTS, derivation
from saddlescape.theory.symbols import sp

from .folders import contradicting, fill, survival, verification
from .results import escape_result, exponential_times, saddle_result

VOID = {"img", "br", "hr", "meta", "source"}
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
STATIC = Path(import_module("saddlescape.experiments.report").__file__ or "").parent


class Node:
    def __init__(self, tag: str, attributes: dict[str, str | None], parent: "Node | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Node | str] = []

    def walk(self) -> "Iterator[Node]":
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, *tags: str) -> "list[Node]":
        return [node for node in self.walk() if node.tag in tags]

    def get(self, name: str) -> str:
        return self.attributes.get(name) or ""

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class Parser(HTMLParser):
    """Builds a tree; an end tag that closes nothing, or something else, is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Node("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs), self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def parsed(text: str) -> Node:
    parser = Parser()
    parser.feed(text)
    assert parser.at is parser.root
    return parser.root


def rows_of(table: Node) -> list[list[str]]:
    return [[cell.text.strip() for cell in row.all("th", "td")] for row in table.all("tbody")[0].all("tr")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    fill(path)
    return path


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return page(gather(folder, "Some results"))


@pytest.fixture(scope="module")
def tree(text: str) -> Node:
    return parsed(text)


def test_landmarks_and_headings_in_order(tree: Node) -> None:
    counts = Counter(node.tag for node in tree.walk())
    assert [counts[tag] for tag in ("html", "header", "nav", "main", "h1")] == [1] * 5
    assert tree.all("html")[0].get("lang") == "en"
    assert tree.all("title")[0].text == tree.all("h1")[0].text == "Some results"
    levels = [int(node.tag[1]) for node in tree.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    skip = tree.all("body")[0].all("a")[0]
    assert skip.get("href") == "#content"
    assert tree.all("main")[0].get("id") == "content"


def test_every_id_is_one_and_every_link_within_the_page_has_its_target(tree: Node) -> None:
    ids = [node.get("id") for node in tree.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    targets = [node.get("href") for node in tree.all("a")]
    assert targets
    assert all(target.startswith("#") and target[1:] in ids for target in targets)
    for name in ("aria-labelledby",):
        assert all(node.get(name) in ids for node in tree.walk() if name in node.attributes)


def test_every_image_has_an_alternative_text_and_comes_with_the_page(tree: Node) -> None:
    pictures = tree.all("img")
    assert len(pictures) >= 6
    for each in pictures:
        assert len(each.get("alt")) > 40
        assert each.get("src").startswith("data:image/")
    for figure in tree.all("figure"):
        schemes = [each.get("class") for each in figure.all("img")]
        assert schemes in (["for-light", "for-dark"], ["on-paper"])
        assert len(figure.all("figcaption")[0].text) > 80


def test_every_table_has_a_caption_and_scopes(tree: Node) -> None:
    tables = tree.all("table")
    assert len(tables) >= 6
    for table in tables:
        assert table.all("caption")[0].text
        head, body = table.all("thead")[0], table.all("tbody")[0]
        assert all(cell.get("scope") == "col" and cell.text.strip() for cell in head.all("th"))
        widths = {len(row.all("th", "td")) for row in body.all("tr")}
        assert widths == {len(head.all("th"))}
        assert all(row.all("th")[0].get("scope") == "row" for row in body.all("tr"))
        box = table.parent
        assert box is not None
        assert (box.get("tabindex"), box.get("role")) == ("0", "group")


def test_nothing_is_asked_of_the_network(text: str, tree: Node) -> None:
    # Names of XML vocabularies within the drawings are no addresses to fetch.
    outside = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink|1998/Math/MathML)", "", text)
    assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import|@font-face", outside)
    assert not tree.all("link", "iframe", "object", "embed", "base", "form")
    for node in tree.walk():
        assert not [name for name in node.attributes if name.startswith("on")]
    policy = next(node.get("content") for node in tree.all("meta") if node.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "connect-src" not in policy  # default-src rules it


def test_the_policy_holds_the_hash_of_the_script(tree: Node) -> None:
    import base64
    import hashlib

    (script,) = tree.all("script")
    told = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert any(f"script-src 'sha256-{told}'" in node.get("content") for node in tree.all("meta"))
    assert "localStorage" not in script.text
    assert "fetch" not in script.text


def test_the_dark_colours_of_the_drawings_are_those_of_the_page() -> None:
    sheet = (STATIC / "style.css").read_text(encoding="utf-8")
    for name, colour in (("--paper", DARK_PAPER), ("--ink", DARK_INK)):
        assert sheet.count(f"{name}: #" + "".join(f"{part:02x}" for part in colour)) == 2


def test_text_and_verdicts_have_a_contrast_of_4_5_on_each_ground() -> None:
    sheet = (STATIC / "style.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6})", block))
        for block in re.findall(r"\{([^{}]*--paper:[^{}]*)\}", sheet)
    ]
    assert len(blocks) == 4
    for block in blocks:
        colours = {name: tuple(bytes.fromhex(code)) for name, code in block.items()}
        for name in ("ink", "quiet", "link", "wrong", "differs", "weak", "good"):
            for ground in ("paper", "wash"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        assert contrast(colours["wrong"], colours["wrong-wash"]) >= 4.5
        assert contrast(colours["ink"], colours["wrong-wash"]) >= 4.5
    # By hand: black on white is 21, and #777777 on white 4.48.
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    assert contrast((0x77,) * 3, (255, 255, 255)) == pytest.approx(4.48, abs=0.005)


def test_verdicts_come_first_and_say_what_the_results_say(folder: Path, tree: Node) -> None:
    first = tree.all("main")[0].all("section")[0]
    assert first.get("id") == "verdicts"
    rows = rows_of(first.all("table")[0])
    outcomes = [row[2].split(" ", 1)[1] for row in rows]
    assert outcomes == sorted(outcomes, key=lambda word: OUTCOMES.index(word.lower()))
    assert Counter(outcomes) == {"differs": 1, "agrees": 6}
    assert all(row[2].startswith(SIGNS[word]) for row, word in zip(rows, outcomes, strict=True))
    # The ratio of the escape is that of its own verdict.
    verdict = escape_result(exponential_times(0)).verdict
    (row,) = [row for row in rows if "leaves a minimum" in row[0]]
    assert row[3:6] == [number(value) for value in (verdict.ratio, verdict.low, verdict.high)]
    assert "No simulation contradicts" in first.text
    assert "7 verdicts: 1 ≠ differs, 6 ✓ agrees." in " ".join(tree.all("header")[0].text.split())
    assert "2 other files of the folder are no result" in first.text


def test_a_contradiction_comes_first_in_words(tmp_path: Path) -> None:
    fill(tmp_path, contradicted=True)
    report = gather(tmp_path, "Wrong")
    first = parsed(page(report)).all("main")[0].all("section")[0]
    words = first.text.split()
    assert words[:3] == ["Verdicts✕", "CONTRADICTED:", "2"]
    assert "2 ✕ CONTRADICTED" in " ".join(parsed(page(report)).all("header")[0].text.split())
    rows = rows_of(first.all("table")[0])
    assert [row[2] for row in rows[:2]] == ["✕ CONTRADICTED"] * 2
    assert "CONTRADICTED" not in "".join(row[2] for row in rows[2:])
    assert {rows[0][0], rows[1][0]} == {
        "Theorem 2: How heavy-ball momentum leaves a saddle",
        "SGD leaves a minimum: quartic landscape, isotropic noise, lr = 0.05, seed 1",
    }
    assert first.all("tr")[1].get("class") == "row-contradicted"
    told = report.as_json()
    assert told["counts"]["contradicted"] == 2
    assert [each["outcome"] for each in told["verdicts"][:2]] == ["contradicted"] * 2
    json.dumps(told, allow_nan=False)


def test_a_printed_statement_that_differs_is_no_contradiction(tree: Node) -> None:
    rows = rows_of(tree.all("table")[0])
    assert rows[0][1] == "the statement as printed, outside its regime"
    assert rows[0][2] == "≠ differs"


def test_the_same_folder_gives_the_same_bytes(folder: Path, text: str) -> None:
    assert page(gather(folder, "Some results")) == text


@pytest.mark.parametrize("result", [escape_result(exponential_times(0)), saddle_result(0), contradicting()])
def test_a_result_rebuilt_from_its_record_tells_the_same(tmp_path: Path, result: Any) -> None:
    record = load(save(tmp_path, result).path)
    again = import_module(f"saddlescape.experiments.{result.configuration['question']}").restored(*record)
    assert again.as_json() == result.as_json()
    assert type(again.landscape) is type(result.landscape)
    for mine, theirs in zip(again.arrays().values(), result.arrays().values(), strict=True):
        np.testing.assert_array_equal(mine, theirs, strict=True)


def test_what_is_torn_or_changed_is_told_in_a_line_and_the_rest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path)
    results = {seed: save(tmp_path, escape_result(exponential_times(seed))).path for seed in range(2, 7)}
    results[2].with_suffix(".npz").unlink()
    results[3].write_text(results[3].read_text()[:300])
    results[4].with_suffix(".npz").write_bytes(b"something else")
    results[5].unlink()
    changed = json.loads(results[6].read_text())
    changed["summary"]["verdict"] = "differs"
    results[6].write_text(json.dumps(changed))
    figure = json.loads((tmp_path / "survival.json").read_text())
    figure["data"]["references"]["exact_discrete"] = 1.0
    (tmp_path / "changed.json").write_text(json.dumps(figure))
    lacking = json.loads((tmp_path / "verify.json").read_text())
    del lacking["rows"][0]["comparisons"]
    (tmp_path / "lacking.json").write_text(json.dumps(lacking))
    assert main(["report", str(tmp_path), "--quiet"]) == 0
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert len(lines) == 7
    assert all(line.startswith(f"saddlescape: {tmp_path}") for line in lines)
    expected = {
        results[2].name: "the record was never finished, or was torn apart",
        results[3].name: "it is no whole JSON file: it was torn or changed",
        results[4].name: "is not what its manifest describes",
        results[5].with_suffix(".npz").name: "its manifest is missing",
        results[6].name: "says 'differs', its raw results say 'agrees'",
        "changed.json": "was changed: its data is not what its digest says",
        "lacking.json": "it lacks 'comparisons'",
    }
    for name, reason in expected.items():
        assert any(f"/{name}: " in line and reason in line for line in lines), name
    shown = parsed((tmp_path / "report.html").read_text(encoding="utf-8")).all("main")[0].all("section")
    assert "7 files could not be shown" in shown[0].text
    assert all(name in shown[0].text for name in expected)
    assert len(shown) == 5  # the verdicts, and the four results of ``fill``


def test_text_that_looks_like_html_is_shown_and_not_run(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    path = save(tmp_path, escape_result(exponential_times(0))).path
    manifest = json.loads(path.read_text())
    manifest["command"] = evil
    manifest["version"] = evil
    manifest["summary"]["references"]["corrected"]["reason"] = f"<img src=x onerror='{evil}'>"
    path.write_text(json.dumps(manifest))
    told = verification().as_json()
    told["rows"][0]["setting"] = evil
    told["rows"][0]["quantity"] = '"><b onmouseover=alert(1)>'
    (tmp_path / "verify.json").write_text(json.dumps(told))
    (tmp_path / "<b>.json").write_text("{")
    text = page(gather(tmp_path, evil))
    tree = parsed(text)
    assert len(tree.all("script")) == 1
    assert not tree.all("b")
    assert not [node for node in tree.walk() if any(name.startswith("on") for name in node.attributes)]
    assert tree.all("h1")[0].text == evil
    assert tree.all("pre")[-1].text == evil
    assert len(tree.all("img")) == len(tree.all("figure")) * 2


def test_an_expression_landscape_with_a_script_in_its_text_is_refused_and_told(tmp_path: Path) -> None:
    path = save(tmp_path, escape_result(exponential_times(0))).path
    manifest = json.loads(path.read_text())
    manifest["configuration"]["landscape"] = {"name": "expression", "text": "<script>alert(1)</script>"}
    path.write_text(json.dumps(manifest))
    report = gather(tmp_path, "x")
    assert not report.entries
    assert "text" in report.problems[0].says
    assert "<script>alert" not in page(report).replace("\n", "")


def test_markup_is_made_by_elements_alone() -> None:
    assert element("p", "a < b & c", class_="x") == '<p class="x">a &lt; b &amp; c</p>'
    assert element("img", alt='"><script>') == '<img alt="&quot;&gt;&lt;script&gt;">'
    assert element("p", Markup("<b>x</b>"), ["y", None, element("i", "<")]) == "<p><b>x</b>y<i>&lt;</i></p>"
    assert element("button", "x", hidden=True, disabled=False, title=None) == "<button hidden>x</button>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12,345"), (-3, "−3"), (0.976623, "0.97662"), (1.2e-5, "1.2×10⁻⁵"), (-4.5e12, "−4.5×10¹²"),
        (float("inf"), "∞"), (float("-inf"), "−∞"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_as_a_reader_would_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_numbers_carry_their_value_for_sorting(tree: Node) -> None:
    cells = [node for node in tree.walk() if "data-value" in node.attributes]
    assert len(cells) > 30
    for cell in cells:
        shown = cell.text.split()[0].replace(",", "").replace("−", "-").replace("∞", "inf")
        mantissa, _, power = shown.partition("×10")
        value = float(f"{mantissa}e{power.translate(RAISED)}" if power else mantissa)
        assert float(cell.get("data-value")) == pytest.approx(value, rel=1e-4)
    dashes = [node for node in tree.all("td") if node.text == "–"]
    assert dashes
    assert all("data-value" not in node.attributes for node in dashes)


def test_a_drawing_turns_dark_grey_by_grey() -> None:
    drawing = (
        '<svg x="1"><path style="fill: #ffffff; stroke: #000000"/><use href="#222222"/><path style="fill: #0072b2"/>'
        '<path style="stroke: #00283e"/></svg>'
    )
    turned = dark(drawing)
    assert "fill: #171a1f; stroke: #eaeae6" in turned
    assert 'href="#222222"' in turned
    assert "fill: #0072b2" in turned
    assert turned.startswith('<svg fill="#eaeae6" x="1">')
    (lighter,) = re.findall(r"stroke: #(\w{6})\"/></svg>", turned)
    assert contrast(tuple(bytes.fromhex(lighter)), DARK_PAPER) >= LEAST_CONTRAST > contrast((0, 0x28, 0x3E), DARK_PAPER)


def test_a_drawing_with_dots_in_it_stays_on_paper() -> None:
    with style.styled(4.0, 3.0) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1])
        assert set(images(figure)) == {"light", "dark"}
        axes.pcolormesh(np.arange(12.0).reshape(3, 4), rasterized=True)
        assert set(images(figure)) == {"paper"}


@pytest.mark.parametrize("statement", ["theorem-1", "theorem-3"])
def test_a_statement_is_typeset_from_its_derivation(statement: str) -> None:
    tree = parsed(str(typeset(statement)))
    assert derivation(statement).title in tree.text
    assert derivation(statement).source in tree.text
    assert len(tree.all("math")) > len(PRINTED[statement])
    allowed = {
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mfrac",
        "msqrt",
        "mtext",
        "mspace",
    }
    assert {node.tag for math in tree.all("math") for node in math.walk()} <= allowed
    assert not parsed(str(typeset(statement, titled=False))).all("strong")


def test_every_statement_and_every_rule_has_something_to_show() -> None:
    from saddlescape.dynamics import RULES

    assert PRINTED.keys() == STATEMENTS.keys()
    for rule in RULES:
        assert about_escape(rule) in ("theorem-3", "proposition-2", "proposition-4")
        assert about_saddle(rule) in ("theorem-1", "theorem-2", "proposition-1", "proposition-3")


def test_mathml_says_what_the_expression_says() -> None:
    x, y = sp.symbols("x y", positive=True)
    assert re.sub(r"<[^>]+>", "", mathml(x - y)) == "x−y"
    assert re.sub(r"<[^>]+>", "", mathml(-x * (-1 + sp.exp(-y)))) == "x&InvisibleTimes;(1−e−y)"
    assert mathml(sp.sqrt(x) / 2) == "<mrow><mfrac><msqrt><mi>x</mi></msqrt><mn>2</mn></mfrac></mrow>"
    assert "<mfrac><mi>x</mi>" in mathml(x / (y + 1))
    assert mathml(sp.Symbol("|H_be|")) == "<mrow><mo>|</mo><msub><mi>H</mi><mi>be</mi></msub><mo>|</mo></mrow>"
    assert "&lt;" in mathml(sp.Symbol("<script>"))
    with pytest.raises(TypeError, match="Integral has no MathML"):
        mathml(sp.Integral(x, (x, 0, 1)))


def test_the_exponential_of_a_logarithm_is_the_same_number() -> None:
    logarithm = derivation("theorem-3").form("log_escape_time").expression
    values = {symbol: 0.3 + 0.17 * k for k, symbol in enumerate(sorted(logarithm.free_symbols, key=str))}
    assert float(times(logarithm).subs(values)) == pytest.approx(float(sp.exp(logarithm).subs(values)))


def test_the_figure_of_a_verification_draws_its_ratios() -> None:
    rows = verification().as_json()["rows"]
    data = verify_figure.ratios_of(rows)
    axes = verify_figure.verification_ratios(data, "closed_form", ax=style.Figure().subplots())
    marks = [line for line in axes.lines if line.get_marker() in ("o", "X")]
    drawn = [tuple(float(x) for x in np.atleast_1d(line.get_xdata())) for line in marks]
    assert sorted(x for xs in drawn for x in xs) == sorted(row["comparisons"]["closed_form"]["ratio"] for row in rows)
    crosses = [line for line in axes.lines if line.get_marker() == "X" and len(np.atleast_1d(line.get_xdata()))]
    assert [float(line.get_xdata()[0]) for line in crosses] == [2.0]
    assert "1 differ" not in verify_figure.caption(data).split("printed")[0]
    assert verify_figure.draw(data).axes[0].get_yticklabels()[0].get_text() == "theorem 1"


def test_a_regime_a_contest_and_a_scaling_run_are_drawn_from_their_json(tmp_path: Path) -> None:
    from saddlescape.experiments.regime import regime_experiment

    told = plain(regime_experiment("theorem-1", points=5).as_json())
    section = regime_section.section(Source(tmp_path, "regime-theorem-1.json", told))
    assert "--points=5" in section.made.command
    pictures = [block for block in section.blocks if hasattr(block, "figure")]
    assert len(pictures) == 1
    assert pictures[0].figure.axes

    contest: dict[str, Any] = {
        "version": "1", "scale": 1.0, "rounds": 1, "tolerance": 5.0, "interrupted": False,
        "absent": {"jax": "not here"},
        "contestants": {"saddlescape float64": "saddlescape 1"},
        "machine": {"processor": "p", "cores": 1, "system": "s", "python": "3"},
        "measurements": [{"round": 1, "case": "A", "contestant": "saddlescape float64", "seconds": 1.0, "wall": 1.0,
                          "units": 1e9, "ns": 1.0}],
        "cases": {"A": {
            "reference": {"source": "exact", "samples": None,
                          "answers": {"mean_steps": {"value": 10.0, "deviation": 1.0}}},
            "standings": {"saddlescape float64": {}},
            "answers": {"saddlescape float64": {"units": 1e9, "answers": {"mean_steps": 12.0}, "samples": 100}},
        }},
    }  # fmt: skip
    section = bench_section.section(Source(tmp_path, "bench.json", contest))
    assert [claim.outcome for claim in section.claims] == ["contradicted"]
    assert "mean_steps 12, not 10" in section.claims[0].says
    contest["cases"]["A"]["answers"]["saddlescape float64"]["answers"]["mean_steps"] = 10.1
    assert [claim.outcome for claim in bench_section.section(Source(tmp_path, "", contest)).claims] == ["agrees"]

    spread = {"median": 2.0, "low": 1.0, "high": 3.0}
    point: dict[str, Any] = {
        "threads": 1,
        "units": 1e9,
        "cpu_ns": spread,
        "wall_ns": spread,
        "digest": "d",
        "speed_up": spread,
    }
    grown = {
        "version": "1", "seed": 0, "rounds": 1, "quick": True, "interrupted": False, "seconds": 1.0,
        "machine": {"cores": 2},
        "sweeps": {"threads": {"says": "the call", "unit": "step", "series": {"escape times": {"points": [point]}},
                               "same_digest": False}},
    }  # fmt: skip
    section = scaling_section.section(Source(tmp_path, "scaling.json", grown))
    assert [claim.outcome for claim in section.claims] == ["contradicted"]
    assert not [block for block in section.blocks if hasattr(block, "figure")]  # its rounds are not told
    point["samples"] = [{"cpu": 1.0, "wall": 1.0, "idle": 0.1}]
    assert [block for block in scaling_section.section(Source(tmp_path, "", grown)).blocks if hasattr(block, "figure")]


def test_a_flatness_and_a_convergence_run_are_drawn_as_their_results_are(tmp_path: Path) -> None:
    from saddlescape.experiments.figures import convergence as convergence_figure
    from saddlescape.experiments.figures import flatness as flatness_figure
    from saddlescape.experiments.figures.stored import stored
    from saddlescape.experiments.report import convergence as convergence_section
    from saddlescape.experiments.report import flatness as flatness_section

    from . import test_convergence, test_flatness

    result = test_flatness.result(("sgd",))
    told = json.loads(json.dumps(result.as_json()))
    assert stored(flatness_figure.data_from(told)) == stored(flatness_figure.data_of(result))
    section = flatness_section.section(Source(tmp_path, "flatness.json", told))
    assert section.claims[0].ratio == pytest.approx(result.series[0].verdict.ratio)
    result_too = test_convergence.result()
    told = json.loads(json.dumps(result_too.as_json()))
    assert stored(convergence_figure.data_from(told)) == stored(convergence_figure.data_of(result_too))
    told["configuration"]["run"]["origin"] = [1.0, 4.0]
    section = convergence_section.section(Source(tmp_path, "convergence.json", told))
    assert section.made.digest == result_too.digest()
    assert section.claims == ()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_module_and_no_two_are_taken_for_one_another(kind: Any) -> None:
    assert callable(import_module(f"saddlescape.experiments.report.{kind.module}").section)
    others = [each for each in KINDS if each is not kind and (each.keys, each.question) != (kind.keys, kind.question)]
    assert len(others) == len(KINDS) - 1


def test_what_makes_a_result_again() -> None:
    assert command("verify", "theorem-1", quick=True, seed=3) == "saddlescape verify theorem-1 --quick --seed=3"
    assert command("x", a=None, b=False, c=[], some_rows=[1.0, 2.5]) == "saddlescape x --some-rows=1,2.5"
    assert digest_of({"a": 1, "seconds": 2.0}) == digest_of({"a": 1, "seconds": 3.0, "version": "9"})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_the_command_writes_the_page_and_tells_the_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survival(tmp_path / "in" / "survival.json")
    save(tmp_path / "in", escape_result(exponential_times(0)))
    out = tmp_path / "elsewhere" / "page.html"
    assert main(["report", str(tmp_path / "in"), "--out", str(out), "--title", "A title", "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == str(out)
    assert told["title"] == "A title"
    assert told["counts"] == dict.fromkeys(OUTCOMES, 0) | {"agrees": 1}
    assert [each["file"] for each in told["results"]][-1] == "survival.json"
    first = out.read_bytes()
    assert main(["report", str(tmp_path / "in"), "--out", str(out), "--title", "A title", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines() == ["2 results; verdicts: 1 agrees", f"written {out}"]
    assert out.read_bytes() == first
    # Its own page, in the folder, is no result of the next.
    for _ in range(2):
        assert main(["report", str(tmp_path / "in"), "--quiet"]) == 0
    assert "no result and left out" not in (tmp_path / "in" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "tokens", "expected"),
    [
        ((), ("nowhere",), "there is no folder "),
        (("file",), ("file",), "is not a folder"),
        (("empty/",), ("empty",), "holds no result: nothing that a command wrote with --out"),
        (("other/notes.txt",), ("other",), "holds no result"),
        (("empty/",), ("empty", "--out=page.pdf"), "--out=page.pdf must end in .html"),
        ((), (), None),
        ((), ("--title=x", "empty"), "the folder comes before --title=x"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    make: tuple[str, ...], tokens: tuple[str, ...], expected: str | None,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in make:
        path = tmp_path / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
    code = main(["report", *tokens])
    told = capsys.readouterr()
    if expected is None:
        assert code == 0
        assert "saddlescape report DIR" in told.out
    else:
        assert code == 2
        assert told.err.startswith("saddlescape: ")
        assert expected in told.err
        assert len(told.err.splitlines()) == 1
    assert not list(tmp_path.rglob("report.html"))
