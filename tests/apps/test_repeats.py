"""Pictures of a folder that are read, computed and written concurrently."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture, predictor

from ppgan_mpr import AutoPredictor
from ppgan_mpr.apps import outputs
from ppgan_mpr.apps.batch import StoppedError
from ppgan_mpr.apps.repeats import concurrent_pictures, restore_each
from ppgan_mpr.apps.result import Result, ResultRecord
from ppgan_mpr.apps.sources import Source
from ppgan_mpr.dependencies import cpu_count
from ppgan_mpr.detection import Finding
from ppgan_mpr.imaging import PhotoReader
from ppgan_mpr.imaging.memory_budget import MemoryBudget

SOON, LATER = 2, 60  # seconds


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(4):
        picture(number).save(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


class Log:
    """The events of all pictures, in order."""

    def __init__(self, monkeypatch):
        self.events = []
        self._changed = threading.Condition()
        read, write = PhotoReader.read, outputs.write_photo

        def logged_read(reader, path, *arguments):
            photo = read(reader, path, *arguments)
            self.add("read", path.stem)
            return photo

        def logged_write(photo, path, **options):
            self.before_writing(path.stem[0])
            write(photo, path, **options)
            self.add("written", path.stem[0])

        monkeypatch.setattr(PhotoReader, "read", logged_read)
        monkeypatch.setattr(outputs, "write_photo", logged_write)

    def before_writing(self, name):
        """Called before a picture is written."""

    def add(self, what, name):
        with self._changed:
            self.events.append((what, name))
            self._changed.notify_all()

    def wait_for(self, what, name):
        with self._changed:
            assert self._changed.wait_for(lambda: (what, name) in self.events, LATER)


def test_next_picture_is_read_and_last_one_written_during_computation(
    folder, tmp_path, monkeypatch
):
    log = Log(monkeypatch)

    def computed(name, done, total):
        log.add("computed", name[-5])
        if name.endswith("0.png"):
            log.wait_for("read", "1")

    log.before_writing = lambda name: name != "0" or log.wait_for("computed", "1")
    results = predictor(tmp_path, tile_progress=computed).run(folder)
    assert [result.error for result in results] == [None] * 4
    assert [result.source[-5] for result in results] == [*"0123"]


def test_concurrent_reading_and_writing_changes_no_byte(folder, tmp_path):
    one = predictor(tmp_path / "one", jobs=1).run(folder)
    together = predictor(tmp_path / "together").run(folder)
    for a, b in zip(one, together):
        assert a.source == b.source
        assert a.output.read_bytes() == b.output.read_bytes()


# 700 MB are free. A plan of 600 MB reserves 750 MB, as a network may use four fifths of the free
# memory. So nothing is left for a second picture.
@pytest.mark.parametrize(("free", "network"), [(0, "64M"), (700 << 20, "600M")])
def test_pictures_wait_for_each_other_where_memory_is_short(
    folder, tmp_path, monkeypatch, free, network
):
    log = Log(monkeypatch)
    reader = PhotoReader()
    reader.budget = MemoryBudget(free=lambda: free)
    options = {"jobs": 4, "memory": network, "reader": reader}
    results = predictor(tmp_path, **options).run(folder)
    assert all(result.ok for result in results)
    assert [what for what, _ in log.events] == ["read", "written"] * 4


def test_pictures_in_memory_wait_for_each_other_too(tmp_path, monkeypatch):
    second_is_computed, overlapped = threading.Event(), []
    reader = PhotoReader()
    reader.budget = MemoryBudget(free=lambda: 0)
    write, tiles = outputs.write_photo, []

    def slow_write(photo, path, **options):
        if not overlapped:
            overlapped.append(second_is_computed.wait(SOON))
        write(photo, path, **options)

    def computed(name, done, total):
        tiles.append(name)
        if len(tiles) == 2:
            second_is_computed.set()

    monkeypatch.setattr(outputs, "write_photo", slow_write)
    several = predictor(tmp_path, jobs=4, reader=reader, tile_progress=computed)
    results = several.run([np.asarray(picture(number)) for number in range(4)])
    assert all(result.ok for result in results)
    assert overlapped == [False]


def test_small_network_leaves_room_for_a_second_picture(folder, tmp_path, monkeypatch):
    log = Log(monkeypatch)
    reader = PhotoReader()
    reader.budget = MemoryBudget(free=lambda: 700 << 20)

    def computed(name, done, total):
        if name.endswith("0.png"):
            log.wait_for("read", "1")

    options = {"memory": "64M", "reader": reader, "tile_progress": computed}
    results = predictor(tmp_path, **options).run(folder)
    assert [result.error for result in results] == [None] * 4


def test_pictures_in_memory_are_numbered_in_order(tmp_path, monkeypatch):
    second_is_written = threading.Event()
    write = outputs.write_photo

    def noted_write(photo, path, **options):
        write(photo, path, **options)
        second_is_written.set()

    class Late:
        def __array__(self, dtype=None, copy=None):
            assert second_is_written.wait(LATER)
            return np.asarray(picture())

    monkeypatch.setattr(outputs, "write_photo", noted_write)
    results = predictor(tmp_path).run([Late(), np.asarray(picture())])
    names = [result.output.name for result in results]
    assert names == ["image_restoration.png", "image-2_restoration.png"]


def test_user_is_asked_about_one_picture_at_a_time(folder, tmp_path, monkeypatch):
    threads = []

    def choose(name, finding):
        threads.append(threading.current_thread())

    monkeypatch.setattr(
        "ppgan_mpr.apps.auto.detect", lambda photo: Finding({"": 0.4, "noise": 0.6})
    )
    results = AutoPredictor(tmp_path / "out", model="lite", choose=choose).run(folder)
    assert all(result.left_alone for result in results)
    assert threads == [threading.current_thread()] * 4


def test_stopped_picture_that_is_listed_twice_gets_no_result_of_another():
    """The first picture is stopped after the second one is finished."""
    first, second, third = (Source(name, name, Path(name)) for name in "abc")
    stop, finished = threading.Event(), threading.Event()

    def process(source, turn):
        if source is second:
            finished.set()
            return Result(ResultRecord("b"))
        assert finished.wait(LATER)
        stop.set()
        raise StoppedError

    sources = [first, first, second, third]
    results = list(restore_each(sources, process, 2, stop, MemoryBudget()))
    assert [result.record.source for result in results] == ["b"]


def test_number_of_concurrent_pictures_follows_from_devices_and_cores():
    beside = min(cpu_count(), 4)
    assert concurrent_pictures(None) == 1 + beside
    assert concurrent_pictures(None, devices=3) == 3 + beside
    assert concurrent_pictures(1) == 1
    assert concurrent_pictures(8) == 8
    assert concurrent_pictures(1, devices=2) == 2  # one picture for each device
