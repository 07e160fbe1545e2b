"""OpenVINO: precision, and the number of compiled sizes that are kept."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from inference_samples import batch

from ppgan_mpr.inference import Cache, InferenceOptions, Model, Restorer
from ppgan_mpr.inference import picture as picture_module
from ppgan_mpr.inference.backends import create_backend
from ppgan_mpr.networks import find_network


def test_bf16_is_used_only_if_the_processor_supports_it(model, photo, expected):
    pytest.importorskip("onnx")
    openvino = pytest.importorskip("openvino")
    capable = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert create_backend(model, InferenceOptions(backend="openvino")).precision == (
        "bf16" if capable else "f32"
    )
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="bf16"))
    error = np.mean((backend.run(batch(photo)) - expected) ** 2)
    assert -10 * np.log10(error) > 40


def test_compiled_sizes_are_kept_within_the_memory(model, photo):
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="f32"))
    wide, tall = batch(photo), batch(photo.swapaxes(0, 1))
    statistics = backend.measure(wide)
    backend.release()
    pixels = photo.shape[0] * photo.shape[1]
    for rooms, kept in ((1.5, 1), (2.5, 2)):
        backend.keep_budget = rooms * pixels * backend.bytes_per_pixel
        for picture in (wide, tall):
            backend.run(picture, statistics)
        assert backend.kept_bytes == pytest.approx(kept * pixels * backend.bytes_per_pixel)


def test_small_tiles_do_not_accumulate_networks(model, photo):
    """Each compiled size holds all weights, however small its maps are."""
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="f32"))
    backend.keep_budget = 1e12
    statistics = backend.measure(batch(photo))
    backend.release()
    for size in range(8, 56, 8):
        backend.run(np.zeros([1, 3, size, 8], np.float32), statistics)
        assert backend.kept_bytes <= 4 * size * 8 * backend.bytes_per_pixel
    assert backend.kept_bytes > 0
    backend.release()
    assert backend.kept_bytes == 0


def openvino_backend(network, cache, **options):
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    fresh = Model("small", find_network("MPRNet"), lambda: network, cache)
    return create_backend(fresh, InferenceOptions(backend="openvino", precision="f32", **options))


def test_pictures_of_many_sizes_leave_one_compiled_network_in_the_cache(
    network, cache, tmp_path, photo
):
    backend = openvino_backend(network, cache)
    backend.run(batch(photo))
    files = sorted((tmp_path / "cache").iterdir())
    for height, width in ((8, 8), (96, 64), (24, 104)):
        backend.run(batch(photo[:height, :width]))
    assert sorted((tmp_path / "cache").iterdir()) == files


def test_pixels_do_not_depend_on_the_pictures_before(network, cache, photo):
    """Nor do they depend on whether the network was compiled or came from the cache."""
    first, *others = (batch(photo[:height]) for height in (48, 96, 16))
    backend = openvino_backend(network, cache)
    expected = backend.run(first).copy()
    backend = openvino_backend(network, cache)
    for picture in others:
        backend.run(picture)
    np.testing.assert_array_equal(backend.run(first), expected)


def test_network_for_any_size_equals_those_for_one_size(network, cache, photo):
    pictures = [batch(photo[:height, :width]) for height, width in ((96, 144), (40, 72))]
    for_any = openvino_backend(network, cache)
    for_one = openvino_backend(network, cache, memory="1K")  # too little for any picture
    for picture in pictures:
        pixels = picture[0, 0].size
        assert for_any.whole_bytes(pixels) > for_one.whole_bytes(pixels)
        np.testing.assert_allclose(for_any.run(picture), for_one.run(picture), atol=1e-5)


def test_network_for_any_size_counts_the_memory_of_its_largest_picture(network, cache, photo):
    backend = openvino_backend(network, cache)
    backend.keep_budget = 1e12
    for height in (16, 96, 48):
        backend.run(batch(photo[:height]))
    assert backend.kept_bytes == backend.whole_bytes(96 * photo.shape[1])


class CountingCache(Cache):
    """Counts how many compiled networks are read."""

    read = 0

    def load(self, *key):
        found = super().load(*key)
        self.read += key[0] == "openvino" and found is not None
        return found


def test_network_for_tiles_is_loaded_once_while_statistics_are_measured(network, tmp_path, photo):
    tile = batch(photo)
    backend = openvino_backend(network, CountingCache(tmp_path))
    statistics = backend.measure(tile)
    expected = backend.run(tile, statistics).copy()
    cache = CountingCache(tmp_path)
    backend = openvino_backend(network, cache)
    backend.keep_budget = 1e12
    backend.load_ahead(*photo.shape[:2], given=True)
    backend.measure(tile)
    np.testing.assert_array_equal(backend.run(tile, statistics), expected)
    backend.load_ahead(*photo.shape[:2], given=True)  # it is there already
    backend.run(tile, statistics)
    assert cache.read == 2


@pytest.fixture
def restorer(model):
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    return Restorer(model, backend="openvino", precision="f32")


def test_network_for_a_whole_picture_is_loaded_while_its_pixels_are_converted(
    restorer, photo, monkeypatch
):
    expected = restorer(photo).copy()
    restorer.release()
    backend, started = restorer.backend, []
    find = backend._find_cached
    monkeypatch.setattr(backend, "_find_cached", lambda *key: started.append(key) or find(*key))

    def crop(rows, columns):
        assert started, "the network is loaded only after the pixels were cropped"
        return photo[rows, columns]

    strips = [strip for _, strip in restorer.strips(*photo.shape[:2], crop)]
    np.testing.assert_array_equal(np.concatenate(strips), expected)
    restorer(photo)
    assert len(started) == 1


def test_without_threads_networks_are_loaded_when_they_are_needed(restorer, photo, monkeypatch):
    expected = restorer(photo)
    restorer.backend.release()

    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    np.testing.assert_array_equal(restorer(photo), expected)


def test_network_loaded_ahead_of_a_picture_that_failed_is_forgotten(restorer, photo, monkeypatch):
    monkeypatch.setattr(restorer.backend, "_takes_any_size", lambda pixels: False)
    expected = restorer(photo[:16, :16])

    def crop(rows, columns):
        raise ValueError

    with pytest.raises(ValueError):
        list(restorer.strips(*photo.shape[:2], crop))
    assert restorer.backend._upcoming is None
    np.testing.assert_array_equal(restorer(photo[:16, :16]), expected)


@pytest.mark.parametrize("error", [OSError, ValueError, MemoryError, RuntimeError("bad_alloc")])
@pytest.mark.parametrize("step", ["_find_cached", "_load_cached"])
def test_error_in_the_thread_that_loads_a_network_changes_nothing(
    restorer, photo, monkeypatch, error, step
):
    expected = restorer(photo)
    restorer.release()
    take = getattr(restorer.backend, step)

    def fail(*given):
        if threading.current_thread() is not threading.main_thread():
            raise error
        return take(*given)

    monkeypatch.setattr(restorer.backend, step, fail)
    restorer.load_ahead(*photo.shape[:2])
    np.testing.assert_array_equal(restorer(photo), expected)


def test_networks_may_be_released_while_a_picture_is_computed(restorer, photo):
    photos = [photo, photo[:24, :24], photo]
    expected = [restorer(each) for each in photos]
    ended = threading.Event()

    def release():
        while not ended.wait(0.0005):
            restorer.release()

    thread = threading.Thread(target=release)
    thread.start()
    try:
        for _ in range(20):
            for each, pixels in zip(photos, expected):
                np.testing.assert_array_equal(restorer(each), pixels)
    finally:
        ended.set()
        thread.join()


def test_network_of_the_whole_picture_is_freed_before_smaller_tiles(restorer, photo, monkeypatch):
    """The memory may run out while the picture is converted and the network is loaded."""
    monkeypatch.setattr(restorer.backend, "_takes_any_size", lambda pixels: False)
    monkeypatch.setattr(restorer, "_shares_statistics", False)  # as with TLC
    restorer(photo)
    restorer.release()
    held, batch_of = [], picture_module._batch

    def batch(images):
        upcoming = restorer.backend._upcoming
        if images[0].shape[:2] == photo.shape[:2]:
            assert upcoming.key[0] == "plain"
            raise MemoryError
        held.append(upcoming and upcoming.key[0])
        return batch_of(images)

    monkeypatch.setattr(picture_module, "_batch", batch)
    restorer(photo)
    assert held
    assert "plain" not in held


def test_network_loaded_ahead_for_another_size_changes_nothing(network, cache, photo):
    tile = batch(photo)
    backend = openvino_backend(network, cache)
    statistics = backend.measure(tile)
    expected = backend.run(tile, statistics).copy()
    backend.run(tile[:, :, :8, :8], statistics)
    backend = openvino_backend(network, cache)
    backend.load_ahead(8, 8, given=True)
    np.testing.assert_array_equal(backend.run(tile, statistics), expected)
    backend.load_ahead(*photo.shape[:2], given=True)
    backend.release()
    np.testing.assert_array_equal(backend.run(tile, statistics), expected)


def test_precision_is_f32_if_the_plugin_reports_no_bf16(model, monkeypatch):
    """As on most ARM processors."""
    core = pytest.importorskip("openvino").Core
    real = core.get_property

    def get_property(self, device, name):
        if name == "OPTIMIZATION_CAPABILITIES":
            return ["FP32", "FP16", "INT8"]
        return real(self, device, name)

    monkeypatch.setattr(core, "get_property", get_property)
    assert create_backend(model, InferenceOptions(backend="openvino")).precision == "f32"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say where threads run")
def test_limited_threads_are_not_bound_to_the_same_core_in_every_process(model, photo):
    """Two processes of one thread each would share one core."""
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    earlier = set(os.listdir("/proc/self/task"))  # threads of other tests may be bound
    backend = create_backend(model, InferenceOptions(backend="openvino", threads=1))
    backend.run(batch(photo))
    cores = set()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: [backend.run(batch(photo)) for _ in range(20)])
        while not running.done():
            for thread in set(os.listdir("/proc/self/task")) - earlier:
                with suppress(OSError):  # the thread has ended
                    cores.add(frozenset(os.sched_getaffinity(int(thread))))
    assert cores == {frozenset(os.sched_getaffinity(0))}
