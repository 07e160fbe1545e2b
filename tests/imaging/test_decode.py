"""Files of other programs: every depth, several frames, formats that need a plugin."""

from __future__ import annotations

import sys

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, read_photo, writable_suffix, write_photo


@pytest.mark.parametrize("suffix", [".pfm", ".hdr"])
def test_high_dynamic_range_is_refused(tmp_path, suffix):
    ok, data = cv2.imencode(suffix, samples.ramp().astype(np.float32))
    assert ok
    with pytest.raises(ImageError, match="16 bits per sample"):
        samples.read(tmp_path, data.tobytes(), suffix)


def test_animations_and_multipage_files_are_refused(tmp_path):
    first, second = Image.fromarray(samples.ramp()), Image.fromarray(255 - samples.ramp())
    for name, suffix in (("GIF", ".gif"), ("WEBP", ".webp"), ("PNG", ".png"), ("TIFF", ".tif")):
        data = samples.pillow_file(first, name, save_all=True, append_images=[second])
        with pytest.raises(ImageError, match="extract the"):
            samples.read(tmp_path, data, suffix)


def test_stereo_jpeg_is_read_as_its_first_picture(tmp_path):
    first, second = Image.fromarray(samples.ramp()), Image.fromarray(255 - samples.ramp())
    data = samples.pillow_file(first, "MPO", save_all=True, append_images=[second], quality=95)
    photo = samples.read(tmp_path, data, ".jpg")
    assert np.abs(photo.pixels.astype(int) - samples.ramp()).max() < 40
    write_photo(photo, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("depth", [8, 16])
def test_heic_keeps_its_depth_and_is_turned_upright(tmp_path, depth):
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = samples.ramp().astype(np.uint16) << (depth - 8)
    mode = "RGB" if depth == 8 else "RGB;16"
    data = picture.astype(np.uint8 if depth == 8 else np.uint16).tobytes()
    heif = pillow_heif.from_bytes(mode, (64, 48), data)
    heif.info["exif"] = b"Exif\0\0" + samples.exif_block(6)
    heif.save(tmp_path / "a.heic", quality=-1)
    photo = read_photo(tmp_path / "a.heic")
    assert photo.pixels.dtype == f"uint{depth}"
    upright = np.rot90(picture, -1)
    assert np.abs(photo.pixels.astype(int) - upright).max() <= 8 << (depth - 8)
    assert photo.metadata.exif[:8] == samples.exif_block(1)[:8]
    write_photo(photo, tmp_path / "b.png")
    assert read_photo(tmp_path / "b.png").size == (48, 64)


def test_missing_heic_reader_names_the_install_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImportError, match=r"pip install 'ppgan_mpr\[heif\]'"):
        samples.read(tmp_path, b"\0\0\0\x18ftypheic" + bytes(40), ".heic")


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


def test_12_bit_netpbm_is_scaled_to_16_bits(tmp_path):
    codes = np.array([[0, 1, 4095], [2048, 7, 4094]], np.uint16)
    (tmp_path / "a.pgm").write_bytes(
        b"P5\n# twelve bits\n3 2\n4095\n" + codes.astype(">u2").tobytes()
    )
    photo = read_photo(tmp_path / "a.pgm")
    np.testing.assert_array_equal(photo.pixels[..., 0], np.rint(codes * (65535 / 4095)))


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("top", [255, 1023, 65535])
@pytest.mark.parametrize("kind", [2, 3])
def test_text_netpbm_is_read(tmp_path, kind, top, end):
    codes = np.random.default_rng(0).integers(0, top + 1, (5, 7, 2 * kind - 3))
    numbers = " ".join(map(str, codes.ravel()))
    (tmp_path / "a.pnm").write_text(f"P{kind}\n# a comment\n7 5\n{top}\n{numbers}{end}")
    photo = read_photo(tmp_path / "a.pnm")
    white = 255 if top == 255 else 65535
    np.testing.assert_array_equal(photo.pixels, np.rint(codes * (white / top)))


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


def test_webp_is_lossless_only_for_a_lossless_source(tmp_path):
    picture = samples.noise(3, "uint8")
    Image.fromarray(samples.ramp()).save(tmp_path / "lossy.webp", quality=50)
    Image.fromarray(picture).save(tmp_path / "exact.webp", lossless=True)
    assert not read_photo(tmp_path / "lossy.webp").lossless
    exact = read_photo(tmp_path / "exact.webp")
    write_photo(exact, tmp_path / "again.webp")
    np.testing.assert_array_equal(read_photo(tmp_path / "again.webp").pixels, picture)


def test_content_decides_the_format_not_the_suffix(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "really-png.jpg", format="PNG")
    photo = read_photo(tmp_path / "really-png.jpg")
    assert photo.format == "PNG"
    np.testing.assert_array_equal(photo.pixels, samples.ramp())


def test_photographs_larger_than_pillows_limit_are_read(tmp_path, monkeypatch, recwarn):
    """The limit protects web servers, but would refuse a panorama."""
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        write_photo(from_array(samples.ramp()), tmp_path / f"a{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # the ramp has 3072
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        assert read_photo(tmp_path / f"a{suffix}").size == (64, 48)
    assert Image.MAX_IMAGE_PIXELS == 1000
    assert [str(item.message) for item in recwarn] == []


def test_oversized_headers_are_refused(tmp_path):
    huge = samples.raw_png([b"\0"], 1 << 30, 8, 0)
    (tmp_path / "a.png").write_bytes(huge.replace(huge[16:33], b"")[:8] + huge[8:])
    with pytest.raises(ImageError):
        read_photo(tmp_path / "a.png")
    header = (1 << 20).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    body = (
        samples.chunk(b"IHDR", header) + samples.chunk(b"IDAT", b"") + samples.chunk(b"IEND", b"")
    )
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(ImageError, match="1048576 x 1048576 pixels are more than"):
        read_photo(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("kind", "depth", "dtype"),
    [("RGB", 3, ">u1"), ("RGB", 3, ">u2"), ("RGB_ALPHA", 4, ">u1"), ("GRAYSCALE", 1, ">u1")],
)
def test_colours_of_a_pam_are_not_swapped(tmp_path, kind, depth, dtype):
    samples = np.arange(2 * 3 * depth, dtype=dtype).reshape(2, 3, depth)
    top = np.iinfo(dtype).max
    header = f"P7\nWIDTH 3\nHEIGHT 2\nDEPTH {depth}\nMAXVAL {top}\nTUPLTYPE {kind}\nENDHDR\n"
    (tmp_path / "a.pam").write_bytes(header.encode() + samples.tobytes())
    photo = read_photo(tmp_path / "a.pam")
    np.testing.assert_array_equal(photo.pixels, samples[..., :3])
    if depth == 4:
        np.testing.assert_array_equal(photo.alpha, samples[..., 3])
