"""Curves of a run, and the sheet of its best and worst pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.curves import Curves
from ppgan_mpr.engine.sheet import Sheet


@pytest.fixture
def undrawn_curves():
    """Replaces the fixture of the same name, so that curves are drawn in these tests."""


def rows(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_resumed_run_continues_the_table_at_its_checkpoint(tmp_path):
    first = Curves(tmp_path)
    for iteration in (1, 2, 3):
        first.add("train", iteration, {"loss": 1 / iteration})
    second = Curves(tmp_path, iteration=2)
    second.add("train", 3, {"loss": 5.0, "stage1": 2.0})
    table = rows(tmp_path / "train.csv")
    assert [row["iteration"] for row in table] == ["1", "2", "3"]
    assert [row["loss"] for row in table] == ["1.0", "0.5", "5.0"]
    assert [row["stage1"] for row in table] == ["", "", "2.0"]


def test_scores_of_one_iteration_share_a_row_and_repeated_ones_replace_it(tmp_path):
    curves = Curves(tmp_path)
    for iteration, value in ((10, 30.0), (20, 31.0), (20, 32.0)):
        curves.add("validation", iteration, {"psnr/a": value})
        curves.add("validation", iteration, {"psnr/b": value + 1})
    lines = (tmp_path / "validation.csv").read_text().splitlines()
    assert lines == ["iteration,psnr/a,psnr/b", "10,30.0,31.0", "20,32.0,33.0"]
    assert Curves(tmp_path, 20)._rows == curves._rows


def test_training_writes_tables_curves_and_a_sheet(settings, build):
    pytest.importorskip("matplotlib")
    settings["validate"]["interval"] = 3
    trainer = build(settings)
    trainer.train()
    folder = Path(trainer.output_dir)
    train, validation = (rows(folder / "curves" / f"{n}.csv") for n in ("train", "validation"))
    assert [row["iteration"] for row in train] == [str(n) for n in range(1, 7)]
    assert {"loss", "lr", "images_per_second"} <= train[0].keys()
    assert float(validation[-1]["psnr/gopro"]) > 5
    assert cv2.imread(str(folder / "curves" / "curves.png")).std() > 1
    assert cv2.imread(str(folder / "scores" / "iter_6_best_and_worst.png")) is not None


def test_sheet_shows_the_best_above_the_worst(tmp_path):
    sheet, target = Sheet(count=1), np.full((30, 40, 3), 0.5, np.float32)
    for number, error in enumerate((0.1, 0.3, 0.01, 0.2)):
        sheet.add(str(number), target, target + np.float32(error), target)
    sheet.write(tmp_path / "sheet.png")
    pixels = cv2.imread(str(tmp_path / "sheet.png"))
    assert pixels.shape == (2 * (30 + 20), 3 * 40, 3)
    restored = pixels[[25, 75], 60, 0]  # in the middle of both rows
    np.testing.assert_array_equal(restored, [round(255 * 0.51), round(255 * 0.8)])


def test_large_pictures_are_made_smaller(tmp_path):
    sheet, picture = Sheet(), np.zeros((100, 960, 3), np.float32)
    sheet.add("wide", picture, picture, picture)
    sheet.write(tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (25 + 20, 3 * 240, 3)
