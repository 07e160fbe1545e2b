from __future__ import annotations

import runpy
import sys

import pytest
from PIL import Image

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
    assert code == 1 and "holds nothing of sidd" in printed.err
    code, printed = run("gopro", gopro_download, "/proc/absent")
    assert code == 1
    assert "/proc/absent" in printed.err and "Traceback" not in printed.err

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ppgan_mpr.datasets.prepare.execute", interrupt)
    code, printed = run("gopro", gopro_download, tmp_path / "other")
    assert (code, printed.err) == (130, "")
