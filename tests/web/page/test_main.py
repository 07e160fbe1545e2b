"""A picture of 50 megapixels in a real browser and a server in its own process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from chromium import PROGRAM
from PIL import Image
from web_samples import LITE, Client, picture, png, restore, set_fields

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")

WIDTH, HEIGHT = 8660, 5774
MEMORY = 1_500_000_000  # bytes of all processes of the server, see docs/server.md
IDLE = 0.25  # cores; a running network uses at least one core of an idle machine


class Watch:
    """Measures the memory of a process and its children while a ``with`` block runs.

    Attributes:
        peak: largest number of bytes at one time.
    """

    def __init__(self, process: psutil.Process):
        self.peak = 0
        self._process, self._ended = process, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _look(self):
        while not self._ended.wait(0.02):
            with contextlib.suppress(psutil.NoSuchProcess):  # a child that has just ended
                total = sum(member.memory_info().rss for member in family(self._process))
                self.peak = max(self.peak, total)


@pytest.fixture(scope="module")
def server(root, tmp_path_factory):
    """The process of a server with small tiles, so that the first tile is soon finished."""
    command = [sys.executable, "-m", "ppgan_mpr.commands.serve", "--port", "0", "--tile", "256"]
    temporary = tmp_path_factory.mktemp("server")
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(temporary)}
    process = psutil.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def client(server):
    """A client of that server, from which the page is opened, too."""
    with Client(base_url=server.stdout.readline().split()[0], timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A vertical gradient of 50 megapixels, whose PNG takes less than a megabyte."""
    rows = np.linspace(40, 200, HEIGHT).astype(np.uint8)
    path = tmp_path_factory.mktemp("photos") / "large.png"
    pixels = np.broadcast_to(rows[:, None, None], (HEIGHT, WIDTH, 3))
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, compress_level=1)
    return path


def family(process):
    """A process and its children."""
    return [process, *process.children(recursive=True)]


def cores_in_use(process, seconds=1):
    """How many cores a process and its children keep busy."""

    def spent():
        times = [member.cpu_times() for member in family(process)]
        return sum(of.user + of.system for of in times)

    started, before = time.monotonic(), spent()
    time.sleep(seconds)
    return (spent() - before) / (time.monotonic() - started)


def test_a_picture_of_50_megapixels_is_reduced_shown_and_downloaded(visit, server, photo):
    page = visit()
    set_fields(page, **LITE, max_size="256")
    page.drop(photo)
    page.until("document.querySelector('li.ready')")
    with Watch(server) as memory:
        page.click("#restore")
        page.until("document.querySelector('li.done')")
        page.evaluate("stage.focus()")
        page.press("+", 187)  # while the pictures are being loaded
        page.evaluate("Promise.all([before.decode(), after.decode()]).then(() => true)")
    assert memory.peak < MEMORY
    sizes = "[before, after].map((image) => [image.naturalWidth, image.naturalHeight])"
    assert page.evaluate(sizes) == [[WIDTH, HEIGHT], [256, 171]]
    assert page.evaluate("after.clientWidth * devicePixelRatio") == 256
    assert page.evaluate("document.querySelector('[data-zoom=\"1\"]').ariaPressed") == "true"
    page.click(".download")
    with Image.open(page.downloaded()) as result:
        result.load()
        assert (result.format, result.size) == ("PNG", (256, 171))
    assert page.complaints() == []


def test_cancelling_at_full_size_frees_the_processor(visit, client, server, photo, tmp_path):
    page = visit()
    with Watch(server) as memory:
        restore(page, photo)
        page.until("document.querySelector('progress').value > 0")
        page.click(".cancel")
        page.until("document.querySelector('li.cancelled')")
    assert memory.peak < MEMORY
    assert client.figures()["mprnet_web_running"] == 0
    assert cores_in_use(server) < IDLE
    restore(page, picture(tmp_path, "photo.png", png()))
    page.until("document.querySelector('li.done')")
