"""What other programs read must be what was found, to the last bit."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saddlescape.experiments.command import BAD_INPUT, main
from saddlescape.experiments.refusals import InputError
from saddlescape.experiments.sweep import export as exporting
from saddlescape.experiments.sweep.export import export
from saddlescape.experiments.sweep.reading import Sweep, load

from .synthetic import PLAIN, SADDLE, escape_unit, filled, made

TEXT = PLAIN.format(trajectories=200)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    filled(tmp_path / "sweep", TEXT, solved=True)
    return load(tmp_path / "sweep")


def reader(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not here: pip install 'saddlescape[export]'")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_row_for_each_setting_to_the_last_bit(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "new" / "sweep.csv"
    export(sweep, path)
    rows = rows_of(path)
    table = sweep.table()
    assert [row["setting"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    for name, values in table.items():
        told = [row[name] for row in rows]
        if values.dtype.kind == "f":
            assert np.array_equal([float(text) if text else np.nan for text in told], values, equal_nan=True)
        else:
            assert told == [str(value).lower() if values.dtype == bool else str(value) for value in values]


def test_csv_of_trajectories_has_each_of_them(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 37)
    path = tmp_path / "each.csv"
    export(sweep, path, trajectories=True)
    rows = rows_of(path)
    assert len(rows) == 1200
    for k in range(6):
        own = [row for row in rows if row["setting"] == str(k)]
        assert [int(row["trajectory"]) for row in own] == list(range(200))
        assert [int(row["steps"]) for row in own] == sweep[k].steps.tolist()
        assert {row["rule.lr"] for row in own} == {str(sweep.settings[k].coordinates["rule.lr"])}
        assert {row["outcome"] for row in own} == {"escaped"}


def test_parquet_gives_the_same_table_back(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = reader("pyarrow.parquet")
    path = tmp_path / "sweep.parquet"
    export(sweep, path)
    found = parquet.read_table(path)
    for name, values in sweep.table().items():
        kept = found[name].to_pylist()
        assert np.array_equal(kept, values, equal_nan=values.dtype.kind == "f"), name
    about = found.schema.metadata
    assert about[b"digest"].decode() == sweep.digest()
    assert about[b"text"].decode() == TEXT
    assert found.schema.field("mean").metadata[b"units"] == b"dynamical time"
    monkeypatch.setattr(exporting, "BATCH", 64)
    export(sweep, path, trajectories=True)
    each = parquet.read_table(path)
    assert each.num_rows == 1200
    assert each["steps"].to_pylist() == np.concatenate([sweep[k].steps for k in range(6)]).tolist()


def test_netcdf_gives_the_same_arrays_back(sweep: Sweep, tmp_path: Path) -> None:
    xarray = reader("xarray")
    reader("h5netcdf")
    reader("h5py")
    path = tmp_path / "sweep.nc"
    export(sweep, path)
    with xarray.open_dataset(path, engine="h5netcdf") as found:
        assert dict(found.sizes) == {"noise.variance": 3, "rule.lr": 2}
        assert found.attrs["digest"] == sweep.digest()
        assert found.attrs["text"] == TEXT
        assert found["mean"].attrs == {"long_name": "mean escape time", "units": "dynamical time"}
        for name in sweep.quantities:
            if "stage" in sweep.quantities[name].dims:
                assert name not in found, "nothing is split here"
                continue
            told = sweep[name].values
            assert np.array_equal(found[name].values, told.astype(str) if told.dtype == object else told,
                                  equal_nan=told.dtype.kind == "f"), name  # fmt: skip
        one = found.sel({"rule.lr": 0.1, "noise.variance": 1.0})
        assert float(one["mean"]) == sweep[1, 1].mean


def test_netcdf_of_a_saddle_has_its_steps_and_directions(tmp_path: Path) -> None:
    xarray = reader("xarray")
    reader("h5py")
    filled(tmp_path / "saddle", SADDLE, unit=1024)
    saddle = load(tmp_path / "saddle")
    made_here = saddle.to_xarray()
    export(saddle, tmp_path / "saddle.nc")
    with xarray.open_dataset(tmp_path / "saddle.nc", engine="h5netcdf") as found:
        assert found["variance"].dims == ("noise.batch_size", "step", "direction")
        assert found["step"].values.tolist() == saddle[0].steps.tolist()
        assert np.array_equal(found["variance"].values[1], saddle[1].variance)
        xarray.testing.assert_identical(found.load(), made_here)
    with pytest.raises(InputError, match="keeps sums"):
        export(saddle, tmp_path / "saddle.csv", trajectories=True)


def test_half_a_sweep_is_exported_as_far_as_it_is(tmp_path: Path) -> None:
    store, manifest = made(tmp_path / "half", TEXT)
    store.add(escape_unit(manifest.settings[2], 0, 64))
    store.flush()
    sweep = load(tmp_path / "half")
    export(sweep, tmp_path / "half.csv")
    rows = rows_of(tmp_path / "half.csv")
    assert [row["trajectories"] for row in rows] == ["0", "0", "64", "0", "0", "0"]
    assert [bool(row["mean"]) for row in rows] == [False, False, True, False, False, False]
    export(sweep, tmp_path / "each.csv", trajectories=True)
    assert len(rows_of(tmp_path / "each.csv")) == 64


def test_a_file_appears_whole_or_not_at_all(sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sweep.csv"
    export(sweep, path)
    before = path.read_bytes()

    def broken(*_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_cells", broken)
    with pytest.raises(OSError, match="No space"):
        export(sweep, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["sweep.csv"]


def test_the_command_tells_what_is_wrong_in_a_line(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(sweep.folder)

    def said(*tokens: str) -> str:
        assert main(["export", *tokens]) == BAD_INPUT
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        return err

    assert "must end in .nc, .parquet or .csv" in said(folder, str(tmp_path / "a.zip"))
    assert "trajectories go to .parquet or .csv" in said(folder, str(tmp_path / "a.nc"), "--trajectories")
    assert "the folder and the file come first" in said(folder)
    assert "holds no sweep" in said(str(tmp_path), str(tmp_path / "a.csv"))
    assert "is a folder" in said(folder, str(_folder(tmp_path / "there.csv")))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'saddlescape[export]'" in said(folder, str(tmp_path / "a.parquet"))
    monkeypatch.setitem(sys.modules, "xarray", None)
    assert "pip install 'saddlescape[export]'" in said(folder, str(tmp_path / "a.nc"))
    assert main(["export", folder, str(tmp_path / "a.csv")]) == 0
    assert capsys.readouterr().out == f"written {tmp_path / 'a.csv'}\n"


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
