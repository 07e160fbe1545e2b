"""The colour description of AVIF files (nclx) is kept in every format that can store it."""

from __future__ import annotations

import struct
import sys
import types

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, features

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import read_header, read_photo, writable_suffix, write_photo

pytestmark = pytest.mark.skipif(
    "avif" not in features.modules or not features.check("avif"), reason="no AVIF"
)
DISPLAY_P3, BT2020_PQ = (12, 13), (9, 16)


def avif(primaries: int, transfer: int) -> bytes:
    """A file as another program writes it, with the colours named in the container."""
    data = bytearray(samples.pillow_file(Image.fromarray(samples.ramp()), "AVIF", quality=90))
    place = data.index(b"colrnclx") + 8
    struct.pack_into(">HH", data, place, primaries, transfer)
    return bytes(data)


def nclx(data: bytes) -> tuple[int, ...]:
    return struct.unpack_from(">HH", data, data.index(b"colrnclx") + 8)


@pytest.mark.parametrize("colour", [DISPLAY_P3, BT2020_PQ])
def test_colour_space_stays_in_avif_and_png(tmp_path, colour):
    (tmp_path / "a.avif").write_bytes(avif(*colour))
    photo = read_photo(tmp_path / "a.avif")
    write_photo(photo, tmp_path / "b.avif")
    assert nclx((tmp_path / "b.avif").read_bytes()) == colour
    write_photo(photo, tmp_path / "b.png")
    written = (tmp_path / "b.png").read_bytes()
    assert samples.chunk(b"cICP", bytes([*colour, 0, 1])) in written
    assert written.index(b"cICP") < written.index(b"IDAT")
    write_photo(read_photo(tmp_path / "b.png"), tmp_path / "c.avif")  # and back
    assert nclx((tmp_path / "c.avif").read_bytes()) == colour


def test_format_that_cannot_name_the_colour_space_is_refused(tmp_path):
    (tmp_path / "a.avif").write_bytes(avif(*BT2020_PQ))
    photo = read_photo(tmp_path / "a.avif")
    with pytest.raises(ImageError, match=r"lose the colour space \(BT.2020 PQ\), choose .png, or"):
        write_photo(photo, tmp_path / "b.jpg")
    (tmp_path / "a.avif").write_bytes(avif(*DISPLAY_P3))
    with pytest.raises(ImageError, match=r"Display P3"):
        write_photo(read_photo(tmp_path / "a.avif"), tmp_path / "b.tif")
    assert writable_suffix(photo, ".webp") == ".png"


@pytest.mark.parametrize("colour", [(1, 13), (1, 1), (2, 2)])
def test_srgb_is_written_to_every_format_and_without_a_cicp_chunk(tmp_path, colour):
    (tmp_path / "a.avif").write_bytes(avif(*colour))
    photo = read_photo(tmp_path / "a.avif")
    write_photo(photo, tmp_path / "b.jpg")
    write_photo(photo, tmp_path / "b.png")
    assert b"cICP" not in (tmp_path / "b.png").read_bytes()


def test_damaged_boxes_cause_no_unexpected_error(tmp_path):
    """Wherever the damage is, reading succeeds or raises an ImageError."""
    data = avif(*DISPLAY_P3)
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(data)
        for at in rng.integers(4, data.index(b"mdat"), 3):
            damaged[at] = rng.integers(256)
        (tmp_path / "a.avif").write_bytes(damaged)
        for read in (read_header, read_photo):
            try:
                read(tmp_path / "a.avif")
            except ImageError:
                continue


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


@pytest.mark.parametrize(
    ("kind", "urn", "words"),
    [
        (b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap", ("the gain map (HDR rendition)",)),
        (b"auxC", b"urn:mpeg:hevc:2015:auxid:2", ("the depth map",)),
        (b"auxC", b"urn:mpeg:hevc:2015:auxid:1", ()),  # alpha, which is read
    ],
)
def test_auxiliary_pictures_of_a_heic_are_named_as_lost(kind, urn, words):
    from ppgan_mpr.imaging.heif import auxiliary

    properties = box(b"iprp", box(b"ipco", box(kind, bytes(4) + urn + b"\0")))
    start = box(b"ftyp", b"heic" + bytes(4))
    assert auxiliary(start + box(b"meta", bytes(4) + properties)) == words
    assert auxiliary(start + urn) == ()


def test_colours_of_the_primary_picture_are_used():
    """A file with a gain map also names the gain map's colours."""
    from ppgan_mpr.imaging.heif import nclx as read_nclx

    def colours(primaries, transfer):
        return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, 0, 0x80))

    properties = box(b"ipco", colours(9, 18) + colours(12, 13))
    links = struct.pack(">IHBBHBB", 2, 1, 1, 1, 2, 1, 0x82)
    linked = box(b"ipma", bytes(4) + links)
    primary = box(b"pitm", bytes(4) + struct.pack(">H", 2))
    meta = box(b"meta", bytes(4) + primary + box(b"iprp", properties + linked))
    assert read_nclx(box(b"ftyp", b"avif") + meta) == (12, 13)


@pytest.mark.parametrize("turned", [False, True])
def test_header_of_a_heic_describes_the_upright_primary_picture(tmp_path, monkeypatch, turned):
    monkeypatch.setitem(sys.modules, "pillow_heif", types.ModuleType("pillow_heif"))

    def size(width, height):
        return box(b"ispe", bytes(4) + struct.pack(">II", width, height))

    properties = [size(512, 512), size(64, 48), box(b"pixi", bytes(4) + bytes([3, 10, 10, 10]))]
    properties += [box(b"irot", b"\1")] if turned else []
    numbers = range(2, len(properties) + 1)
    links = struct.pack(">IHB", 1, 7, len(numbers)) + bytes(numbers)
    primary = box(b"pitm", bytes(4) + struct.pack(">H", 7))
    iprp = box(b"iprp", box(b"ipco", b"".join(properties)) + box(b"ipma", bytes(4) + links))
    start = box(b"ftyp", b"heic" + bytes(4))
    (tmp_path / "a.heic").write_bytes(start + box(b"meta", bytes(4) + primary + iprp))
    header = read_header(tmp_path / "a.heic")
    assert (header.width, header.height, header.itemsize) == (
        (48, 64, 2) if turned else (64, 48, 2)
    )
