"""One way: landscapes -> dynamics -> theory -> experiments; no import turns back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["landscapes", "dynamics", "theory", "experiments"]


def imported_floors(path):
    """Yield the floor of every import in a file of ours, at whatever depth it stands."""
    here = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level:
            package = here[: len(here) - node.level + 1]
            names = (
                [".".join((*package, node.module or ""))]
                if node.module
                else [".".join((*package, alias.name)) for alias in node.names]
            )
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            first = name.removeprefix("saddlescape.").split(".")[0]
            if first in FLOORS:
                yield first


FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_turns_back(path):
    level = FLOORS.index(path.relative_to(ROOT).parts[0])
    assert [floor for floor in imported_floors(path) if FLOORS.index(floor) > level] == []


def test_the_check_sees_a_turn_back(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    bad = tmp_path / "dynamics" / "bad.py"
    bad.parent.mkdir()
    bad.write_text(
        "from ..experiments.command import main\nfrom .. import theory\nimport saddlescape.landscapes.frame\n"
    )
    assert list(imported_floors(bad)) == ["experiments", "theory", "landscapes"]


def test_only_the_face_stands_at_the_root():
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_importing_is_cheap():
    heavy = {"numpy", "numba", "scipy", "sympy", "matplotlib"}
    script = f"import sys, saddlescape; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_face_can_be_had():
    import saddlescape as ss

    assert ss.__version__
    for name in ss._HOME:
        assert getattr(ss, name) is not None
        assert name in dir(ss)
    with pytest.raises(AttributeError, match="has no attribute 'Sgd'"):
        ss.Sgd  # noqa: B018
