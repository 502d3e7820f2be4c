import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import saddlescape as ss
from saddlescape.dynamics import cache
from saddlescape.landscapes.valley import LineWell

MODULE = """
from typing import NamedTuple
import numpy as np
from numba import njit
from saddlescape.landscapes.interface import Escape
import helpers_of_mine

STRENGTH = {strength}

@njit
def pull(x):
    return {pull}

class Ramp(NamedTuple):
    height: float

    @property
    def dimension(self):
        return 1

    def check(self):
        return self

    def value(self, x, out):
        out[0] = 0.0

    def gradient(self, x, grad):  # other names and no annotations: only the number of arguments counts
        for j in range(x.shape[1]):
            grad[0, j] = -self.height + STRENGTH * pull(x[0, j]) + helpers_of_mine.OFFSET

    def hessian(self, x, j, out):
        out[0, 0] = 0.0

    def minima(self):
        return np.zeros((1, 1))

    def saddles(self):
        return np.zeros((1, 1))

    def escape(self):
        return Escape(np.zeros(1), np.ones(1), None, np.ones(1), 1.0)
"""

RULE = """
from typing import NamedTuple

class Rule(NamedTuple):
    lr: float

    def check(self):
        return self

    def time_step(self):
        return self.lr

    def rows(self):
        return 0

    def start(self, j, theta, state):
        pass

    def move(self, theta, g, state, t, gain):
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                theta[i, j] -= {factor} * self.lr * g[i, j]
"""

RUN = """
import sys
import saddlescape as ss
from ramp_of_mine import Ramp
from saddlescape.dynamics import cache, kernels
times = ss.escape_times(Ramp(1.0), ss.IsotropicNoise(1e-12), ss.SGD(0.125), trajectories=1, exit=0.99, max_steps=1000)
(kernel,) = (each for (name, _), each in cache._compiled.items() if name == kernels.first_passage.__name__)
print(times.steps[0], sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""


@pytest.fixture
def user(tmp_path):
    """Write a user's module and run an experiment on it in a new process: first-passage step, hits, misses."""

    def run(strength="0.0", pull="x", offset="0.0"):
        (tmp_path / "ramp_of_mine.py").write_text(MODULE.format(strength=strength, pull=pull))
        (tmp_path / "helpers_of_mine.py").write_text(f"OFFSET = {offset}\n")
        environment = os.environ | {
            "SADDLESCAPE_CACHE": str(tmp_path / "cache"),
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", RUN], env=environment, capture_output=True, text=True, check=True
        )
        return tuple(map(int, done.stdout.split()))

    return run


def test_a_users_landscape_is_cached_and_never_stale(user):
    # theta moves by 1/8 a step: 8 steps to 1. Every edit changes the step, so a stale kernel would show.
    assert user() == (8, 0, 1)
    assert user() == (8, 1, 0)  # another process finds it
    assert user(strength="1.0", pull="-0.0 * x - 1.0") == (4, 0, 1)  # a constant and a jitted helper
    assert user(strength="1.0", pull="-0.0 * x - 3.0") == (2, 0, 1)  # the helper alone
    assert user(offset="0.5") == (16, 0, 1)  # a constant of another module
    assert user() == (8, 1, 0)  # back to the first text


def test_two_classes_of_one_name_do_not_meet(tmp_path):
    # Both kernels have the same function and the same argument types by name; both come from disk in the end.
    for module, factor in (("mine", "1.0"), ("yours", "2.0")):
        (tmp_path / f"{module}.py").write_text(RULE.format(factor=factor))
    environment = os.environ | {"SADDLESCAPE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}

    def run(*modules):
        script = f"import saddlescape as ss, {', '.join(modules)}\n" + "".join(
            f"print(ss.replay({module}.Rule(0.5), [[1.0]], [0.0])[-1, 0])\n" for module in modules
        )
        command = [sys.executable, "-W", "error", "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    assert run("mine") == ["-0.5"]
    assert run("yours") == ["-1.0"]
    assert run("mine", "yours") == ["-0.5", "-1.0"]
    assert run("yours", "mine") == ["-1.0", "-0.5"]


def test_a_record_within_a_record_counts():
    inner = LineWell(ss.QuarticWell().check().profile()), LineWell(ss.PiecewiseQuadraticWell().check().profile())
    first, second = (list(cache._classes(part)) for part in inner)
    assert first[0] is second[0] is LineWell
    assert cache.fingerprint(*first) != cache.fingerprint(*second)


def test_an_edit_of_our_own_sources_changes_the_key(monkeypatch):
    before = cache.fingerprint(ss.SGD)
    assert cache.fingerprint(ss.SGD) == before
    monkeypatch.setattr(cache, "_house", lambda: b"edited")
    assert cache.fingerprint(ss.SGD) != before


def test_the_house_covers_every_file_of_both_floors(monkeypatch, tmp_path):
    for folder in ("landscapes", "dynamics"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.py").write_text("1")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "dynamics" / "cache.py"))
    digests = {cache._house.__wrapped__()}
    for folder in ("landscapes", "dynamics"):
        (tmp_path / folder / "one.py").write_text("2")
        digests.add(cache._house.__wrapped__())
    (tmp_path / "landscapes" / "two.py").write_text("")
    digests.add(cache._house.__wrapped__())
    assert len(digests) == 4


def test_a_class_that_no_other_process_can_import_is_compiled_with_a_word():
    class Mine(ss.SGD):
        __slots__ = ()

    with pytest.warns(cache.UncachedKernelWarning, match=r"Mine cannot be imported by another process"):
        path = ss.replay(Mine(0.5), [[1.0]], [0.0])
    assert path.tolist() == [[0.0], [-0.5]]


def test_what_has_no_content_is_compiled_with_a_word():
    class Strange(ss.SGD):
        __slots__ = ()
        other = object()

        def time_step(self):
            return OPAQUE and 1.0

    with pytest.warns(cache.UncachedKernelWarning, match="has no content that can be told"):
        ss.replay(Strange(0.5), [[1.0]], [0.0])


OPAQUE = object()


def test_fingerprints_do_not_depend_on_the_hash_seed():
    script = textwrap.dedent("""
        from saddlescape.dynamics import cache
        def f(x):
            return x in {"a", "b", "c", "d"}
        f.__module__ = "mine"
        print(cache.fingerprint(f))
    """)
    prints = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(prints) == 1


def test_arrays_and_containers_have_content():
    assert cache.fingerprint(np.arange(3)) != cache.fingerprint(np.arange(4))
    assert cache.fingerprint((1, "a")) != cache.fingerprint((1, "b"))
