"""Interrupted restorations continue after the last finished part and give the same result."""

import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from video_samples import make_video, packets_of

from ppgan_mpr.errors import ImageError
from ppgan_mpr.video import restore_video
from ppgan_mpr.video.parts import Part, Parts

FRAMES = 110  # two parts and the beginning of a third

SCRIPT = """
import sys
from ppgan_mpr import Predictor
from ppgan_mpr.video import restore_video
source, output, weights = sys.argv[1:]
predictor = Predictor(None, weights, task="Deraining", precision="f32", threads=1)
restore_video(source, output, predictor)
"""


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video with a cut in its second part."""
    path = tmp_path_factory.mktemp("video") / "a.mkv"
    seeds = [9 if number > 70 else 0 for number in range(FRAMES)]
    make_video(path, FRAMES, seeds=seeds, audio=True)
    return path


@pytest.fixture(scope="module")
def whole(video, predictor, tmp_path_factory):
    """The result of an uninterrupted restoration of ``video``."""
    output = tmp_path_factory.mktemp("whole") / "out.mkv"
    restore_video(video, output, predictor)
    return output


def same_video(one, other):
    return all(packets_of(one, kind) == packets_of(other, kind) for kind in ("video", "audio"))


def interrupt_at(frame, video, output, predictor):
    """Restore a video and raise KeyboardInterrupt at a frame."""

    def fail(done, total):
        if done == frame:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_video(video, output, predictor, progress=fail)


def test_a_killed_program_continues_after_its_last_part(tmp_path, root, video, whole, weights):
    output = tmp_path / "out.mkv"
    command = [sys.executable, "-c", SCRIPT, str(video), str(output), str(weights)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        while not list(tmp_path.glob(".*/0.json")):  # its first part is finished
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not output.exists()
    part = next(tmp_path.glob(".*/0.packets"))
    before = part.stat().st_mtime_ns, part.read_bytes()
    watched = []
    from ppgan_mpr import Predictor

    def watch(done, total):
        watched.append(done)
        assert (part.stat().st_mtime_ns, part.read_bytes()) == before

    by = Predictor(None, weights, task="Deraining", precision="f32", threads=1)
    restore_video(video, output, by, progress=watch)
    assert watched[0] >= 48
    assert watched[-1] == FRAMES
    assert same_video(output, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


def test_a_message_says_at_which_frame_the_work_continues(tmp_path, predictor, caplog, monkeypatch):
    make_video(tmp_path / "a.mp4", 60)
    with caplog.at_level(logging.INFO):
        interrupt_at(50, tmp_path / "a.mp4", tmp_path / "out.mp4", predictor)
        assert not any("continues" in line for line in caplog.messages)
        monkeypatch.chdir(tmp_path)  # another spelling of the same file continues, too
        restore_video("a.mp4", "out.mp4", predictor)
    lines = [line for line in caplog.messages if "continues" in line]
    assert lines == ["a.mp4 continues at frame 49 of 60"]


def test_a_scene_continues_after_an_interruption(tmp_path, video, whole, predictor):
    for frame in (60, 100):
        interrupt_at(frame, video, tmp_path / "out.mkv", predictor)
    assert not (tmp_path / "out.mkv").exists()
    seen = []
    restore_video(
        video, tmp_path / "out.mkv", predictor, progress=lambda done, _: seen.append(done)
    )
    assert seen[0] == 96
    assert same_video(tmp_path / "out.mkv", whole)


@pytest.mark.parametrize("change", ["source", "codec", "crf", "strength", "damage"])
def test_parts_of_another_job_or_damaged_parts_are_not_continued(
    tmp_path, video, make_predictor, predictor, change
):
    source = tmp_path / "a.mkv"
    source.write_bytes(video.read_bytes())
    interrupt_at(50, source, tmp_path / "out.mkv", predictor)
    by, options = predictor, {}
    if change == "source":
        make_video(source, 60, seeds=[3] * 60)
    elif change == "damage":
        part = next(tmp_path.glob(".*/0.packets"))
        part.write_bytes(part.read_bytes()[:-10])
    elif change == "strength":
        by = make_predictor(strength=0.5)
    else:
        options = {"codec": "mpeg4"} if change == "codec" else {"crf": 30}
    seen = []

    def stop(done, total):
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_video(source, tmp_path / "out.mkv", by, progress=stop, **options)
    assert seen == [1]


def a_part(frames=3):
    return Part([*range(frames)], [1] * frames, [*range(frames)], 4, {"tiles": 1})


def test_parts_are_found_again(tmp_path):
    with Parts(tmp_path / "out.mp4", {"a": 1}) as parts:
        with parts.writing() as file:
            file.write(b"1234")
        parts.add(a_part(), {"reference": np.arange(3)})
    with Parts(tmp_path / "out.mp4", {"a": 1}) as parts:
        assert (parts.finished, parts.frames) == ([a_part()], 3)
        assert parts.scene()["reference"].tolist() == [0, 1, 2]
        assert [file.read_bytes() for file in parts.files()] == [b"1234"]


def test_a_part_without_its_last_file_is_not_finished(tmp_path):
    with Parts(tmp_path / "out.mp4", {}) as parts:
        for _ in range(2):
            with parts.writing() as file:
                file.write(b"1234")
            parts.add(a_part(), {})
    (parts.folder / "1.json").unlink()
    with Parts(tmp_path / "out.mp4", {}) as parts:
        assert parts.frames == 3


def test_two_processes_cannot_make_the_same_output(tmp_path):
    with (
        Parts(tmp_path / "out.mp4", {}),
        pytest.raises(ImageError, match="is being written by another process"),
        Parts(tmp_path / "out.mp4", {}),
    ):
        pass


def test_dropped_parts_leave_no_files(tmp_path):
    with Parts(tmp_path / "out.mp4", {}) as parts:
        with parts.writing() as file:
            file.write(b"1234")
        parts.add(a_part(), {})
        parts.drop()
    assert list(tmp_path.iterdir()) == []
