from __future__ import annotations

import pytest

from ppgan_mpr.datasets.pairs import find_inputs, find_pairs
from ppgan_mpr.errors import UsageError


def test_pairs_are_matched_by_stem(tmp_path, picture, write):
    write(tmp_path / "input" / "b.jpg", picture(20, 30))
    write(tmp_path / "target" / "b.PNG", picture(20, 30))
    write(tmp_path / "input" / "a.png", picture(16, 16))
    write(tmp_path / "target" / "a.bmp", picture(16, 16))
    (tmp_path / "input" / "Thumbs.db").write_bytes(b"-")
    (tmp_path / "input" / "._a.png").write_bytes(b"written by a file manager")
    pairs = find_pairs(tmp_path)
    assert [(p.name, p.input.name, p.target.name) for p in pairs] == [
        ("a", "a.png", "a.bmp"),
        ("b", "b.jpg", "b.PNG"),
    ]
    assert pairs[1].header[:2] == (20, 30)


def test_all_problems_are_in_one_message(pair_folder, picture, write):
    folder = pair_folder(3)
    write(folder / "input" / "lonely.png", picture())
    write(folder / "target" / "widow.png", picture())
    write(folder / "input" / "1.jpg", picture())
    write(folder / "target" / "2.png", picture(8, 16))
    write(folder / "target" / "broken.png", picture())
    (folder / "input" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UsageError) as error:
        find_pairs(folder)
    message = str(error.value)
    for part in (
        "1 pictures of input/ without a partner (lonely.png)",
        "1 pictures of target/ without a partner (widow.png)",
        "1 names twice in input/ (1.jpg and 1.png)",
        "1 pairs of different size (2.png 48x40 against 2.png 16x8)",
        "1 unreadable pictures (input/broken.png)",
    ):
        assert part in message
    assert "\n" not in message


def test_long_lists_of_problems_are_shortened(pair_folder):
    folder = pair_folder(12)
    for path in (folder / "target").iterdir():
        path.unlink()
    with pytest.raises(
        UsageError, match=r"12 pictures of input/ without a partner \(0.png, .* and 7 more\)"
    ):
        find_pairs(folder)


@pytest.mark.parametrize("find", [find_pairs, find_inputs])
def test_missing_and_empty_folders_are_refused(tmp_path, find):
    with pytest.raises(UsageError, match="nowhere"):
        find(tmp_path / "nowhere")
    (tmp_path / "input").mkdir()
    (tmp_path / "target").mkdir()
    with pytest.raises(UsageError, match="no pictures"):
        find(tmp_path)
