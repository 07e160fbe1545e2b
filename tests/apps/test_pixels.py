"""Pixels of results, and stages of a network as pictures and files."""

import numpy as np
import pytest
from apps_samples import picture
from PIL import Image

from ppgan_mpr import MPRPredictor
from ppgan_mpr.apps import pixels
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_pil
from ppgan_mpr.inference import TileUse

paddle = require("paddle")


def staged(folder, **options):
    return MPRPredictor(folder, task="Denoising", model="lite", stages=True, **options)


@pytest.fixture(scope="module")
def expected():
    """The pictures of the three stages, the first one first."""
    image = np.asarray(picture(size=(96, 64)))
    network = MPRPredictor(None, task="Denoising", model="lite").weights.build()
    with paddle.no_grad():
        outputs = network(paddle.to_tensor((image / np.float32(255)).transpose(2, 0, 1)[None]))
    stages = [output[0].numpy().transpose(1, 2, 0) for output in reversed(outputs)]
    return [np.rint(255 * stage.clip(0, 1)) for stage in stages]


def close(restored, expected):
    return np.abs(np.asarray(restored, np.float32) - expected).max() <= 1


class Restored:
    """Stands for a restorer whose only strip is ``output``."""

    def __init__(self, output):
        self.output = output

    def strips(self, height, width, *_):
        yield slice(0, height), self.output


@pytest.mark.parametrize("at_once", [1 << 20, 210, 1])
def test_rows_are_written_a_few_at_a_time(monkeypatch, at_once):
    monkeypatch.setattr(pixels, "_AT_ONCE", at_once)
    output = np.random.default_rng(5).random([50, 30, 3], np.float32) * 1.2 - 0.1

    def filled(mode):
        photo = from_pil(Image.new(mode, (30, 50), 7))
        pixels.fill(photo, (), Restored(output), None, 1.0, None, TileUse())
        return photo.pixels

    np.testing.assert_array_equal(filled("RGB"), np.rint(255 * output.clip(0, 1)))
    grey = output.mean(axis=2, keepdims=True)
    np.testing.assert_array_equal(filled("L"), np.rint(255 * grey.clip(0, 1)))
    output[-1, -1] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        filled("RGB")


def test_each_stage_is_a_file_beside_the_result(tmp_path, expected):
    picture(size=(96, 64)).save(tmp_path / "photo.png")
    (result,) = staged(tmp_path, precision="f32").run(tmp_path / "photo.png")
    assert result.error is None
    names = ["photo_restoration_stage1.png", "photo_restoration_stage2.png"]
    folder = tmp_path / "Denoising"
    assert result.record.stages == tuple(str(folder / name) for name in names)
    for name, stage in zip([*names, "photo_restoration.png"], expected):
        assert close(Image.open(folder / name), stage)
    assert np.abs(expected[0] - expected[2]).max() > 1


def test_stages_of_a_picture_in_memory_are_pictures(expected):
    (result,) = staged(None, precision="f32", strength=0.0).run(np.asarray(picture(size=(96, 64))))
    assert len(result.stages) == 2
    assert all(map(close, result.stages, expected))
    assert close(result.image, np.asarray(picture(size=(96, 64))))  # strength affects the result


def test_stages_in_tiles_have_the_size_of_the_photo(tmp_path):
    picture(size=(150, 130)).save(tmp_path / "photo.png")
    (result,) = staged(tmp_path, tile=64, overlap=8).run(tmp_path / "photo.png")
    assert result.record.tiles > 1
    assert [Image.open(path).size for path in result.record.stages] == [(150, 130)] * 2


@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_existing_stage_file_is_replaced_only_if_asked(tmp_path, existing):
    picture().save(tmp_path / "photo.png")
    taken = tmp_path / "Denoising" / "photo_restoration_stage2.png"
    taken.parent.mkdir()
    taken.write_bytes(b"another's")
    (result,) = staged(tmp_path, existing=existing).run(tmp_path / "photo.png")
    if existing == "overwrite":
        assert result.ok and Image.open(taken).size == picture().size
    else:
        assert "photo_restoration_stage2.png exists and was left alone" in result.error
        assert taken.read_bytes() == b"another's"
        assert [path.name for path in taken.parent.iterdir()] == [taken.name]
