"""Photos are turned upright once, and EXIF and XMP are updated."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, ImageOps

from ppgan_mpr.imaging import Metadata, from_array, read_photo, write_photo

# EXIF orientation -> the same picture made with numpy's own turns (EXIF 2.32, table 6).
TURNS = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: np.rot90(np.fliplr(p)),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(np.fliplr(p), -1),
    8: np.rot90,
}
CASES = [
    (".png", "uint8", 4), (".png", "uint16", 4), (".png", "uint16", 1), (".tif", "uint8", 4),
    (".tif", "uint16", 3), (".tif", "uint16", 4), (".webp", "uint8", 4),
]  # fmt: skip


@pytest.mark.parametrize("flag", range(1, 9))
@pytest.mark.parametrize(("suffix", "dtype", "channels"), CASES)
def test_orientation_turns_pixels_and_alpha_once(tmp_path, suffix, dtype, channels, flag):
    stored = samples.noise(channels, dtype)
    path = tmp_path / f"turned{suffix}"
    write_photo(samples.annotated(stored), path)
    data = path.read_bytes()
    if suffix in (".tif", ".webp"):  # the flag is in the file itself, or in a longer block
        mark = struct.pack("<HHIHH", 0x0112, 3, 1, 1, 0)
        data = data.replace(mark, struct.pack("<HHIHH", 0x0112, 3, 1, flag, 0))
    else:
        data = data.replace(samples.exif_block(1), samples.exif_block(flag))
        if suffix == ".png":  # checksums follow
            body = samples.exif_block(flag)
            start = data.index(body) + len(body)
            check = struct.pack(">I", zlib.crc32(b"eXIf" + body))
            data = data[:start] + check + data[start + 4 :]
    path.write_bytes(data)
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.to_array(), TURNS[flag](stored))
    if suffix != ".webp":  # whose resolution
        expected = (150, 300) if flag >= 5 else (300, 150)
        assert photo.metadata.dpi == pytest.approx(expected, abs=0.02)
    again = tmp_path / f"again{suffix}"
    write_photo(photo, again)
    np.testing.assert_array_equal(read_photo(again).to_array(), TURNS[flag](stored))
    assert Image.open(again).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("flag", range(1, 9))
def test_orientation_of_a_jpeg_agrees_with_pillow(tmp_path, flag):
    path = tmp_path / "photo.jpg"
    Image.fromarray(samples.ramp()).save(path, exif=b"Exif\0\0" + samples.exif_block(flag))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_unchanged_except_for_the_orientation_and_the_thumbnail_pointer(tmp_path, order):
    block = samples.exif_block(6, order)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        written = image.info["exif"][6:]
    changed = [at for at, (a, b) in enumerate(zip(block, written)) if a != b]
    assert len(written) == len(block)
    # Only the flag changes, and the pointer to the thumbnail, which becomes zero.
    value_at, next_at = 8 + 2 + 12 + 8, 8 + 2 + 4 * 12
    assert set(changed) <= {*range(value_at, value_at + 2), *range(next_at, next_at + 4)}
    assert written[next_at : next_at + 4] == bytes(4)
    assert Image.open(tmp_path / "b.jpg").getexif()[0x0112] == 1


def test_exif_of_an_upright_photo_is_untouched(tmp_path):
    block = samples.exif_block(1)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    assert read_photo(tmp_path / "a.jpg").metadata.exif == block


def test_xmp_orientation_is_set_to_upright(tmp_path):
    for flag, element in ((6, samples.XMP % 6), (8, b"<tiff:Orientation>8</tiff:Orientation>")):
        photo = samples.annotated(samples.ramp())
        metadata = type(photo.metadata)(xmp=element)
        write_photo(type(photo)(photo.pixels, None, metadata), tmp_path / "a.jpg")
        back = read_photo(tmp_path / "a.jpg")
        assert back.metadata.xmp == element.replace(b"%d" % flag, b"1")
        assert back.size == photo.size[::-1]  # without EXIF, XMP's flag is used


def test_size_in_the_exif_of_a_turned_photo_is_updated(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 40, 0xA003: 24})
    Image.fromarray(samples.ramp()[:24, :40]).save(tmp_path / "a.jpg", exif=exif)
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (24, 40)
        written = image.getexif().get_ifd(0x8769)
        assert (written[0xA002], written[0xA003]) == image.size


@pytest.mark.parametrize("exif", [b"II*\0\x00\x10\0\0", b"MM\0*\0\0\0\x07"])
def test_photo_with_a_cut_off_exif_block_can_be_written(tmp_path, exif):
    """The block's first directory would begin or end beyond the block's end."""
    metadata = Metadata(exif=exif, dpi=(300.0, 300.0))
    photo = replace(from_array(samples.ramp(16, 24)), metadata=metadata)
    write_photo(photo, tmp_path / "photo.webp")
    assert read_photo(tmp_path / "photo.webp").size == (24, 16)
