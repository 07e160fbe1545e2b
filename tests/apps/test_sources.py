"""What may be named to be restored, and in which order results come."""

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture, predictor
from raw_samples import dng, patches

from ppgan_mpr import MPRPredictor
from ppgan_mpr.apps.sources import expand, pair_views
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging import PhotoReader


def test_list_mixes_everything(tmp_path):
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


def test_pattern_stands_for_the_files_it_matches(tmp_path):
    for name in ("a1.png", "a2.png", "b.png"):
        picture().save(tmp_path / name)
    results = predictor(tmp_path).run(str(tmp_path / "a*.png"))
    assert [result.output.name for result in results] == [
        "a1_restoration.png",
        "a2_restoration.png",
    ]


def test_brackets_in_real_names_are_no_pattern(tmp_path):
    """Before the first part that does not exist as it is written."""
    (tmp_path / "d[1]").mkdir()
    (tmp_path / "d1").mkdir()
    for name in ("d[1]/a.png", "d[1]/b.jpg", "d1/c.png", "photo[1].jpg", "photo1.jpg"):
        picture().save(tmp_path / name)
    for given, names in (
        ("d[1]/*.png", ["a.png"]),
        ("d[1]", ["a.png", "b.jpg"]),
        ("photo[1].jpg", ["photo[1].jpg"]),
        ("d[12]/*.png", ["c.png"]),
    ):
        assert [source.path.name for source in expand(str(tmp_path / given))] == names
    with pytest.raises(UsageError, match=r"No file matches .*photo\[2\].jpg \(a \[ that is part"):
        expand(str(tmp_path / "photo[2].jpg"))


def test_folders_keep_their_tree_and_outputs_are_not_inputs(tmp_path):
    (tmp_path / "day 1").mkdir()
    picture().save(tmp_path / "top.png")
    picture().save(tmp_path / "day 1" / "top.png")
    restorer = predictor(tmp_path, recursive=True, existing="overwrite")
    for _ in range(2):  # the second time, `out` lies in the scanned folder
        results = restorer.run(tmp_path)
        assert sorted(result.output for result in results) == [
            tmp_path / "out" / "Denoising" / "day 1" / "top_restoration.png",
            tmp_path / "out" / "Denoising" / "top_restoration.png",
        ]


def test_a_file_named_twice_is_restored_once_and_reported_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("a.png")
    picture(1).save("b.png")
    results = predictor(tmp_path).run(["a.png", "b.png", str(tmp_path / "a.png"), "./a*.png"])
    assert [result.error for result in results] == [None] * 4
    assert [result.output.name[0] for result in results] == ["a", "b", "a", "a"]
    assert results[2] is results[0]


def test_raw_files_in_a_folder_are_restored_where_rawpy_is_installed(tmp_path):
    pytest.importorskip("rawpy")
    picture().save(tmp_path / "a.png")
    (tmp_path / "DSC_1.DNG").write_bytes(dng(patches()))
    results = predictor(tmp_path).run(tmp_path)
    assert [result.error for result in results] == [None, None]
    assert [result.output.name for result in results] == [
        "a_restoration.png",
        "DSC_1_restoration.tif",
    ]


def test_raw_files_in_a_folder_are_named_where_rawpy_is_not_installed(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    picture().save(tmp_path / "a.png")
    (tmp_path / "DSC_1.NEF").write_bytes(b"raw")
    assert len(predictor(tmp_path).run(tmp_path)) == 1
    assert "1 raw camera file" in caplog.text and "DSC_1.NEF" in caplog.text
    assert "pip install 'ppgan_mpr[raw]'" in caplog.text


def test_output_folder_in_the_input_folder(tmp_path):
    picture().save(tmp_path / "a.png")
    for pattern in (tmp_path, str(tmp_path / "**" / "*.png")):
        restorer = MPRPredictor(
            tmp_path, task="Denoising", model="lite", recursive=True, existing="overwrite"
        )
        results = restorer.run(pattern)
        assert [Path(result.source).name for result in results] == ["a.png"]
    assert (tmp_path / "Denoising" / "a_restoration.png").exists()


def test_names_like_a_home_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("~nobody.png")
    assert predictor(tmp_path).run("~nobody.png")[0].ok


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture().save(tmp_path / "z.png")
    results = predictor(tmp_path).run(tmp_path)
    assert "not an ordinary file" in results[0].error
    assert results[1].ok


def test_array_that_cannot_be_made(denoise):
    class Broken:
        def __array__(self, *_args, **_kwargs):
            raise RuntimeError("no array today")

    results = denoise.run([Broken(), np.zeros([8, 8, 3], np.uint8)])
    assert "no array today" in results[0].error
    assert results[1].ok


@pytest.mark.parametrize(
    "images", ["none.png", "none*.png", [], 5, None, "", "x" * 300, "~nobody/a.png"]
)
def test_nothing_to_restore(denoise, images):
    with pytest.raises(UsageError):
        denoise.run(images)


def test_odd_digits_links_and_earlier_results(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    picture().save(folder / "10²3.png")
    (folder / "0.png").symlink_to("10²3.png")
    denoising = predictor(tmp_path)
    (result,) = denoising.run(folder)
    assert result.output.name == "10²3_restoration.png"  # the file's own name, not the link's
    again = predictor(tmp_path, task="Deraining").run(str(result.output.parent / "*.png"))
    assert [Path(r.source) for r in again] == [result.output]
    with pytest.raises(UsageError, match="No file matches"):
        denoising.run(str(tmp_path / "ou*" / "Denoising" / "*.png"))


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder of two pictures, and sub-folders that may not be searched."""
    for name in ("a.png", "b.png"):
        picture().save(tmp_path / name)
    for name in ("locked2", "locked10"):
        (tmp_path / name).mkdir()
    scandir = os.scandir

    def refuse(path):
        if "locked" in os.fspath(path):  # permissions do not hold for every user
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return tmp_path


def test_sub_folders_that_cannot_be_searched_are_listed(locked):
    sources = expand(locked, recursive=True)
    names = ["a.png", "b.png", "locked2", "locked10"]
    assert [source.name for source in sources] == [str(locked / name) for name in names]
    for source in sources[2:]:
        with pytest.raises(ImageError, match="the folder cannot be searched: Permission denied"):
            source.read(PhotoReader())
    assert len(expand(locked)) == 2  # nothing of them is wanted


@pytest.mark.parametrize(
    ("pattern", "pictures", "problems"),
    [
        ("**/*.png", ["a.png", "b.png"], ["locked2", "locked10"]),
        ("*/*.png", [], ["locked2", "locked10"]),
        ("*2/*.png", [], ["locked2"]),
        ("locked10/*.png", [], ["locked10"]),
        ("*.png", ["a.png", "b.png"], []),
    ],
)
@pytest.mark.parametrize("relative", [False, True])
def test_folders_that_a_pattern_cannot_search_are_listed(
    locked, monkeypatch, pattern, pictures, problems, relative
):
    monkeypatch.chdir(locked)
    sources = expand(pattern if relative else str(locked / pattern))
    assert [Path(source.name).name for source in sources] == [*pictures, *problems]
    for source in sources[len(pictures) :]:
        with pytest.raises(ImageError, match="the folder cannot be searched: Permission denied"):
            source.read(PhotoReader())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions that hold")
@pytest.mark.parametrize("mode", [0o400, 0o300])
def test_a_folder_without_permissions_is_listed_for_a_pattern(tmp_path, mode):
    folder = tmp_path / "in" / "locked"
    folder.mkdir(parents=True)
    picture().save(tmp_path / "in" / "a.png")
    picture().save(folder / "b.png")
    folder.chmod(mode)
    try:
        names = [source.name for source in expand(str(tmp_path / "in" / "**" / "*.png"))]
    finally:
        folder.chmod(0o700)
    assert names == [str(tmp_path / "in" / "a.png"), str(folder)]


def test_a_folder_that_cannot_be_searched(locked):
    with pytest.raises(UsageError, match=r"locked2 cannot be searched: Permission denied\.$"):
        expand(locked / "locked2")


def test_views_pair_beside_folders_that_cannot_be_searched(locked):
    left, right = expand(locked, recursive=True), expand(locked)
    paired = pair_views(left, right)
    assert [source.right is not None for source in paired] == [True, True, False, False]


def test_files_of_other_formats_are_counted(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "notes.txt", "film.MOV", "sub/film.mov", ".hidden.txt", "README"):
        (tmp_path / name).write_bytes(b"")
    counts = Counter()
    assert len(expand(tmp_path, recursive=True, passed_over=counts)) == 1
    assert counts == {".mov": 2, ".txt": 1, "": 1}
    counts.clear()
    expand([tmp_path, tmp_path / "a.png"], passed_over=counts)
    assert counts == {".mov": 1, ".txt": 1, "": 1}


def test_videos_in_a_folder_are_named_and_not_restored(tmp_path, caplog):
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "IMG_1.MOV").write_bytes(b"video")
    (source,) = expand(tmp_path)
    assert source.stem == "a"
    assert "1 video(s) in" in caplog.text and "IMG_1.MOV" in caplog.text
