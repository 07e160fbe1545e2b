"""What a result says of its picture."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture

from ppgan_mpr import MPRPredictor, ResultRecord
from ppgan_mpr.apps.result import check_writable_report, write_report
from ppgan_mpr.errors import UsageError
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.conversion import convert


def test_result_says_how_the_picture_was_restored(denoise, tmp_path):
    image = np.asarray(picture())
    record = denoise.run(image)[0].record
    assert (record.network, record.task, record.weights) == (
        "MPRNet",
        "Denoising",
        "lite:Denoising",
    )
    assert record.weights_digest == f"sha256:{find_record('lite', 'Denoising').sha256}"
    assert (record.precision, record.device, record.tiles) == ("f32", "cpu", 1)
    assert record.versions["ppgan_mpr"] and record.backend in repr(record.versions)
    copy = ResultRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert copy == record


def test_digest_of_a_file_is_that_of_its_content(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    record = MPRPredictor(None, tmp_path / "w.safetensors").run(picture())[0].record
    assert record.weights_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_tiles_are_counted(tmp_path):
    tiled = MPRPredictor(None, task="Denoising", model="lite", tile=64, overlap=8)
    assert tiled.run(picture(size=(300, 48)))[0].record.tiles > 1


def test_results_are_shown_without_their_pixels(denoise):
    shown = repr(denoise.run(np.asarray(picture()))[0])
    assert len(shown) < 200
    assert "(17, 24, 3) uint8" in shown
    assert "there is no such file" not in shown


def _record(source):
    return ResultRecord(source, error="no picture")


def test_threads_that_computed_are_recorded():
    image = np.asarray(picture())
    for threads in (1, 2):
        predictor = MPRPredictor(None, task="Denoising", model="lite", threads=threads)
        assert predictor.run(image)[0].record.threads == threads


def test_report_of_names_that_are_not_unicode_is_valid_json(tmp_path):
    record = _record(os.fsdecode(b"a\xff\xc3\xa9.png"))
    write_report(tmp_path / "report.json", [record])
    text = (tmp_path / "report.json").read_bytes().decode("utf-8")
    assert [ResultRecord.from_dict(row) for row in json.loads(text)] == [record]
    assert "a\\udcff" in text and "é" in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names there")
def test_report_is_written_into_a_pipe_and_does_not_replace_it(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    check_writable_report(pipe)
    write_report(pipe, [_record("a.png")])
    assert json.loads(os.read(reader, 4096))[0]["source"] == "a.png"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="devices are no files there")
def test_report_into_a_device_leaves_links_to_it(tmp_path):
    (tmp_path / "nothing").symlink_to(os.devnull)
    write_report(tmp_path / "nothing", [_record("a.png")])
    assert (tmp_path / "nothing").is_symlink() and Path(os.devnull).is_char_device()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such device here")
def test_report_follows_what_was_printed_where_both_go_into_one_file(tmp_path, root):
    code = (
        "from ppgan_mpr.apps.result import ResultRecord, write_report; print('printed');"
        "write_report('/dev/stdout', [ResultRecord('a.png')]); print('after')"
    )
    with open(tmp_path / "log", "wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True, cwd=root)
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("printed", "after")
    assert json.loads("".join(lines[1:-1]))[0]["source"] == "a.png"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets have no names there")
def test_report_into_a_socket_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(UsageError, match="The report s cannot be written"):
            check_writable_report("s")
