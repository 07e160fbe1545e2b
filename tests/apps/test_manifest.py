import json
import os
import subprocess
import sys

import numpy as np
import pytest
from apps_samples import picture, predictor

from ppgan_mpr import ResultRecord
from ppgan_mpr.apps.manifest import MANIFEST, FileState, Manifest


def lines(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def make(folder, name, content=b"pixels"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_each_output_is_listed_with_how_it_was_made(tmp_path):
    picture().save(tmp_path / "a.png")
    results = predictor(tmp_path, tile=64).run([tmp_path / "a.png", np.zeros([9, 9, 3], np.uint8)])
    first, second = sorted(lines(tmp_path / "out"), key=lambda line: line["output"])
    assert first["output"] == "Denoising/a_restoration.png"
    assert ResultRecord.from_dict(first["record"]) == results[0].record
    assert first["record"]["options"]["tile"] == 64
    assert first["record"]["tile"] == [24, 24]
    assert first["sources"][0]["path"] == "../a.png"
    assert first["sources"][0]["bytes"] == (tmp_path / "a.png").stat().st_size
    assert first["bytes"] == results[0].output.stat().st_size
    assert second["output"] == "Denoising/image_restoration.png"
    assert second["sources"] == []


def test_last_line_about_an_output_counts(tmp_path):
    manifest = Manifest(tmp_path)
    path = make(tmp_path, "x.png")
    for task in ("first", "second"):
        manifest.append(ResultRecord("a", task=task), path, ())
        assert manifest.find(path).record.task == task
    assert Manifest(tmp_path).find(path).record.task == "second"


@pytest.mark.parametrize(
    "torn",
    [
        b'{"output": "x.png", "byt',
        b"\x00" * 30,
        b"[]\n",
        b'{"output": 3}\n',
        b"\xff\xfe}\n",
        b'{"output": ' + b"[" * 100_000 + b"}\n",
        b'{"output": "x.png", "bytes": ' + b"[" * 100_000 + b"}\n",
    ],
)
def test_damaged_line_does_not_affect_other_lines(tmp_path, torn):
    manifest = Manifest(tmp_path)
    before, after = make(tmp_path, "before.png"), make(tmp_path, "after.png")
    manifest.append(ResultRecord("a"), before, ())
    with manifest.path.open("ab") as file:
        file.write(torn)
    manifest.append(ResultRecord("b"), after, ())
    for known in (manifest, Manifest(tmp_path)):
        assert known.find(before).record.source == "a"
        assert known.find(after).record.source == "b"
        assert known.find(tmp_path / "x.png") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("options", []), ("warnings", 3), ("size", 3), ("colour", "red")],
)
def test_line_with_an_invalid_record_is_ignored(tmp_path, key, value):
    picture().save(tmp_path / "a.png")
    predictor(tmp_path).run(tmp_path / "a.png")
    (line,) = lines(tmp_path / "out")
    wrong = {**line, "record": {**line["record"], key: value}}
    for content, warnings in (([line, wrong], 0), ([wrong], 1)):
        text = "".join(f"{json.dumps(part)}\n" for part in content)
        (tmp_path / "out" / MANIFEST).write_text(text)
        (result,) = predictor(tmp_path, existing="skip").run(tmp_path / "a.png")
        assert result.skipped
        assert len(result.record.warnings) == warnings


def test_names_that_are_not_unicode_are_found_again(tmp_path):
    path = make(tmp_path, "\udcff \u00e9 \n.png")
    Manifest(tmp_path).append(ResultRecord(str(path)), path, ())
    assert Manifest(tmp_path).find(path).record.source == str(path)


def test_replaced_manifest_is_read_again(tmp_path):
    manifest = Manifest(tmp_path)
    first, second = make(tmp_path, "1.png"), make(tmp_path, "2.png")
    for path in (first, second):
        manifest.append(ResultRecord("a"), path, ())
    assert manifest.find(second) is not None
    content = manifest.path.read_bytes().splitlines(keepends=True)
    manifest.path.write_bytes(content[0])
    assert manifest.find(first) is not None
    assert manifest.find(second) is None
    manifest.path.unlink()
    assert manifest.find(first) is None


def test_processes_lose_no_line_of_each_other(tmp_path, root):
    code = """
import sys
from pathlib import Path
from ppgan_mpr import ResultRecord
from ppgan_mpr.apps.manifest import Manifest
folder, name = Path(sys.argv[1]), sys.argv[2]
manifest = Manifest(folder)
for number in range(200):
    path = folder / f"{name}-{number}.png"
    path.write_bytes(b"pixels")
    manifest.append(ResultRecord("a" * 3000), path, ())
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=root)
        for name in "abc"
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    found = [line["output"] for line in lines(tmp_path)]
    assert sorted(found) == sorted(f"{name}-{n}.png" for name in "abc" for n in range(200))
    manifest = Manifest(tmp_path)
    assert all(manifest.find(tmp_path / name) for name in found)


def test_unwritable_manifest_does_not_prevent_restoration(tmp_path):
    (tmp_path / "out" / MANIFEST).mkdir(parents=True)
    picture().save(tmp_path / "a.png")
    (result,) = predictor(tmp_path).run(tmp_path / "a.png")
    assert result.output.exists()
    assert f"{MANIFEST} cannot be written" in result.record.warnings[0]
    (result,) = predictor(tmp_path, existing="skip").run(tmp_path / "a.png")
    assert result.skipped


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names there")
def test_manifest_that_is_a_pipe_is_reported(tmp_path):
    picture().save(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / MANIFEST)
    (result,) = predictor(tmp_path).run(tmp_path / "a.png")
    assert result.ok
    assert "cannot be written (it is not an ordinary file)" in result.record.warnings[0]


def test_a_single_output_file_has_no_manifest_beside_it(tmp_path):
    from ppgan_mpr import MPRPredictor

    picture().save(tmp_path / "a.png")
    one = tmp_path / "desk" / "b.png"
    MPRPredictor(one, task="Denoising", model="lite").run(tmp_path / "a.png")
    assert [path.name for path in one.parent.iterdir()] == ["b.png"]


def test_a_file_that_changes_while_it_is_hashed_has_no_digest(tmp_path):
    path = make(tmp_path, "x.png")
    state = FileState.of(path, "x.png")
    path.write_bytes(b"other pixels")
    assert state.with_digest(path).sha256 is None
    assert not state.same_content(path)
