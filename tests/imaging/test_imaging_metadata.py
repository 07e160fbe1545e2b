"""EXIF, orientation, colour profile, resolution, XMP and PNG's own chunks survive."""

from __future__ import annotations

import struct
import zlib

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image, ImageOps

from ppgan_mpr.imaging import from_array, read_photo, writable_suffix, write_photo

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
    if suffix == ".tif":  # the flag stands in the file itself
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
    if suffix != ".webp":  # which has no place for a resolution
        expected = (150, 300) if flag >= 5 else (300, 150)
        assert photo.metadata.dpi == pytest.approx(expected, abs=0.02)
    again = tmp_path / f"again{suffix}"
    write_photo(photo, again)
    np.testing.assert_array_equal(read_photo(again).to_array(), TURNS[flag](stored))
    assert Image.open(again).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("flag", range(1, 9))
def test_orientation_of_a_jpeg_is_pillows(tmp_path, flag):
    path = tmp_path / "photo.jpg"
    Image.fromarray(samples.ramp()).save(path, exif=b"Exif\0\0" + samples.exif_block(flag))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_photo(path).pixels, expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_unchanged_except_for_the_orientation(tmp_path, order):
    block = samples.exif_block(6, order)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        written = image.info["exif"][6:]
    changed = [at for at, (a, b) in enumerate(zip(block, written)) if a != b]
    assert len(written) == len(block)
    # The flag, and the pointer to the thumbnail, which still lies on its side.
    value_at, next_at = 8 + 2 + 12 + 8, 8 + 2 + 4 * 12
    assert set(changed) <= {*range(value_at, value_at + 2), *range(next_at, next_at + 4)}
    assert written[next_at : next_at + 4] == bytes(4)
    assert Image.open(tmp_path / "b.jpg").getexif()[0x0112] == 1


def test_exif_of_an_upright_photo_is_untouched(tmp_path):
    block = samples.exif_block(1)
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    assert read_photo(tmp_path / "a.jpg").metadata.exif == block


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(suffix, "uint8") for suffix in (".jpg", ".png", ".webp", ".tif", ".avif")]
    + [(suffix, "uint16") for suffix in (".png", ".tif")],
)
@pytest.mark.parametrize("grey", [False, True])
def test_all_metadata_in_every_format_that_holds_it(tmp_path, suffix, dtype, grey):
    photo = samples.annotated(samples.noise(1 if grey else 3, dtype))
    if writable_suffix(photo, suffix) != suffix:
        pytest.skip(f"this Pillow writes no {suffix}")
    write_photo(photo, tmp_path / f"a{suffix}")
    back = read_photo(tmp_path / f"a{suffix}")
    assert back.metadata.icc_profile == samples.SRGB
    assert back.metadata.xmp == samples.XMP % 1
    if suffix in (".jpg", ".png", ".tif"):
        assert back.metadata.dpi == pytest.approx((300, 150), abs=0.02)
    if suffix in (".tif", ".avif"):
        assert_same_tags(tmp_path / f"a{suffix}")
    else:
        assert back.metadata.exif == photo.metadata.exif
    with Image.open(tmp_path / f"a{suffix}") as image:  # and by another reader
        assert image.info["icc_profile"] == samples.SRGB
        assert image.getexif()[0x010F] == "Maker"


def assert_same_tags(path):
    """TIFF, and Pillow for AVIF, lay the EXIF block out anew: the values count."""
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[0x010F] == "Maker"
        assert exif.get_ifd(0x8769)[0x8827] == 400
        assert exif.get_ifd(0x8769)[0x927C] == bytes(range(7, 60))
        assert exif.get_ifd(0x8825)[1] == "N"


def test_exif_travels_from_tiff_to_jpeg(tmp_path):
    write_photo(samples.annotated(samples.ramp()), tmp_path / "a.tif")
    write_photo(read_photo(tmp_path / "a.tif"), tmp_path / "b.jpg")
    assert_same_tags(tmp_path / "b.jpg")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_big_endian_exif_makes_a_big_endian_tiff(tmp_path, dtype):
    photo = from_array(samples.noise(1, dtype))
    metadata = type(photo.metadata)(samples.exif_block(1, ">"))
    photo = type(photo)(photo.pixels, None, metadata)
    write_photo(photo, tmp_path / "b.tif")
    assert (tmp_path / "b.tif").read_bytes()[:2] == b"MM"
    assert_same_tags(tmp_path / "b.tif")
    np.testing.assert_array_equal(read_photo(tmp_path / "b.tif").pixels, photo.pixels)
    with Image.open(tmp_path / "b.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), photo.pixels[..., 0])


def test_xmp_orientation_is_set_to_upright(tmp_path):
    for flag, element in ((6, samples.XMP % 6), (8, b"<tiff:Orientation>8</tiff:Orientation>")):
        photo = samples.annotated(samples.ramp())
        metadata = type(photo.metadata)(xmp=element)
        write_photo(type(photo)(photo.pixels, None, metadata), tmp_path / "a.jpg")
        back = read_photo(tmp_path / "a.jpg")
        assert back.metadata.xmp == element.replace(b"%d" % flag, b"1")
        assert back.size == photo.size[::-1]  # without EXIF, XMP's flag counts


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_orientation_in_the_xmp_of_a_tiff(tmp_path, dtype, recwarn):
    """With EXIF's flag beside it or alone, the picture is turned exactly once."""
    photo = samples.annotated(samples.noise(1, dtype), 6)
    write_photo(photo, tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    flag = struct.pack("<HHI", 0x0112, 3, 1)
    both = data.replace(flag + b"\1", flag + b"\6")
    alone = data.replace(flag, struct.pack("<HHI", 0x0113, 3, 1))
    for content in (both, alone):
        (tmp_path / "b.tif").write_bytes(content)
        back = read_photo(tmp_path / "b.tif")
        np.testing.assert_array_equal(back.to_array(), np.rot90(photo.to_array(), -1))
        assert back.metadata.xmp == samples.XMP % 1
    assert not list(recwarn)


@pytest.mark.parametrize("depth", [8, 16])
def test_png_chunks_about_colour_and_text_are_kept(tmp_path, depth):
    chunks = [
        (b"gAMA", struct.pack(">I", 100000)),
        (b"cHRM", struct.pack(">8I", *range(1000, 9000, 1000))),
        (b"sRGB", b"\1"),
        (b"tEXt", b"Author\0Somebody"),
        (b"iTXt", b"Title\0\0\0\0\0" + "Zürich".encode()),
    ]
    row = bytes(range(3 * depth // 8 * 4))
    extra = [samples.chunk(*item) for item in chunks]
    (tmp_path / "a.png").write_bytes(samples.raw_png([row], 4, depth, 2, *extra))
    write_photo(read_photo(tmp_path / "a.png"), tmp_path / "b.png")
    written = (tmp_path / "b.png").read_bytes()
    for kind, body in chunks:
        assert samples.chunk(kind, body) in written
        assert written.index(kind) < written.index(b"IDAT")
    with Image.open(tmp_path / "b.png") as image:
        image.load()
        assert image.info["gamma"] == pytest.approx(1.0)
        assert image.text["Title"] == "Zürich"


def test_compressed_xmp_and_old_raw_profiles_of_png(tmp_path):
    packed = zlib.compress(samples.XMP % 1)
    block = samples.exif_block(3)
    digits = (b"Exif\0\0" + block).hex()
    text = f"\nexif\n{len(digits) // 2:8}\n{digits}\n".encode()
    extra = (
        samples.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
        samples.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
    )
    (tmp_path / "a.png").write_bytes(samples.raw_png([bytes([1, 2, 3])], 3, 8, 0, *extra))
    photo = read_photo(tmp_path / "a.png")
    assert photo.metadata.xmp == samples.XMP % 1
    assert photo.metadata.exif[:4] == block[:4]
    np.testing.assert_array_equal(photo.pixels[0, :, 0], [3, 2, 1])


def test_jpeg_comment_is_kept(tmp_path):
    Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", comment=b"from the lake")
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert Image.open(tmp_path / "b.jpg").info["comment"] == b"from the lake"


def test_a_restored_photo_has_its_metadata_and_alpha(tmp_path):
    photo = samples.annotated(samples.noise(4, "uint16"))
    restored = photo.with_restored(1 - photo.to_float())
    write_photo(restored, tmp_path / "a.png")
    back = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(back.pixels, 65535 - photo.pixels)
    np.testing.assert_array_equal(back.alpha, photo.alpha)
    assert (back.metadata.exif, back.metadata.icc_profile) == (photo.metadata.exif, samples.SRGB)


@pytest.mark.parametrize("field", ["exif", "xmp", "iptc"])
def test_metadata_too_large_for_a_jpeg_is_refused(tmp_path, field):
    from ppgan_mpr.errors import ImageError

    photo = from_array(samples.ramp())
    metadata = type(photo.metadata)(**{field: samples.exif_block() + bytes(70000)})
    with pytest.raises(ImageError, match=r"too long for it, choose \.png or \.tif"):
        write_photo(type(photo)(photo.pixels, None, metadata), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_picture_with_damaged_metadata_is_read(tmp_path, capfd):
    for exif in (b"rubbish", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(20)):
        Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
        photo = read_photo(tmp_path / "a.jpg")
        assert photo.size == (64, 48)
        for name in ("b.jpg", "b.tif", "b.png"):
            write_photo(photo, tmp_path / name)
            assert read_photo(tmp_path / name).size == (64, 48)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("length", [20, 21])
def test_captions_of_a_jpeg_are_kept(tmp_path, length):
    """IPTC, as agencies and cameras write it: an image resource of Photoshop's."""
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


def test_size_in_the_exif_of_a_turned_photo(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 40, 0xA003: 24})
    Image.fromarray(samples.ramp()[:24, :40]).save(tmp_path / "a.jpg", exif=exif)
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (24, 40)
        told = image.getexif().get_ifd(0x8769)
        assert (told[0xA002], told[0xA003]) == image.size
