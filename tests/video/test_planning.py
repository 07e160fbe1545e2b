"""Plans of videos, which restore and write nothing."""

import pytest
from video_samples import make_video

from ppgan_mpr.apps.pace import Pace
from ppgan_mpr.errors import UsageError
from ppgan_mpr.video import restore_video
from ppgan_mpr.video.planning import plan_video


@pytest.fixture
def clip(tmp_path):
    make_video(tmp_path / "clip.mp4", 3, audio=True)
    return tmp_path / "clip.mp4"


def test_plan_agrees_with_the_restoration(clip, tmp_path, make_predictor):
    plan = plan_video(clip, tmp_path / "out", make_predictor(dry_run=True, tile=64))
    assert not (tmp_path / "out").exists()
    record = restore_video(clip, tmp_path / "out", make_predictor(tile=64))
    assert plan.to_do and plan.frames == 3
    names = ("source", "output", "size", "tiles", "tile", "network", "task", "backend", "warnings")
    for name in names:
        assert getattr(plan, name) == getattr(record, name)


def test_plan_of_a_video_with_an_existing_output_fails_or_skips_it(
    clip, tmp_path, predictor, make_predictor
):
    restore_video(clip, tmp_path / "out", predictor)
    assert "was left alone" in plan_video(clip, tmp_path / "out", predictor).error
    skipping = make_predictor(dry_run=True, existing="skip")
    assert plan_video(clip, tmp_path / "out", skipping).skipped


@pytest.mark.parametrize(
    ("options", "message"),
    [({"codec": "hevc"}, "libx265 needs frames of"), ({}, "cannot hold its audio stream")],
    ids=["encoder", "container"],
)
def test_plan_reports_errors_that_show_before_the_first_frame(
    clip, tmp_path, predictor, options, message
):
    output = tmp_path / ("a.mp4" if options else "a.ivf")
    codec = {} if options else {"codec": "av1"}
    assert message in plan_video(clip, output, predictor, **options, **codec).error


def test_file_that_is_no_video_would_fail(tmp_path, predictor):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    assert "not a video" in plan_video(tmp_path / "clip.mp4", tmp_path / "out", predictor).error


def test_time_is_that_of_all_frames(clip, tmp_path, predictor, monkeypatch):
    monkeypatch.setattr(Pace, "remembered", lambda self: 48 * 32 / 10)
    assert plan_video(clip, tmp_path / "out", predictor).seconds == pytest.approx(3 * 10)


def test_speed_of_restored_frames_is_remembered(clip, tmp_path, predictor, monkeypatch):
    noted, saved = [], []
    monkeypatch.setattr(Pace, "note", lambda _, pixels, moments: noted.append((pixels, moments)))
    monkeypatch.setattr(Pace, "save", lambda _: saved.append(len(noted)))
    restore_video(clip, tmp_path / "out", predictor)
    assert [pixels for pixels, _ in noted] == [48 * 32] * 3
    assert all(begun < finished for _, (begun, finished) in noted)
    assert saved == [3]


def test_predictor_of_a_dry_run_restores_no_video(clip, tmp_path, make_predictor):
    with pytest.raises(UsageError, match="dry_run=True"):
        restore_video(clip, tmp_path / "out", make_predictor(dry_run=True))
