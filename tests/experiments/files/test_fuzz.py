import resource
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from saddlescape.experiments.files.experiment import from_text, read
from saddlescape.experiments.refusals import InputError

from ..toml_files import VALID, toml_files

SECONDS = 10.0
"""Many times what any of the files takes here."""
MEGABYTES = 1500


@pytest.mark.parametrize("text", VALID)
def test_what_is_mutated_is_valid_to_begin_with(text: str) -> None:
    assert from_text(text).settings


def test_a_file_is_read_or_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fuzz.toml"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = {"read": 0, "refused": 0}
    slowest = 0.0

    @settings(max_examples=500, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(toml_files())
    def attempt(text: str) -> None:
        nonlocal slowest
        path.write_bytes(text.encode())
        began = time.perf_counter()
        try:
            outcomes["read"] += len(read(path).settings) > 0
        except InputError as error:
            outcomes["refused"] += 1
            said = str(error)
            assert said.isprintable(), said
            assert 20 < len(said) <= 1000
            assert said.startswith(str(path))
        slowest = max(slowest, time.perf_counter() - began)

    attempt()
    assert slowest < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MEGABYTES
    assert [each.name for each in tmp_path.iterdir()] == ["fuzz.toml"]  # nothing was written, nothing was run
    assert min(outcomes.values()) > 50
