"""No thumbnail of the picture before restoration is left in the result."""

from __future__ import annotations

import io
import struct

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.imaging import read_photo, unkept, write_photo


def with_thumbnail(block: bytes, order: str, thumbnail: bytes, tail: bytes = b"") -> bytes:
    """The sample block, whose second directory gets a JPEG."""
    second = len(block) + len(block) % 2
    start = second + 2 + 2 * 12 + 4
    directory = struct.pack(order + "H", 2)
    for tag, number in ((0x0201, start), (0x0202, len(thumbnail))):
        directory += struct.pack(order + "HHII", tag, 4, 1, number)
    pointer_at = 8 + 2 + 4 * 12
    patched = block[:pointer_at] + struct.pack(order + "I", second) + block[pointer_at + 4 :]
    return patched.ljust(second, b"\0") + directory + bytes(4) + thumbnail + tail


def jpeg(value: int) -> bytes:
    return samples.pillow_file(Image.fromarray(np.full((12, 16, 3), value, np.uint8)), "JPEG")


def points_to_a_second_directory(exif: bytes) -> bool:
    block = exif[6:] if exif.startswith(b"Exif") else exif
    if len(block) < 8:  # of a TIFF, which is checked by its number of pages
        return False
    order = "<" if block.startswith(b"II") else ">"
    (first,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    return any(block[first + 2 + 12 * count :][:4])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tail", [b"", b"MORE"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".jp2"])
def test_result_has_no_thumbnail_of_the_unrestored_picture(tmp_path, order, tail, suffix):
    block = with_thumbnail(samples.exif_block(1, order), order, jpeg(40), tail)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    assert jpeg(40) in (tmp_path / "a.jpg").read_bytes()
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / f"b{suffix}")
    written = (tmp_path / f"b{suffix}").read_bytes()
    assert jpeg(40)[:200] not in written
    with Image.open(io.BytesIO(written)) as image:
        assert getattr(image, "n_frames", 1) == 1
        if suffix != ".jp2":  # Pillow skips its EXIF box
            exif = image.getexif()
            assert not points_to_a_second_directory(image.info.get("exif", b"II*\0"))
            assert exif.get_ifd(0x8769)[0x927C] == bytes(range(7, 60))  # the maker note


def test_removing_the_thumbnail_shortens_the_block(tmp_path):
    plain = samples.exif_block()
    block = with_thumbnail(plain, "<", jpeg(40))
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    assert len(read_photo(tmp_path / "a.jpg").metadata.exif) < len(plain) + 40


def test_preview_in_the_makers_notes_is_named_as_lost(tmp_path):
    block = samples.exif_block()
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block + jpeg(9))
    assert "preview" in " ".join(unkept(read_photo(tmp_path / "a.jpg"), ".jpg"))
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    assert unkept(read_photo(tmp_path / "a.jpg"), ".jpg") == ()


def test_invalid_thumbnail_pointer_changes_nothing(tmp_path):
    block = bytearray(with_thumbnail(samples.exif_block(), "<", jpeg(40)))
    block[-len(jpeg(40)) - 4 - 12 - 4 : -len(jpeg(40)) - 4 - 12] = struct.pack("<I", 8)  # start
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + bytes(block))
    exif = read_photo(tmp_path / "a.jpg").metadata.exif
    assert exif[:8] == block[:8] and b"Maker" in exif


def test_thumbnail_of_jfif_is_not_copied(tmp_path):
    """Neither in the JFIF segment nor in its extension."""
    data = samples.pillow_file(Image.fromarray(samples.ramp()), "JPEG")
    body = b"JFXX\0\x10" + jpeg(40)
    extension = b"\xff\xe0" + struct.pack(">H", len(body) + 2) + body
    (tmp_path / "a.jpg").write_bytes(data[:20] + extension + data[20:])
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert b"JFXX" not in (tmp_path / "b.jpg").read_bytes()


def test_thumbnail_in_xmp_is_removed(tmp_path):
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/'
        b'1.0/" xmp:Rating="4"><xmp:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt>'
        b"</xmp:Thumbnails><xmp:Label>Red</xmp:Label></rdf:Description></x:xmpmeta>"
    )
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", xmp=packet)
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        kept = image.info["xmp"]
    assert b"Thumbnails" not in kept and b"AAAA" not in kept
    assert b'xmp:Rating="4"' in kept and b"<xmp:Label>Red</xmp:Label>" in kept
