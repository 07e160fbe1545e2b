"""Extensions of GIF files that Pillow does not read."""

from __future__ import annotations

import pytest
from PIL import Image, ImageCms

from ppgan_mpr.imaging import read_photo

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + b"caption " * 100 + b"</x:xmpmeta>"


@pytest.fixture
def gif(tmp_path):
    """A function that writes a GIF: an extension behind or before the picture → path."""

    def write(extension, behind):
        path = tmp_path / "picture.gif"
        Image.new("P", (16, 8)).save(path, comment=b"a comment")
        content = path.read_bytes()
        at = len(content) - 1 if behind else 13 + 3 * (2 << (content[10] & 7))
        path.write_bytes(content[:at] + extension + content[at:])
        return path

    return write


@pytest.mark.parametrize("behind", [False, True])
def test_xmp_is_read(gif, behind):
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    metadata = read_photo(gif(b"\x21\xff\x0bXMP DataXMP" + XMP + trailer, behind)).metadata
    assert metadata.xmp == XMP and metadata.comment == b"a comment"


def test_colour_profile_is_read(gif):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    parts = (profile[at : at + 255] for at in range(0, len(profile), 255))
    blocks = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    photo = read_photo(gif(b"\x21\xff\x0bICCRGBG1012" + blocks, behind=False))
    assert photo.metadata.icc_profile == profile
