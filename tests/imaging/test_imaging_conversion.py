"""Conversion between codes and floats, padding indices, and names of formats."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging import RAW_SUFFIXES, SUFFIXES, format_suffix, read_photo
from ppgan_mpr.imaging.formats import WRITABLE
from ppgan_mpr.imaging.padding import source_indices
from ppgan_mpr.imaging.samples import rescale, to_dtype, to_float, white


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_code_is_divided_and_comes_back(dtype):
    codes = np.arange(white(dtype) + 1, dtype=dtype)
    unit = to_float(codes)
    assert unit.dtype == np.float32
    # the quotient rounded once, which a product with the reciprocal is not
    np.testing.assert_array_equal(unit, (codes.astype(np.float64) / white(dtype)).astype("f4"))
    for precision in ("float32", "float64"):
        np.testing.assert_array_equal(to_dtype(to_float(codes, precision), dtype), codes)


def test_floats_are_clipped_rounded_and_not_modified():
    values = np.array([-0.2, 0, 0.5 / 255, 0.6 / 255, 1, 1.7])
    given = values.copy()
    assert to_dtype(values, np.uint8).tolist() == [0, 0, 0, 1, 255, 255]
    assert to_dtype(values, np.float32).tolist()[-1] == 1
    np.testing.assert_array_equal(values, given)


def test_half_precision_reaches_all_16_bits():
    values = np.array([0.25, 0.75], np.float16)
    assert to_dtype(values, np.uint16).tolist() == [16384, 49151]


def test_codes_change_their_depth():
    codes = np.arange(256, dtype=np.uint8)
    deep = to_dtype(codes, np.uint16)
    np.testing.assert_array_equal(deep, codes.astype(int) * 257)
    np.testing.assert_array_equal(to_dtype(deep, np.uint8), codes)
    assert to_dtype(codes, np.uint8) is codes
    assert rescale(np.array([0, 1023], np.uint16), 1023, np.uint16).tolist() == [0, 65535]


@given(st.integers(8, 60), st.integers(1, 16), st.sampled_from(["both", "end"]))
def test_padding_is_opencvs_reflection(size, multiple, sides):
    if multiple >= size:
        multiple = size - 1
    rows = source_indices(size, multiple, sides)
    total = len(rows) - size
    before = total // 2 if sides == "both" else 0
    column = np.arange(size, dtype=np.float32)[:, None]
    mirrored = cv2.copyMakeBorder(column, before, total - before, 0, 0, cv2.BORDER_REFLECT_101)
    assert len(rows) % multiple == 0 and total < multiple
    assert rows.tolist() == mirrored[:, 0].tolist()


@pytest.mark.parametrize(
    ("size", "sides", "expected"),
    [
        (2, "both", [0, 0, 0, 0, 1, 1, 1, 1]),
        (2, "end", [0, 1, 1, 1, 1, 1, 1, 1]),
        (5, "both", [1, 0, 1, 2, 3, 4, 3, 2]),
        (5, "end", [0, 1, 2, 3, 4, 3, 2, 1]),
        (4, "end", [0, 1, 2, 3, 3, 3, 3, 3]),  # three rows can be mirrored, four are needed
        (8, "both", [*range(8)]),
    ],
)
def test_padding_repeats_the_edge_of_tiny_pictures(size, sides, expected):
    assert source_indices(size, 8, sides).tolist() == expected


def test_unknown_padding_is_refused():
    with pytest.raises(UsageError, match="padding='ends': did you mean end"):
        source_indices(5, 8, "ends")


@pytest.mark.parametrize(
    ("written", "suffix"),
    [
        ("jpeg", ".jpeg"),
        ("JPG", ".jpg"),
        (".tiff", ".tiff"),
        ("png", ".png"),
        ("JPEG2000", ".jp2"),
        ("Avif", ".avif"),
    ],
)
def test_format_names_become_suffixes(written, suffix):
    assert format_suffix(written) == suffix
    assert suffix in WRITABLE


@pytest.mark.parametrize(
    ("written", "hint"), [("jpgg", "did you mean jpg"), ("", "choose one of png"), ("gif", "gif")]
)
def test_unknown_formats_suggest_the_nearest(written, hint):
    with pytest.raises(UsageError, match=hint):
        format_suffix(written)


@pytest.mark.parametrize("suffix", [".CR3", ".nef", ".dng"])
def test_raw_files_are_refused_with_advice(tmp_path, suffix):
    assert suffix.lower() in RAW_SUFFIXES - SUFFIXES
    (tmp_path / f"a{suffix}").write_bytes(b"anything")
    with pytest.raises(ImageError, match=r"raw file: develop it to a 16-bit TIFF first$"):
        read_photo(tmp_path / f"a{suffix}")
    with pytest.raises(ImageError, match="no such file"):
        read_photo(tmp_path / f"b{suffix}")


@pytest.mark.parametrize("suffix", [".pcx", ".sgi", ".ras", ".dds", ".qoi"])
def test_formats_without_photographs_are_not_listed(suffix):
    assert suffix not in SUFFIXES
