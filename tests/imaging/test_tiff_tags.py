from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.imaging.tiff_tags import (
    Entry,
    TiffError,
    pack_header,
    pack_tree,
    parse_header,
    read_ifd,
    read_tree,
)

EXIF, GPS = 34665, 34853


def entry(order, code, kind, *numbers):
    return Entry(kind, len(numbers), struct.pack(f"{order}{len(numbers)}{code}", *numbers))


def packed(tree, order):
    return pack_header(order, 8) + pack_tree(tree, order, 8)


def values(tree, order):
    """Tags -> numbers, in sub-directories too."""
    return {
        tag: values(item, order) if isinstance(item, dict) else item.numbers(order)
        for tag, item in tree.items()
    }


shorts = st.lists(st.integers(0, 65535), min_size=1, max_size=5)


@given(
    order=st.sampled_from("<>"),
    plain=st.dictionaries(st.integers(256, 30000), shorts, min_size=1, max_size=5),
    inner=st.dictionaries(st.integers(256, 30000), shorts, max_size=3),
)
def test_nested_directories_survive_a_round_trip(order, plain, inner):
    tree = {tag: entry(order, "H", 3, *numbers) for tag, numbers in plain.items()}
    tree[EXIF] = {tag: entry(order, "H", 3, *numbers) for tag, numbers in inner.items()}
    data = packed(tree, order)
    assert parse_header(data) == (order, False, 8)
    assert values(read_tree(data, order, 8), order) == values(tree, order)


def test_numbers_of_every_size_are_read():
    numbers = {
        258: ("H", 3, (8, 8, 8)), 256: ("I", 4, (70000,)), 282: ("II", 5, (300, 1)),
        700: ("B", 1, (1, 2, 3)), 33000: ("d", 12, (0.5,)), 33001: ("h", 8, (-7,)),
    }  # fmt: skip
    tree = {}
    for tag, (code, kind, stored) in numbers.items():
        count = len(stored) // len(code)
        tree[tag] = Entry(kind, count, struct.pack("<" + count * code, *stored))
    found, _ = read_ifd(packed(tree, "<"), "<", 8)
    assert {tag: item.numbers("<") for tag, item in found.items()} == {
        tag: stored for tag, (_, _, stored) in numbers.items()
    }


def test_number_is_overwritten_in_place():
    data = bytearray(packed({274: entry(">", "H", 3, 6), 256: entry(">", "I", 4, 70000)}, ">"))
    read_ifd(data, ">", 8)[0][274].overwrite(data, ">", 1)
    found = read_ifd(data, ">", 8)[0]
    assert (found[274].numbers(">"), found[256].numbers(">")) == ((1,), (70000,))


def test_value_outside_the_data_is_left_out_unless_strict():
    data = packed({258: entry("<", "H", 3, 8, 8, 8), 274: entry("<", "H", 3, 6)}, "<")[:-2]
    assert list(read_ifd(data, "<", 8)[0]) == [274]
    with pytest.raises(TiffError, match="the value of tag 258 is outside the data"):
        read_ifd(data, "<", 8, strict=True)


def test_invalid_and_circular_pointers_are_ignored():
    far = packed({EXIF: entry("<", "I", 4, 1 << 20), 274: entry("<", "H", 3, 6)}, "<")
    assert list(read_tree(far, "<", 8)) == [274]
    loop = packed({EXIF: entry("<", "I", 4, 8), GPS: entry("<", "I", 4, 8)}, "<")
    assert EXIF in read_tree(loop, "<", 8)


@pytest.mark.parametrize("data", [b"", b"II*\0", b"PNG!\0\0\0\0", b"II+\0\x08\0\0\0\x10\0\0\0"])
def test_other_data_is_refused(data):
    with pytest.raises(TiffError, match="not a TIFF structure"):
        parse_header(data)


def test_directory_of_a_bigtiff_is_read():
    header = b"II+\0" + struct.pack("<HHQ", 8, 0, 16)
    directory = struct.pack("<QHHQ4H", 1, 258, 3, 3, 8, 8, 8, 0) + bytes(8)
    order, big, first = parse_header(header + directory)
    found, pointer = read_ifd(header + directory, order, first, big)
    assert found[258].numbers(order) == (8, 8, 8)
    assert pointer == len(header) + len(directory) - 8
