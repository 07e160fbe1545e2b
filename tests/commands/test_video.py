"""Videos on the command line."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

pytest.importorskip("av", reason="videos need PyAV")

from video_samples import decoded, make_video

from ppgan_mpr.apps.pace import Pace
from ppgan_mpr.commands.restore import main
from ppgan_mpr.commands.video import FrameProgress
from ppgan_mpr.weights.formats import write_file

DENOISE = ["--task", "Denoising", "--model", "lite"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, tensors):
    """Options that choose a tiny network."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pdparams"
    write_file(path, tensors)
    return ["--task", "Deraining", "--precision", "f32", "--weight_path", str(path)]


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A video in the current folder."""
    monkeypatch.chdir(tmp_path)
    make_video("clip.mp4", 3, audio=True)
    return "clip.mp4"


def test_a_video_is_restored_like_a_picture(clip, tmp_path, capsys, tiny):
    assert main([clip, *tiny, "--report", "report.json"]) == 0
    output = tmp_path / "output_dir" / "Deraining" / "clip_restoration.mp4"
    assert len(decoded(output)) == 3
    lines = capsys.readouterr().out.splitlines()
    assert "clip.mp4 -> output_dir" in lines[0] and "48x32" in lines[0]
    assert lines[1].startswith("1 restored in")
    (record,) = json.loads((tmp_path / "report.json").read_text())
    assert record["options"]["codec"] is None and record["size"] == [48, 32]
    assert main([clip, *tiny]) == 1
    assert "--skip-existing" in capsys.readouterr().err
    assert main([clip, *tiny, "--skip-existing"]) == 0
    assert "1 skipped" in capsys.readouterr().out


def test_an_output_file_codec_and_quality_can_be_named(clip, capsys, tiny):
    assert main([clip, *tiny, "-o", "better.mkv", "--codec", "mpeg4", "--crf", "5", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["output"], record["options"]["codec"]) == ("better.mkv", "mpeg4")
    assert len(decoded("better.mkv")) == 3


def test_pictures_and_videos_go_together(clip, tmp_path, capsys, tiny):
    Image.new("RGB", (12, 9), (90, 80, 70)).save("photo.png")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    assert main(["broken.mp4", clip, "photo.png", *tiny]) == 1
    captured = capsys.readouterr()
    assert "2 restored, 1 failed" in captured.out
    assert "broken.mp4: failed: it is not a video" in captured.err
    made = sorted(path.name for path in (tmp_path / "output_dir" / "Deraining").iterdir())
    assert made == ["clip_restoration.mp4", "photo_restoration.png"]


def test_videos_in_a_folder_are_passed_over_with_a_hint(clip, tmp_path, capsys, tiny):
    Image.new("RGB", (12, 9), (90, 80, 70)).save("photo.png")
    assert main([".", *tiny]) == 0
    captured = capsys.readouterr()
    assert "1 restored, 1 other file passed over (1 .mp4)" in captured.out
    assert "1 video(s) in . were passed over (clip.mp4): name a video itself" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clip.mp4", "--task", "auto"], "--task auto chooses a task for each picture"),
        (["clip.mp4", *DENOISE, "--compare"], "--compare does not support videos"),
        (["clip.mp4", "clip.mp4", "photo.png", *DENOISE, "-o", "x.mp4"], "names one video"),
        (["photo.png", *DENOISE, "--codec", "h264"], "--codec is for videos"),
        (["clip.mp4", *DENOISE, "--codec", "h2"], "--codec h2"),
        (["clip.mp4", *DENOISE, "--stages"], "--stages"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(clip, capsys, arguments, message):
    Image.new("RGB", (12, 9), (90, 80, 70)).save("photo.png")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_dry_run_plans_pictures_and_videos(clip, tmp_path, capsys, tiny, monkeypatch):
    monkeypatch.setattr(Pace, "remembered", lambda self: 48 * 32 / 10)
    Image.new("RGB", (48, 32), (90, 80, 70)).save("photo.png")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "clip.mp4").write_bytes((tmp_path / "clip.mp4").read_bytes())
    assert main([clip, "more/clip.mp4", "photo.png", *tiny, "--dry-run"]) == 0
    photo, first, second, summary = capsys.readouterr().out.splitlines()
    assert photo.startswith("photo.png -> ")
    expected = "output_dir/Deraining/clip_restoration.mp4  48x32  3 frames  1 tile  about 30 s"
    assert first == f"clip.mp4 -> {expected}"
    failure = "would fail: its result would overwrite that of clip.mp4"
    assert second.startswith(f"more/clip.mp4: {failure}")
    assert summary.startswith("would restore 2, fail to restore 1, by MPRNet (")
    assert ", about 40 s, up to " in summary
    assert summary.endswith(" of memory for 1 of them")
    assert not (tmp_path / "output_dir").exists()


def test_dry_run_of_a_video_alone(clip, capsys, tiny):
    assert main([clip, *tiny, "--dry-run", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["frames"] == 3


def test_two_videos_of_one_name_do_not_overwrite_each_other(clip, tmp_path, capsys, tiny):
    (tmp_path / "other").mkdir()
    make_video("other/clip.mp4", 2)
    assert main([clip, "other/clip.mp4", *tiny, "--overwrite"]) == 1
    assert "its result would overwrite that of clip.mp4" in capsys.readouterr().err
    assert len(decoded("output_dir/Deraining/clip_restoration.mp4")) == 3


def test_without_pyav_the_extra_is_named(clip, tmp_path, root, tiny):
    (tmp_path / "av.py").write_text("raise ModuleNotFoundError(name='av')")
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, clip, *tiny],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"},
    )
    assert done.returncode == 1
    assert "PyAV, which needs Python 3.11 or newer" in done.stderr
    assert "[video]'" in done.stderr


@pytest.mark.parametrize("kept", [0, 480])
def test_the_time_left_is_logged_once_without_a_terminal(caplog, kept):
    now = 0.0
    with caplog.at_level(logging.INFO):
        progress = FrameProgress("clip.mp4", clock=lambda: now)
        if kept:
            progress(kept, 1000)
        now += 1000  # the network is compiled before the first frame
        for done in range(kept + 1, 1001):
            now += 2
            progress(done, 1000)
            if done == kept + 1:
                assert caplog.messages == []
    assert caplog.messages == [f"about {'33' if not kept else '17'} min left for clip.mp4"]


@pytest.mark.parametrize("total", [20, None])
def test_no_time_left_is_logged_for_a_short_video_or_an_unknown_length(caplog, total):
    now = 0.0
    with caplog.at_level(logging.INFO):
        progress = FrameProgress("clip.mp4", clock=lambda: now)
        for done in range(1, 21):
            now += 2
            progress(done, total)
    assert caplog.messages == []


def test_ctrl_c_says_which_frames_are_kept(clip, tmp_path, root, tiny):
    make_video(tmp_path / "clip.mkv", 600)
    script = root / "applications" / "tools" / "mprnet.py"
    process = subprocess.Popen(
        [sys.executable, str(script), "clip.mkv", *tiny], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = tmp_path / "output_dir" / "Deraining"
    while not list(folder.glob(".*/0.json")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "restored frames are kept in output_dir" in errors
    assert "Traceback" not in errors
    assert list(folder.glob(".*/0.json"))
