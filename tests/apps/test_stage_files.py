"""Files with the outputs of earlier stages, also after a run that was killed."""

import threading

import numpy as np
import pytest
from apps_samples import picture
from PIL import Image

from ppgan_mpr import MPRPredictor
from ppgan_mpr.apps.manifest import MANIFEST


@pytest.fixture
def run(tmp_path):
    """A function that restores the photo, by default with stages and ``existing='skip'``."""
    photo = tmp_path / "in" / "a.png"
    photo.parent.mkdir()
    picture(size=(40, 32)).save(photo)

    def restore(**options):
        chosen = {"existing": "skip", "stages": True, "model": "lite", **options}
        return MPRPredictor(tmp_path / "out", task="Denoising", **chosen).run(photo)[0]

    return restore


@pytest.fixture
def files(tmp_path, run):
    """The written files of a result and of its two earlier stages."""
    assert run().ok
    names = ("a_restoration.png", "a_restoration_stage1.png", "a_restoration_stage2.png")
    return [tmp_path / "out" / "Denoising" / name for name in names]


def test_finished_stages_are_skipped(run, files):
    result = run()
    assert result.skipped
    assert result.record.warnings == ()


def test_missing_files_of_a_killed_run_are_written(run, files):
    before = [path.read_bytes() for path in files]
    files[0].unlink()
    files[2].unlink()
    result = run()
    assert result.ok, result.error
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize("harm", ["missing", "empty", "truncated"])
def test_damaged_stage_is_written_again(run, files, harm):
    before = files[1].read_bytes()
    if harm == "missing":
        files[1].unlink()
    else:
        files[1].write_bytes(before[: 0 if harm == "empty" else len(before) // 2])
    result = run()
    assert result.ok and not result.skipped
    assert "stage1.png is missing or not as it was written" in result.record.warnings[0]
    assert files[1].read_bytes() == before


def test_other_options_replace_the_stages_too(run, files):
    assert run(strength=0.5).ok
    assert run(strength=0.5).skipped


def test_edited_stage_is_kept(run, files):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(files[1])
    edited = files[1].read_bytes()
    assert "was left alone" in run().error
    assert files[1].read_bytes() == edited


def test_file_of_the_user_with_the_name_of_a_stage_is_kept(run, tmp_path):
    own = tmp_path / "out" / "Denoising" / "a_restoration_stage2.png"
    own.parent.mkdir(parents=True)
    picture().save(own)
    before = own.read_bytes()
    assert "was left alone" in run().error
    assert own.read_bytes() == before


def test_result_with_stages_is_skipped_by_a_run_without_them(run, files):
    assert run(stages=False).skipped


def test_result_without_stages_is_restored_again_by_a_run_with_them(run):
    assert run(stages=False).ok
    result = run()
    assert result.ok and not result.skipped
    assert len(result.record.stages) == 2


def test_invalid_stage_in_the_manifest_gives_a_warning(run, files, tmp_path):
    manifest = tmp_path / "out" / "Denoising" / MANIFEST
    if not manifest.exists():
        manifest = tmp_path / "out" / MANIFEST
    text = manifest.read_text()
    assert "a_restoration_stage1.png" in text.splitlines()[-1]
    lines = text.splitlines()
    stages = f'"{files[1]}"'
    assert stages in lines[-1]
    manifest.write_text("\n".join([*lines[:-1], lines[-1].replace(stages, "7")]) + "\n")
    result = run()
    assert result.ok and "names no file" in result.record.warnings[0]


def test_two_simultaneous_runs_share_an_output_folder(tmp_path):
    photos = tmp_path / "in"
    photos.mkdir()
    for number in range(4):
        picture(size=(40, 32 + number)).save(photos / f"{number}.png")
    predictors = [
        MPRPredictor(tmp_path / "out", task="Denoising", model="lite", stages=True, existing="skip")
        for _ in range(2)
    ]
    results = []
    threads = [
        threading.Thread(target=lambda p=p: results.extend(p.run(photos))) for p in predictors
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.error for result in results] == [None] * 8
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12
