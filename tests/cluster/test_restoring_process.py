import pytest
from cluster_samples import FAILING, KILLER, job, write_pictures

from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.restoring_process import Request, RestoringProcess
from ppgan_mpr.errors import UsageError


def requests(folder):
    for path in sorted(folder.iterdir()):
        yield Request(Item(str(path), str(path), path.stem), path.read_bytes())


def test_only_the_picture_that_kills_the_process_fails(tmp_path, killing):
    write_pictures(tmp_path / "in", 6)
    (tmp_path / "in" / f"p00002{KILLER}.png").write_bytes(b"whatever")
    process = RestoringProcess(job(tmp_path / "out", jobs=2))
    answers = {answer.item.stem: answer for answer in process.restore(requests(tmp_path / "in"))}
    process.end()
    assert len(answers) == 7
    failed = {stem: answer.record.error for stem, answer in answers.items() if answer.record.error}
    assert set(failed) == {f"p00002{KILLER}"}
    assert "SIGKILL" in failed[f"p00002{KILLER}"]
    assert all(answer.files for stem, answer in answers.items() if stem not in failed)


def test_unexpected_error_fails_only_its_picture(tmp_path, killing):
    write_pictures(tmp_path / "in", 3)
    (tmp_path / "in" / f"p00001{FAILING}.png").write_bytes(b"whatever")
    process = RestoringProcess(job(tmp_path / "out", jobs=2))
    answers = {answer.item.stem: answer for answer in process.restore(requests(tmp_path / "in"))}
    assert "exit code 0" in process.end()  # it was not started again
    failed = {stem: answer.record.error for stem, answer in answers.items() if answer.record.error}
    assert set(failed) == {f"p00001{FAILING}"} and len(answers) == 4
    assert "ArithmeticError: unexpected" in failed[f"p00001{FAILING}"]


def test_job_that_cannot_be_done_is_refused(tmp_path):
    with pytest.raises(UsageError, match="f32"):
        RestoringProcess(job(tmp_path, backend="onnxruntime", precision="bf16"))


def test_answers_match_their_pictures_after_an_abandoned_run(tmp_path):
    write_pictures(tmp_path / "in", 5)
    process = RestoringProcess(job(tmp_path / "out", jobs=2))
    abandoned = process.restore(requests(tmp_path / "in"))
    next(abandoned)
    abandoned.close()
    answers = list(process.restore(reversed(list(requests(tmp_path / "in")))))
    process.end()
    assert len(answers) == 5
    assert all(answer.record.source == answer.item.source for answer in answers)
