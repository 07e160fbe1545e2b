"""Restoration of whole videos: the restored frames, the unchanged rest and the warnings."""

import contextlib
import threading
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from video_samples import (
    EVEN,
    TIME_BASE,
    decoded,
    make_video,
    packets_of,
    picture,
    rgb,
    times_of,
    turned,
)

from ppgan_mpr import AutoPredictor
from ppgan_mpr.apps.batch import StoppedError
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.inference.shared_statistics import SceneStatistics
from ppgan_mpr.video import restore_video
from ppgan_mpr.video.parts import Parts

LOSSLESS = {"codec": "ffv1", "pixel_format": "bgr0"}


@pytest.fixture
def restore(tmp_path, predictor):
    """A function that restores a video and returns the output path and the record."""

    def run(source, name="out.mkv", by=predictor, **options):
        record = restore_video(source, tmp_path / name, by, **options)
        return tmp_path / name, record

    return run


def test_each_frame_is_restored_with_the_statistics_of_its_scene(tmp_path, restore, predictor):
    make_video(tmp_path / "a.mkv", 5, seeds=[0, 0, 0, 9, 9], **LOSSLESS)
    output, record = restore(tmp_path / "a.mkv")
    frames = [rgb(frame) for frame in decoded(tmp_path / "a.mkv")]
    scene, expected = SceneStatistics(), []
    for number, frame in enumerate(frames):
        scene = SceneStatistics() if number == 3 else scene
        expected.append(predictor.restore_frame(frame, scene)[0])
    found = [rgb(frame) for frame in decoded(output)]
    assert len(found) == 5
    assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    for first in (0, 3):  # the first frames of both scenes
        assert np.array_equal(found[first], predictor.restore(frames[first]))
    assert not np.array_equal(found[2], predictor.restore(frames[2]))
    assert (record.size, record.tiles, record.error) == ((48, 32), 1, None)
    assert record.task == "Deraining" and record.warnings == ()
    assert record.weights_digest and record.seconds > 0


def test_still_areas_do_not_flicker_when_something_else_moves(tmp_path, restore, predictor):
    """With statistics of each frame alone, a change in one area changes the whole frame."""
    still = picture(size=(512, 32))
    frames = [still.copy() for _ in range(6)]
    for number, frame in enumerate(frames):
        frame[:, -40:] = 60 + 25 * number
    make_video(tmp_path / "a.mkv", pictures=frames, size=(512, 32), **LOSSLESS)
    output, _ = restore(tmp_path / "a.mkv")

    def changes(pictures):
        parts = [one[:, :64].astype(float) for one in pictures]  # far from the moving area
        return sum(np.abs(b - a).mean() for a, b in pairwise(parts))

    alone = changes([predictor.restore(frame) for frame in frames])
    together = changes([rgb(frame) for frame in decoded(output)])
    assert together < 0.2 * alone


def test_times_of_a_variable_frame_rate_are_kept(tmp_path, restore):
    times = [0, 300, 1700, 1900, 4000, 4001, 9000, 9100, 12800]
    make_video(tmp_path / "a.mp4", 9, times=times)
    output, _ = restore(tmp_path / "a.mp4", "out.mp4")
    assert [round(time / TIME_BASE) for time in times_of(output)] == times
    with av.open(str(output)) as container:
        assert container.streams.video[0].time_base == TIME_BASE


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_and_subtitles_are_copied(tmp_path, restore, suffix):
    source = tmp_path / f"a{suffix}"
    make_video(source, 30, audio=True, subtitles=suffix == ".mkv")
    output, _ = restore(source, f"out{suffix}")
    sound = packets_of(source, "audio")
    assert len(sound) > 10
    assert packets_of(output, "audio") == sound
    assert packets_of(output, "subtitle") == packets_of(source, "subtitle")
    assert bool(packets_of(output, "subtitle")) == (suffix == ".mkv")
    assert times_of(output) == times_of(source)


def test_chapters_attachments_and_tags_are_copied(tmp_path, restore):
    make_video(tmp_path / "plain.mkv", 3)
    chapter = {
        "id": 1, "start": 0, "end": 40, "time_base": Fraction(1, 1000),
        "metadata": {"title": "Start"},
    }  # fmt: skip
    with (
        av.open(str(tmp_path / "plain.mkv")) as source,
        av.open(str(tmp_path / "a.mkv"), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.metadata["language"] = "deu"
        target.add_attachment("font.ttf", "font/ttf", b"letters")
        target.set_chapters([chapter])
        target.metadata["title"] = "Holiday"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    output, record = restore(tmp_path / "a.mkv")
    assert record.warnings == ()
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Holiday"
        assert container.streams.video[0].metadata["language"] == "deu"
        assert [c["metadata"]["title"] for c in container.chapters()] == ["Start"]
        attached = [stream for stream in container.streams if stream.type == "attachment"]
        assert [(one.metadata["filename"], one.data) for one in attached] == [
            ("font.ttf", b"letters")
        ]


@pytest.mark.parametrize(
    ("suffix", "lost"),
    [
        (".mkv", None), (".mp4", None), (".avi", "chapters and tags (creation_time, location)"),
        (".ts", "chapters and tags (artist, creation_time, location, title)"),
    ],
)  # fmt: skip
def test_chapters_and_tags_that_the_container_cannot_hold_are_named(
    tmp_path, restore, suffix, lost
):
    make_video(tmp_path / "plain.mkv", 3)
    with (
        av.open(str(tmp_path / "plain.mkv")) as source,
        av.open(str(tmp_path / "a.mkv"), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        target.set_chapters(
            [{"id": 1, "start": 0, "end": 1, "time_base": Fraction(1, 10), "metadata": {}}]
        )
        target.metadata.update(
            title="Holiday", artist="Me", location="+48+011/", creation_time="2026-11-23T10:00:00Z"
        )
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    _, record = restore(tmp_path / "a.mkv", f"out{suffix}")
    assert _lost_of(record) == (
        [f"{suffix} does not keep its {lost}: choose an output such as clip.mkv"] if lost else []
    )


def test_tags_of_the_stream_that_the_container_cannot_hold_are_named(tmp_path, restore):
    """Ogg has the tags of a whole video in its streams."""
    make_video(tmp_path / "plain.mkv", 3, codec="libvpx")
    with (
        av.open(str(tmp_path / "plain.mkv")) as source,
        av.open(str(tmp_path / "a.ogv"), "w", format="ogg") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        target.metadata.update(title="Holiday", copyright="Me")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    _, record = restore(tmp_path / "a.ogv", "out.avi")
    (warning,) = _lost_of(record)
    assert "copyright" in warning and "encod" not in warning


def _lost_of(record):
    return [warning for warning in record.warnings if "does not keep" in warning]


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix", "colours"),
    [
        ("libx264", "yuv420p", ".mp4", (1, 1, 1, 1)),
        ("libx264", "yuv420p", ".mp4", (2, 1, 13, 5)),
        ("libx264", "yuv422p10le", ".mkv", (1, 9, 14, 9)),
        ("ffv1", "yuv420p10le", ".mkv", (1, 9, 14, 9)),
    ],
)
def test_bit_depth_and_colours_are_kept(tmp_path, restore, codec, pixel_format, suffix, colours):
    names = ("color_range", "color_primaries", "color_trc", "colorspace")
    source = tmp_path / f"a{suffix}"
    make_video(source, 2, codec=codec, pixel_format=pixel_format, **dict(zip(names, colours)))
    output, record = restore(source, f"out{suffix}")
    (frame, *_), (original, *_) = decoded(output), decoded(source)
    assert frame.format.name == original.format.name
    assert tuple(getattr(frame, name) for name in names) == colours
    assert record.warnings == ()


def test_ten_bits_are_restored_as_sixteen(tmp_path, restore, make_predictor):
    """At strength 0 the result still has levels between those of 8 bits."""
    make_video(tmp_path / "a.mkv", 1, codec="ffv1", pixel_format="yuv444p10le")
    output, _ = restore(tmp_path / "a.mkv", by=make_predictor(strength=0.0))
    before, after = (decoded(path)[0] for path in (tmp_path / "a.mkv", output))
    luma = [np.frombuffer(f.planes[0], np.uint16).astype(int) for f in (before, after)]
    assert np.abs(luma[0] - luma[1]).max() <= 1
    assert len(np.unique(luma[1] % 4)) == 4


def test_pixel_aspect_ratio_is_kept(tmp_path, restore):
    make_video(tmp_path / "a.mp4", 2, sample_aspect_ratio=Fraction(4, 3))
    output, record = restore(tmp_path / "a.mp4", "out.mp4")
    with av.open(str(output)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
    assert record.warnings == ()
    _, record = restore(tmp_path / "a.mp4", "out.mkv", codec="ffv1")
    assert any("pixel aspect ratio, 4/3" in warning for warning in record.warnings)


@pytest.mark.parametrize(
    ("degrees", "mirrored", "turn"),
    [
        (90, False, lambda pixels: np.rot90(pixels)),
        (-90, False, lambda pixels: np.rot90(pixels, -1)),
        (180, False, lambda pixels: pixels[::-1, ::-1]),
        (0, True, lambda pixels: pixels[:, ::-1]),
    ],
)
def test_rotation_is_applied_to_the_pixels(
    tmp_path, restore, make_predictor, degrees, mirrored, turn
):
    make_video(tmp_path / "plain.mp4", 2, sample_aspect_ratio=Fraction(4, 3))
    turned(tmp_path / "plain.mp4", tmp_path / "a.mp4", degrees, mirrored)
    by = make_predictor(strength=0.0)
    output, record = restore(tmp_path / "a.mp4", by=by, crf=1)
    (frame, *_), (original, *_) = decoded(output), decoded(tmp_path / "plain.mp4")
    expected = turn(rgb(original))
    assert record.size == expected.shape[1::-1]
    assert frame.rotation == 0
    assert np.abs(rgb(frame).astype(int) - expected).mean() < 2  # chroma has half the resolution
    with av.open(str(output)) as container:
        aspect = container.streams.video[0].sample_aspect_ratio
    assert aspect == (Fraction(3, 4) if abs(degrees) == 90 else Fraction(4, 3))


def test_strength_and_max_size_apply_to_frames(tmp_path, restore, make_predictor):
    make_video(tmp_path / "a.mkv", 2, **LOSSLESS)
    output, record = restore(tmp_path / "a.mkv", by=make_predictor(strength=0.0, max_size=24))
    assert record.size == (24, 16)
    assert abs(rgb(decoded(output)[0]).mean() - picture().mean()) < 1


def test_a_truncated_video_gives_the_frames_that_can_be_read_and_a_warning(tmp_path, restore):
    make_video(tmp_path / "a.mkv", 50, noise=20)
    content = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(content[: len(content) // 2])
    output, record = restore(tmp_path / "a.mkv")
    assert 10 < len(decoded(output)) < 40
    read = len(decoded(output))
    (warning,) = record.warnings  # Matroska stores no number of frames
    assert warning == f"only the first {read} frames could be read; the file ends early"


def test_a_truncated_video_that_states_its_length_gives_both_numbers(tmp_path, restore):
    make_video(tmp_path / "plain.mp4", 50, noise=20)
    options = {"movflags": "faststart"}  # the index precedes the frames
    with (
        av.open(str(tmp_path / "plain.mp4")) as source,
        av.open(str(tmp_path / "a.mp4"), "w", options=options) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content[: len(content) // 2])
    output, record = restore(tmp_path / "a.mp4", "out.mp4")
    read = len(decoded(output))
    expected = f"the file ends early: only {read} of 50 frames could be read"
    assert expected in record.warnings


def test_damage_in_the_middle_gives_a_warning(tmp_path, restore):
    make_video(tmp_path / "a.mkv", 30, codec="mpeg4", noise=20)
    content = bytearray((tmp_path / "a.mkv").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    (tmp_path / "a.mkv").write_bytes(bytes(content))
    _, record = restore(tmp_path / "a.mkv")
    assert any("damaged" in warning for warning in record.warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"These are words. " * 50, "it is not a video of a known format, or it is damaged"),
        (bytes(range(256)) * 40, "it is not a video of a known format, or it is damaged"),
        (b"\0\0\0\x10ftypisom\0\0\0\0", "its index is missing: the file is cut off"),
    ],
)
def test_a_file_that_is_not_a_video_gives_a_one_line_error(tmp_path, restore, content, message):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ImageError) as caught:
        restore(tmp_path / "a.mp4")
    assert str(caught.value) == message
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_file_with_sound_only_is_refused(tmp_path, restore):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ImageError, match="contains no video"):
        restore(tmp_path / "a.mkv")


def test_an_interlaced_video_is_refused(tmp_path, restore):
    options = {"preset": "ultrafast", "x264-params": "interlaced=1"}
    make_video(tmp_path / "a.mp4", 3, size=(48, 64), options=options)
    with pytest.raises(ImageError, match=r"interlaced.*deinterlace it first"):
        restore(tmp_path / "a.mp4")


def test_hdr_is_kept_and_gives_a_warning(tmp_path, restore):
    colours = {"color_range": 1, "color_primaries": 9, "color_trc": 16, "colorspace": 9}
    make_video(tmp_path / "a.mkv", 2, codec="ffv1", pixel_format="yuv420p10le", **colours)
    output, record = restore(tmp_path / "a.mkv")
    assert decoded(output)[0].color_trc == 16
    assert any("HDR (PQ)" in warning for warning in record.warnings)


def test_a_frame_that_does_not_fit_into_memory_loses_no_finished_part(
    tmp_path, restore, make_predictor, monkeypatch
):
    make_video(tmp_path / "a.mkv", 60)
    by = make_predictor()
    restore_frame, calls = by.restore_frame, []

    def fails_later(*arguments):
        calls.append(1)
        if len(calls) == 55:
            raise MemoryError
        return restore_frame(*arguments)

    monkeypatch.setattr(by, "restore_frame", fails_later)
    with pytest.raises(ImageError, match="frame 55 does not fit into memory; 48 restored frames"):
        restore(tmp_path / "a.mkv", by=by)
    assert not (tmp_path / "out.mkv").exists()
    restore(tmp_path / "a.mkv", by=by)
    assert len(decoded(tmp_path / "out.mkv")) == 60
    assert len(calls) == 55 + 12  # the first part was not restored again


def test_an_error_closes_the_unfinished_part(tmp_path, restore, make_predictor, monkeypatch):
    make_video(tmp_path / "a.mkv", 10)
    by, files, calls = make_predictor(), [], []
    restore_frame, writing = by.restore_frame, Parts.writing

    def fails_later(*arguments):
        calls.append(1)
        if len(calls) == 9:
            raise MemoryError
        return restore_frame(*arguments)

    @contextlib.contextmanager
    def watched(self):
        with writing(self) as file:
            files.append(file)
            yield file

    monkeypatch.setattr(by, "restore_frame", fails_later)
    monkeypatch.setattr(Parts, "writing", watched)
    with pytest.raises(ImageError, match="does not fit into memory") as caught:
        restore(tmp_path / "a.mkv", by=by)
    assert [file.closed for file in files] == [True]
    assert caught.value.__context__ is not None  # so nothing has been collected as garbage
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_progress_counts_frames(tmp_path, restore):
    seen = []
    make_video(tmp_path / "a.mp4", 4)
    restore(tmp_path / "a.mp4", "out.mp4", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_stopping_before_the_first_part_keeps_nothing(tmp_path, restore):
    make_video(tmp_path / "a.mkv", 10)
    stop = threading.Event()
    with pytest.raises(StoppedError, match="no frames are kept"):
        restore(tmp_path / "a.mkv", stop=stop, progress=lambda done, _: stop.set())
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_the_automatic_task_is_refused(tmp_path):
    make_video(tmp_path / "a.mkv", 1)
    with pytest.raises(UsageError, match="name the task"):
        restore_video(tmp_path / "a.mkv", tmp_path / "out.mkv", AutoPredictor(None))


def test_memory_does_not_grow_with_the_length(tmp_path, restore, make_predictor, monkeypatch):
    """Frames are decoded only a few ahead of the one that is restored."""
    make_video(tmp_path / "a.mkv", 40, **LOSSLESS)
    by = make_predictor()
    alive, most = [0], [0]

    class Counted(np.ndarray):
        def __del__(self):
            alive[0] -= 1

    read = __import__("ppgan_mpr.video.pixels", fromlist=["PixelReader"]).PixelReader
    original = read.__call__

    def counted(self, frame):
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        return original(self, frame).view(Counted)

    monkeypatch.setattr(read, "__call__", counted)
    restore(tmp_path / "a.mkv", by=by)
    assert most[0] <= 8
    assert EVEN  # frames are at 25 a second
