"""Every way to store colour comes in as grey or RGB, with its alpha."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, ImageCms

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import from_array, read_photo, write_photo


def read(tmp_path, data: bytes, suffix: str = ".png"):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(data)
    return read_photo(path)


def test_one_bit_becomes_grey(tmp_path):
    image = Image.fromarray(samples.ramp()[..., 0] > 90)
    photo = read(tmp_path, samples.pillow_file(image, "PNG"))
    np.testing.assert_array_equal(photo.pixels[..., 0], np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
def test_palettes(tmp_path, grey, transparent):
    colours = np.array([[9, 9, 9], [200, 200, 200], [60, 60, 60]], np.uint8)
    if not grey:
        colours[1] = (200, 10, 30)
    image = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8))
    image = image.convert("P")
    image.putpalette(colours.tobytes())
    options = {"transparency": b"\xff\x80\x00"} if transparent else {}
    photo = read(tmp_path, samples.pillow_file(image, "PNG", **options))
    expected = colours[[[0, 1, 2], [2, 1, 0]]]
    np.testing.assert_array_equal(photo.pixels, expected[..., :1] if grey else expected)
    if transparent:
        np.testing.assert_array_equal(photo.alpha, [[255, 128, 0], [0, 128, 255]])
    else:
        assert photo.alpha is None


def test_a_grey_palette_with_a_profile_stays_rgb(tmp_path):
    """Its profile describes RGB, and would not fit a grey file."""
    image = Image.fromarray(samples.ramp()[..., 0]).convert("P")
    image.putpalette(bytes(v for v in range(256) for _ in range(3)))
    photo = read(tmp_path, samples.pillow_file(image, "PNG", icc_profile=samples.SRGB))
    assert not photo.is_grey


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey_of_png(tmp_path, depth):
    row = {1: b"\x50", 2: b"\x1b", 4: b"\x01\x23", 8: b"\0\1\2\3", 16: bytes(range(8))}[depth]
    code = {1: 1, 2: 2, 4: 2, 8: 2, 16: 0x0405}[depth]
    clear = samples.chunk(b"tRNS", code.to_bytes(2, "big"))
    photo = read(tmp_path, samples.raw_png([row], 4, depth, 0, clear))
    expected = [False, True, False, True] if depth == 1 else [False, False, True, False]
    np.testing.assert_array_equal(photo.alpha[0] == 0, expected)
    assert photo.alpha.max() == (65535 if depth == 16 else 255)
    assert photo.pixels.shape == (1, 4, 1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_transparent_colour_of_png(tmp_path, dtype):
    picture = samples.noise(3, dtype)
    picture[3, 4] = picture[5, 6] = (1, 2, 3)
    picture[7, 8] = (1, 2, 4)
    clear = samples.chunk(b"tRNS", bytes([0, 1, 0, 2, 0, 3]))
    if dtype == "uint16":
        data = samples.raw_png_16(picture, clear)
    else:
        data = samples.raw_png([row.tobytes() for row in picture], 17, 8, 2, clear)
    photo = read(tmp_path, data)
    np.testing.assert_array_equal(photo.pixels, picture)
    assert np.argwhere(photo.alpha == 0).tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_of_another_encoder(tmp_path, channels):
    picture = samples.noise(channels, "uint16")
    photo = read(tmp_path, samples.raw_png_16(picture))
    np.testing.assert_array_equal(photo.to_array(), picture)


def test_odd_profile_in_a_16_bit_png_prints_no_warning(tmp_path, capfd):
    """libpng complains about profiles that other programs wrote and accept."""
    odd = samples.SRGB[:200] + b"odd!" + samples.SRGB[204:]
    picture = samples.noise(3, "uint16")
    profile = samples.chunk(b"iCCP", b"odd\0\0" + zlib.compress(odd[:-1]))
    photo = read(tmp_path, samples.raw_png_16(picture, profile))
    np.testing.assert_array_equal(photo.pixels, picture)
    assert photo.metadata.icc_profile == odd[:-1]
    assert capfd.readouterr().err == ""


def test_transparent_gif(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette(bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    photo = read(tmp_path, samples.pillow_file(image, "GIF", transparency=1), ".gif")
    np.testing.assert_array_equal(photo.alpha, [[255, 0, 255]])
    np.testing.assert_array_equal(photo.pixels[0, ::2], [[255, 0, 0], [0, 0, 255]])


def cmyk_ramp() -> Image.Image:
    c, m = np.meshgrid(np.arange(0, 256, 4), np.arange(0, 192, 4))
    y = np.full_like(c, 30)
    k = (c + m) // 6
    return Image.merge("CMYK", [Image.fromarray(p.astype(np.uint8)) for p in (c, m, y, k)])


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_without_profile_is_converted_directly(tmp_path, name):
    """Adobe's JPEGs hold inverted inks; white paper must stay white either way."""
    options = {"quality": 100, "subsampling": 0} if name == "JPEG" else {}
    image = cmyk_ramp()
    suffix = ".jpg" if name == "JPEG" else ".tif"
    photo = read(tmp_path, samples.pillow_file(image, name, **options), suffix)
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(photo.pixels - expected).max() <= (6 if name == "JPEG" else 0)
    paper = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    white = read(tmp_path, samples.pillow_file(paper, name, **options), suffix)
    assert white.pixels.min() >= 254


def cmyk_profile() -> bytes:
    """A press whose inks only darken: L = 100 - 40 C - 60 K, neither a nor b (ICC.1, lut8Type)."""
    grid = []
    for corner in range(16):  # C M Y K, each 0 or 1, the last varying fastest
        c, k = corner >> 3, corner & 1
        grid += [round((100 - 40 * c - 60 * k) * 2.55), 128, 128]
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix
    lut += identity * 4 + bytes(grid) + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    name = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(78)
    parts = {b"desc": name, b"wtpt": white, b"A2B0": lut}
    table, body = struct.pack(">I", len(parts)), b""
    start = 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        table += tag + struct.pack(">II", start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:12] = b"\2\x20\0\0"
    header[12:24] = b"prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + table + body


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_is_converted_with_its_profile(tmp_path, name):
    """Full cyan is a dark grey by this profile; plain conversion would make it bright cyan."""
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = samples.pillow_file(image, name, icc_profile=cmyk_profile())
    photo = read(tmp_path, data, ".jpg" if name == "JPEG" else ".tif")
    assert np.abs(photo.pixels.astype(int) - 145).max() <= 2  # L* = 60 in sRGB
    written = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(written)
    write_photo(photo, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as out:
        assert out.mode == "RGB" and out.info["icc_profile"] == photo.metadata.icc_profile


def test_lab_becomes_srgb_with_a_profile(tmp_path):
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    rgb = Image.fromarray(samples.ramp() // 2 + 60)
    image = ImageCms.profileToProfile(rgb, srgb, lab, outputMode="LAB")
    photo = read(tmp_path, samples.pillow_file(image, "TIFF"), ".tif")
    change = np.abs(photo.pixels.astype(int) - np.asarray(rgb))
    assert change.mean() < 1 and change.max() <= 12  # 8-bit LAB is coarse in the blues
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.metadata.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_an_unusable_profile_of_a_cmyk_picture_is_dropped(tmp_path):
    data = samples.pillow_file(cmyk_ramp(), "TIFF", icc_profile=samples.SRGB)  # an RGB profile
    photo = read(tmp_path, data, ".tif")
    np.testing.assert_array_equal(photo.pixels, np.asarray(cmyk_ramp().convert("RGB")))
    assert photo.metadata.icc_profile is None


def test_ycbcr_tiff(tmp_path):
    image = Image.fromarray(samples.ramp())
    data = samples.pillow_file(image, "TIFF", compression="jpeg", quality=95)
    photo = read(tmp_path, data, ".tif")
    assert np.abs(photo.pixels.astype(int) - samples.ramp()).max() < 12


def test_16_bit_tiff_with_white_as_zero(tmp_path):
    picture = samples.noise(1, "uint16")
    ok, data = cv2.imencode(".tif", picture)
    black = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    assert ok and black in data.tobytes()
    turned = data.tobytes().replace(black, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    np.testing.assert_array_equal(read(tmp_path, turned, ".tif").pixels[..., 0], 65535 - picture)


def test_premultiplied_16_bit_tiff_is_divided(tmp_path):
    alpha = np.full((5, 6), 32768, np.uint16)
    alpha[0] = 0
    picture = np.dstack([samples.noise(3, "uint16", 5, 6) // 2, alpha])
    picture[0, :, :3] = 0
    write_photo(
        from_array(picture),
        tmp_path / "a.tif",
    )
    straight = struct.pack("<HHIHH", 338, 3, 1, 2, 0)
    data = (tmp_path / "a.tif").read_bytes()
    assert straight in data
    photo = read(tmp_path, data.replace(straight, struct.pack("<HHIHH", 338, 3, 1, 1, 0)), ".tif")
    np.testing.assert_array_equal(photo.alpha, alpha)
    expected = np.minimum(np.rint(picture[1:, :, :3] * (65535 / 32768)), 65535)
    np.testing.assert_array_equal(photo.pixels[1:], expected)


@pytest.mark.parametrize(("mode", "words"), [("I", "32-bit"), ("F", "floating-point numbers")])
def test_samples_of_more_than_16_bits_are_refused(tmp_path, mode, words):
    image = Image.fromarray(samples.ramp()[..., 0]).convert(mode)
    with pytest.raises(ImageError, match=words):
        read(tmp_path, samples.pillow_file(image, "TIFF"), ".tif")


@pytest.mark.parametrize("suffix", [".pfm", ".hdr"])
def test_high_dynamic_range_is_refused(tmp_path, suffix):
    ok, data = cv2.imencode(suffix, samples.ramp().astype(np.float32))
    assert ok
    with pytest.raises(ImageError, match="16 bits per sample"):
        read(tmp_path, data.tobytes(), suffix)


def test_animations_and_multipage_files_are_refused(tmp_path):
    first, second = Image.fromarray(samples.ramp()), Image.fromarray(255 - samples.ramp())
    for name, suffix in (("GIF", ".gif"), ("WEBP", ".webp"), ("PNG", ".png"), ("TIFF", ".tif")):
        data = samples.pillow_file(first, name, save_all=True, append_images=[second])
        with pytest.raises(ImageError, match="extract the"):
            read(tmp_path, data, suffix)


def test_thumbnails_are_not_counted_as_pages(tmp_path):
    first = Image.fromarray(samples.ramp())
    small = first.resize((8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = samples.pillow_file(first, "TIFF", save_all=True, append_images=[small])
    if data.count(b"\xfe\x00\x04\x00") == 0:
        pytest.skip("this Pillow does not mark pages")
    np.testing.assert_array_equal(read(tmp_path, data, ".tif").pixels, samples.ramp())


def test_stereo_jpeg_is_read_as_its_first_picture(tmp_path):
    first, second = Image.fromarray(samples.ramp()), Image.fromarray(255 - samples.ramp())
    data = samples.pillow_file(first, "MPO", save_all=True, append_images=[second], quality=95)
    photo = read(tmp_path, data, ".jpg")
    assert np.abs(photo.pixels.astype(int) - samples.ramp()).max() < 40
    write_photo(photo, tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"


def test_raw_file_is_not_read_as_its_preview(tmp_path):
    data = samples.pillow_file(
        Image.fromarray(samples.ramp()), "TIFF", tiffinfo={50706: b"\1\4\0\0"}
    )
    with pytest.raises(ImageError, match="raw file: develop it"):
        read(tmp_path, data, ".dng")


@pytest.mark.parametrize("depth", [8, 16])
def test_heic(tmp_path, depth):
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


def test_heic_without_its_reader_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImportError, match=r"pip install 'ppgan_mpr\[heif\]'"):
        read(tmp_path, b"\0\0\0\x18ftypheic" + bytes(40), ".heic")
