import io

import pytest
from PIL import Image
from video_samples import make_video

from ppgan_mpr.video.unreadable import reason_unreadable


@pytest.fixture
def reason(tmp_path):
    """A function that says why bytes are not a video."""

    def run(content):
        (tmp_path / "a.mp4").write_bytes(content)
        return reason_unreadable(tmp_path / "a.mp4")

    return run


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM"])
def test_a_picture_is_recognised(reason, name):
    content = io.BytesIO()
    Image.new("RGB", (20, 10)).save(content, name)
    assert reason(content.getvalue()).startswith("it is a picture, not a video")


def test_heic_is_recognised_as_a_picture(reason):
    assert reason(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").startswith("it is a picture")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_file_that_is_cut_off_lacks_its_index(tmp_path, reason, suffix):
    make_video(tmp_path / f"whole{suffix}", 30, noise=20)
    content = (tmp_path / f"whole{suffix}").read_bytes()
    index = content.rindex(b"moov") - 4
    for length in (20, index // 2, index, index + 4):
        assert reason(content[:length]) == "its index is missing: the file is cut off"
    for length in (index + 8, len(content) - 1):
        assert reason(content[:length]) == "its index is incomplete: the file is cut off"
    assert reason(content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\x24\0\0\0AVI LIST",
        b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\x03mdat",  # a box shorter than its header
        b"\x1a\x45\xdf\xa3" + bytes(100),
        b"words",
    ],
)
def test_the_reason_is_unknown_for_other_files(reason, content):
    assert reason(content) is None


def test_an_empty_file_is_named(reason):
    assert reason(b"") == "it is empty"
