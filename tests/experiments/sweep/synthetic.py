"""Folders of sweeps whose results are drawn by NumPy: nothing is simulated."""

from pathlib import Path

import numpy as np
from saddlescape.experiments.files.experiment import from_text
from saddlescape.experiments.sweep.quantities import REFERENCES as NAMES
from saddlescape.experiments.sweep.store import Manifest, Store, StoredSetting, manifest_of, write_manifest
from saddlescape.experiments.sweep.unit import REFERENCES, Done, Unit, prepared_of

PLAIN = """
[rule]
name = "sgd"
[run]
trajectories = {trajectories}
[axes]
noise.variance = [0.8, 1.0, 2.5]
rule.lr = [0.05, 0.1]
"""
SADDLE = """
question = "saddle"
[rule]
name = "momentum"
[landscape]
curvatures = [0.1, -1.0]
[run]
trajectories = 3000
steps = 50
[axes]
noise.batch_size = [1.0, 2.0]
"""
LARGEST = 10**6


def mean_steps(setting: StoredSetting) -> float:
    """Return the mean escape time in steps that a setting's times are drawn with."""
    return 40.0 / (setting.described["rule"]["lr"] * setting.described["noise"].get("variance", 1.0))


def made(folder: Path, text: str, unit: int = 64, name: str = "file.toml") -> tuple[Store, Manifest]:
    """Write the manifest of an experiment and return its empty store."""
    asked = from_text(text, name)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = manifest_of(asked, [unit] * len(asked.settings))
    write_manifest(folder, manifest)
    return Store(folder), manifest


def escape_unit(setting: StoredSetting, start: int, stop: int, mean: float | None = None) -> Done:
    """Return geometric escape times, each trajectory's a function of its number alone."""
    rng = np.random.default_rng([int(setting.key, 16), start])
    steps = rng.geometric(1.0 / (mean or mean_steps(setting)), stop - start)
    outcome = (steps <= LARGEST).astype(np.int8)
    steps = np.minimum(steps, LARGEST)
    return Done(Unit(setting.key, start, stop), {"steps": steps, "outcome": outcome}, 0.5, int(steps.sum()))


def saddle_unit(setting: StoredSetting, start: int, stop: int) -> Done:
    """Return the sums of groups of 1024 normal draws."""
    ensemble = prepared_of(setting.described)
    records, d = len(ensemble.at), ensemble.landscape.dimension
    names = ("mean", "square", "second", "fourth", "finite", "number")
    groups: dict[str, list[object]] = {name: [] for name in names}
    for begin in range(start, stop, 1024):
        count = min(begin + 1024, stop) - begin
        x = np.random.default_rng([int(setting.key, 16), begin]).standard_normal((count, records, d))
        x = x * np.sqrt(np.arange(1.0, records + 1.0))[:, None]
        told = (x.sum(0), np.einsum("nri,nrj->rij", x, x), (x**2).sum(0), (x**4).sum(0), count, count)
        for name, value in zip(names, told, strict=True):
            groups[name].append(value)
    arrays = {name: np.array(values) for name, values in groups.items()}
    return Done(Unit(setting.key, start, stop), arrays, 0.25, (stop - start) * ensemble.horizon)


def note(setting: StoredSetting, **values: object) -> Done:
    """Return what solving the references of a setting would have found."""
    import json

    told = {name: {"value": values.get(name), "reason": "drawn for a test", "source": "test"} for name in NAMES}
    raw = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    return Done(Unit(setting.key, 0, 0), {REFERENCES: raw}, 0.1, 0)


def filled(folder: Path, text: str, *, solved: bool = False, unit: int = 64, per_shard: int = 5) -> Manifest:
    """Write a whole sweep, so many units to a shard."""
    store, manifest = made(folder, text, unit)
    draw = escape_unit if manifest.question == "escape" else saddle_unit
    size = unit if manifest.question == "escape" else 1024
    count = 0
    for setting in manifest.settings:
        if solved:
            store.add(note(setting, exact_discrete=mean_steps(setting) * setting.described["rule"]["lr"]))
        for start in range(0, setting.trajectories, size):
            store.add(draw(setting, start, min(start + size, setting.trajectories)))
            count += 1
            if count % per_shard == 0:
                store.flush()
    store.flush()
    return manifest
