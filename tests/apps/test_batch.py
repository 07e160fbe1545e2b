"""Batches of pictures: failures, order, requests to stop, and several jobs."""

import logging
import struct
import sys
import threading
import zlib

import numpy as np
import pytest
from apps_samples import picture, predictor

from ppgan_mpr import MPRPredictor
from ppgan_mpr.apps.batch import Stop, process_in_order
from ppgan_mpr.commands.restore import main


def test_bad_files_do_not_stop_the_batch(tmp_path, caplog):
    picture().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "c.png").write_text("not a picture")
    picture(1).save(tmp_path / "d.png")
    with caplog.at_level(logging.WARNING):
        results = predictor(tmp_path).run(tmp_path)
    assert [result.ok for result in results] == [True, False, False, True]
    assert "b.png" in results[1].error
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == "2 of 4 pictures could not be restored: see the error of their results."
    assert "c.png" not in " ".join(messages)  # errors of pictures are only in their results
    written = sorted(path.name for path in (tmp_path / "out" / "Denoising").iterdir())
    assert written == ["a_restoration.png", "d_restoration.png"]


def test_a_fault_loses_only_its_own_picture(denoise, monkeypatch):
    from ppgan_mpr.apps import sources as module

    def fail(array):
        if array.shape[0] == 9:
            raise RuntimeError("surprise")
        return original(array)

    original = module.from_array
    monkeypatch.setattr(module, "from_array", fail)
    results = denoise.run([np.zeros([9, 9, 3], np.uint8), np.zeros([8, 8, 3], np.uint8)])
    assert "unexpected RuntimeError: surprise" in results[0].error
    assert results[1].ok


def test_several_jobs_give_the_same_pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(5):
        picture(index).save(tmp_path / "in" / f"{index}.png")
    one = MPRPredictor(tmp_path / "one", task="Denoising", model="lite")
    many = MPRPredictor(tmp_path / "many", task="Denoising", model="lite", jobs=3)
    for a, b in zip(one.run(tmp_path / "in"), many.run(tmp_path / "in")):
        assert a.source == b.source
        assert a.output.read_bytes() == b.output.read_bytes()


def test_concurrent_calls_do_not_end_each_other(tmp_path):
    from ppgan_mpr.apps.source_search import expand

    for index in range(5):
        picture(index).save(tmp_path / f"{index}.png")
    restorer = MPRPredictor(None, task="Denoising", model="lite", jobs=2)
    first = restorer.iterate(expand(tmp_path))
    results = [next(first), *restorer.iterate(expand(tmp_path)), *first]
    assert len(results) == 10
    assert not any(result.error for result in results)


def test_iteration_reads_only_as_many_pictures_ahead_as_jobs(tmp_path, monkeypatch):
    from ppgan_mpr.apps.source_search import expand
    from ppgan_mpr.imaging import PhotoReader

    read = []
    original = PhotoReader.read
    monkeypatch.setattr(
        PhotoReader, "read", lambda *given: read.append(threading.get_ident()) or original(*given)
    )
    for index in range(6):
        picture(index).save(tmp_path / f"{index}.png")
    results = predictor(tmp_path, jobs=2).iterate(expand(tmp_path))
    next(results)
    results.close()
    assert 1 <= len(read) <= 3


def test_results_come_in_the_order_of_their_items():
    first_may_end = threading.Event()

    def process(item, stop):
        if item == 0:
            assert first_may_end.wait(60)  # the second ends before the first
        else:
            first_may_end.set()
        return item

    assert list(process_in_order(range(6), process, 2, Stop())) == [*range(6)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_request_to_stop_ends_the_work_and_keeps_what_is_finished(jobs):
    requested, begun = threading.Event(), []

    def process(item, stop):
        stop.check()
        begun.append(item)
        return item

    finished = []
    for item in process_in_order(iter(range(100)), process, jobs, Stop(requested)):
        finished.append(item)
        if item == 4:
            requested.set()
    assert finished[:5] == [0, 1, 2, 3, 4]
    assert set(finished) == set(begun)
    assert len(finished) <= 5 + jobs


@pytest.mark.parametrize("jobs", [1, 3])
def test_error_in_an_item_reaches_the_caller(jobs):
    def process(item, stop):
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        list(process_in_order([1, 0, 1], process, jobs, Stop()))


# Replaces a library by one with faults in its decoder: the content of the file selects a fault.
FAULTY_DECODER = """
import os, signal, time
def open_heif(file, convert_hdr_to_8bit):
    if b"crash" in file.read():
        os.kill(os.getpid(), signal.SIGABRT)
    time.sleep(1000)
"""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """Three good pictures, three bad ones, and a text file."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "pillow_heif.py").write_text(FAULTY_DECODER)
    monkeypatch.syspath_prepend(modules)
    folder = tmp_path / "in"
    folder.mkdir()
    for index, name in enumerate(("a.png", "c.jpg", "e.tif")):
        picture(index).save(folder / name)
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    (folder / "b.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    (folder / "d.heic").write_bytes(b"\0\0\0\x18ftypheiccrash")
    (folder / "d2.heic").write_bytes(b"\0\0\0\x18ftypheichang")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_each_bad_file_is_reported_in_one_line(batch, tmp_path, capsys, jobs):
    arguments = [str(batch), "--task", "Denoising", "--model", "lite", "-o", str(tmp_path / "out")]
    arguments += ["--backend", "paddle"]  # by default, PaddlePaddle 2 warns that it is slow
    arguments += ["--jobs", jobs, "--picture_limit", "1G", "--read_timeout", "5"]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    wrong = printed.err.splitlines()
    assert len(wrong) == 3
    for name, words in (
        ("b.png", "its 30000 x 30000 pixels would take 2.5 GB, more than the limit of 1.0 GB"),
        ("d.heic", "its decoder crashed with SIGABRT" if sys.platform == "linux" else "decoder"),
        ("d2.heic", "decoding took longer than 5 s: raise --read-timeout if"),
    ):
        (line,) = (line for line in wrong if line.startswith(f"{batch / name}: failed: "))
        assert words in line
    summary = printed.out.splitlines()[-1]
    assert summary.startswith("3 restored, 3 failed, 1 other file passed over (1 .txt) in ")
    written = sorted(path.name for path in (tmp_path / "out" / "Denoising").iterdir())
    names = ["a_restoration.png", "c_restoration.jpg", "e_restoration.tif"]
    assert [name for name in written if not name.startswith(("manifest", "."))] == names


def test_a_folder_that_cannot_be_searched_changes_the_exit_code(locked, capsys):
    arguments = [str(locked), "-r", "-t", "Denoising", "-m", "lite", "-o", str(locked / "out")]
    arguments += ["--backend", "paddle"]  # as above
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        f"{locked / name}: failed: the folder cannot be searched: Permission denied"
        for name in ("locked2", "locked10")
    ]
    assert printed.out.splitlines()[-1].startswith("2 restored, 2 failed in ")


def test_any_allocation_failure_is_reported_as_lack_of_memory(denoise, monkeypatch):
    def fail(array):
        raise RuntimeError("Exception from core.cpp:97: std::bad_alloc")

    monkeypatch.setattr("ppgan_mpr.apps.sources.from_array", fail)
    (result,) = denoise.run([np.zeros([9, 9, 3], np.uint8)])
    assert result.error.startswith("it does not fit into the memory of ")
