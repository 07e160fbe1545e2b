import csv
import errno
import json
from pathlib import Path

import numpy as np
import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.metrics import ScoreTable, get_protocol


@pytest.fixture
def table():
    table = ScoreTable(get_protocol("rain-y"))
    table.add("a", {"psnr": 30.0, "ssim": 0.8})
    table.add("schöner, Tag", {"psnr": float("inf"), "ssim": 1.0})
    return table


def test_measures_of_the_protocol_are_printed_and_stored(tmp_path):
    table = ScoreTable(get_protocol("dpdd"))
    table.add("a", {"psnr": 30.0, "ssim": 0.8, "mae": 0.02})
    table.add("b", {"psnr": 40.0, "ssim": 0.9, "mae": 0.04})
    assert table.mean()["mae"] == pytest.approx(0.03)
    assert "mean of 2   35.0000   0.8500   0.0300" in str(table)
    stored = json.loads(table.save(tmp_path / "scores.json").read_text())
    assert stored["images"][1] == {"name": "b", "psnr": 40.0, "ssim": 0.9, "mae": 0.04}
    assert table.save(tmp_path / "scores.csv").read_text().startswith("name,psnr,ssim,mae,")


def test_printed_table_has_pictures_mean_and_protocol(table):
    text = str(table)
    assert "protocol rain-y" in text and "schöner, Tag" in text
    assert "mean of 2      30.0000   0.9000" in text
    assert "not in the mean PSNR: 1" in text


def test_json_is_strict_and_states_the_protocol(table, tmp_path):
    path = table.save(tmp_path / "new" / "scores.json")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["protocol"]["name"] == "rain-y" and content["protocol"]["colour"] == "y"
    assert content["mean"] == {"psnr": 30.0, "ssim": 0.9}
    assert content["images"][1] == {"name": "schöner, Tag", "psnr": None, "ssim": 1.0}
    assert (content["count"], content["identical"]) == (2, 1)
    assert {"ppgan_mpr", "numpy"} <= content["software"].keys()
    assert table.mean()["psnr"] == 30.0 and np.isinf(table.scores["schöner, Tag"]["psnr"])


def test_csv_has_a_row_for_each_picture_and_the_mean(table, tmp_path):
    path = table.save(tmp_path / "scores.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "schöner, Tag", "mean"]
    assert [float(row["psnr"]) for row in rows] == [30.0, np.inf, 30.0]
    assert {row["protocol"] for row in rows} == {"rain-y"}
    assert "numpy==" in rows[0]["software"]


def test_an_empty_table_has_no_score(tmp_path):
    table = ScoreTable(get_protocol("gopro"))
    assert np.isnan(table.mean()["psnr"]) and np.isnan(table.mean()["ssim"])
    assert "nan" in str(table)
    content = json.loads(table.save(tmp_path / "scores.json").read_text())
    assert content["mean"] == {"psnr": None, "ssim": None}


def test_unwritable_paths_are_refused(table, tmp_path):
    with pytest.raises(UsageError, match=r"\.json or \.csv"):
        table.save(tmp_path / "scores.xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        table.save(tmp_path / "file" / "scores.json")


def test_full_disk_keeps_the_old_file(table, tmp_path, monkeypatch):
    path = table.save(tmp_path / "scores.json")
    before = path.read_text(encoding="utf-8")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    table.add("c", {"psnr": 20.0, "ssim": 0.5})
    with pytest.raises(UsageError, match="No space left"):
        table.save(path)
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]
