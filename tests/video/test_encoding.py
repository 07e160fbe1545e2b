import io
import os
import subprocess
import sys

import numpy as np
import pytest
from video_samples import make_video, picture

from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging.limits import Limits
from ppgan_mpr.video.clip import inspect
from ppgan_mpr.video.encoding import PartEncoder, choose_encoding


def facts_of(tmp_path, *arguments, **options):
    make_video(tmp_path / "a.mkv", 2, *arguments, **options)
    return inspect(tmp_path / "a.mkv", Limits())


def test_the_same_frames_are_encoded_equally_whatever_the_memory_held(tmp_path):
    """With AVX-512, x264 would read memory that it has not set, at this width."""
    code = (
        "import hashlib, io, sys; from pathlib import Path\n"
        "from ppgan_mpr.imaging.limits import Limits\n"
        "from ppgan_mpr.video.clip import inspect\n"
        "from ppgan_mpr.video.encoding import PartEncoder, choose_encoding\n"
        "from video_samples import picture\n"
        "facts = inspect(Path(sys.argv[1]), Limits())\n"
        "file = io.BytesIO()\n"
        "encoder = PartEncoder(file, choose_encoding(facts, facts.size, 'matroska'))\n"
        "for number in range(48):\n"
        "    encoder.add(picture(number, facts.size, 9 if number > 30 else 0))\n"
        "encoder.finish()\n"
        "print(hashlib.md5(file.getvalue()).hexdigest())"
    )
    make_video(tmp_path / "a.mkv", 2, (160, 96))
    command = [sys.executable, "-c", code, str(tmp_path / "a.mkv")]
    path = os.pathsep.join(sys.path)
    found = {
        subprocess.check_output(
            command, env={**os.environ, "PYTHONPATH": path, "MALLOC_PERTURB_": filling}
        )
        for filling in ("90", "165")  # glibc fills new memory with such bytes
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    ("codec", "pixel_format", "encoder"),
    [
        ("libx264", "yuv420p", "libx264"),
        ("libvpx-vp9", "yuv420p", "libvpx-vp9"),
        ("ffv1", "yuv420p10le", "ffv1"),
        ("mpeg4", "yuv420p", "mpeg4"),
        ("prores_ks", "yuv422p10le", "prores_ks"),
    ],
)
def test_codec_and_pixel_format_of_the_source_are_the_default(
    tmp_path, codec, pixel_format, encoder
):
    facts = facts_of(tmp_path, codec=codec, pixel_format=pixel_format)
    encoding = choose_encoding(facts, facts.size, "matroska")
    assert (encoding.encoder, encoding.pixel_format) == (encoder, pixel_format)
    assert encoding.codec == facts.codec
    assert encoding.warnings == ()


def test_codec_and_quality_can_be_chosen(tmp_path):
    facts = facts_of(tmp_path, size=(64, 64))
    encoding = choose_encoding(facts, facts.size, "mp4", "hevc", 30)
    assert (encoding.encoder, encoding.options["crf"]) == ("libx265", "30")
    assert choose_encoding(facts, facts.size, "mp4", "libx265").codec == "hevc"


@pytest.mark.parametrize(
    ("codec", "crf", "message"),
    [
        ("h265x", None, "codec='h265x'"),
        (None, 52, "crf=52: give a whole number from 0 to 51"),
        (None, -1, "crf=-1"),
        ("ffv1", 3, "crf=3 does not suit ffv1"),
    ],
)
def test_wrong_options_are_named(tmp_path, codec, crf, message):
    facts = facts_of(tmp_path)
    with pytest.raises(UsageError) as caught:
        choose_encoding(facts, facts.size, "matroska", codec, crf)
    assert message in str(caught.value)


def test_a_smaller_bit_depth_gives_a_warning(tmp_path):
    facts = facts_of(tmp_path, codec="ffv1", pixel_format="yuv420p10le")
    encoding = choose_encoding(facts, facts.size, "matroska", "mpeg4")
    assert encoding.pixel_format == "yuv420p"
    assert "stores 8 bits per sample and the source has 10" in encoding.warnings[0]


def test_an_odd_size_keeps_every_pixel(tmp_path):
    facts = facts_of(tmp_path, size=(47, 31), codec="ffv1")
    encoding = choose_encoding(facts, facts.size, "matroska", "h264")
    assert encoding.pixel_format == "yuv444p"
    assert "47 x 31 is odd" in encoding.warnings[0]
    encode(encoding, [picture(size=(47, 31))])


@pytest.mark.parametrize("pixel_format", ["yuv444p", "gray", "bgr0"])
def test_an_odd_size_without_chroma_subsampling_gives_no_warning(tmp_path, pixel_format):
    facts = facts_of(tmp_path, size=(47, 31), codec="ffv1", pixel_format=pixel_format)
    assert choose_encoding(facts, facts.size, "matroska", "h264").warnings == ()


def test_transparency_is_lost_only_with_allow_loss(tmp_path):
    facts = facts_of(tmp_path, codec="ffv1", pixel_format="bgra")
    with pytest.raises(ImageError, match="transparency would be lost: allow_loss=True"):
        choose_encoding(facts, facts.size, "matroska")
    assert choose_encoding(facts, facts.size, "matroska", allow_loss=True).pixel_format == "bgr0"


def test_small_frames_are_refused_for_an_encoder_that_would_crash(tmp_path):
    facts = facts_of(tmp_path)
    with pytest.raises(ImageError, match="needs frames of 64 x 64 pixels or more"):
        choose_encoding(facts, facts.size, "matroska", "hevc")


def encode(encoding, pictures):
    file = io.BytesIO()
    encoder = PartEncoder(file, encoding)
    for one in pictures:
        encoder.add(one)
    return encoder.finish(), file.getvalue()


def test_encoding_the_same_frames_twice_gives_the_same_bytes(tmp_path):
    facts = facts_of(tmp_path)
    encoding = choose_encoding(facts, facts.size, "matroska")
    pictures = [picture(number, noise=9) for number in range(20)]
    order, content = encode(encoding, pictures)
    assert sorted(order) == [*range(20)]
    assert order != [*range(20)]  # because of B-frames
    assert encode(encoding, pictures) == (order, content)


def test_a_lower_quality_gives_a_smaller_file(tmp_path):
    facts = facts_of(tmp_path)
    pictures = [picture(number, noise=20) for number in range(4)]
    sizes = [
        len(encode(choose_encoding(facts, facts.size, "mp4", crf=crf), pictures)[1])
        for crf in (0, 20, 50)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[2]
    assert np.isfinite(sizes).all()
