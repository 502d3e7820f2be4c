import pytest
from saddlescape.experiments.command import main
from saddlescape.theory.statements import STATEMENTS, derivation


@pytest.mark.parametrize("name", STATEMENTS)
def test_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", name]) == 0
    page = capsys.readouterr().out
    derived = derivation(name)
    assert page.startswith(f"{name}: {derived.title}")
    words = " ".join(page.split())
    for part in (derived.assumptions, derived.steps, derived.forms, derived.limits, derived.findings):
        for k, entry in enumerate(part):
            assert f"{k + 1}. {' '.join(entry.name.split())}." in words
            assert " ".join(entry.says.split())[:40] in words
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("name", STATEMENTS)
def test_latex(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", name, "--latex"]) == 0
    page = capsys.readouterr().out
    for opened, closed in ((r"\begin{equation*}", r"\end{equation*}"), (r"\begin{enumerate}", r"\end{enumerate}")):
        assert page.count(opened) == page.count(closed) > 0
    assert page.count("{") - page.count(r"\{") == page.count("}") - page.count(r"\}")


def test_help_and_refusals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive"]) == 0
    assert "theorem-1" in capsys.readouterr().out
    assert main(["derive", "theorem-1", "--help"]) == 0
    assert "--latex" in capsys.readouterr().out
    for tokens, says in (
        (["theorem-8"], "there is no statement 'theorem-8'"),
        (["theorem-1", "--tex"], "there is no --tex here"),
    ):
        assert main(["derive", *tokens]) == 2
        assert says in capsys.readouterr().err
