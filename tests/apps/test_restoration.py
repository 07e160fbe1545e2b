"""The network of a single photo is loaded while the photo is decoded."""

import io
import struct
import threading

import numpy as np
import pytest
from apps_samples import picture, predictor
from imaging_samples import chunk
from PIL import Image

from ppgan_mpr.apps import restoration
from ppgan_mpr.apps.sources import Source
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import reader
from ppgan_mpr.inference import memory, restorer
from ppgan_mpr.inference import picture as picture_module
from ppgan_mpr.inference.backends.openvino_backend import OpenVINOBackend

pytest.importorskip("openvino")
pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")


@pytest.fixture
def loads(monkeypatch):
    """The keys of the networks that are loaded from the cache, each in its own size."""
    found, find = [], OpenVINOBackend._find_cached

    def find_cached(self, *key):
        found.append(key)
        return find(self, *key)

    monkeypatch.setattr(OpenVINOBackend, "_takes_any_size", lambda self, pixels: False)
    monkeypatch.setattr(OpenVINOBackend, "_find_cached", find_cached)
    return found


def saved(tmp_path, name="a.jpg", **options):
    picture(size=(48, 32)).save(tmp_path / name, **options)
    return tmp_path / name


def test_network_is_loaded_while_the_photo_is_decoded(tmp_path, monkeypatch, loads):
    file, one = saved(tmp_path), predictor(tmp_path)
    expected = one.restore(np.asarray(Image.open(file)))  # its network is in the cache now
    loads.clear()
    decode, loading = reader.decode_photo, threading.Event()
    find = OpenVINOBackend._find_cached

    def find_cached(self, *key):
        loading.set()
        return find(self, *key)

    def decode_photo(*given):
        assert loading.wait(60), "nothing is loaded before the photo is decoded"
        return decode(*given)

    monkeypatch.setattr(OpenVINOBackend, "_find_cached", find_cached)
    monkeypatch.setattr(reader, "decode_photo", decode_photo)
    np.testing.assert_array_equal(predictor(tmp_path).restore(file), expected)
    assert loads == [("plain", (1, 3, 32, 48))]


def test_pixels_are_converted_while_the_network_is_loaded(tmp_path, monkeypatch, loads):
    file = saved(tmp_path)
    expected = predictor(tmp_path).restore(file)
    converted, in_time = threading.Event(), []
    load, batch = OpenVINOBackend._load_cached, picture_module._batch

    def load_cached(self, blob):
        in_time.append(converted.wait(20))
        return load(self, blob)

    def note(images):
        converted.set()
        return batch(images)

    monkeypatch.setattr(OpenVINOBackend, "_load_cached", load_cached)
    monkeypatch.setattr(picture_module, "_batch", note)
    np.testing.assert_array_equal(predictor(tmp_path).restore(file), expected)
    assert in_time == [True]


def test_the_encoder_is_loaded_before_the_network_computes(tmp_path, monkeypatch):
    events = []
    for name in ("prepare_writing", "fill"):
        work = getattr(restoration, name)
        monkeypatch.setattr(
            restoration, name, lambda *given, n=name, w=work: (events.append(n), w(*given))[1]
        )
    assert predictor(tmp_path).run(saved(tmp_path))[0].ok
    assert events == ["prepare_writing", "fill"]


@pytest.mark.parametrize("options", [{}, {"max_size": 24}])
def test_network_loaded_ahead_is_for_the_size_that_is_restored(tmp_path, loads, options):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    file = saved(tmp_path, exif=exif)
    predictor(tmp_path, **options).restore(file)
    loads.clear()
    predictor(tmp_path, **options).restore(file)
    assert loads == [("plain", (1, 3, 24, 16) if options else (1, 3, 48, 32))]


@pytest.mark.parametrize("content", ["damaged", "huge"])
def test_file_that_cannot_be_read_affects_no_later_one(tmp_path, loads, content):
    good = saved(tmp_path)
    expected = predictor(tmp_path).restore(good)
    bad = tmp_path / "bad.png"
    if content == "damaged":
        data = io.BytesIO()
        picture(size=(64, 40)).save(data, "PNG")
        bad.write_bytes(data.getvalue()[:-200])
    else:
        header = struct.pack(">IIBBBBB", 1 << 15, 1 << 15, 8, 2, 0, 0, 0)
        bad.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    loads.clear()
    one = predictor(tmp_path)
    with pytest.raises(ImageError):
        one.restore(bad)
    assert one._loaded.restorers.first.backend._upcoming is None
    assert [key for key in loads if key[1] and key[1][2] > 40] == []
    np.testing.assert_array_equal(one.restore(good), expected)


@pytest.mark.parametrize("reason", ["several files", "another format", "short memory", "tiles"])
def test_in_other_cases_nothing_is_loaded_before_the_picture_is_read(tmp_path, monkeypatch, reason):
    file, options = saved(tmp_path), {}
    if reason == "several files":
        saved(tmp_path, "b.jpg")
        file = tmp_path
    elif reason == "another format":
        Image.open(file).save(tmp_path / "a.png", "TIFF")
        file = tmp_path / "a.png"
    elif reason == "short memory":
        monkeypatch.setattr(restorer, "reduced_budget", lambda needed: 1)
    else:
        options["tile"] = 64
    one = predictor(tmp_path, **options)
    backend, prepared, before = one._loaded.restorers.first.backend, [], []
    monkeypatch.setattr(backend, "load_ahead", lambda *size, given: prepared.append(given))
    read = Source.read

    def note(*given):
        try:
            return read(*given)
        finally:
            before.append(len(prepared))

    monkeypatch.setattr(Source, "read", note)
    assert all(result.ok for result in one.run(file))
    assert before[0] == 0 and prepared


def test_memory_is_checked_only_before_the_network_is_loaded_ahead(tmp_path, monkeypatch, loads):
    """The memory that loading takes must not count as missing: the tiles would become smaller."""
    file = saved(tmp_path)
    expected = predictor(tmp_path).restore(file)
    free = iter([None, 1])  # the second check would find too little
    for module in (restorer, memory):
        monkeypatch.setattr(module, "reduced_budget", lambda *_: next(free))
    np.testing.assert_array_equal(predictor(tmp_path).restore(file), expected)


def test_memory_is_checked_again_if_no_network_was_loaded_ahead(tmp_path, monkeypatch, loads):
    """As in the first run, when the network is not in the cache."""
    checks = []
    for module in (restorer, memory):
        monkeypatch.setattr(module, "reduced_budget", lambda *given: checks.append(given))
    predictor(tmp_path, precision="f32", threads=1).restore(saved(tmp_path))
    assert len(checks) == 2


def test_memory_is_checked_again_if_the_cached_network_cannot_be_loaded(
    tmp_path, monkeypatch, loads
):
    file = saved(tmp_path)
    expected = predictor(tmp_path).restore(file)
    load, checks = OpenVINOBackend._load_cached, []

    def load_cached(self, blob):
        in_thread = threading.current_thread() is not threading.main_thread()
        return None if in_thread else load(self, blob)

    monkeypatch.setattr(OpenVINOBackend, "_load_cached", load_cached)
    for module in (restorer, memory):
        monkeypatch.setattr(module, "reduced_budget", lambda *given: checks.append(given))
    np.testing.assert_array_equal(predictor(tmp_path).restore(file), expected)
    assert len(checks) == 2


def test_without_a_result_the_network_loaded_ahead_is_freed(tmp_path, monkeypatch):
    monkeypatch.setattr(OpenVINOBackend, "_takes_any_size", lambda self, pixels: False)
    file, one = saved(tmp_path), predictor(tmp_path)
    assert one.run(file)[0].ok
    one.release()
    (result,) = one.run(file)
    assert "exists and was left alone" in result.error
    assert one._loaded.restorers.first.backend._upcoming is None
