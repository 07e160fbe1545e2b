"""Everything that a format cannot store is named, item by item."""

from __future__ import annotations

import struct
from dataclasses import replace

import imaging_samples as samples
import pytest
from PIL import Image

from ppgan_mpr.imaging import read_photo, unkept, write_photo

IPTC = b"\x1c\x02\x05\0\1x"


def full_photo():
    photo = samples.annotated(samples.ramp())
    metadata = replace(photo.metadata, icc_profile=None, iptc=IPTC, comment=b"by the lake")
    return replace(photo, metadata=metadata)


@pytest.mark.parametrize(
    ("suffix", "lost"),
    [
        (".png", ()),
        (".tif", ()),
        (".jpg", ()),
        (".jp2", ()),
        (".webp", ("the IPTC captions",)),
        (".avif", ("the IPTC captions",)),
        (
            ".bmp",
            (
                "the EXIF data", "the GPS position", "the XMP data", "the IPTC captions",
                "the comment",
            ),
        ),
        (
            ".tga",
            (
                "the EXIF data", "the GPS position", "the XMP data", "the IPTC captions",
                "the resolution (300 dpi)",
            ),
        ),
    ],
)  # fmt: skip
def test_each_format_names_what_it_lacks(tmp_path, suffix, lost):
    """Everything that is not named is in the file."""
    photo = full_photo()
    assert unkept(photo, suffix) == lost
    write_photo(photo, tmp_path / f"a{suffix}")
    back = read_photo(tmp_path / f"a{suffix}").metadata
    words = " ".join(lost)
    assert bool(back.exif) == ("EXIF" not in words)
    assert (back.xmp == photo.metadata.xmp) == ("XMP" not in words)
    assert (back.iptc == IPTC) == ("IPTC" not in words)
    assert (back.dpi == pytest.approx((300, 150), rel=0.01)) == ("dpi" not in words)
    assert (b"by the lake" in (tmp_path / f"a{suffix}").read_bytes()) == ("comment" not in words)


def test_netpbm_and_targa_name_the_same_losses():
    assert unkept(full_photo(), ".ppm") == unkept(full_photo(), ".tga")


def test_position_is_not_named_as_lost_if_exif_has_none():
    photo = full_photo()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    photo = replace(photo, metadata=replace(photo.metadata, exif=exif.tobytes()[6:]))
    assert "the GPS position" not in unkept(photo, ".bmp")


def test_gamma_of_a_png_is_named_as_lost(tmp_path):
    linear = samples.chunk(b"gAMA", struct.pack(">I", 100000))
    srgb = samples.chunk(b"gAMA", struct.pack(">I", 45455)) + samples.chunk(
        b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    )
    wide = samples.chunk(
        b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    )
    for chunks, named in ((linear, True), (srgb, False), (wide, True)):
        (tmp_path / "a.png").write_bytes(samples.raw_png([bytes(12)], 4, 8, 2, chunks))
        photo = read_photo(tmp_path / "a.png")
        assert ("the gamma or primaries of the PNG" in unkept(photo, ".jpg")) == named
        assert unkept(photo, ".png") == ()


def test_comment_is_lost_where_its_tag_holds_the_description(tmp_path):
    photo = full_photo()
    exif = Image.Exif()
    exif[0x010E] = "the caption"
    photo = replace(photo, metadata=replace(photo.metadata, exif=exif.tobytes()[6:]))
    for suffix in (".tif", ".webp"):
        assert "the comment" in unkept(photo, suffix)
        write_photo(photo, tmp_path / f"a{suffix}")
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert image.getexif()[0x010E] == "the caption"
    assert "the comment" not in unkept(photo, ".jpg")


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        (["Comment"], "the comment"),
        (["Title"], "the PNG's text (Title)"),
        (["Title", "Author", "Comment"], "the PNG's text (Title, Author, Comment)"),
        (["\x1b[2J" + 200 * "k"], f"the PNG's text ([2J{97 * 'k'})"),
    ],
)
def test_texts_of_a_png_are_named_by_their_keywords(keywords, named):
    chunks = tuple((b"tEXt", f"{keyword}\0by the lake".encode()) for keyword in keywords)
    exif = Image.Exif()
    exif[0x010E] = "the caption"
    metadata = replace(full_photo().metadata, comment=None, png_chunks=chunks)
    metadata = replace(metadata, exif=exif.tobytes()[6:])
    photo = replace(full_photo(), metadata=metadata)
    for suffix in (".tif", ".webp", ".avif", ".bmp"):
        assert named in unkept(photo, suffix)


@pytest.mark.parametrize("suffix", [".jpg", ".jp2"])
def test_comment_too_long_for_its_segment_is_named_and_left_out(tmp_path, suffix):
    photo = full_photo()
    photo = replace(photo, metadata=replace(photo.metadata, comment=b"c" * 70000))
    assert unkept(photo, suffix) == ("the comment",)
    write_photo(photo, tmp_path / f"a{suffix}")
    assert read_photo(tmp_path / f"a{suffix}").metadata.comment is None
    assert unkept(photo, ".png") == ()
