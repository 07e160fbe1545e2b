import threading

import numpy as np
import pytest
from apps_samples import picture

from ppgan_mpr import Predictor
from ppgan_mpr.apps import ChainPredictor
from ppgan_mpr.imaging import reader
from ppgan_mpr.inference.backends.openvino_backend import OpenVINOBackend

TURNED = 6  # EXIF orientation: stored on its side


def predictor(**options):
    return Predictor(None, task="Denoising", model="lite", precision="f32", **options)


@pytest.fixture
def sizes(monkeypatch):
    """Heights and widths for which networks are loaded ahead, and those of computed pictures."""
    ahead, computed = [], []
    prepare, run = OpenVINOBackend.prepare, OpenVINOBackend.run

    def prepared(self, height, width, whole=False):
        ahead.append((height, width))
        prepare(self, height, width, whole)

    def ran(self, batch, statistics=None):
        computed.append(batch.shape[2:])
        return run(self, batch, statistics)

    monkeypatch.setattr(OpenVINOBackend, "prepare", prepared)
    monkeypatch.setattr(OpenVINOBackend, "run", ran)
    return ahead, computed


def test_cached_network_loads_while_the_photo_is_decoded(tmp_path, monkeypatch):
    picture(size=(56, 40)).save(tmp_path / "photo.png")
    expected = predictor().restore(tmp_path / "photo.png")
    loading, loads = threading.Event(), []
    load, decode = OpenVINOBackend._load_cached, reader.decode_photo

    def noted(self, *key):
        loading.set()
        loads.append(key)
        return load(self, *key)

    def waiting(*arguments):
        assert loading.wait(30)
        return decode(*arguments)

    monkeypatch.setattr(OpenVINOBackend, "_load_cached", noted)
    monkeypatch.setattr(reader, "decode_photo", waiting)
    again = predictor()
    np.testing.assert_array_equal(again.restore(tmp_path / "photo.png"), expected)
    again.restore(tmp_path / "photo.png")
    assert len(loads) == 1


@pytest.mark.parametrize("orientation", [1, TURNED])
@pytest.mark.parametrize("max_size", [None, 32])
def test_network_is_loaded_ahead_for_the_size_that_is_computed(
    tmp_path, sizes, orientation, max_size
):
    photo = picture(size=(56, 40))
    exif = photo.getexif()
    exif[0x0112] = orientation
    photo.save(tmp_path / "photo.jpg", exif=exif)
    predictor(max_size=max_size).restore(tmp_path / "photo.jpg")
    ahead, computed = sizes
    assert ahead == computed


def test_no_network_for_a_whole_picture_is_loaded_if_it_is_restored_in_tiles(tmp_path, sizes):
    picture(size=(200, 40)).save(tmp_path / "photo.png")
    predictor(tile=64).restore(tmp_path / "photo.png")
    ahead, computed = sizes
    assert set(ahead) == set(computed) == {(40, 64)}


def test_damaged_photo_has_the_same_error_as_without_loading_ahead(tmp_path, sizes):
    picture(size=(56, 40)).save(tmp_path / "photo.png")
    whole = (tmp_path / "photo.png").read_bytes()
    (tmp_path / "photo.png").write_bytes(whole[: len(whole) // 2])
    (result,) = predictor().run(tmp_path / "photo.png")
    assert "photo.png cannot be read" in result.error


def test_first_network_of_a_chain_is_loaded_ahead(tmp_path, sizes):
    picture(size=(56, 40)).save(tmp_path / "photo.png")
    chain = ChainPredictor(None, task="Denoising,Deraining", model="lite", precision="f32")
    chain.restore(tmp_path / "photo.png")
    ahead, computed = sizes
    assert ahead == computed[:1]
