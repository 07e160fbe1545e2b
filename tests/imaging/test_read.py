"""Files that cannot be read are reported in one sentence, without a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import imaging_samples as samples
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging import (
    from_array,
    read_photo,
    write_photo,
)
from ppgan_mpr.imaging import write as writer


def files() -> dict[str, bytes]:
    """One good file of each kind."""
    made = {}
    for suffix, array in (
        (".png", samples.noise(4, "uint8")),
        (".16.png", samples.noise(4, "uint16")),
        (".jpg", samples.ramp()),
        (".tif", samples.noise(3, "uint8")),
        (".16.tif", samples.noise(3, "uint16")),
        (".webp", samples.noise(3, "uint8")),
        (".bmp", samples.noise(3, "uint8")),
        (".jp2", samples.ramp()),
        (".16.ppm", samples.noise(3, "uint16")),
        (".tga", samples.noise(3, "uint8")),
    ):
        photo = from_array(array)
        if suffix.rpartition(".")[2] in ("png", "jpg", "tif", "webp"):
            photo = samples.annotated(array)
        made[suffix] = writer.encode(photo, writer.target_of(photo, Path("x" + suffix)))
    made[".gif"] = samples.pillow_file(Image.fromarray(samples.ramp()).quantize(), "GIF")
    made[".lzw.tif"] = samples.pillow_file(
        Image.fromarray(samples.ramp()), "TIFF", compression="tiff_lzw"
    )
    return made


GOOD = files()


@pytest.mark.parametrize("suffix", GOOD)
def test_truncated_file_is_refused_in_one_sentence(tmp_path, suffix, capfd):
    path = tmp_path / f"cut{suffix}"
    for part in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(GOOD[suffix][: int(len(GOOD[suffix]) * part)])
        with pytest.raises(ImageError) as caught:
            read_photo(path)
        samples.assert_one_sentence(caught.value, path)
    if cv2.__version__ >= "4.7" or suffix not in (".bmp", ".16.ppm"):  # older OpenCV prints anyway
        assert capfd.readouterr().err == ""


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path, data):
    suffix = data.draw(st.sampled_from(sorted(GOOD)))
    damaged = bytearray(GOOD[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(damaged), 1200) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(bytes(damaged))
    try:
        photo = read_photo(path)
    except ImageError as error:
        samples.assert_one_sentence(error, path)
    else:
        assert photo.pixels.dtype in (np.uint8, np.uint16)
        write_photo(photo, tmp_path / "out.png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"just some text\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "ends before the picture"),
        (b"\x89PNG\r\n\x1a\n" + samples.chunk(b"IHDR", bytes(13)), "ends before the picture"),
        (samples.raw_png([b""], 0, 8, 0), "damaged"),
        (samples.raw_png([b"\0"], 1, 8, 0).replace(b"IDAT", b"IDAX"), "damaged"),
        (b"II*\0\xff\xff\0\0", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"GIF89a", "damaged"),
        (b"BM" + bytes(60), "damaged|not a picture"),
        (b"\0\0\0\x1cftypavif" + bytes(60), "damaged|not a picture"),
    ],
)
def test_files_that_are_not_pictures_are_refused(tmp_path, content, words, capfd):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_photo(path)
    samples.assert_one_sentence(caught.value, path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_wrong_checksum_in_a_16_bit_png_is_refused(tmp_path, kind, capfd):
    damaged = bytearray(GOOD[".16.png"])
    damaged[damaged.index(kind) + 7] ^= 1
    path = tmp_path / "damaged.png"
    path.write_bytes(bytes(damaged))
    with pytest.raises(ImageError, match="a part of its data is damaged"):
        read_photo(path)
    assert capfd.readouterr().err == ""


def test_decoder_errors_become_one_sentence(tmp_path, monkeypatch):
    def fail(*args):
        raise ValueError("first\nsecond\x1b[31m" + "x" * 1000)

    monkeypatch.setattr("ppgan_mpr.imaging.read.decode", fail)
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    with pytest.raises(ImageError, match="firstsecond") as caught:
        read_photo(tmp_path / "a.png")
    samples.assert_one_sentence(caught.value, tmp_path / "a.png")
    assert str(caught.value).isprintable()


def test_unreadable_paths_are_explained(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    for name, words in (
        ("folder.png", "it is a folder"),
        ("link.png", "the link points to a missing file"),
        ("missing.png", "there is no such file"),
        ("nul\0.png", "null|NUL"),
        ("x" * 300, "[Ff]ile name too long"),
    ):
        with pytest.raises(ImageError, match=words) as caught:
            read_photo(tmp_path / name)
        samples.assert_one_sentence(caught.value, tmp_path / name)


def test_missing_permissions_are_explained(tmp_path):
    photo = from_array(samples.ramp())
    write_photo(photo, tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    if os.access(tmp_path / "a.png", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ImageError, match="Permission denied"):
        read_photo(tmp_path / "a.png")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ImageError, match="Permission denied"):
            write_photo(photo, tmp_path / "b.png")
    finally:
        tmp_path.chmod(0o700)


def test_symbolic_links_are_followed(tmp_path):
    write_photo(from_array(samples.ramp()), tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to("a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "link.png").pixels, samples.ramp())


def test_picture_with_damaged_metadata_is_read(tmp_path, capfd):
    for exif in (b"rubbish", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(20)):
        Image.fromarray(samples.ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
        photo = read_photo(tmp_path / "a.jpg")
        assert photo.size == (64, 48)
        for name in ("b.jpg", "b.tif", "b.png"):
            write_photo(photo, tmp_path / name)
            assert read_photo(tmp_path / name).size == (64, 48)
    assert capfd.readouterr().err == ""
