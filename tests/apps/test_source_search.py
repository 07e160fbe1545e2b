"""Lists of files, folders, globs and arrays to restore."""

from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture, predictor

from ppgan_mpr import MPRPredictor
from ppgan_mpr.errors import UsageError


def test_list_may_mix_all_kinds_of_sources(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b10.png", "b2.JPG", "notes.txt", ".hidden.png"):
        picture().save(tmp_path / "in" / name, "PNG" if name.endswith("png") else "JPEG")
    picture().save(tmp_path / "single [1].bmp")
    results = predictor(tmp_path).run(
        [tmp_path / "in", str(tmp_path / "single [1].bmp"), picture(), np.asarray(picture())]
    )
    assert [result.error for result in results] == [None] * 5
    assert [result.output.name for result in results] == [
        "b2_restoration.JPG",
        "b10_restoration.png",
        "single [1]_restoration.bmp",
        "image_restoration.png",
        "image-2_restoration.png",
    ]


def test_a_file_named_twice_is_restored_once_and_reported_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("a.png")
    picture(1).save("b.png")
    results = predictor(tmp_path).run(["a.png", "b.png", str(tmp_path / "a.png"), "./a*.png"])
    assert [result.error for result in results] == [None] * 4
    assert [result.output.name[0] for result in results] == ["a", "b", "a", "a"]
    assert results[2] is results[0]


def test_outputs_in_the_input_folder_are_not_inputs(tmp_path):
    picture().save(tmp_path / "a.png")
    for pattern in (tmp_path, str(tmp_path / "**" / "*.png")):
        restorer = MPRPredictor(
            tmp_path, task="Denoising", model="lite", recursive=True, existing="overwrite"
        )
        results = restorer.run(pattern)
        assert [Path(result.source).name for result in results] == ["a.png"]
    assert (tmp_path / "Denoising" / "a_restoration.png").exists()


def test_file_named_like_a_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("~nobody.png")
    assert predictor(tmp_path).run("~nobody.png")[0].ok


@pytest.mark.parametrize(
    "images", ["none.png", "none*.png", [], 5, None, "", "x" * 300, "~nobody/a.png"]
)
def test_sources_without_a_picture_are_an_error(denoise, images):
    with pytest.raises(UsageError):
        denoise.run(images)


def test_file_and_a_link_to_it_are_restored_once_under_the_name_of_the_file(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    picture().save(folder / "10²3.png")
    (folder / "0.png").symlink_to("10²3.png")
    (result,) = predictor(tmp_path).run(folder)
    assert result.output.name == "10²3_restoration.png"


def test_results_of_another_task_are_restored_and_those_of_the_same_task_are_not(tmp_path):
    picture().save(tmp_path / "a.png")
    denoising = predictor(tmp_path)
    (result,) = denoising.run(tmp_path / "a.png")
    again = predictor(tmp_path, task="Deraining").run(str(result.output.parent / "*.png"))
    assert [Path(r.source) for r in again] == [result.output]
    with pytest.raises(UsageError, match="No file matches"):
        denoising.run(str(tmp_path / "ou*" / "Denoising" / "*.png"))
