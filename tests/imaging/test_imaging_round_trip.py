"""What is written comes back: depth, channels, alpha, values; and other programs agree."""

from __future__ import annotations

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ppgan_mpr.imaging import from_array, read_photo, writable_suffix, write_photo

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


def test_webp_is_lossless_only_for_a_lossless_source(tmp_path):
    picture = samples.noise(3, "uint8")
    Image.fromarray(samples.ramp()).save(tmp_path / "lossy.webp", quality=50)
    Image.fromarray(picture).save(tmp_path / "exact.webp", lossless=True)
    assert not read_photo(tmp_path / "lossy.webp").lossless
    exact = read_photo(tmp_path / "exact.webp")
    write_photo(exact, tmp_path / "again.webp")
    np.testing.assert_array_equal(read_photo(tmp_path / "again.webp").pixels, picture)


def test_jpeg_is_not_subsampled_and_obeys_the_quality(tmp_path):
    photo = from_array(samples.noise(3, "uint8", 64, 64))
    write_photo(photo, tmp_path / "high.jpg")
    write_photo(photo, tmp_path / "low.jpg", quality=40)
    with Image.open(tmp_path / "high.jpg") as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2


@pytest.mark.parametrize("quality", [95, 100])
def test_jpeg_of_pure_noise(tmp_path, quality, capfd):
    """Noise does not compress, which overflows buffers sized for photographs."""
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
    """Pillow shows 16-bit colour with 8 bits: those must be the high ones."""
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


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_files_of_opencv_are_read(tmp_path, suffix, channels):
    picture = samples.noise(channels, "uint16", 64, 72)
    bgr = picture if channels == 1 else picture[..., [2, 1, 0, 3][:channels]]
    exact = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000] if suffix == ".jp2" else []
    ok, data = cv2.imencode(suffix, np.ascontiguousarray(bgr), exact)
    assert ok
    (tmp_path / f"photo{suffix}").write_bytes(data.tobytes())
    np.testing.assert_array_equal(read_photo(tmp_path / f"photo{suffix}").to_array(), picture)


def test_12_bit_netpbm_is_spread_over_16_bits(tmp_path):
    codes = np.array([[0, 1, 4095], [2048, 7, 4094]], np.uint16)
    (tmp_path / "a.pgm").write_bytes(
        b"P5\n# twelve bits\n3 2\n4095\n" + codes.astype(">u2").tobytes()
    )
    photo = read_photo(tmp_path / "a.pgm")
    np.testing.assert_array_equal(photo.pixels[..., 0], np.rint(codes * (65535 / 4095)))


def test_10_bit_avif_keeps_its_depth(tmp_path):
    if writable_suffix(from_array(samples.ramp()), ".avif") != ".avif":
        pytest.skip("this Pillow reads no AVIF")
    if not cv2.haveImageWriter("a.avif"):
        pytest.skip("this OpenCV writes no AVIF")
    codes = (samples.ramp().astype(np.uint16) << 2) + 1
    options = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 100]
    ok, data = cv2.imencode(".avif", np.ascontiguousarray(codes[..., ::-1]), options)
    assert ok
    (tmp_path / "a.avif").write_bytes(data.tobytes())
    photo = read_photo(tmp_path / "a.avif")
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, np.rint(codes * (65535 / 1023)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "uint16"]),
    suffix=st.sampled_from([".png", ".tif", ".jpg", ".webp", ".bmp", ".ppm", ".jp2", ".avif"]),
)
def test_any_size_in_any_format(tmp_path, height, width, channels, dtype, suffix):
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
def test_extreme_sizes(tmp_path, shape, suffix):
    photo = from_array(samples.noise(3, "uint8", *shape))
    write_photo(photo, tmp_path / f"strip{suffix}")
    assert read_photo(tmp_path / f"strip{suffix}").pixels.shape == (*shape, 3)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_of_several_bands_and_strips(tmp_path, suffix):
    row = samples.noise(3, "uint16", 1, 700)
    picture = np.repeat(row, 1500, axis=0) + np.arange(1500, dtype=np.uint16)[:, None, None]
    write_photo(from_array(picture), tmp_path / f"big{suffix}")
    np.testing.assert_array_equal(read_photo(tmp_path / f"big{suffix}").pixels, picture)
    assert (tmp_path / f"big{suffix}").stat().st_size < picture.nbytes / 2  # it is compressed


@pytest.mark.parametrize(
    "name",
    ["my.holiday photo.v2.jpg", "Zürich – été.JPG", "写真.png", "🌧.tif", " .webp", "a'b\"c.PNG"],
)
def test_names(tmp_path, name):
    photo = from_array(samples.ramp())
    write_photo(photo, tmp_path / name)
    assert read_photo(tmp_path / name).size == photo.size
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_the_content_decides_not_the_suffix(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "really-png.jpg", format="PNG")
    photo = read_photo(tmp_path / "really-png.jpg")
    assert photo.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, samples.ramp())


def test_floats_are_stored_as_deep_as_the_format_goes(tmp_path):
    photo = from_array(np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 30))
    write_photo(photo, tmp_path / "a.png")
    write_photo(photo, tmp_path / "a.jpg")
    deep = read_photo(tmp_path / "a.png").pixels
    np.testing.assert_array_equal(deep, np.rint(photo.pixels * 65535.0))
    assert read_photo(tmp_path / "a.jpg").pixels.dtype == np.uint8
