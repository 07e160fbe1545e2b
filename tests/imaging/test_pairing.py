"""Lists of folders, and pictures matched by name."""

from __future__ import annotations

from ppgan_mpr.imaging.pairing import list_pictures, match_by_stem


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_pictures_are_listed_by_suffix(tmp_path):
    folder = touch(tmp_path / "f", "b.PNG", "a.jpg", ".hidden.png", "notes.txt", "c.nef")
    (folder / "d.png").mkdir()
    (folder / "e.png").symlink_to("missing.png")  # reading it reports the error
    assert [path.name for path in list_pictures(folder)] == ["a.jpg", "b.PNG", "e.png"]
    assert [path.name for path in list_pictures(folder, {".txt"})] == ["notes.txt"]


def test_matching_by_stem_reports_the_rest(tmp_path):
    left = touch(tmp_path / "left", "2.png", "1.jpg", "1.png", "3.png")
    right = touch(tmp_path / "right", "1.tif", "2.bmp", "4.png")
    matches = match_by_stem((left, right))
    assert matches.groups == {
        "1": (left / "1.png", right / "1.tif"),
        "2": (left / "2.png", right / "2.bmp"),
    }
    assert matches.unmatched == ([left / "3.png"], [right / "4.png"])
    assert matches.duplicates == ([(left / "1.jpg", left / "1.png")], [])


def test_matching_removes_the_ending_from_the_first_folder_only(tmp_path):
    results = touch(tmp_path / "results", "a_new.png", "b_new.png", "c_new.png")
    targets = touch(tmp_path / "targets", "a.png", "b_new.png", "c.png")
    matches = match_by_stem((results, targets), ending="_new")
    assert list(matches.groups) == ["a", "b_new", "c"]
    assert matches.unmatched == ([], [])


def test_three_folders_match_where_all_have_a_picture(tmp_path):
    folders = [touch(tmp_path / name, "a.png", f"{name}.png") for name in "xyz"]
    matches = match_by_stem(folders)
    assert list(matches.groups) == ["a"]
    assert [[path.name for path in paths] for paths in matches.unmatched] == [
        ["x.png"], ["y.png"], ["z.png"]
    ]  # fmt: skip
