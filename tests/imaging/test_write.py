"""Written files are read back unchanged, also by other programs; a failure changes no file."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ppgan_mpr.errors import ImageError, MissingDependencyError
from ppgan_mpr.imaging import (
    Photo,
    from_array,
    prepare_writing,
    read_photo,
    writable_suffix,
    write_photo,
)
from ppgan_mpr.imaging import write as writer

LOSSLESS = [
    *[(suffix, "uint8", c) for suffix in (".png", ".tif", ".tga") for c in (1, 2, 3, 4)],
    *[(suffix, "uint8", c) for suffix in (".bmp", ".ppm", ".jp2") for c in (1, 3)],
    *[(".jp2", "uint8", c) for c in (2, 4)],
    *[(".webp", "uint8", c) for c in (3, 4)],
    *[(".png", "uint16", c) for c in (1, 2, 3, 4)],
    *[(".tif", "uint16", c) for c in (1, 3, 4)],
    *[(".ppm", "uint16", c) for c in (1, 3)],
]


@pytest.mark.parametrize(("suffix", "dtype", "channels"), LOSSLESS)
def test_lossless_formats_give_back_every_sample(tmp_path, suffix, dtype, channels):
    photo = from_array(samples.noise(channels, dtype))
    path = tmp_path / f"photo{suffix}"
    assert writable_suffix(photo, suffix) == suffix
    write_photo(photo, path)
    back = read_photo(path)
    assert back.pixels.dtype == dtype
    assert back.pixels.flags.c_contiguous
    np.testing.assert_array_equal(back.to_array(), photo.to_array())


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
@pytest.mark.parametrize("grey", [False, True])
def test_lossy_formats_stay_close(tmp_path, suffix, grey):
    picture = samples.ramp()[..., 0] if grey else samples.ramp()
    photo = from_array(picture)
    if writable_suffix(photo, suffix) != suffix:
        pytest.skip(f"this Pillow writes no {suffix}")
    path = tmp_path / f"photo{suffix}"
    write_photo(photo, path, quality=95)
    back = read_photo(path)
    if suffix == ".jpg":
        assert back.is_grey == grey  # WebP and AVIF come back as RGB
    assert np.abs(back.to_float() - photo.to_float()).max() < 6 / 255


def test_jpeg_is_not_subsampled_and_obeys_the_quality(tmp_path):
    photo = from_array(samples.noise(3, "uint8", 64, 64))
    write_photo(photo, tmp_path / "high.jpg")
    write_photo(photo, tmp_path / "low.jpg", quality=40)
    with Image.open(tmp_path / "high.jpg") as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2


@pytest.mark.parametrize("quality", [95, 100])
def test_jpeg_of_pure_noise_is_written(tmp_path, quality, capfd):
    """Noise does not compress, so it overflows buffers sized for photographs."""
    photo = from_array(samples.noise(3, "uint8", 300, 400))
    write_photo(photo, tmp_path / "noise.jpg", quality=quality)
    assert read_photo(tmp_path / "noise.jpg").size == (400, 300)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("uint16", 1), ("uint16", 3)])
def test_opencv_reads_our_files(tmp_path, suffix, dtype, channels):
    picture = samples.noise(channels, dtype)
    write_photo(samples.annotated(picture), tmp_path / f"photo{suffix}")
    data = np.fromfile(tmp_path / f"photo{suffix}", np.uint8)
    seen = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(seen if channels == 1 else seen[..., ::-1], picture)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_pillow_reads_our_files(tmp_path, suffix, channels, dtype):
    """Pillow reduces 16-bit colour to 8 bits, which must be the high ones."""
    picture = samples.noise(channels, dtype)
    write_photo(from_array(picture), tmp_path / f"photo{suffix}")
    with Image.open(tmp_path / f"photo{suffix}") as image:
        seen = np.asarray(image)
    if dtype == "uint16" and channels == 1:
        np.testing.assert_array_equal(seen, picture)
        return
    expected = (picture >> 8).astype(np.uint8) if dtype == "uint16" else picture
    if seen.shape[2:] == (4,) and channels == 2:
        expected = expected[..., [0, 0, 0, 1]]
    np.testing.assert_array_equal(seen, expected)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "uint16"]),
    suffix=st.sampled_from([".png", ".tif", ".jpg", ".webp", ".bmp", ".ppm", ".jp2", ".avif"]),
)
def test_any_size_survives_in_any_format(tmp_path, height, width, channels, dtype, suffix):
    photo = from_array(samples.noise(channels, dtype, height, width))
    path = tmp_path / f"photo{writable_suffix(photo, suffix)}"
    write_photo(photo, path)
    back = read_photo(path)
    assert back.size == (width, height)
    assert (back.alpha is None) == (photo.alpha is None)
    if path.suffix == ".png":
        np.testing.assert_array_equal(back.to_array(), photo.to_array())


@pytest.mark.parametrize("shape", [(1, 1), (7, 2000), (2000, 7), (1, 3000)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_strips_and_single_pixels_survive(tmp_path, shape, suffix):
    photo = from_array(samples.noise(3, "uint8", *shape))
    write_photo(photo, tmp_path / f"strip{suffix}")
    assert read_photo(tmp_path / f"strip{suffix}").pixels.shape == (*shape, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_of_several_bands_and_strips_survive(tmp_path, suffix):
    row = samples.noise(3, "uint16", 1, 700)
    picture = np.repeat(row, 1500, axis=0) + np.arange(1500, dtype=np.uint16)[:, None, None]
    write_photo(from_array(picture), tmp_path / f"big{suffix}")
    np.testing.assert_array_equal(read_photo(tmp_path / f"big{suffix}").pixels, picture)
    assert (tmp_path / f"big{suffix}").stat().st_size < picture.nbytes / 2  # it is compressed


@pytest.mark.parametrize(
    "name",
    ["my.holiday photo.v2.jpg", "Zürich – été.JPG", "写真.png", "🌧.tif", " .webp", "a'b\"c.PNG"],
)
def test_names_in_any_script_are_written_as_given(tmp_path, name):
    photo = from_array(samples.ramp())
    write_photo(photo, tmp_path / name)
    assert read_photo(tmp_path / name).size == photo.size
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_floats_are_stored_with_the_largest_depth_of_the_format(tmp_path):
    photo = from_array(np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 30))
    write_photo(photo, tmp_path / "a.png")
    write_photo(photo, tmp_path / "a.jpg")
    deep = read_photo(tmp_path / "a.png").pixels
    np.testing.assert_array_equal(deep, np.rint(photo.pixels * 65535.0))
    assert read_photo(tmp_path / "a.jpg").pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(suffix, "uint8") for suffix in (".jpg", ".png", ".webp", ".tif", ".avif")]
    + [(suffix, "uint16") for suffix in (".png", ".tif")],
)
@pytest.mark.parametrize("grey", [False, True])
def test_all_metadata_survive_in_every_format_that_holds_them(tmp_path, suffix, dtype, grey):
    photo = samples.annotated(samples.noise(1 if grey else 3, dtype))
    if writable_suffix(photo, suffix) != suffix:
        pytest.skip(f"this Pillow writes no {suffix}")
    write_photo(photo, tmp_path / f"a{suffix}")
    back = read_photo(tmp_path / f"a{suffix}")
    assert back.metadata.icc_profile == samples.SRGB
    assert back.metadata.xmp == samples.XMP % 1
    assert back.metadata.dpi == pytest.approx((300, 150), abs=0.02)
    if suffix in (".tif", ".avif", ".webp"):
        samples.assert_same_tags(tmp_path / f"a{suffix}")
    else:
        assert back.metadata.exif == photo.metadata.exif
    with Image.open(tmp_path / f"a{suffix}") as image:  # and by another reader
        assert image.info["icc_profile"] == samples.SRGB
        assert image.getexif()[0x010F] == "Maker"


def test_exif_travels_from_tiff_to_jpeg(tmp_path):
    write_photo(samples.annotated(samples.ramp()), tmp_path / "a.tif")
    write_photo(read_photo(tmp_path / "a.tif"), tmp_path / "b.jpg")
    samples.assert_same_tags(tmp_path / "b.jpg")


def test_a_restored_photo_has_its_metadata_and_alpha(tmp_path):
    photo = samples.annotated(samples.noise(4, "uint16"))
    restored = photo.with_restored(1 - photo.to_float())
    write_photo(restored, tmp_path / "a.png")
    back = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(back.pixels, 65535 - photo.pixels)
    np.testing.assert_array_equal(back.alpha, photo.alpha)
    assert (back.metadata.exif, back.metadata.icc_profile) == (photo.metadata.exif, samples.SRGB)


def test_writing_to_a_link_replaces_the_link(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "original.png")
    (tmp_path / "out.png").symlink_to("original.png")
    write_photo(from_array(255 - samples.ramp()), tmp_path / "out.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "original.png").pixels, samples.ramp())
    assert not (tmp_path / "out.png").is_symlink()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".16.png", ".tif"])
@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt(), MemoryError()])
def test_failing_encoder_keeps_the_earlier_file(tmp_path, monkeypatch, suffix, error):
    def fail(*args, **kwargs):
        raise error

    for place, name in (
        (Image.Image, "save"),
        (writer.png, "encode"),
        (writer.tiff, "encode"),
    ):
        monkeypatch.setattr(place, name, fail)
    photo = from_array(samples.noise(3, "uint16" if "16" in suffix else "uint8"))
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"the earlier result")
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ImageError):
        write_photo(photo, path)
    assert path.read_bytes() == b"the earlier result"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_full_disk_keeps_the_earlier_file(tmp_path, monkeypatch, error):
    def fail(self, target):
        assert self.name.startswith(".") and self.parent == tmp_path
        assert self.stat().st_size > 0
        raise error

    monkeypatch.setattr(type(tmp_path), "replace", fail)
    path = tmp_path / "out.png"
    path.write_bytes(b"the earlier result")
    with pytest.raises((ImageError, KeyboardInterrupt)) as caught:
        write_photo(from_array(samples.ramp()), path)
    if isinstance(caught.value, ImageError):
        samples.assert_one_sentence(caught.value, path)
        assert "No space left on device" in str(caught.value)
    assert path.read_bytes() == b"the earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ImageError, match="No such file or directory") as caught:
        write_photo(from_array(samples.ramp()), tmp_path / "nowhere" / "a.png")
    samples.assert_one_sentence(caught.value, tmp_path / "nowhere" / "a.png")


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    write_photo(from_array(samples.ramp()), path)
    assert read_photo(path).size == (64, 48)


def test_lossy_conversion_is_refused_with_an_alternative(tmp_path):
    opaque = np.full((4, 4), 255, np.uint8)
    rgba = from_array(samples.noise(4, "uint8"))
    deep = from_array(samples.noise(3, "uint16"))
    profiled = samples.annotated(samples.ramp())
    for photo, suffix, words in (
        (rgba, ".jpg", "lose the transparency"),
        (deep, ".jpg", "lose the 16-bit depth"),
        (deep, ".webp", "lose the 16-bit depth"),
        (profiled, ".bmp", "lose the colour profile"),
        (deep, ".gif", r"does not write \.gif pictures"),
        (deep, "", "without a suffix"),
    ):
        with pytest.raises(ImageError, match=words) as caught:
            write_photo(photo, tmp_path / f"a{suffix}")
        samples.assert_one_sentence(caught.value, tmp_path / f"a{suffix}")
        assert ".png" in str(caught.value)
    assert not list(tmp_path.iterdir())
    # ... unless this photo loses nothing.
    write_photo(from_array(np.dstack([samples.ramp()[:4, :4], opaque])), tmp_path / "a.jpg")


def test_picture_too_large_for_the_format_is_refused(tmp_path):
    with pytest.raises(ImageError, match="would lose all pixels beyond 65500 on a side") as caught:
        write_photo(from_array(np.zeros((1, 66000), np.uint8)), tmp_path / "a.jpg")
    samples.assert_one_sentence(caught.value, tmp_path / "a.jpg")


def test_several_threads_read_and_write(tmp_path):
    def there_and_back(seed: int) -> bool:
        picture = samples.noise(3, ("uint8", "uint16")[seed % 2], 40, 50, seed)
        path = tmp_path / f"{seed}{('.png', '.tif')[seed // 2 % 2]}"
        write_photo(from_array(picture), path)
        return bool((read_photo(path).pixels == picture).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(40)))


@pytest.mark.parametrize("error", ["ImportError('libGL.so.1')", "AttributeError('partially')"])
def test_without_a_working_opencv_a_png_fails_with_the_remedy(tmp_path, monkeypatch, error):
    """As with opencv-python on a computer without a desktop, or with two of its packages."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "cv2.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    monkeypatch.delitem(sys.modules, "cv2")
    writer.opencv.load.cache_clear()
    photo = from_array(samples.ramp())
    for work in (prepare_writing, lambda path: write_photo(photo, path)):
        with pytest.raises(
            MissingDependencyError, match=r"a\.png cannot be .* opencv-python-headl"
        ):
            work(tmp_path / "a.png")
    prepare_writing(tmp_path / "a.jpg")
    write_photo(photo, tmp_path / "a.jpg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "broken"]


def _no_memory(*_):
    error = cv2.error("alloc.cpp:73")
    error.code = cv2.Error.StsNoMem
    raise error


@pytest.mark.parametrize("encode", [_no_memory, lambda *_: (False, None)])
def test_png_that_does_not_fit_into_memory_says_so(tmp_path, monkeypatch, encode):
    monkeypatch.setattr(cv2, "imencode", encode)
    with pytest.raises(ImageError, match="cannot be written: it does not fit into memory"):
        write_photo(from_array(samples.ramp()), tmp_path / "a.png")


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_samples_in_another_byte_order_is_written_correctly(tmp_path, channels):
    pixels = samples.noise(channels, "uint16").reshape(13, 17, channels)
    write_photo(Photo(pixels.astype(">u2")), tmp_path / "a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").pixels, pixels)


@pytest.mark.parametrize(("name", "loads"), [("a.png", 1), ("a.PNG", 1), ("a.jpg", 0), ("a", 0)])
def test_the_encoder_of_png_is_loaded_in_advance(monkeypatch, name, loads):
    calls = []
    monkeypatch.setattr(writer.opencv, "load", lambda: calls.append(name))
    prepare_writing(Path(name))
    assert len(calls) == loads
