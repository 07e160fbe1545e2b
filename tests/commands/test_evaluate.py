import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.commands.evaluate import main


@pytest.fixture
def folders(tmp_path):
    """Two restored pictures of different sizes, and their targets."""
    rng = np.random.default_rng(0)
    restored, target = tmp_path / "restored", tmp_path / "target"
    for folder in (restored, target):
        folder.mkdir()
    for name, size in (("a", (20, 30)), ("b", (16, 16))):
        clean = rng.integers(60, 200, (*size, 3), dtype=np.uint8)
        Image.fromarray(clean).save(target / f"{name}.png")
        Image.fromarray(clean + np.uint8(4)).save(restored / f"{name}.bmp")
    return restored, target


def test_script_of_the_checkout_prints_and_stores_scores(root, folders, tmp_path):
    json_file, csv_file = tmp_path / "scores.json", tmp_path / "scores.csv"
    command = [sys.executable, root / "tools" / "evaluate.py", "--protocol", "gopro"]
    command += ["--restored", folders[0], "--target", folders[1], "--jobs", "2"]
    command += ["--output", json_file, "--output", csv_file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mean of 2" in done.stdout and "protocol gopro" in done.stdout
    assert json.loads(json_file.read_text())["protocol"]["name"] == "gopro"
    assert csv_file.read_text().count("gopro") == 3


def test_invisible_characters_in_names_are_escaped(folders, tmp_path, capsys):
    restored, target = folders
    (restored / "a.bmp").rename(restored / "a\u202e.bmp")
    (target / "a.png").rename(target / "a\u202e.png")
    scores = tmp_path / "scores\u202e.csv"
    command = [
        "--restored",
        restored,
        "--target",
        target,
        "--protocol",
        "gopro",
        "--output",
        scores,
    ]
    assert main(list(map(str, command))) == 0
    printed = capsys.readouterr().out
    assert "\u202e" not in printed
    assert r"a\u202e " in printed and r"scores\u202e.csv" in printed
    assert len(printed.splitlines()) == 6


def test_command_lists_protocols_with_their_published_scores(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert "rain-y: full frame" in listed
    assert re.search(r"MPRNet +GoPro.* 33\.44 dB +0\.941", listed)
    assert "measured" not in listed  # scores that this project measured on a few pictures


def test_command_reports_errors_with_exit_codes(folders, capsys):
    restored, target = folders
    both = ("--restored", restored, "--target", target)
    (restored / "a.csv").touch()
    mistakes = {
        2: [
            (*both, "--protocol", "gopr"),
            (*both,),
            (*both, "--protocol", "gopro", "--output", "scores.txt"),
            (*both, "--protocol", "gopro", "--jobs", "0"),
            # found before the sizes are checked, which would be code 1
            (*both, "--protocol", "sidd", "--output", "/proc/scores.csv"),
            (*both, "--protocol", "sidd", "--output", restored / "a.csv" / "scores.csv"),
        ],
        1: [(*both, "--protocol", "sidd")],
    }
    for code, commands in mistakes.items():
        for command in commands:
            try:
                got = main([*map(str, command)])
            except SystemExit as leaving:  # raised by argparse
                got = leaving.code
            assert got == code, command
            assert "error: " in capsys.readouterr().err
