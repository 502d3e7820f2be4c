"""What is finished stays, is found again, and is told apart from what was damaged."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.record import PART, atomic
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep import store as store_module
from saddlescape.experiments.sweep.launch import prepare
from saddlescape.experiments.sweep.store import SHARDS, Manifest, Store, change, read_manifest, write_manifest
from saddlescape.experiments.sweep.unit import Done, Unit

from .small_sweeps import ESCAPE, arrays, check_each_once, contents, digest, manifest, ranges, run

TEXT = ESCAPE.format(trajectories=700)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest, str]:
    folder = tmp_path_factory.mktemp("finished") / "sweep"
    asked = manifest(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "EVERY", 0.0)  # a shard for each unit
        run(folder, asked)
    whole = digest(folder)
    assert whole is not None
    assert len(list((folder / "shards").glob("*.json"))) > 3
    return folder, asked, whole


@pytest.fixture
def copied(finished: tuple[Path, Manifest, str], tmp_path: Path) -> tuple[Path, Manifest, str]:
    shutil.copytree(finished[0], tmp_path / "copy")
    return tmp_path / "copy", finished[1], finished[2]


def stored(folder: Path, *batches: list[Done]) -> Store:
    """Return a store with a shard for each batch."""
    store = Store(folder)
    for batch in batches:
        for done in batch:
            store.add(done)
        store.flush()
    return store


def test_what_is_written_is_read_back_by_another_process(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    written = stored(
        tmp_path,
        [Done(Unit("a", 0, 5), arrays(5), 0.25, 15), Done(Unit("b", 0, 3), arrays(3, 100), 0.5, 30)],
        [Done(Unit("a", 5, 9), arrays(4, 5), 0.125, 26)],
    )
    read = Store(tmp_path)
    assert not read.damaged
    assert sorted(each.unit for each in read.all_units()) == sorted(each.unit for each in written.all_units())
    parts, missing, seconds = read.results("a", "escape", 12)
    assert missing == [(9, 12)]
    assert seconds == 0.375
    np.testing.assert_array_equal(np.concatenate([part["steps"] for part in parts]), np.arange(9) + 1)
    assert read.missing("b", "escape", 3) == []
    assert read.missing("c", "escape", 3) == [(0, 3)]
    assert [(each.seconds, each.steps) for each in read.units("b")] == [(0.5, 30)]
    assert parts[0]["outcome"].dtype == np.int8


def test_arrays_of_several_dimensions_keep_their_shape(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    drawn = np.random.default_rng(0).standard_normal((3, 2, 4))
    parts = [{"sums": drawn[:2]}, {"sums": drawn[2:]}]
    stored(tmp_path, [Done(Unit("a", 0, 2048), parts[0], 0, 0), Done(Unit("a", 2048, 3000), parts[1], 0, 0)])
    back, missing, _ = Store(tmp_path).results("a", "saddle", 3000)
    assert not missing
    np.testing.assert_array_equal(np.concatenate([part["sums"] for part in back]), drawn)


def test_a_note_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    text = np.frombuffer(b'{"value": 1}', dtype=np.uint8)
    stored(tmp_path, [Done(Unit("a", 0, 0), {"references": text}, 0, 0), Done(Unit("a", 0, 5), arrays(5), 0, 0)])
    read = Store(tmp_path)
    assert read.note("a", "references") == b'{"value": 1}'
    assert read.note("b", "references") is None
    assert read.missing("a", "escape", 5) == []


def test_equal_results_of_different_units_are_two_shards(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    stored(tmp_path, [Done(Unit("a", 0, 5), arrays(5), 0, 0)], [Done(Unit("a", 5, 10), arrays(5), 0, 0)])
    assert len(list((tmp_path / "shards").glob("*.npz"))) == 2
    assert Store(tmp_path).missing("a", "escape", 10) == []


def test_what_waits_is_not_there_until_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shards").mkdir()
    store = Store(tmp_path)
    store.add(Done(Unit("a", 0, 5), arrays(5), 0, 0))
    assert store.waiting == 1
    assert store.missing("a", "escape", 5) == [(0, 5)]
    assert not store.due()
    monkeypatch.setattr(store_module, "EVERY", 0.0)
    assert store.due()
    store.flush()
    assert store.missing("a", "escape", 5) == []
    assert not store.due()


def flip(path: Path, at: float) -> None:
    raw = bytearray(path.read_bytes())
    raw[int(at * (len(raw) - 1))] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def edit(path: Path, by: Callable[[dict[str, Any]], Any]) -> None:
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps(by(told) or told))


# What is done to a shard -> the file it is done to, and the reason that is given.
DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "results cut off": (".npz", cut, "changed or cut off"),
    "a bit of the results": (".npz", lambda path: flip(path, 0.5), "changed or cut off"),
    "results empty": (".npz", lambda path: path.write_bytes(b""), "changed or cut off"),
    "results missing": (".npz", Path.unlink, "npz is missing"),
    "manifest cut off": (".json", cut, "not a whole manifest"),
    "manifest empty": (".json", lambda path: path.write_bytes(b""), "not a whole manifest"),
    "a list": (".json", lambda path: path.write_text("[]"), "not a whole manifest"),
    "a number": (".json", lambda path: path.write_text("3"), "not a whole manifest"),
    "no text": (".json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "not a whole manifest"),
    "nested deep": (".json", lambda path: path.write_text("[" * 100_000), "not a whole manifest"),
    "no seal": (".json", lambda path: edit(path, lambda told: {"units": told["units"]}), "not a whole manifest"),
    "a unit moved": (".json", lambda path: edit(path, lambda told: told["units"][0].__setitem__(1, 77)), "was changed"),
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_shard_is_set_aside_told_and_redone(how: str, copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, whole = copied
    suffix, damage, reason = DAMAGES[how]
    before = contents(folder)
    victim = sorted((folder / "shards").glob(f"*{suffix}"))[1]
    damage(victim)
    assert digest(folder) != whole  # it would be seen
    said: list[str] = []
    outcome = run(folder, asked, say=said.append)
    assert len(said) == 1
    assert "\n" not in said[0]
    assert victim.stem in said[0]
    assert reason in said[0]
    assert digest(folder) == whole
    check_each_once(folder, asked)
    assert 0 < outcome.ran < len(ranges(folder)), "only what was in that shard is run again"
    after = contents(folder)
    assert {name: after[name] for name in before if victim.stem not in name} == {
        name: each for name, each in before.items() if victim.stem not in name
    }, "all others stay as they are"
    assert any(name.endswith(".damaged") for name in after), "what is left of it is kept"
    said.clear()
    assert run(folder, asked, say=said.append).ran == 0
    assert not said, "it is told once"


def test_a_flipped_bit_is_found_anywhere(copied: tuple[Path, Manifest, str]) -> None:
    folder, *_ = copied
    victims = [next((folder / "shards").glob(f"*{suffix}")) for suffix in (".json", ".npz")]
    for victim in victims:
        good = victim.read_bytes()
        for at in np.linspace(0.0, 1.0, 60):
            flip(victim, at)
            if victim.suffix == ".json" and json_equal(victim.read_bytes(), good):
                victim.write_bytes(good)  # white space, or an escape, says the same
                continue
            assert len(Store(folder, set_aside=False).damaged) == 1, at
            victim.write_bytes(good)
    assert not Store(folder, set_aside=False).damaged


def json_equal(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_foreign_files_do_no_harm(copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, whole = copied
    shards = folder / "shards"
    good = next(shards.glob("*.json"))
    (shards / "notes.txt").write_text("mine")
    (shards / "results.npz").write_bytes(b"of nothing")
    (shards / ".abc.json.123.part").write_text("{")
    (shards / "package.json").write_text('{"name": "something else"}')
    shutil.copy(good, shards / f"{good.stem} (copy).json")
    (shards / "folder.json").mkdir()
    said: list[str] = []
    assert run(folder, asked, say=said.append).ran == 0
    assert len(said) == 3, said
    assert digest(folder) == whole
    assert (shards / "notes.txt").read_text() == "mine"


def test_a_shard_twice_is_counted_once(copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, whole = copied
    good = next((folder / "shards").glob("*.json"))
    for suffix in (".json", ".npz"):
        shutil.copy(good.with_suffix(suffix), good.with_name(f"copy{suffix}"))
    assert run(folder, asked).ran == 0
    assert digest(folder) == whole


def test_results_that_change_while_they_are_read_are_refused(copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, _ = copied
    store = Store(folder)
    for path in (folder / "shards").glob("*.npz"):
        flip(path, 0.5)
    with pytest.raises(InputError, match="sweep again to redo it"):
        store.results(asked.settings[0].key, "escape", 700)


def test_more_trajectories_only_append(copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, whole = copied
    before = contents(folder)
    more = manifest(ESCAPE.format(trajectories=1000)).settled(asked)
    differs = change(asked, more)
    assert differs.appends
    assert str(differs) == "4 settings with more trajectories"
    run(folder, more)
    assert contents(folder).items() > before.items()
    check_each_once(folder, more)
    longer = digest(folder)
    assert longer not in (None, whole)
    run(folder.with_name("anew"), more)
    assert digest(folder.with_name("anew")) == longer


def test_more_settings_only_append(copied: tuple[Path, Manifest, str]) -> None:
    folder, asked, _ = copied
    before = contents(folder)
    more = manifest(TEXT.replace("[0, 1]", "[1, 0, 2]")).settled(asked)
    differs = change(asked, more)
    assert differs.appends
    assert str(differs) == "2 settings added"
    assert run(folder, more).ran == 2 * 3
    assert contents(folder).items() > before.items()
    check_each_once(folder, more)
    run(folder.with_name("anew"), more)
    assert digest(folder.with_name("anew")) == digest(folder)


# What is asked for in place of the file -> the reason that is given.
CHANGED = {
    TEXT.replace("lr = 0.1", "lr = 0.2"): "4 settings no longer in it",
    TEXT.replace("[0, 1]", "[0]"): "2 settings no longer in it",
    ESCAPE.format(trajectories=699): "4 settings with fewer trajectories",
}


@pytest.mark.parametrize("text", CHANGED, ids=list(CHANGED.values()))
def test_another_file_is_refused_as_changed(text: str, copied: tuple[Path, Manifest, str]) -> None:
    folder, _, whole = copied
    from saddlescape.experiments.files.experiment import from_text

    before = contents(folder)
    with pytest.raises(InputError, match=re.escape(CHANGED[text])) as refused:
        prepare(from_text(text, "mine.toml"), folder, 1)
    assert "--update" in str(refused.value)
    assert "mine.toml" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert contents(folder) == before
    assert digest(folder) == whole
    launch = prepare(from_text(text), folder, 1, update=True)
    run(folder, launch.manifest)
    assert contents(folder).items() >= before.items()
    assert digest(folder) not in (None, whole)
    run(folder, prepare(from_text(TEXT), folder, 1, update=True).manifest)
    assert digest(folder) == whole


def test_another_version_is_refused(copied: tuple[Path, Manifest, str]) -> None:
    from saddlescape.experiments.files.experiment import from_text

    folder, asked, _ = copied
    write_manifest(folder, asked._replace(version="0.0.1"))
    with pytest.raises(InputError, match=r"begun by saddlescape 0\.0\.1, this is"):
        prepare(from_text(TEXT), folder, 1, update=True)


@pytest.mark.parametrize("damage", [cut, lambda path: path.write_bytes(b"[]"), lambda path: path.write_bytes(b"\xff")])
def test_a_damaged_manifest_of_the_folder_is_told_and_made_anew(
    damage: Callable[[Path], object], copied: tuple[Path, Manifest, str]
) -> None:
    folder, asked, whole = copied
    before = contents(folder)
    damage(folder / "sweep.json")
    with pytest.raises(InputError, match=r"sweep\.json is not the manifest of a sweep") as refused:
        read_manifest(folder)
    assert "\n" not in str(refused.value)
    (folder / "sweep.json").unlink()
    assert run(folder, asked).ran == 0
    assert digest(folder) == whole
    assert contents(folder) == before


def test_a_manifest_is_read_back_and_written_once(tmp_path: Path) -> None:
    asked = manifest(TEXT)
    assert read_manifest(tmp_path) is None
    write_manifest(tmp_path, asked)
    assert read_manifest(tmp_path) == asked
    stamp = os.stat(tmp_path / "sweep.json").st_mtime_ns
    write_manifest(tmp_path, asked)
    assert os.stat(tmp_path / "sweep.json").st_mtime_ns == stamp


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(RuntimeError), atomic(path) as file:  # noqa: PT012
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_taken_away_once_it_is_old(tmp_path: Path) -> None:
    shards = tmp_path / SHARDS
    shards.mkdir()
    store = Store(tmp_path)
    store.add(Done(Unit("key", 0, 2), {"steps": np.array([1, 2])}, 0.1, 3))
    store.flush()
    whole = {path.name for path in shards.iterdir()}
    for name in (f".a.npz.1{PART}", "b.npz"):
        (shards / name).write_bytes(b"half")
    store.sweep_out()
    assert len(list(shards.iterdir())) == len(whole) + 2  # another process may be writing them
    for path in shards.iterdir():
        os.utime(path, (0.0, 0.0))
    store.sweep_out()
    assert {path.name for path in shards.iterdir()} == whole
