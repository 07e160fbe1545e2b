"""JPEG's comment, captions and limits."""

from __future__ import annotations

import struct

import imaging_samples as samples
import pytest
from PIL import Image

from ppgan_mpr.imaging import from_array, read_photo, unkept, write_photo


def test_jpeg_comment_is_kept(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", comment=b"from the lake")
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert Image.open(tmp_path / "b.jpg").info["comment"] == b"from the lake"


@pytest.mark.parametrize("length", [20, 21])
def test_captions_of_a_jpeg_are_kept(tmp_path, length):
    """IPTC captions in Photoshop's image resource, as agencies and cameras write them."""
    record = b"\x1c\x02\x74\x00" + bytes([length - 5]) + b"c" * (length - 5)
    resource = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    segment = b"Photoshop 3.0\0" + resource + b"\0" * (length % 2)
    Image.fromarray(samples.ramp()).save(
        tmp_path / "a.jpg", exif=b"Exif\0\0" + samples.exif_block()
    )
    jpeg = (tmp_path / "a.jpg").read_bytes()
    head = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big")
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + head + segment + jpeg[2:])
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.metadata.iptc == record
    write_photo(photo, tmp_path / "b.jpg")
    assert head + segment in (tmp_path / "b.jpg").read_bytes()
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["photoshop"] == {0x0404: record}
    back = read_photo(tmp_path / "b.jpg").metadata
    assert (back.iptc, back.exif) == (record, photo.metadata.exif)


@pytest.mark.parametrize("field", ["exif", "xmp", "iptc"])
def test_metadata_too_large_for_a_jpeg_is_refused(tmp_path, field):
    from ppgan_mpr.errors import ImageError

    photo = from_array(samples.ramp())
    metadata = type(photo.metadata)(**{field: samples.exif_block() + bytes(70000)})
    with pytest.raises(ImageError, match=r"too long for it, choose \.png or \.tif"):
        write_photo(type(photo)(photo.pixels, None, metadata), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def _with_segments(path, *segments):
    Image.new("RGB", (16, 8)).save(path, comment=b"first")
    content = path.read_bytes()
    inserted = b"".join(
        bytes([0xFF, mark]) + struct.pack(">H", len(body) + 2) + body for mark, body in segments
    )
    path.write_bytes(content[:20] + inserted + content[20:])
    return read_photo(path)


def test_all_comments_are_kept(tmp_path):
    photo = _with_segments(tmp_path / "a.jpg", (0xFE, b"second"))
    assert sorted(photo.metadata.comment.split(b"\n")) == [b"first", b"second"]


@pytest.mark.parametrize(
    ("mark", "body", "words"),
    [
        (0xEB, b"JP\0\1\0\0\0\1" + b"jumbc2pa" * 9, "the content credentials (C2PA)"),
        (0xE1, b"FLIR\0\1\0\0" + bytes(50), "the thermal data (FLIR)"),
        (0xEC, b"Ducky\0\1\0\4\0\0\0\x32", "the data of the segment APP12 (Ducky)"),
        (0xE5, b"\1\2\3", "the data of the segment APP5"),
    ],
)
def test_segments_that_no_result_has_are_named_as_lost(tmp_path, mark, body, words):
    photo = _with_segments(tmp_path / "a.jpg", (mark, body), (mark, body))
    (named,) = unkept(photo, ".jpg")
    assert named.startswith(words)
