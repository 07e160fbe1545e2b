from __future__ import annotations

import io

import pytest
from PIL import Image

from ppgan_mpr.imaging.png_chunks import SIGNATURE, chunk, is_critical, walk


@pytest.fixture
def data():
    """A PNG written by Pillow, with a pHYs chunk."""
    file = io.BytesIO()
    info = Image.new("L", (5, 3))
    info.save(file, format="PNG", dpi=(300, 300))
    return file.getvalue()


def test_joined_chunks_equal_the_file(data):
    chunks = [(kind, data[start:end]) for kind, start, end in walk(data)]
    assert [kind for kind, _ in chunks] == [b"IHDR", b"pHYs", b"IDAT", b"IEND"]
    assert SIGNATURE + b"".join(chunk(*item) for item in chunks) == data


def test_walk_may_end_before_a_chunk_whose_body_is_missing(data):
    start = data[: data.index(b"IDAT") + 4]
    assert [kind for kind, _, _ in walk(start, stop=b"IDAT")] == [b"IHDR", b"pHYs"]
    for cut in (start, data[:-2], data[:-6], SIGNATURE):
        with pytest.raises(ValueError, match="ends before the picture does"):
            list(walk(cut))


def test_only_critical_chunks_begin_with_a_capital():
    assert is_critical(b"IDAT") and is_critical(b"PLTE")
    assert not is_critical(b"tEXt") and not is_critical(b"eXIf")
