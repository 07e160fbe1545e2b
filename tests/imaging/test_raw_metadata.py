"""Metadata of cameras' raw files: synthetic structures in each maker's layout."""

import io
import struct

import imaging_samples as samples
import pytest
from PIL import Image
from raw_samples import dng, patches, ratios, shorts, text

from ppgan_mpr.imaging.raw_metadata import read_metadata
from ppgan_mpr.imaging.tiff_tags import Entry, pack_header, pack_tree

CAMERA, ISO, NOTES = 271, 34855, 37500
TREE = {CAMERA: text("Maker"), 34665: {ISO: shorts(400)}, 34853: {1: text("N")}}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b' xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmp:Rating="5" crs:Exposure2012='
    b'"+1.50"><crs:ToneCurve><rdf:li>0, 0</rdf:li></crs:ToneCurve></rdf:Description></x:xmpmeta>'
)


def tiff(tree, order="<"):
    return pack_header(order, 8) + pack_tree(tree, order, 8)


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def cr3():
    """Canon's boxes: each directory is its own TIFF structure."""
    parts = {b"CMT1": {CAMERA: TREE[CAMERA]}, b"CMT2": TREE[34665], b"CMT4": TREE[34853]}
    blocks = b"".join(box(name, tiff(tree)) for name, tree in parts.items())
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    packet = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    movie = box(b"moov", box(b"uuid", canon + blocks))
    return box(b"ftyp", b"crx \0\0\0\1") + movie + box(b"uuid", packet + XMP)


def raf():
    """Fujifilm's header, and a preview with the EXIF block."""
    file = io.BytesIO()
    Image.fromarray(samples.ramp()).save(file, "JPEG", exif=b"Exif\0\0" + tiff(TREE))
    preview = file.getvalue()
    return b"FUJIFILMCCD-RAW ".ljust(84, b"0") + struct.pack(">II", 92, len(preview)) + preview


@pytest.mark.parametrize(
    "data",
    [tiff(TREE), cr3(), raf(), b"IIRO" + tiff(TREE)[4:], b"IIU\0" + tiff(TREE)[4:]],
    ids=["tiff", "cr3", "raf", "orf", "rw2"],
)
def test_exif_is_found_in_every_structure(data):
    with Image.open(io.BytesIO(samples.pillow_file(Image.new("L", (1, 1)), "PNG"))) as image:
        exif = image.getexif()
    exif.load(b"Exif\0\0" + read_metadata(data).exif)
    assert exif[CAMERA] == "Maker"
    assert exif.get_ifd(34665)[ISO] == 400
    assert exif.get_ifd(34853)[1] == "N"


@pytest.mark.parametrize("data", [tiff({**TREE, 700: Entry(1, len(XMP), XMP)}), cr3()])
def test_settings_of_raw_converters_are_removed_from_xmp(data):
    xmp = read_metadata(data).xmp
    assert b'xmp:Rating="5"' in xmp
    assert b"crs:" not in xmp and b"0, 0" not in xmp


def test_previews_are_removed_and_missing_notes_named():
    preview = b"notes \xff\xd8\xff\xdb" + bytes(100)
    details = {ISO: shorts(400), NOTES: Entry(7, len(preview), preview)}
    metadata = read_metadata(tiff({**TREE, 34665: details, 0xC51B: Entry(7, 110, preview)}))
    assert b"\xff\xd8\xff" not in metadata.exif
    assert any("maker's notes" in what for what in metadata.dropped)


def test_notes_without_a_preview_are_kept():
    details = {NOTES: Entry(7, 9, b"lens: 50m")}
    metadata = read_metadata(tiff({**TREE, 34665: details}))
    assert b"lens: 50m" in metadata.exif and not metadata.dropped


@pytest.mark.parametrize("empty", [{282, 283}, {296}, {282, 283, 296}])
def test_resolution_without_numbers_is_none(empty):
    tree = {282: ratios(300, kind=5), 283: ratios(300, kind=5), 296: shorts(2)}
    assert read_metadata(tiff({**TREE, **tree})).dpi == (300, 300)
    tree.update({tag: Entry(tree[tag].type, 0, b"") for tag in empty})
    metadata = read_metadata(tiff({**TREE, **tree}))
    assert metadata.dpi is None and metadata.exif


@pytest.mark.parametrize(
    "data",
    [b"FOVb" + bytes(200), b"FUJIFILMCCD-RAW" + bytes(200), cr3()[:60], dng(patches())[:100]],
)
def test_metadata_that_cannot_be_read_is_named_as_lost(data):
    metadata = read_metadata(data)
    assert metadata.exif is None
    assert any("EXIF" in what for what in metadata.dropped)
