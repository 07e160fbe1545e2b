"""The command that prepares, cuts and packs data sets."""

from __future__ import annotations

import runpy
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.commands.prepare_data import main
from ppgan_mpr.datasets.pairs import find_pairs
from ppgan_mpr.datasets.prepare import gopro


@pytest.fixture
def gopro_download(tmp_path, monkeypatch):
    """A GoPro download of one training and one test picture."""
    monkeypatch.setattr(gopro, "EXPECTED", {"train": 1, "test": 1})
    for sequence in ("train/GOPR0372_07_00", "test/GOPR0384_11_00"):
        for kind in ("blur", "blur_gamma", "sharp"):
            folder = tmp_path / "download" / "GOPRO_Large" / sequence / kind
            folder.mkdir(parents=True)
            Image.new("RGB", (16, 16)).save(folder / "000047.png")
    return tmp_path / "download"


def test_command_prepares_and_reports(root, gopro_download, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["prepare_data.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(root / "tools" / "prepare_data.py"), run_name="__main__")
        return end.value.code, capsys.readouterr()

    code, printed = run("gopro", gopro_download, tmp_path / "GoPro", "--jobs", 2)
    assert code == 0 and "train: 1 pairs" in printed.out
    code, printed = run("sidd", gopro_download, tmp_path / "SIDD")
    assert code == 1 and "contains nothing of sidd" in printed.err
    code, printed = run("gopro", gopro_download, "/proc/absent")
    assert code == 1
    assert "/proc/absent" in printed.err and "Traceback" not in printed.err

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ppgan_mpr.datasets.prepare.execute", interrupt)
    code, printed = run("gopro", gopro_download, tmp_path / "other")
    assert (code, printed.err) == (130, "")


@pytest.fixture
def pairs(tmp_path):
    folder, rng = tmp_path / "set", np.random.default_rng(0)
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
            assert cv2.imwrite(str(folder / part / f"{number}.png"), pixels)
    return folder


def test_pictures_are_cut_and_packed(pairs, tmp_path, capsys):
    # U+202E, which reverses the writing direction, is shown as an escape
    pieces, file = tmp_path / "pie\u202eces", tmp_path / "pie\u202eces.tar"
    visible = str(tmp_path / r"pie\u202eces")
    assert main(["cut", str(pairs), str(pieces), "--size", "24", "--step", "16"]) == 0
    assert (
        f"{visible}: 12 pairs of sub-pictures, cut from 2 pairs of photos"
        in capsys.readouterr().out
    )
    assert main(["pack", str(pieces), str(file)]) == 0
    assert f"{visible}.tar: 12 pairs" in capsys.readouterr().out
    assert [pair.name for pair in find_pairs(file)] == [pair.name for pair in find_pairs(pieces)]


def test_mistakes_name_flags(pairs, tmp_path, capsys):
    done = str(tmp_path / "pieces")
    assert main(["cut", str(pairs), done, "--size", "25", "--step", "16", "--scale", "2"]) == 1
    error = capsys.readouterr().err
    assert "--size 25 is not a multiple of --scale 2" in error
    assert main(["cut", str(tmp_path / "missing"), done]) == 1
    assert "missing" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["gopros", "a", "b"])
    assert ended.value.code == 2
