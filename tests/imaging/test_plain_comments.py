"""Comments of netpbm and TGA files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ppgan_mpr.imaging import from_array, read_photo, unkept, write_photo

PIXELS = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(6, 8, 3)
PAM = b"P7\n# by Anna\nWIDTH 8\nHEIGHT 6\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.ppm", b"P6\n# by Anna\n8 6\n255\n"),
        ("a.ppm", b"P6 8 # by Anna\n6\n255\n"),
        ("a.pam", PAM),
    ],
)
def test_comment_of_a_netpbm_file_is_read_and_written(tmp_path, name, header):
    (tmp_path / name).write_bytes(header + PIXELS.tobytes())
    photo = read_photo(tmp_path / name)
    assert photo.metadata.comment == b"by Anna"
    write_photo(photo, tmp_path / "out.ppm")
    again = read_photo(tmp_path / "out.ppm")
    assert again.metadata.comment == b"by Anna"
    assert (again.pixels == PIXELS).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_number_signs_among_the_pixels_are_no_comment(tmp_path, dtype):
    photo = from_array(np.full((6, 8, 3), 0x2323, dtype="u2").astype(dtype))
    write_photo(photo, tmp_path / "a.ppm")
    again = read_photo(tmp_path / "a.ppm")
    assert again.metadata.comment is None
    assert (again.pixels == photo.pixels).all()


def test_comments_of_a_tga_file_are_read_and_written(tmp_path):
    header = struct.pack("<BBBHHBHHHHBB", 7, 0, 2, 0, 0, 0, 0, 0, 8, 6, 24, 0x20)
    picture = header + b"by Anna" + PIXELS[..., ::-1].tobytes()
    extension = struct.pack("<H", 495) + b"Bea".ljust(41, b"\0")
    extension += b"first".ljust(81, b"\0") + b"second".ljust(243, b"\0")
    footer = struct.pack("<II", len(picture), 0) + b"TRUEVISION-XFILE.\0"
    (tmp_path / "a.tga").write_bytes(picture + extension.ljust(495, b"\0") + footer)
    photo = read_photo(tmp_path / "a.tga")
    assert photo.metadata.comment == b"by Anna\nBea\nfirst\nsecond"
    write_photo(photo, tmp_path / "out.tga")
    assert read_photo(tmp_path / "out.tga").metadata.comment == photo.metadata.comment


def test_comment_too_long_for_a_tga_file_is_named_as_lost(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6\n#" + b"x" * 300 + b"\n8 6\n255\n" + PIXELS.tobytes())
    assert unkept(read_photo(tmp_path / "a.ppm"), ".tga") == ("the comment",)
