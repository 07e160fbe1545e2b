import json

import pytest
from video_samples import decoded, make_video

from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.video import restore_video


@pytest.fixture
def video(tmp_path):
    make_video(tmp_path / "clip.mkv", 2)
    return tmp_path / "clip.mkv"


def test_in_a_folder_the_result_is_named_and_listed_like_that_of_a_picture(
    tmp_path, video, predictor
):
    record = restore_video(video, tmp_path / "out", predictor)
    output = tmp_path / "out" / "Deraining" / "clip_restoration.mkv"
    assert record.output == str(output)
    assert len(decoded(output)) == 2
    (line,) = (tmp_path / "out" / "ppgan_mpr_manifest.jsonl").read_text().splitlines()
    assert json.loads(line)["output"] == "Deraining/clip_restoration.mkv"
    assert json.loads(line)["record"]["tiles"] == 1


def test_an_existing_output_is_left_alone(tmp_path, video, predictor):
    (tmp_path / "out.mkv").write_bytes(b"mine")
    with pytest.raises(ImageError, match="exists and was left alone"):
        restore_video(video, tmp_path / "out.mkv", predictor)
    assert (tmp_path / "out.mkv").read_bytes() == b"mine"


def test_an_existing_output_is_replaced_on_request(tmp_path, video, make_predictor):
    (tmp_path / "out.mkv").write_bytes(b"old")
    restore_video(video, tmp_path / "out.mkv", make_predictor(existing="overwrite"))
    assert len(decoded(tmp_path / "out.mkv")) == 2


def test_an_output_that_is_up_to_date_is_skipped(tmp_path, video, make_predictor):
    by = make_predictor(existing="skip")
    assert not restore_video(video, tmp_path / "out", by).skipped
    assert restore_video(video, tmp_path / "out", by).skipped
    again = restore_video(video, tmp_path / "out", by, crf=30)
    assert not again.skipped
    assert "was made with crf=None" in again.warnings[0]
    make_video(video, 3)
    assert "has changed" in restore_video(video, tmp_path / "out", by, crf=30).warnings[0]


def test_the_video_itself_is_never_the_output(video, make_predictor):
    with pytest.raises(UsageError, match="is the video itself"):
        restore_video(video, video, make_predictor(existing="overwrite"))


def test_a_private_video_stays_private(tmp_path, video, predictor):
    video.chmod(0o600)
    restore_video(video, tmp_path / "out.mkv", predictor)
    assert (tmp_path / "out.mkv").stat().st_mode & 0o077 == 0
