"""Small sweeps for tests, run without planning, and what is on disk, read without the code that reads it."""

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import saddlescape as ss
from saddlescape.experiments.configuration import objects
from saddlescape.experiments.files.experiment import from_dict, from_text, read
from saddlescape.experiments.sweep.conductor import Halt, Outcome, Report, Shard, conduct
from saddlescape.experiments.sweep.engines.processes import Processes
from saddlescape.experiments.sweep.engines.threads import Threads
from saddlescape.experiments.sweep.launch import Launch, carry_out
from saddlescape.experiments.sweep.stopping import digest_of
from saddlescape.experiments.sweep.store import Manifest, Store, manifest_of, read_manifest, write_manifest

ESCAPE = """question = "escape"
[rule]
name = "sgd"
lr = 0.1
[landscape]
name = "quartic"
[noise]
name = "isotropic"
[run]
trajectories = {trajectories}
[axes]
noise.variance = [3.0, 4.0]
run.seed = [0, 1]
"""
SADDLE = """question = "saddle"
[rule]
name = "sgd"
[landscape]
name = "saddle"
[noise]
name = "hessian"
[run]
trajectories = {trajectories}
steps = 60
record = 4
[axes]
rule.lr = [0.01, 0.02]
run.seed = [0, 1]
"""
UNIT = {"escape": 256, "saddle": 1024}
"""Trajectories in a unit of the sweeps here."""


def manifest(source: str | Path | dict[str, Any], unit: int | None = None) -> Manifest:
    """Return what a folder is made for, its unit sizes settled without planning."""
    if isinstance(source, dict):
        experiment = from_dict(source)
    else:
        experiment = read(source) if isinstance(source, Path) else from_text(source)
    return manifest_of(experiment, [unit or UNIT[experiment.question]] * len(experiment.settings))


def begun(folder: Path, source: str | Path, unit: int | None = None) -> Manifest:
    """Make a folder as it is after planning."""
    asked = manifest(source, unit)
    (folder / "shards").mkdir(parents=True)
    write_manifest(folder, asked)
    return asked


def run(folder: Path, asked: Manifest, engine: Any = None, shard: tuple[int, int] = (1, 1), **more: Any) -> Outcome:
    """Run what is missing in a folder."""
    with engine or Threads(1) as ready:
        return carry_out(Launch(asked, None, None), folder, ready, shard=Shard(*shard), **more)[0]


def conducted(folder: Path, asked: Manifest, engine: Any, halt: Halt, report: Report | None = None) -> Outcome:
    """Run what is missing in a folder, to be stopped by a Halt."""
    with engine as ready:
        return conduct(Store(folder), asked, ready, halt, report=report)


def engine(kind: str) -> Any:
    """Return the engine of that name: "2 threads"."""
    count, _, name = kind.partition(" ")
    return Threads(int(count)) if name.startswith("thread") else Processes(int(count))


def digest(folder: Path) -> str | None:
    """Return the digest of a finished sweep."""
    asked = read_manifest(folder)
    assert asked is not None
    return digest_of(Store(folder, set_aside=False), asked)


def plain_digest(asked: Manifest, totals: dict[str, int] | None = None) -> str:
    """Return the digest that a sweep must have, every setting run undivided by the functions of the library."""
    whole = hashlib.sha256()
    for setting in asked.settings:
        landscape, noise, rule = objects(setting.described)
        fields = dict(setting.described["run"])
        if totals:
            fields[setting.amount] = totals[setting.key]
        escape = {"direct": ss.escape_times, "splitting": ss.rare_escapes}
        function = escape[fields.pop("method")] if asked.question == "escape" else ss.saddle_spread
        result: Any = function(landscape, noise, rule, **fields)
        whole.update(f"{setting.key} {result.digest()}\n".encode())
    return whole.hexdigest()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of last change of each file in shards/."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted((folder / "shards").iterdir())}


def whole_shards(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of shards that are whole: the manifest is there, and the digest is right."""
    found = {}
    for path in (folder / "shards").glob("*.json"):
        results = path.with_suffix(".npz")
        with contextlib.suppress(FileNotFoundError):
            text, raw = path.read_bytes(), results.read_bytes()
            if json.loads(text)["sha256"] == hashlib.sha256(raw).hexdigest():
                found |= {path.name: text, results.name: raw}
    return found


def ranges(folder: Path) -> list[tuple[str, int, int]]:
    """Return setting, start and stop of every unit on disk, sorted."""
    told = [json.loads(path.read_bytes()) for path in (folder / "shards").glob("*.json")]
    return sorted((key, start, stop) for each in told for key, start, stop, *_ in each["units"])


def check_each_once(folder: Path, asked: Manifest) -> None:
    """Check that what is on disk covers every trajectory of every setting exactly once."""
    found = ranges(folder)
    for setting in asked.settings:
        mine = [(start, stop) for key, start, stop in found if key == setting.key]
        assert [stop for _, stop in mine[:-1]] == [start for start, _ in mine[1:]]
        assert mine[0][0] == 0
        assert mine[-1][1] == setting.trajectories


def tail(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else ""


SIGNALS = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
)
"""Signals as a shell on a terminal leaves them to its programs, whoever runs the tests."""


@contextlib.contextmanager
def program(*tokens: object, setup: str = "", **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Start the command line as a process of its own, after some setup; at the end it is gone."""
    code = f"{SIGNALS}\n{setup}\nfrom saddlescape.experiments.command import run; run()"
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    with subprocess.Popen([sys.executable, "-c", code, *map(str, tokens)], text=True, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def done(folder: Path) -> int:
    """Return how many units are on disk."""
    return len(ranges(folder))


def rows(asked: Manifest, folder: Path) -> list[Any]:
    """Return the assembled result of each setting."""
    from saddlescape.experiments.sweep.stopping import extent, result_of

    store = Store(folder, set_aside=False)
    return [result_of(store, asked, each, extent(store, asked, each).done) for each in asked.settings]


def arrays(count: int, first: int = 0) -> dict[str, np.ndarray]:
    """Return raw results of an escape that can be told apart."""
    return {"steps": np.arange(first, first + count, dtype=np.int64) + 1, "outcome": np.ones(count, dtype=np.int8)}
