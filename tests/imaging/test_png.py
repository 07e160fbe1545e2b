"""PNG: transparency, 16 bits, and chunks that Pillow and OpenCV do not keep."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import imaging_samples as samples
import numpy as np
import pytest
from PIL import Image

from ppgan_mpr.imaging import (
    Metadata,
    Photo,
    decode_photo,
    from_array,
    opencv,
    png,
    read_photo,
    unkept,
    write_photo,
)
from ppgan_mpr.imaging.png_chunks import walk
from ppgan_mpr.imaging.write import file_content


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey_of_png_becomes_alpha(tmp_path, depth):
    row = {1: b"\x50", 2: b"\x1b", 4: b"\x01\x23", 8: b"\0\1\2\3", 16: bytes(range(8))}[depth]
    code = {1: 1, 2: 2, 4: 2, 8: 2, 16: 0x0405}[depth]
    clear = samples.chunk(b"tRNS", code.to_bytes(2, "big"))
    photo = samples.read(tmp_path, samples.raw_png([row], 4, depth, 0, clear))
    expected = [False, True, False, True] if depth == 1 else [False, False, True, False]
    np.testing.assert_array_equal(photo.alpha[0] == 0, expected)
    assert photo.alpha.max() == (65535 if depth == 16 else 255)
    assert photo.pixels.shape == (1, 4, 1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_transparent_colour_of_png_becomes_alpha(tmp_path, dtype):
    picture = samples.noise(3, dtype)
    picture[3, 4] = picture[5, 6] = (1, 2, 3)
    picture[7, 8] = (1, 2, 4)
    clear = samples.chunk(b"tRNS", bytes([0, 1, 0, 2, 0, 3]))
    if dtype == "uint16":
        data = samples.raw_png_16(picture, clear)
    else:
        data = samples.raw_png([row.tobytes() for row in picture], 17, 8, 2, clear)
    photo = samples.read(tmp_path, data)
    np.testing.assert_array_equal(photo.pixels, picture)
    assert np.argwhere(photo.alpha == 0).tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_of_another_encoder_is_read(tmp_path, channels):
    picture = samples.noise(channels, "uint16")
    photo = samples.read(tmp_path, samples.raw_png_16(picture))
    np.testing.assert_array_equal(photo.to_array(), picture)


def test_odd_profile_in_a_16_bit_png_prints_no_warning(tmp_path, capfd):
    """libpng warns about some profiles that other programs write and accept."""
    odd = samples.SRGB[:200] + b"odd!" + samples.SRGB[204:]
    picture = samples.noise(3, "uint16")
    profile = samples.chunk(b"iCCP", b"odd\0\0" + zlib.compress(odd[:-1]))
    photo = samples.read(tmp_path, samples.raw_png_16(picture, profile))
    np.testing.assert_array_equal(photo.pixels, picture)
    assert photo.metadata.icc_profile == odd[:-1]
    assert capfd.readouterr().err == ""


def test_16_bit_grey_with_alpha_is_a_valid_png(tmp_path):
    photo = from_array(samples.noise(2, "uint16", 60, 50))
    photo = Photo(photo.pixels, photo.alpha, Metadata(exif=samples.exif_block()))
    write_photo(photo, tmp_path / "a.png")
    again = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(again.to_array(), photo.to_array())
    assert again.metadata.exif == photo.metadata.exif
    with Image.open(tmp_path / "a.png") as image:
        assert image.info.get("exif") is not None
        image.load()  # checks every checksum


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


def test_compressed_xmp_and_old_raw_profiles_of_png_are_read(tmp_path):
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


def _with_chunk(tmp_path, kind, body):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:33] + samples.chunk(kind, body) + content[33:])
    return read_photo(tmp_path / "a.png")


CHUNKS_OF_PNG = [
    (b"pHYs", struct.pack(">IIB", 2, 1, 0)),
    (b"oFFs", struct.pack(">iiB", 1, 2, 0)),
    (b"bKGD", bytes(6)),
    (b"mDCV", bytes(24)),
    (b"cLLI", bytes(8)),
]


@pytest.mark.parametrize(("kind", "body"), CHUNKS_OF_PNG)
def test_chunks_valid_for_the_result_are_kept_in_png_and_named_elsewhere(tmp_path, kind, body):
    photo = _with_chunk(tmp_path, kind, body)
    assert not unkept(photo, ".png")
    (named,) = unkept(photo, ".avif")
    assert kind.decode() in named
    write_photo(photo, tmp_path / "b.png")
    assert samples.chunk(kind, body) in (tmp_path / "b.png").read_bytes()


def test_time_of_the_last_change_is_not_named_as_lost(tmp_path):
    photo = _with_chunk(tmp_path, b"tIME", bytes(7))
    assert not unkept(photo, ".png")
    write_photo(photo, tmp_path / "b.png")
    assert b"tIME" not in (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (b"caBX", b"jumb", "the content credentials (C2PA), which sign the source"),
        (b"sCAL", b"\x011.0\x002.0", "the physical scale (sCAL)"),
        (b"sBIT", b"\5\6\5", "the number of significant bits (sBIT)"),
        (b"vpAg", bytes(9), "the chunk vpAg"),
    ],
)
def test_chunks_that_no_result_has_are_named_as_lost(tmp_path, kind, body, words):
    photo = _with_chunk(tmp_path, kind, body)
    assert unkept(photo, ".png") == unkept(photo, ".tif") == (words,)


def test_redundant_chunk_is_not_named_as_lost(tmp_path):
    assert unkept(_with_chunk(tmp_path, b"sBIT", b"\x08\x08\x08"), ".png") == ()


def test_pixel_aspect_ratio_turns_with_the_picture(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png", exif=turned)
    content = (tmp_path / "a.png").read_bytes()
    shape = samples.chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0))
    (tmp_path / "a.png").write_bytes(content[:33] + shape + content[33:])
    write_photo(read_photo(tmp_path / "a.png"), tmp_path / "b.png")
    turned_shape = samples.chunk(b"pHYs", struct.pack(">IIB", 1, 2, 0))
    assert turned_shape in (tmp_path / "b.png").read_bytes()


def test_xmp_in_a_raw_profile_is_read(tmp_path):
    text = b"\nxmp\n       3\n" + b"<x>".hex().encode() + b"\n"
    photo = _with_chunk(tmp_path, b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(text))
    assert photo.metadata.xmp == b"<x>"


def _noisy(dtype):
    """Like a photo: smooth, with noise."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0.2, 0.8, 200)[:, None, None] * np.linspace(0.5, 1, 240)[None, :, None]
    white = np.iinfo(dtype).max
    return np.rint((ramp + rng.normal(0, 0.02, [200, 240, 3])).clip(0, 1) * white).astype(dtype)


def _patterned(dtype):
    """Like a page of text: the same few shapes again and again."""
    shapes = np.random.default_rng(0).integers(0, 2, [5, 12, 8], np.uint8)
    lines = [shapes[np.arange(row, row + 30) % 5].transpose(1, 0, 2) for row in range(16)]
    page = np.concatenate([line.reshape(12, 240) for line in lines])
    return np.repeat(page[..., None], 3, axis=2).astype(dtype) * np.iinfo(dtype).max


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("make", "strategy"), [(_noisy, zlib.Z_RLE), (_patterned, zlib.Z_DEFAULT_STRATEGY)]
)
def test_photos_are_encoded_quickly_and_patterns_into_small_files(dtype, make, strategy):
    picture = make(dtype)
    content = file_content(from_array(picture), Path("a.png"))
    np.testing.assert_array_equal(decode_photo(bytes(content), "a.png").to_array(), picture)
    sizes = {
        kind: len(opencv.encode_png(picture, png._LEVEL, kind))
        for kind in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY)
    }
    assert len(content) == pytest.approx(sizes[strategy], rel=0.05)
    assert len(content) < 1.1 * min(sizes.values())


def _soft(dtype):
    """Like a photo with little noise: brightness wanders."""
    steps = np.random.default_rng(0).normal(0, 0.01, [200, 240, 3])
    pixels = 0.5 + (steps.cumsum(axis=0) + steps.cumsum(axis=1)) / 4
    return np.rint(pixels.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def _dark(dtype):
    """Like a night sky: noise that is clipped at black."""
    noise = np.random.default_rng(0).normal(0.008, 0.016, [200, 240, 3])
    return np.rint(noise.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def _one_row(dtype):
    return _soft(dtype)[:1]


@pytest.mark.parametrize("make", [_noisy, _soft, _dark, _one_row])
def test_file_is_hardly_larger_than_with_a_filter_chosen_for_each_row(make):
    picture = make(np.uint8)
    content = file_content(from_array(picture), Path("a.png"))
    assert len(content) < 1.05 * len(opencv.encode_png(picture, png._LEVEL, zlib.Z_RLE))


@pytest.mark.skipif(
    not hasattr(opencv.load(), "IMWRITE_PNG_FILTER"), reason="OpenCV cannot set the filter"
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("make", [_soft, _patterned])
def test_only_photos_have_the_paeth_filter_in_all_rows(dtype, make):
    picture = make(dtype)
    content = bytes(file_content(from_array(picture), Path("a.png")))
    packed = b"".join(content[a:b] for kind, a, b in walk(content) if kind == b"IDAT")
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(len(picture), -1)
    assert (set(rows[:, 0]) == {4}) is (make is _soft)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_chunk_is_written_twice(dtype):
    metadata = Metadata(exif=b"II*\0\x08\0\0\0\0\0", icc_profile=samples.SRGB, dpi=(300, 300))
    content = file_content(replace(from_array(_noisy(dtype)), metadata=metadata), Path("a.png"))
    kinds = [kind for kind, _, _ in walk(content) if kind != b"IDAT"]
    assert sorted(kinds) == [b"IEND", b"IHDR", b"eXIf", b"iCCP", b"pHYs"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_with_alpha_is_marked_as_such(dtype):
    picture = _noisy(dtype)[..., :2]
    content = bytes(file_content(from_array(picture), Path("a.png")))
    assert content[24:26] == bytes([8 * picture.itemsize, 4])
    np.testing.assert_array_equal(decode_photo(content, "a.png").to_array(), picture)
