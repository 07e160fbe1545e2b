import io
import logging
import os
import re
from contextlib import suppress

import pytest

from ppgan_mpr.apps.result import Result, ResultRecord
from ppgan_mpr.apps.sources import Source
from ppgan_mpr.commands.progress import Progress, TileBar, photo_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    return stream


def test_tiles_of_a_large_photo_are_counted(monkeypatch):
    terminal, bar = on_terminal(monkeypatch), TileBar()
    for done in range(1, 4):
        bar("holiday/photo.jpg", done, 3)
    assert "photo.jpg" in terminal.getvalue() and "3/3" in terminal.getvalue()


def test_tiles_are_timed_from_the_beginning_of_the_first(monkeypatch, clock):
    terminal, bar = on_terminal(monkeypatch), TileBar()
    monkeypatch.setattr("tqdm.std.time", clock)
    bar("photo.jpg", 0, 4)
    assert re.search(r"0/4 \[00:00<\?", terminal.getvalue())
    for done, left in ((1, "00:30"), (2, "00:20"), (3, "00:10")):
        clock.now += 10
        bar("photo.jpg", done, 4)
        assert f"{done}/4 [00:{clock.now:02.0f}<{left}" in terminal.getvalue()


def test_a_photo_of_one_tile_has_no_bar(monkeypatch):
    terminal = on_terminal(monkeypatch)
    TileBar()("photo.jpg", 1, 1)
    assert terminal.getvalue() == ""


def test_no_bars_are_shown_without_a_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    TileBar()("photo.jpg", 1, 3)
    with photo_bar(3) as bar:
        bar.update()
    assert stream.getvalue() == ""


def sources(tmp_path, count):
    paths = [tmp_path / f"{number}.png" for number in range(count)]
    for path in paths:
        path.write_bytes(bytes(100))
    return [Source(str(path), path.stem, path) for path in paths]


@pytest.fixture
def clock():
    """A clock that is set by hand."""

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def test_time_left_and_memory_are_shown_on_a_terminal(monkeypatch, tmp_path, clock):
    terminal, pictures = on_terminal(monkeypatch), sources(tmp_path, 3)
    with photo_bar(3) as bar:
        progress = Progress(pictures, bar, clock=clock)
        clock.now = 240.0
        progress(pictures[0].name, 1, 2)
    assert re.search(r"about 20 min left, [\d.]+ [MG]B", terminal.getvalue())


def test_long_work_is_announced_once_without_a_terminal(tmp_path, clock, caplog):
    pictures = sources(tmp_path, 3)
    with photo_bar(3) as bar, caplog.at_level(logging.INFO):
        progress = Progress(pictures, bar, clock=clock)
        clock.now += 1000  # the network is compiled before the first tile is finished
        for picture in pictures:
            for tile in (1, 2):
                clock.now += 30
                progress(picture.name, tile, 2)
    (line,) = caplog.messages
    assert re.fullmatch(r"about 2 min left for 3 pictures, [\d.]+ [MG]B of memory in use", line)


def test_short_work_is_not_announced(tmp_path, clock, caplog):
    (picture,) = pictures = sources(tmp_path, 1)
    with photo_bar(1) as bar, caplog.at_level(logging.INFO):
        progress = Progress(pictures, bar, clock=clock)
        clock.now = 20
        progress(picture.name, 1, 3)
    assert caplog.messages == []


def test_skipped_pictures_do_not_count_in_the_time_left(tmp_path, clock, caplog):
    pictures = sources(tmp_path, 100)
    skipped = [Result(ResultRecord(source.name, skipped=True)) for source in pictures[1:]]
    with photo_bar(100) as bar, caplog.at_level(logging.INFO):
        progress = Progress(pictures, bar, clock=clock)
        assert list(progress.watch(skipped)) == skipped
        clock.now = 20
        progress(pictures[0].name, 1, 3)
    assert caplog.messages == []


def test_bars_show_on_a_terminal_without_a_size(monkeypatch):
    pty = pytest.importorskip("pty")
    reading, writing = pty.openpty()  # of 0 rows and 0 columns
    text = b""
    with open(reading, "rb", buffering=0) as shown:
        with open(writing, "w") as terminal:
            assert os.get_terminal_size(terminal.fileno()).lines == 0
            monkeypatch.setattr("sys.stderr", terminal)
            with photo_bar(3) as bar:
                TileBar()("photo.jpg", 0, 2)
                bar.update()
        with suppress(OSError):  # Linux raises it at the end of a closed terminal's output
            while part := shown.read(4000):
                text += part
    assert b"| 0/3 [" in text
    assert b"| 0/2 [" in text
    assert b"more hidden" not in text


def fail(thread):
    raise RuntimeError("can't start new thread")


def test_no_error_if_the_thread_that_frees_the_memory_cannot_be_started(tmp_path, monkeypatch):
    pictures = sources(tmp_path, 1)
    with photo_bar(1) as bar:
        progress = Progress(pictures, bar)
        progress.when_computed = print
        monkeypatch.setattr("threading.Thread.start", fail)
        progress(pictures[0].name, 1, 1)
