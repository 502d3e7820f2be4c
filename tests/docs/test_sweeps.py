import re
import shlex
from pathlib import Path

import pytest
from saddlescape.experiments.command import main
from saddlescape.experiments.files.experiment import from_text, read
from saddlescape.experiments.refusals import InputError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sweeps.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_what_the_page_says_of_it() -> None:
    told = re.search(r"sweeps/escape.toml\) is a sweep of (\d+) settings", PAGE)
    assert told
    assert len(read(DOCS / "sweeps" / "escape.toml").settings) == int(told[1])


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "toml"])
def test_what_the_page_shows_of_a_file_can_be_read(text: str) -> None:
    head = '[rule]\nname = "sgd"\n' if "axes.rule" not in text else ""
    noise = '[landscape]\nname = "piecewise-quadratic"\n[noise]\nname = "hessian"\n'
    assert from_text(head + noise + text).settings


def test_the_refusal_that_the_page_shows_is_real() -> None:
    told = next(text for kind, text in BLOCKS if text.startswith("saddlescape: experiment.toml:14: "))
    wrong = '[rule]\nname = "sgd"\n' + "\n" * 9 + '[noise]\nname = "hessian"\nbatchsize = 0.3\n'
    with pytest.raises(InputError) as refused:
        from_text(wrong, "experiment.toml")
    assert f"saddlescape: {refused.value}\n" == told


@pytest.mark.parametrize("line", [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()])
def test_the_flags_that_the_page_shows_are_known(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = shlex.split(line, comments=True)
    if tokens[:1] != ["saddlescape"] or "..." in tokens or tokens[1] == "init":
        return
    # There is no such file or folder here, but a flag that is not known would be told of first.
    tokens = ["1/100" if token == "$i/100" else token for token in tokens[1:]]
    assert main(tokens) == 2
    said = capsys.readouterr().err
    assert "is not a file" in said or "no such file" in said.lower() or "there is no f" in said, said
