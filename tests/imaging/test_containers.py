"""Metadata and further pictures are kept, or named as lost and no longer mentioned in XMP."""

from __future__ import annotations

import io
import struct

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.imaging import read_photo, unkept, writable_suffix, write_photo

GAIN_MAP = "the gain map (HDR rendition)"
ULTRA_HDR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/\
22-rdf-syntax-ns#"><rdf:Description xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 hdrgm:Version="1.0" dc:creator="Somebody"><Container:Directory><rdf:Seq>
 <rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/>
 </rdf:li><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap"
 Item:Mime="image/jpeg" Item:Length="900"/></rdf:li></rdf:Seq></Container:Directory>
 </rdf:Description></rdf:RDF></x:xmpmeta>"""
MOTION_PHOTO = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"
 GCamera:MotionPhotoVersion="1" GCamera:MotionPhotoPresentationTimestampUs="500"
 GCamera:Shot="night"/></x:xmpmeta>"""


def jpeg(value: int = 90, **options) -> bytes:
    return samples.pillow_file(
        Image.fromarray(np.full((24, 32, 3), value, np.uint8)), "JPEG", **options
    )


def restored_xmp(folder, data: bytes, suffix: str = ".jpg") -> tuple[tuple[str, ...], bytes]:
    (folder / "a.jpg").write_bytes(data)
    photo = read_photo(folder / "a.jpg")
    write_photo(photo, folder / f"b{suffix}")
    with Image.open(folder / f"b{suffix}") as image:
        assert image.format != "MPO"
        return unkept(photo, suffix), image.info.get("xmp", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_gain_map_of_ultra_hdr_is_named_as_lost_and_removed_from_xmp(tmp_path, suffix):
    lost, xmp = restored_xmp(tmp_path, jpeg(xmp=ULTRA_HDR) + jpeg(30), suffix)
    assert lost == (GAIN_MAP,)
    for word in (b"hdrgm", b"GainMap", b"Container", b"hdr-gain-map"):
        assert word not in xmp
    assert b'dc:creator="Somebody"' in xmp
    assert xmp.endswith(b"</rdf:Description></rdf:RDF></x:xmpmeta>")


def test_gain_map_of_iso_21496_is_named_as_lost(tmp_path):
    body = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"
    data = jpeg()
    data = data[:20] + b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + data[20:]
    assert restored_xmp(tmp_path, data + jpeg(30))[0] == (GAIN_MAP,)


def test_motion_photo_is_named_as_lost(tmp_path):
    video = b"\0\0\0\x14ftypmp42" + bytes(200)
    lost, xmp = restored_xmp(tmp_path, jpeg(xmp=MOTION_PHOTO) + video)
    assert lost == ("the video of the motion photo",)
    assert b"MotionPhoto" not in xmp and b'GCamera:Shot="night"' in xmp


def test_second_picture_of_a_stereo_camera_is_named_as_lost(tmp_path):
    left, right = (Image.fromarray(np.full((24, 32, 3), value, np.uint8)) for value in (9, 99))
    file = io.BytesIO()
    left.save(file, "MPO", save_all=True, append_images=[right])
    assert restored_xmp(tmp_path, file.getvalue())[0] == ("its second picture",)


def test_ordinary_files_lose_nothing(tmp_path):
    plain = samples.XMP % 1
    lost, xmp = restored_xmp(tmp_path, jpeg(xmp=plain))
    assert (lost, xmp) == ((), plain)


def photoshop_file(resources: list[tuple[int, bytes]]) -> bytes:
    """A flat 8-bit RGB document of 2 x 1 pixels."""
    packed = b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + b"\0" * (len(body) % 2)
        for number, body in resources
    )
    header = struct.pack(">4sH6sHIIHH", b"8BPS", 1, bytes(6), 3, 1, 2, 8, 3)
    pixels = struct.pack(">H", 0) + bytes([1, 2, 3, 4, 5, 6])
    return header + bytes(4) + struct.pack(">I", len(packed)) + packed + bytes(4) + pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_metadata_of_a_photoshop_file_are_kept(tmp_path, suffix):
    resolution = struct.pack(">IHHIHH", 300 << 16, 1, 1, 150 << 16, 1, 1)
    iptc = b"\x1c\x02\x05\0\1x"
    content = photoshop_file([
        (1005, resolution), (1028, iptc), (1036, jpeg()), (1058, samples.exif_block(6)),
        (1060, samples.XMP % 1),
    ])  # fmt: skip
    (tmp_path / "a.psd").write_bytes(content)
    photo = read_photo(tmp_path / "a.psd")
    np.testing.assert_array_equal(photo.pixels, [[[1, 3, 5], [2, 4, 6]]])
    write_photo(photo, tmp_path / f"b{suffix}")
    back = read_photo(tmp_path / f"b{suffix}").metadata
    assert (back.xmp, back.iptc) == (samples.XMP % 1, iptc)
    assert back.dpi == pytest.approx((300, 150), abs=0.02)
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get_ifd(0x8825)[1] == "N"


def test_profile_of_a_bitmap_is_kept(tmp_path):
    """Photoshop and GIMP write it in the longest header; the result is a PNG, which can hold it."""
    pixels = bytes(range(6)) + bytes(2)
    header = struct.pack("<IiiHHII", 124, 2, 1, 1, 24, 0, 8).ljust(56, b"\0") + b"DEBM"
    header = header.ljust(108, b"\0") + struct.pack("<IIII", 4, 124 + 8, len(samples.SRGB), 0)
    size = 14 + 124 + 8 + len(samples.SRGB)
    start = b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + 124)
    (tmp_path / "a.bmp").write_bytes(start + header + pixels + samples.SRGB)
    photo = read_photo(tmp_path / "a.bmp")
    np.testing.assert_array_equal(photo.pixels, [[[2, 1, 0], [5, 4, 3]]])
    assert writable_suffix(photo, ".bmp") == ".png"
    write_photo(photo, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["icc_profile"] == samples.SRGB


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("length", [20, 21])
def test_captions_go_from_tiff_to_png_and_back(tmp_path, wrapped, length):
    """They are in their own tag or in Photoshop's resources."""
    iptc = b"\x1c\x02\x74\x00" + bytes([length - 5]) + b"c" * (length - 5)
    resource = struct.pack(">4sHHI", b"8BIM", 0x0404, 0, length) + iptc
    tag, value = (34377, resource) if wrapped else (33723, iptc)
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[tag] = value
    tags.tagtype[tag] = 7
    Image.fromarray(samples.ramp()).save(tmp_path / "a.tif", tiffinfo=tags)
    write_photo(read_photo(tmp_path / "a.tif"), tmp_path / "b.png")
    assert unkept(read_photo(tmp_path / "a.tif"), ".png") == ()
    write_photo(read_photo(tmp_path / "b.png"), tmp_path / "c.jpg")
    with Image.open(tmp_path / "c.jpg") as image:
        assert image.info["photoshop"][0x0404] == iptc
    write_photo(read_photo(tmp_path / "c.jpg"), tmp_path / "d.tif")
    with Image.open(tmp_path / "d.tif") as image:
        assert bytes(image.tag_v2[33723]) == iptc


def test_gain_map_behind_an_iphones_jpeg_is_named_as_lost(tmp_path):
    """Only the second picture's metadata identify it as a gain map."""
    mark = b'<x:xmpmeta xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/"/>'
    pictures = [Image.fromarray(np.full((24, 32, 3), value, np.uint8)) for value in (9, 99)]
    pictures[1].encoderinfo = {"xmp": mark}
    file = io.BytesIO()
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    data = file.getvalue()
    if mark not in data:
        segment = b"http://ns.adobe.com/xap/1.0/\0" + mark
        data = data[:-2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[-2:]
    assert restored_xmp(tmp_path, data)[0] == (GAIN_MAP,)


def test_camera_previews_are_not_named_as_lost(tmp_path):
    """The file holds several sizes of one picture; Pillow opens it as MPO, too."""
    file = io.BytesIO()
    small = Image.fromarray(np.full((12, 16, 3), 9, np.uint8))
    Image.fromarray(samples.ramp()).save(file, "MPO", save_all=True, append_images=[small])
    data = file.getvalue()
    entry = struct.pack("<I", 0)  # the type of the second picture: undefined
    place = data.index(b"MPF\0") + 4
    table = data.index(struct.pack("<HHI", 0xB002, 7, 32), place)
    (offset,) = struct.unpack_from("<I", data, table + 8)
    at = place + offset + 16
    assert data[at : at + 4] == entry
    data = data[:at] + struct.pack("<I", 0x010001) + data[at + 4 :]
    assert restored_xmp(tmp_path, data)[0] == ()
