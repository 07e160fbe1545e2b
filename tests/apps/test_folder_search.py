"""The search of folders and patterns for pictures."""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from apps_samples import picture, predictor
from raw_samples import dng, patches

from ppgan_mpr.apps.source_search import expand
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging import PhotoReader


def test_pattern_lists_the_files_that_it_matches(tmp_path):
    for name in ("a1.png", "a2.png", "b.png"):
        picture().save(tmp_path / name)
    results = predictor(tmp_path).run(str(tmp_path / "a*.png"))
    assert [result.output.name for result in results] == [
        "a1_restoration.png",
        "a2_restoration.png",
    ]


def test_brackets_in_existing_names_are_not_a_pattern(tmp_path):
    """The pattern begins with the first part that does not exist as written."""
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
    with pytest.raises(UsageError, match=r'No file matches .*photo\[2\].jpg \(write a "\[" that'):
        expand(str(tmp_path / "photo[2].jpg"))


def test_folders_keep_their_tree_and_outputs_are_not_inputs(tmp_path):
    (tmp_path / "day 1").mkdir()
    picture().save(tmp_path / "top.png")
    picture().save(tmp_path / "day 1" / "top.png")
    restorer = predictor(tmp_path, recursive=True, existing="overwrite")
    for _ in range(2):  # the second time, the searched folder contains `out`
        results = restorer.run(tmp_path)
        assert sorted(result.output for result in results) == [
            tmp_path / "out" / "Denoising" / "day 1" / "top_restoration.png",
            tmp_path / "out" / "Denoising" / "top_restoration.png",
        ]


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


def test_raw_files_in_a_folder_are_reported_where_rawpy_is_not_installed(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    picture().save(tmp_path / "a.png")
    (tmp_path / "DSC_1.NEF").write_bytes(b"raw")
    assert len(predictor(tmp_path).run(tmp_path)) == 1
    assert "1 raw camera file" in caplog.text and "DSC_1.NEF" in caplog.text
    assert "pip install 'ppgan_mpr[raw]'" in caplog.text


def test_sub_folders_that_cannot_be_searched_are_listed(locked):
    sources = expand(locked, recursive=True)
    names = ["a.png", "b.png", "locked2", "locked10"]
    assert [source.name for source in sources] == [str(locked / name) for name in names]
    for source in sources[2:]:
        with pytest.raises(ImageError, match="the folder cannot be searched: Permission denied"):
            source.read(PhotoReader())
    assert len(expand(locked)) == 2  # sub-folders are not searched


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
def test_a_folder_with_a_missing_permission_is_listed_for_a_pattern(tmp_path, mode):
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


def test_a_folder_that_cannot_be_searched_is_an_error(locked):
    with pytest.raises(UsageError, match=r"locked2 cannot be searched: Permission denied\.$"):
        expand(locked / "locked2")


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


def test_videos_in_a_folder_are_reported_and_not_restored(tmp_path, caplog):
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "IMG_1.MOV").write_bytes(b"video")
    (source,) = expand(tmp_path)
    assert source.stem == "a"
    assert "1 video(s) in" in caplog.text and "IMG_1.MOV" in caplog.text
