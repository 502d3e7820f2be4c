import base64
import contextlib
import importlib.util
import io
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

DOCS = Path(__file__).parents[2] / "docs"
PARTS = ("Question", "What you need", "Predict", "What happened", "Why", "Try")

spec = importlib.util.spec_from_file_location("make_lesson", DOCS / "make_lesson.py")
assert spec is not None
assert spec.loader is not None
lesson = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lesson)


@pytest.fixture(scope="module")
def page():
    return (DOCS / "lesson.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook():
    return json.loads((DOCS / "lesson.ipynb").read_text(encoding="utf-8"))


def steps(page):
    """Return the text of each step by its number."""
    parts = re.split(r"^## (?=\d+\. |What)", page, flags=re.MULTILINE)
    return {int(part.split(".")[0]): part for part in parts if part[0].isdigit()}


def printed(notebook, number):
    """Return what the cells of a step printed."""
    cells = [cell for cell in notebook["cells"] if cell["id"].startswith(f"step-{number:02d}-code")]
    told = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "stream"]
    return "".join(line for output in told for line in output["text"])


def number_after(text, words):
    found = re.findall(re.escape(words) + r"\s*([\d,]+(?:\.\d+)?)", text)
    assert found, f"{words!r} is not in the output"
    return float(found[0].replace(",", ""))


def test_ten_steps_ask_before_they_answer(page):
    found = steps(page)
    assert list(found) == list(range(1, 11))
    for number, text in found.items():
        places = [text.index(f"**{part}.**") for part in PARTS]
        assert places == sorted(places), f"step {number}"
        assert places[2] < text.index("```python") < text.index("<!-- output -->") < places[3]
        assert any(lesson.ALT.fullmatch(line) for line in text.splitlines(keepends=True))
    for statement in ("Eq. 3", *(f"Theorem {k}" for k in (1, 2, 3)), *(f"Proposition {k}" for k in (1, 2, 3, 4))):
        assert statement in page
    assert "*flatness selection*" in page.replace("\n", " ")


def test_page_and_notebook_have_the_same_cells(page, notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    made = [(cell["cell_type"], "".join(cell["source"]) + "\n", cell["id"]) for cell in notebook["cells"]]
    assert made == [(cell.kind, cell.text, cell.name) for cell in lesson.cells_of(page)]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    # Independently of the maker's parser: every block of the page is a code cell, in its order.
    code = [text for kind, text, _ in made if kind == "code"]
    assert code == re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)


def test_page_and_notebook_have_the_same_outputs(page, notebook):
    texts, figures = [], []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                texts.append("".join(output["text"]).rstrip())
            else:
                figures.append((output["data"]["text/plain"][0], base64.b64decode(output["data"]["image/png"])))
    assert texts == [text.rstrip() for text in re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S)]
    shown = re.findall(r"^!\[(.+?)\]\((figures/lesson-.+?\.png)\)$", page, re.M)
    assert figures == [(alt, (DOCS / name).read_bytes()) for alt, name in shown]
    assert {DOCS / name for _, name in shown} == set(DOCS.glob("figures/lesson-*.png"))
    assert len(shown) == 10
    assert (DOCS / "lesson.ipynb").stat().st_size < 1_500_000


def test_notebook_holds_nothing_of_the_moment(notebook):
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


def test_every_statement_that_the_lesson_tests_holds(page, notebook):
    told = "".join(printed(notebook, number) for number in range(11))
    marks = re.findall(r"^[✓✗]", told, re.M)
    assert "✗" not in marks
    definition = 1
    calls = sum(cell.text.count("check(") for cell in lesson.cells_of(page) if cell.kind == "code") - definition
    assert len(marks) >= calls > 30
    for number in range(1, 11):
        assert re.search(r"^✓", printed(notebook, number), re.M), f"step {number} tests nothing"


def test_numbers_of_the_run_bear_the_prose_out(notebook):
    """Each is read from the committed outputs; means of 1000 to 4000 escapes are within 2 to 3 % (one sigma)."""
    # 2: a hundred times slower.
    assert 9_000 < number_after(printed(notebook, 2), "gets as far as the steepest after") < 12_500
    # 3: the bound of the printed drift over the printed diffusion, and where it is reached.
    best = minimize_scalar(lambda x: -((1.0 - np.exp(-x)) ** 2) / (2.0 * x), bounds=(0.1, 10.0), method="bounded")
    assert (round(-best.fun, 3), round(best.x, 2)) == (0.204, 1.26)
    assert 0.19 < number_after(printed(notebook, 3), "the printed drift is at most") < 0.2045
    # 4: 1/|H| along each direction, up to the fifth that Adam's start adds.
    gains = [float(x) for x in re.findall(r"Adam/SGD +([\d.]+)", printed(notebook, 4))]
    assert np.all(np.abs(np.log(np.array(gains) / [1.0, 10.0, 100.0])) < np.log(1.25))
    # 6: Theorem 3's factor of two at every barrier.
    over = [float(x) for x in re.findall(r"over Theorem 3 ([\d.]+)", printed(notebook, 6))]
    assert len(over) == 5
    assert np.all((np.array(over) > 0.43) & (np.array(over) < 0.6))
    # 7: each interval excludes the other power.
    drops = [[float(x) for x in found] for found in re.findall(r"second ([\d.]+) \+- ([\d.]+)", printed(notebook, 7))]
    (sgd, sgd_error), (adam, adam_error) = drops
    assert sgd - sgd_error > 2.0**0.5
    assert adam + adam_error < 2.0
    # 8: Adam's share is several times SGD's; SGD's, which has no memory, is what its two escape times say.
    shares = re.findall(r"100 000 steps: ([\d.]+), from its escape times ([\d.]+)", printed(notebook, 8))
    ended, expected = np.array(shares, dtype=float).T
    assert abs(ended[0] - expected[0]) < 0.005
    assert ended[1] < expected[1] - 0.01
    assert ended[1] > 3.0 * ended[0]
    # 8 and 9: both stay about equally long in the flat minimum; Adai's and SGD's intervals lie above Adam's.
    flat = [
        float(x.replace(",", "")) for x in re.findall(r"leaves the flat +one after +([\d,]+)", printed(notebook, 8))
    ]
    assert max(flat) < 1.15 * min(flat)
    told = printed(notebook, 8) + printed(notebook, 9)
    found = re.findall(r"^(\w+) +flat over sharp: [\d.]+ \[([\d.]+), ([\d.]+)\]", told, re.M)
    ends = {name: (float(low), float(high)) for name, low, high in found}
    assert min(ends[name][0] for name in ("sgd", "momentum", "adai")) > 3.0 * ends["adam"][1]
    # 10: no simulation differs from its own iteration.
    assert number_after(printed(notebook, 10), "differ: iteration") == 0


def commands():
    """Return the commands that the lesson tells to run."""
    page = (DOCS / "lesson.md").read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
    return sorted({" ".join(found.split()) for found in re.findall(r"`saddlescape (\w[^`]*)`", prose)})


@pytest.mark.parametrize("command", commands())
def test_the_commands_it_tells_are_commands(command, capsys):
    from saddlescape.experiments.command import main

    tokens = shlex.split(command)
    named = [token for token in tokens if token.startswith("--")]
    assert main([*[token for token in tokens[:2] if token not in named], "--help"]) == 0
    said = capsys.readouterr().out
    for name in named:
        assert name in said


@pytest.mark.skipif(shutil.which("ruff") is None, reason="ruff is not installed")
def test_code_is_formatted(page):
    cells = [cell for cell in lesson.cells_of(page) if cell.kind == "code"]
    for cell in cells:
        assert ruff("format", "--line-length", "120", "-", text=cell.text) == cell.text, cell.name
    # Names are defined and used across cells.
    ruff("check", "--isolated", "--select", "F", "-", text="\n\n".join(cell.text for cell in cells))


def ruff(*arguments, text):
    done = subprocess.run(["ruff", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_runs_at_low_sample_size(page):
    small, number = re.subn(r"^(TRAJECTORIES|SAMPLES|BATCHES) = [\d_]+$", r"\1 = 40", page, flags=re.M)
    assert number >= 6
    assert small.count("ss.verify(quick=True)") == 1
    small = small.replace("ss.verify(quick=True)", 'ss.verify(["equation-3"], quick=True)')
    cells = lesson.cells_of(small)
    outputs = lesson.run(cells)
    assert len(outputs) == sum(cell.kind == "code" for cell in cells)
    text, figures = lesson.filled(small, cells, outputs)
    assert sorted(figures) == [f"lesson-{number:02d}.png" for number in range(1, 11)]
    assert lesson.cells_of(text) == cells
    # So few trajectories bear few statements out: the marks are computed.
    assert "✗" in text


@pytest.mark.slow
def test_outputs_are_those_of_the_code(page):
    """A minute. The figures' bytes are those of the matplotlib that drew them."""
    for name, raw in lesson.made_from(page).items():
        assert (DOCS / name).read_bytes() == raw, name


TINY = """# A

```python
print(1 + 1)
```

<details><summary>?</summary>

<!-- output -->
{}<!-- end output -->

</details>
"""


def made(page):
    cells = lesson.cells_of(page)
    return lesson.filled(page, cells, lesson.run(cells))[0]


def test_filling_replaces_what_stood_there_and_is_idempotent():
    once = made(TINY.format("\n```text\nstale\n```\n\n"))
    assert once == TINY.format("\n```text\n2\n```\n\n")
    assert made(once) == once
    cells = lesson.cells_of(once)
    assert [cell.kind for cell in cells] == ["markdown", "code"]
    assert json.loads(lesson.notebook_of(cells, lesson.run(cells)))["cells"][1]["outputs"][0]["text"] == ["2\n"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("```python\nprint(1)\n```\n", "the last block prints or draws"),
        ("```python\nprint(1)\n```\n```python\nx = 1\n```\n", "a block prints or draws, but the next one comes"),
        ("```python\nprint(1)\n", "is missing at the end"),
        (TINY.format("").replace("<!-- end output -->\n", ""), "is missing at the end"),
        (
            TINY.format("").replace("print(1 + 1)", "import matplotlib.pyplot as plt\nplt.figure()\nplt.show()"),
            "nothing says what it looks like",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(broken, says):
    with pytest.raises(ValueError, match=says):
        made(broken)


def test_a_warning_in_a_block_is_an_error():
    with pytest.raises(UserWarning, match="mind"):
        made(TINY.format("").replace("print(1 + 1)", "import warnings\nwarnings.warn('mind')"))


def test_a_wrong_statement_is_marked(page):
    setup = next(cell.text for cell in lesson.cells_of(page) if cell.kind == "code")
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(setup + 'check("one is two", 1 == 2)\ncheck("one is one", 1 == 1)', {})
    assert told.getvalue() == "✗ one is two\n✓ one is one\n"
