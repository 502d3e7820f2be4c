import os
import platform
import subprocess
import sys

import pytest
from saddlescape.dynamics.vectors import VARIABLE, vector_bits

X86 = platform.machine().lower() in ("x86_64", "amd64")

RUN = """
import warnings
import saddlescape as ss
times = ss.escape_times(ss.QuarticWell(), ss.IsotropicNoise(6.0), ss.SGD(), trajectories=300, max_steps=400)
print(times.digest())
"""


def test_nothing_asked_leaves_it_to_the_compiler(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert vector_bits() is None


@pytest.mark.skipif(not X86, reason="only x86-64 has a choice")
def test_a_width_is_taken(monkeypatch):
    monkeypatch.setenv(VARIABLE, "512")
    assert vector_bits() == 512


def test_another_width_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "128")
    with pytest.raises(ValueError, match=f"{VARIABLE}=128 must be 256 or 512: the width of vector registers in bits"):
        vector_bits()


def test_another_processor_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "512")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(ValueError, match="is for x86-64 processors, not for arm64"):
        vector_bits()


@pytest.mark.skipif(not X86, reason="only x86-64 has a choice")
def test_every_width_gives_the_same_bits():
    found = set()
    for width in ("256", "512"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", RUN],
            env=os.environ | {VARIABLE: width},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
