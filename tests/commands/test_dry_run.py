"""The output of ``mprnet --dry-run``."""

import json
import sys
import types

import pytest
from apps_samples import picture
from detection_samples import SMALL, codes, noisy, scene
from PIL import Image

from ppgan_mpr.apps.pace import Pace
from ppgan_mpr.commands.restore import main

LITE = ["--task", "Denoising", "--model", "lite"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of pictures, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "a.png")
    picture(1, (200, 100)).save(tmp_path / "in" / "b.jpg")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path / "in"


def test_the_plan_is_printed_and_nothing_done(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Pace, "remembered", lambda self: None)
    arguments = ["in", *LITE, "--tile", "64", "--report", "r.json", "--compare"]
    assert main([*arguments, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "in/a.png -> output_dir/Denoising/a_restoration.png  24x17  1 tile"
    assert lines[1].startswith("in/b.jpg -> output_dir/Denoising/b_restoration.jpg  200x100  ")
    assert " tiles of 64x" in lines[1]
    assert lines[2].startswith(
        "would restore 2, 1 other file passed over (1 .txt), by MPRNet (lite:Denoising) with "
    )
    assert ", time unknown until the first tile, up to " in lines[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_time_is_estimated_if_the_pace_is_known(folder, capsys, monkeypatch):
    monkeypatch.setattr(Pace, "remembered", lambda self: 200 * 104 / 300)
    assert main(["in/b.jpg", *LITE, "--dry-run"]) == 0
    line, summary = capsys.readouterr().out.splitlines()
    assert line.endswith("  1 tile  about 5 min")
    assert ", about 5 min, up to " in summary


def test_pictures_that_would_be_skipped_or_fail_are_named(folder, capsys):
    assert main(["in/a.png", *LITE]) == 0
    (folder / "broken.png").write_text("no picture")
    capsys.readouterr()
    assert main(["in", *LITE, "--dry-run"]) == 0
    failing, to_do, broken, summary = capsys.readouterr().out.splitlines()
    assert failing.startswith("in/a.png: would fail: output_dir/Denoising/a_restoration.png exists")
    assert "--overwrite" in failing
    assert " -> " in to_do
    assert broken.startswith("in/broken.png: would fail: ")
    assert summary.startswith("would restore 1, fail to restore 2, ")
    assert main(["in/a.png", *LITE, "--dry-run", "--skip-existing"]) == 0
    skipped, summary = capsys.readouterr().out.splitlines()
    assert skipped == ("in/a.png: would be skipped, output_dir/Denoising/a_restoration.png exists")
    assert summary == "would restore 0, skip 1"


def test_json_prints_one_object_per_line_and_nothing_else(folder, capsys):
    assert main(["in", *LITE, "--dry-run", "--json"]) == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["source"] for row in rows] == ["in/a.png", "in/b.jpg"]
    assert [row["tiles"] for row in rows] == [1, 1]
    assert [row["error"] for row in rows] == [None, None]
    assert printed.err.splitlines()[-1].startswith("would restore 2, ")


def test_errors_in_json_name_flags(folder, capsys):
    output = folder.parent / "output_dir" / "Denoising" / "a_restoration.png"
    output.parent.mkdir(parents=True)
    output.touch()
    assert main(["in/a.png", *LITE, "--dry-run", "--json"]) == 0
    assert "use --overwrite to replace it" in json.loads(capsys.readouterr().out)["error"]


def test_weights_that_would_be_downloaded_are_named(folder, capsys, monkeypatch):
    monkeypatch.setenv("PPGAN_MPR_HOME", str(folder / "home"))
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("a download"))
    assert main(["in/a.png", "--task", "Denoising", "--dry-run"]) == 0
    assert "after the weights are downloaded" in capsys.readouterr().out
    assert not (folder / "home").exists()


def test_auto_names_the_finding_and_the_output(folder, tmp_path, capsys):
    Image.fromarray(codes(noisy(scene(**SMALL)))).save(folder / "noisy.png")
    assert main(["in", "--task", "auto", "--model", "lite", "--dry-run"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    output = "output_dir/Denoising/noisy_restoration.png"
    assert f"in/noisy.png -> {output}  200x160  1 tile" in lines[2]
    assert lines[2].endswith(" % sure)") and "  noise (" in lines[2]
    assert lines[0].startswith("in/a.png: ")
    assert summary.startswith("would restore 1, leave 2 alone, ")
    assert "by MPRNet (lite:Denoising) with" in summary
    assert not (tmp_path / "output_dir").exists()


def test_dry_run_refuses_wrong_usage_too(folder, capsys):
    assert main(["missing.png", *LITE, "--dry-run"]) == 2
    assert "missing.png" in capsys.readouterr().err


def test_raw_files_have_no_estimate(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", types.ModuleType("rawpy"))
    monkeypatch.setattr(Pace, "remembered", lambda self: 200 * 104 / 300)
    (folder / "x.nef").write_bytes(bytes(100))
    assert main(["in/b.jpg", "in/x.nef", *LITE, "--dry-run"]) == 0
    _, raw, summary = capsys.readouterr().out.splitlines()
    assert raw == (
        "in/x.nef -> output_dir/Denoising/x_restoration.tif  "
        "it is a camera's raw file, whose size is not known until it is developed"
    )
    assert ", about 5 min for 1 of them, up to " in summary
    assert summary.endswith(" of memory for 1 of them")
