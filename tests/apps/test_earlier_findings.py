import pytest
from detection_samples import SMALL, codes, rained_on, scene
from PIL import Image

from ppgan_mpr import AutoPredictor
from ppgan_mpr.imaging import PhotoReader, read_photo


@pytest.fixture
def analysed(monkeypatch):
    """The sizes of the pictures that were analysed since the test began."""
    from ppgan_mpr.apps import auto

    sizes, look = [], auto.detect
    monkeypatch.setattr(auto, "detect", lambda photo: sizes.append(photo.size) or look(photo))
    return sizes


def test_finished_picture_is_neither_read_nor_analysed_again(mixed, analysed, monkeypatch):
    first = AutoPredictor("out", model="lite").run(mixed)
    assert len(analysed) == 3
    analysed.clear()
    read, reader = [], PhotoReader()
    monkeypatch.setattr(reader, "read", lambda path, *_: read.append(path.name) or read_photo(path))
    again = AutoPredictor("out", model="lite", existing="skip", reader=reader).run(mixed)
    assert [result.skipped for result in again] == [True, True, False]
    assert len(analysed) == 1 and read == ["sharp.png"]
    assert [result.record.detected for result in again] == [r.record.detected for r in first]


def test_changed_picture_is_analysed_again(mixed, analysed):
    AutoPredictor("out", model="lite").run(mixed)
    analysed.clear()
    Image.fromarray(codes(rained_on(scene(**SMALL)))).save(mixed / "noisy.png")
    result = AutoPredictor("out", model="lite", existing="skip").run(mixed / "noisy.png")[0]
    assert result.record.task == "Deraining" and not result.skipped
    assert len(analysed) == 1


def test_other_options_restore_a_finished_picture_again_without_analysis(mixed, analysed):
    AutoPredictor("out", model="lite").run(mixed / "noisy.png")
    analysed.clear()
    options = {"model": "lite", "existing": "skip", "strength": 0.5}
    (result,) = AutoPredictor("out", **options).run(mixed / "noisy.png")
    assert not result.skipped and result.ok and "strength=1.0" in result.record.warnings[0]
    assert analysed == [] and result.record.detected["degradation"] == "noise"
