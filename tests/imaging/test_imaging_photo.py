"""Pictures from memory, and what a network does to them."""

from __future__ import annotations

import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, from_pil, to_pil


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays_come_back_as_they_were(dtype, channels):
    array = samples.noise(channels, "uint16" if dtype == "uint16" else "uint8")
    if dtype.startswith("float"):
        array = (array / 255).astype(dtype)
    photo = from_array(array)
    same = photo.with_restored(photo.to_float())
    assert same.pixels.dtype == dtype
    np.testing.assert_allclose(same.to_array(), array, atol=1e-7)
    if dtype.startswith("uint"):
        np.testing.assert_array_equal(same.to_array(), array)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("grey", [False, True])
def test_identity_network_keeps_every_code(dtype, grey):
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 64)
    photo = from_array(codes if grey else np.dstack([codes] * 3))
    rgb = photo.to_float()
    assert rgb.shape == (*codes.shape, 3) and rgb.dtype == np.float32
    assert rgb.min() == 0 and rgb.max() == 1
    np.testing.assert_array_equal(photo.with_restored(rgb).pixels, photo.pixels)


def test_restored_values_are_rounded_and_clipped():
    photo = from_array(np.zeros((1, 4, 3), np.uint8))
    values = np.array([0.4999 / 255, 0.5001 / 255, -3, np.inf], np.float32)
    restored = photo.with_restored(np.repeat(values, 3).reshape(1, 4, 3))
    np.testing.assert_array_equal(restored.pixels[0, :, 0], [0, 1, 0, 255])


def test_grey_takes_the_mean_and_keeps_its_alpha():
    photo = from_array(samples.noise(2, "uint8", 1, 2))
    rgb = np.array([[[0.0, 0.3, 0.6], [1, 1, 0.7]]], np.float32)
    restored = photo.with_restored(rgb)
    np.testing.assert_array_equal(restored.pixels[0, :, 0], np.rint([0.3 * 255, 0.9 * 255]))
    np.testing.assert_array_equal(restored.alpha, photo.alpha)


def test_restored_array_is_not_modified():
    photo = from_array(samples.ramp())
    rgb = photo.to_float() * 2 - 0.5
    before = rgb.copy()
    photo.with_restored(rgb)
    np.testing.assert_array_equal(rgb, before)
    photo.to_float()[:] = 0
    np.testing.assert_array_equal(photo.pixels, samples.ramp())


def test_invalid_network_output_is_refused():
    photo = from_array(samples.ramp())
    rgb = photo.to_float()
    rgb[3, 4, 1] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        photo.with_restored(rgb)
    with pytest.raises(ImageError, match=r"\(48, 64, 3\) was expected"):
        photo.with_restored(rgb[1:])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4), np.int32), "int32"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4), complex), "complex128"),
        (np.array([["a"]]), "not a photograph"),
        (np.zeros((4, 4, 5), np.uint8), r"\(4, 4, 5\)"),
        (np.zeros((3,), np.uint8), r"shape \(3"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.full((4, 4), 200.0), r"divide by 255"),
        (np.full((4, 4), np.nan), r"must lie in \[0, 1\]"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\(2, 4, 4, 3\)"),
    ],
)
def test_invalid_arrays_are_refused(array, words):
    with pytest.raises(ImageError, match=words):
        from_array(array)


def test_arrays_in_any_memory_layout():
    picture = samples.noise(3, "uint16")
    for view in (picture[::-1, ::2], picture.astype(">u2"), np.asfortranarray(picture)):
        photo = from_array(view)
        assert photo.pixels.flags.c_contiguous and photo.pixels.dtype.isnative
        np.testing.assert_array_equal(photo.pixels, view)
        assert not np.shares_memory(photo.pixels, view)


@settings(max_examples=30, deadline=None)
@given(bits=st.sampled_from([8, 16]), value=st.floats(0, 1), channels=st.integers(1, 4))
def test_changing_the_depth_rounds(bits, value, channels):
    photo = from_array(np.full((2, 3, channels), value)).with_depth(bits)
    top = 2**bits - 1
    assert photo.to_array().dtype == f"uint{bits}"
    assert np.abs(photo.to_array() - value * top).max() <= 0.5 + 1e-6


def test_float32_becomes_the_nearest_16_bit_code():
    values = np.random.default_rng(0).random((40, 50, 3), np.float32)
    expected = np.rint(values.astype(np.float64) * 65535)
    np.testing.assert_array_equal(from_array(values).with_depth(16).pixels, expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pillow_images_of_every_mode(mode):
    image = Image.fromarray(samples.ramp())
    if mode == "I;16":
        image = Image.fromarray(samples.noise(1, "uint16"))
    else:
        image = image.convert("L").convert(mode) if mode in ("1", "LA") else image.convert(mode)
    back = to_pil(from_pil(image))
    expected = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}.get(mode, mode)
    assert back.mode == expected and back.size == image.size
    if mode == "I;16":
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image))
    else:
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image.convert(expected)))


@pytest.mark.parametrize("name", ["JPEG", "TIFF", "PNG"])
def test_a_pillow_image_is_turned_upright_once(tmp_path, name):
    stored = samples.ramp()
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a"
    Image.fromarray(stored).save(path, format=name, exif=exif)
    with Image.open(path) as image:
        photo = from_pil(image)
    assert photo.size == (48, 64)
    assert np.abs(photo.pixels.astype(int) - np.rot90(stored, -1)).max() < 40
    if name != "JPEG":
        np.testing.assert_array_equal(photo.pixels, np.rot90(stored, -1))


def test_a_pillow_tiff_with_its_orientation_in_xmp_too(tmp_path):
    """Photoshop writes the flag twice; Pillow turns the picture while loading."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[700] = samples.XMP % 6
    Image.fromarray(samples.ramp()).save(tmp_path / "a.tif", exif=exif)
    with Image.open(tmp_path / "a.tif") as image:
        photo = from_pil(image)
    np.testing.assert_array_equal(photo.pixels, np.rot90(samples.ramp(), -1))


def test_metadata_stays_with_a_pillow_image(tmp_path):
    photo = samples.annotated(samples.ramp())
    back = from_pil(to_pil(photo))
    assert back.metadata == photo.metadata
    to_pil(photo).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["icc_profile"] == samples.SRGB


def test_unsupported_pillow_images_are_refused(tmp_path):
    for mode in ("I", "F"):
        with pytest.raises(ImageError, match="16 bits per sample"):
            from_pil(Image.new(mode, (3, 2)))
    with pytest.raises(ImageError, match=r"no 16-bit colour.*with_depth\(8\)"):
        to_pil(from_array(samples.noise(3, "uint16")))
    data = samples.pillow_file(Image.fromarray(samples.ramp()), "PNG")
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "cut.png") as image, pytest.raises(ImageError, match="decoded"):
        from_pil(image)
