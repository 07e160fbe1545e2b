import pytest
from video_samples import EVEN, make_video, turned

from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging.limits import Limits
from ppgan_mpr.video.clip import Problems, inspect, read_frames


def test_properties_of_a_video_are_read(tmp_path):
    make_video(tmp_path / "a.mp4", 5, size=(40, 24), pixel_format="yuv422p10le")
    facts = inspect(tmp_path / "a.mp4", Limits())
    assert (facts.codec, facts.pixel_format, facts.size, facts.depth) == (
        "h264", "yuv422p10le", (40, 24), 10,
    )  # fmt: skip
    assert (facts.rate, facts.frames, facts.usual_duration) == (25, 5, EVEN)
    assert facts.seconds == pytest.approx(0.2)
    assert facts.dropped == () and facts.hdr is None


def test_shown_size_follows_the_rotation(tmp_path):
    make_video(tmp_path / "a.mp4", 1, size=(40, 24))
    turned(tmp_path / "a.mp4", tmp_path / "b.mp4", 90)
    assert inspect(tmp_path / "b.mp4", Limits()).shown_size == (24, 40)


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {0}\n",
    "dash": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><BaseURL>{0}</BaseURL>'
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_that_name_other_files_are_refused(tmp_path, kind):
    make_video(tmp_path / "secret.mp4", 1)
    (tmp_path / "a.mp4").write_text(PLAYLISTS[kind].format(tmp_path / "secret.mp4"))
    with pytest.raises(ImageError, match="it is not a video"):
        inspect(tmp_path / "a.mp4", Limits())


def test_a_path_is_never_read_as_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "a.mkv", 1)
    (tmp_path / "a.mkv").rename(tmp_path / "concat:a.mkv")
    from pathlib import Path

    assert inspect(Path("concat:a.mkv"), Limits()).frames
    with pytest.raises(ImageError):
        inspect(Path("http://127.0.0.1/a.mkv"), Limits())


def test_frames_over_the_limit_of_pictures_are_refused(tmp_path):
    make_video(tmp_path / "a.mp4", 1, size=(640, 480))
    with pytest.raises(ImageError, match="picture_limit="):
        inspect(tmp_path / "a.mp4", Limits(nbytes=640 * 480 * 3))


def test_frames_without_times_get_rising_times(tmp_path):
    """A file of H.264 without a container has no times."""
    make_video(tmp_path / "a.h264", 4)
    facts, problems = inspect(tmp_path / "a.h264", Limits()), Problems()
    frames = list(read_frames(tmp_path / "a.h264", facts, Limits(), problems))
    assert [frame.number for frame in frames] == [0, 1, 2, 3]
    assert sorted({frame.time for frame in frames}) == [frame.time for frame in frames]
    assert problems.retimed == 4


def test_reading_can_start_at_a_later_frame(tmp_path):
    make_video(tmp_path / "a.mkv", 6)
    facts = inspect(tmp_path / "a.mkv", Limits())
    frames = read_frames(tmp_path / "a.mkv", facts, Limits(), Problems(), first=4)
    assert [(frame.number, frame.time) for frame in frames] == [(4, 160), (5, 200)]


def test_a_video_is_refused_at_the_frame_that_changes_its_size(tmp_path):
    make_video(tmp_path / "a.ts", 3)
    make_video(tmp_path / "b.ts", 3, size=(64, 48))
    content = (tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(content)
    facts = inspect(tmp_path / "a.ts", Limits())
    with pytest.raises(ImageError, match="frame 4 is 64 x 48 pixels and the first is 48 x 32"):
        list(read_frames(tmp_path / "a.ts", facts, Limits(), Problems()))
