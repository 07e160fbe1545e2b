"""Files that crash or hang their decoder, or exhaust its memory, only lose one picture."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import imaging_samples as samples
import numpy as np
import psutil
import pytest

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import Limits, PhotoReader, from_array, read_photo, write_photo

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address space")


@pytest.fixture(scope="module")
def reader():
    reader = PhotoReader()
    yield reader
    reader.close()


# A stand-in for a library with a faulty decoder; the file's content selects the fault.
FAULTY_DECODER = """
import os, signal, time
def open_heif(file, convert_hdr_to_8bit):
    fault = file.read()[12:].decode()
    if fault == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        time.sleep(1000)
    if fault == "overfill":
        bytearray(3 << 30)
    os._exit(3)
"""


def heic(fault: str) -> bytes:
    return b"\0\0\0\x18ftypheic" + fault.encode()


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """A reader whose process finds a faulty HEIC decoder."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "pillow_heif.py").write_text(FAULTY_DECODER)
    monkeypatch.syspath_prepend(folder)
    reader = PhotoReader(Limits(seconds=3))
    yield reader
    reader.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param("crash", "its decoder crashed with SIGSEGV", marks=linux),
        ("exit", "its decoder ended with exit code 3"),
        ("hang", "decoding took longer than 3 s"),
        pytest.param(
            "kill",
            "its decoder was killed with SIGKILL, probably because memory was short",
            marks=linux,
        ),
        pytest.param("overfill", "it does not fit into memory", marks=linux),
    ],
)
def test_faulty_decoder_loses_one_file_only(faulty, tmp_path, fault, words):
    (tmp_path / "bad.heic").write_bytes(heic(fault))
    write_photo(from_array(samples.ramp()), tmp_path / "good.png")
    for isolated in (True, False):  # HEIC is never decoded in this process
        with pytest.raises(ImageError, match=words) as caught:
            faulty.read(tmp_path / "bad.heic", isolated)
        assert str(caught.value).startswith(f"{tmp_path / 'bad.heic'} cannot be read: ")
        np.testing.assert_array_equal(faulty.read(tmp_path / "good.png").pixels, samples.ramp())
    with pytest.raises(ImageError, match=f"^in memory cannot be read: {words}"):
        faulty.decode(heic(fault), "in memory")


def test_time_limit_holds_for_ordinary_files_too(tmp_path):
    """Only another process can be killed; this stand-in for one never answers."""
    silent = [sys.executable, "-c", "from ppgan_mpr.imaging.frames import send; import sys, time; "
              "send(sys.stdout.buffer, 'ready'); sys.stdout.flush(); time.sleep(1000)"]  # fmt: skip
    write_photo(from_array(samples.ramp()), tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    reader = PhotoReader(Limits(seconds=1), silent)
    for read in (
        lambda: reader.read(tmp_path / "a.jpg", isolated=False),
        lambda: reader.decode(data, "a.jpg", isolated=False),
    ):
        with pytest.raises(ImageError, match="decoding took longer than 1 s"):
            read()
    reader.close()


def test_concurrent_readings_share_the_memory(tmp_path):
    """Stand-ins for decoders each ask for more than all memory, so they must run one by one."""
    asks = (
        "from ppgan_mpr.imaging.frames import receive, send\n"
        "import os, sys, time\n"
        "answers = sys.stdout.buffer\n"
        "send(answers, 'ready'); receive(sys.stdin.buffer)\n"
        "send(answers, {'nbytes': 1, 'needed': 1 << 60}); receive(sys.stdin.buffer)\n"
        f"inside = {str(tmp_path / 'inside')!r}\n"
        "os.mkdir(inside); time.sleep(0.5); os.rmdir(inside)\n"  # fails if two run at once
        "send(answers, ('ImageError', 'alone')); time.sleep(60)\n"
    )
    reader = PhotoReader(command=[sys.executable, "-c", asks])
    with ThreadPoolExecutor(3) as threads:
        errors = [threads.submit(reader.decode, b"any", "a") for _ in range(3)]
        assert [str(error.exception()) for error in errors] == ["alone"] * 3
    reader.close()


SAVED = {
    ".png": samples.noise(4, "uint8"),
    ".16.png": samples.noise(4, "uint16"),
    ".jpg": samples.ramp(),
    ".tif": samples.noise(3, "uint8"),
    ".16.tif": samples.noise(3, "uint16"),
    ".webp": samples.noise(4, "uint8"),
    ".jp2": samples.ramp(),
    ".16.ppm": samples.noise(3, "uint16"),
    ".tga": samples.noise(1, "uint8"),
}


@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize("isolated", [True, False])
def test_isolated_reading_returns_the_same_photo(reader, tmp_path, suffix, isolated):
    array, path = SAVED[suffix], tmp_path / f"a{suffix}"
    rich = suffix.rpartition(".")[2] in ("png", "jpg", "tif", "webp")
    write_photo(samples.annotated(array) if rich else from_array(array), path)
    expected, read = read_photo(path), reader.read(path, isolated)
    assert read.pixels.dtype == expected.pixels.dtype
    np.testing.assert_array_equal(read.to_array(), expected.to_array())
    assert (read.metadata, read.format, read.lossless) == (
        expected.metadata, expected.format, expected.lossless,
    )  # fmt: skip
    assert (read.alpha is None) == (expected.alpha is None)
    read.pixels[0, 0] = 7  # restored rows replace the rows that were read


@pytest.mark.parametrize("content", [None, b"", b"just some text", b"\x89PNG\r\n\x1a\n", b"II*\0"])
def test_isolated_reading_raises_the_same_errors(reader, tmp_path, content):
    path = tmp_path / "bad.tif"
    if content is not None:
        path.write_bytes(content)
    messages = set()
    for read in (read_photo, reader.read, lambda path: reader.read(path, isolated=False)):
        with pytest.raises(ImageError) as caught:
            read(path)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_without_another_process_files_are_read_in_this_one(tmp_path, caplog):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for command in (["/no/such/program"], [sys.executable, "-c", "raise SystemExit(1)"]):
        caplog.clear()
        reader = PhotoReader(command=command)
        reader.start()
        with caplog.at_level(logging.WARNING, "ppgan_mpr"):
            for photo in (reader.read(tmp_path / "a.png"), reader.decode(data, "a")):
                np.testing.assert_array_equal(photo.pixels, samples.ramp())
        assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_process_ends_with_its_reader(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    reader = PhotoReader()
    before = set(psutil.Process().children())
    reader.read(tmp_path / "a.png")
    (process,) = set(psutil.Process().children()) - before
    reader.read(tmp_path / "a.png")
    assert process.is_running()  # the same process serves all files
    del reader
    gc.collect()
    psutil.wait_procs([process], timeout=30)
    assert not process.is_running()


def test_the_process_ends_when_its_reader_is_killed(tmp_path, root):
    code = (
        "import time; from ppgan_mpr.imaging import PhotoReader; import psutil\n"
        "reader = PhotoReader(); reader.start()\n"
        "print(psutil.Process().children()[0].pid, flush=True); time.sleep(1000)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 60
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_decoder_runs_no_module_of_the_current_folder(tmp_path, monkeypatch):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    write_photo(from_array(samples.ramp()), stranger / "a.tif")
    for name in ("json", "struct", "signal", "PIL", "numpy", "ppgan_mpr"):
        (stranger / f"{name}.py").write_text("open('executed', 'w')")
    monkeypatch.chdir(stranger)
    reader = PhotoReader()
    assert reader.read("a.tif").size
    reader.close()
    assert not (stranger / "executed").exists()


def test_reader_of_untrusted_files_never_decodes_in_this_process(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    reader = PhotoReader(command=[sys.executable, "-c", "raise SystemExit"], isolate_all=True)
    for _ in range(2):
        with pytest.raises(ImageError, match="no process for decoding could be started"):
            reader.read(tmp_path / "a.png")
        with pytest.raises(ImageError, match="no process for decoding could be started"):
            reader.decode((tmp_path / "a.png").read_bytes(), "a.png")


@pytest.mark.parametrize(
    ("suffix", "isolated", "known"),
    [(".png", False, True), (".jpg", False, True), (".png", True, False), (".tif", False, False)],
)
def test_header_is_known_before_this_process_decodes(tmp_path, suffix, isolated, known):
    write_photo(from_array(samples.ramp()), tmp_path / f"a{suffix}")
    found = []
    photo = PhotoReader().read(tmp_path / f"a{suffix}", isolated, on_header=found.append)
    assert [(header.width, header.height) for header in found] == [photo.size] * known


def test_error_of_the_callback_on_header_does_not_fail_the_reading(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")

    def fail(header):
        raise ValueError

    photo = PhotoReader().read(tmp_path / "a.png", isolated=False, on_header=fail)
    np.testing.assert_array_equal(photo.pixels, samples.ramp())
