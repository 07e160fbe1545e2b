from pathlib import Path

import pytest
from video_samples import make_video

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging.limits import Limits
from ppgan_mpr.video.clip import inspect
from ppgan_mpr.video.encoding import choose_encoding
from ppgan_mpr.video.muxing import check_container, container_of, decoding_times


def test_decoding_times_rise_and_are_never_late():
    orders = [[0, 3, 1, 2, 4], [0, 2, 1]]
    times = [0, 7, 30, 31, 50, 51, 90, 91]
    stored = [0, 3, 1, 2, 4, 5, 7, 6]
    found = list(decoding_times(orders, times, 10))
    assert all(a < b for a, b in zip(found, found[1:]))
    assert all(decode <= times[number] for decode, number in zip(found, stored))


def test_frames_stored_in_order_are_decoded_when_they_are_shown():
    assert list(decoding_times([[0, 1], [0, 1]], [5, 6, 9, 12], 1)) == [5, 6, 9, 12]


def test_unknown_suffixes_are_refused():
    assert container_of(Path("a.MKV")) == "matroska"
    with pytest.raises(ImageError, match=r"cannot be written as \.xyz"):
        container_of(Path("a.xyz"))


def chosen(video, output, **options):
    facts = inspect(video, Limits())
    return choose_encoding(facts, facts.size, container_of(output), **options)


def test_a_codec_that_the_container_cannot_hold_is_refused(tmp_path):
    make_video(tmp_path / "a.mkv", 1)
    encoding = chosen(tmp_path / "a.mkv", Path("a.webm"))
    with pytest.raises(
        ImageError, match=r"\.webm cannot hold h264: choose another one with codec="
    ):
        check_container(tmp_path / "a.mkv", Path("a.webm"), encoding, Limits(), False)


def test_sound_that_the_container_cannot_hold_is_left_out_only_with_allow_loss(tmp_path):
    make_video(tmp_path / "a.mkv", 3, codec="libvpx", audio=True)
    video, output = tmp_path / "a.mkv", Path("a.webm")
    encoding = chosen(video, output)
    with pytest.raises(ImageError, match=r"\.webm cannot hold its audio stream 1 \(aac\)"):
        check_container(video, output, encoding, Limits(), False)
    copied = check_container(video, output, encoding, Limits(), True)
    assert copied.numbers == ()
    assert "was left out" in copied.warnings[0]
