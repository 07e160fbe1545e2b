import os
from collections import Counter

import pytest
from cluster_samples import TASK

from ppgan_mpr.cluster.listing import Naming, list_items
from ppgan_mpr.cluster.stores import Store, read_place
from ppgan_mpr.errors import UsageError

NAMING = Naming(TASK, None, str)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def listed(input_path, output="out", recursive=False, naming=NAMING, **options):
    items = list_items(str(input_path), recursive, Store.at(str(output)), naming, **options)
    return {item.source: item for item in items}


def test_folder_gives_its_pictures_and_counts_the_others(tmp_path):
    touch(tmp_path, "b.jpg", "a.png", "notes.txt", ".hidden.png", "sub/c.png")
    passed_over = Counter()
    items = listed(tmp_path, passed_over=passed_over)
    assert [item.stem for item in items.values()] == ["a", "b"]
    assert passed_over == {".txt": 1}
    deep = listed(tmp_path, recursive=True)
    assert {item.folder for item in deep.values()} == {"", "sub"}


def test_files_in_a_table_have_their_size_and_time(tmp_path):
    pytest.importorskip("pyarrow")
    touch(tmp_path, "a.png")
    (tmp_path / "list.csv").write_text("path\na.png\nmissing.png\n", encoding="utf-8")
    (in_folder,) = listed(tmp_path).values()
    there, missing = listed(tmp_path / "list.csv").values()
    assert (there.nbytes, there.stamp, there.mode) == (1, in_folder.stamp, in_folder.mode)
    assert there.stamp and (missing.nbytes, missing.stamp) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_link_to_a_missing_file_is_listed(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to("nowhere")
    assert [item.stem for item in listed(tmp_path).values()] == ["a", "b"]


def test_results_of_earlier_jobs_are_no_inputs(tmp_path):
    touch(tmp_path, "a.png", f"{TASK}/a_restoration.png", "other/b.png")
    items = listed(tmp_path, tmp_path, recursive=True)
    assert [item.stem for item in items.values()] == ["a", "b"]
    touch(tmp_path, f"out/{TASK}/a_restoration.png")
    items = listed(tmp_path, tmp_path / "out", recursive=True)
    assert f"{tmp_path}/out/{TASK}/a_restoration.png" not in items


@pytest.mark.parametrize(
    ("pattern", "stems"),
    [
        ("*.png", ["a", "b"]),
        ("?.jpg", ["c"]),
        ("[!a].png", ["b"]),
        ("**/*.png", ["a", "b", "d"]),
        ("sub/*", ["d", "e"]),
        ("*/*.jpg", ["e"]),
    ],
)
def test_globs_match_as_in_a_shell(tmp_path, pattern, stems):
    touch(tmp_path, "a.png", "b.png", "c.jpg", "sub/d.png", "sub/e.jpg", "sub/deep/f.jpg")
    assert sorted(item.stem for item in listed(tmp_path / pattern).values()) == stems


@pytest.mark.parametrize(
    ("pattern", "folders"),
    [
        ("a/*.png", [""]),
        ("[ab]/*.png", ["a", "b"]),
        ("**/*.png", ["", "a", "a/deep", "b"]),
        ("?/deep/x.png", ["a/deep"]),
    ],
)
def test_outputs_of_a_glob_keep_the_folders_below_its_start(tmp_path, pattern, folders):
    touch(tmp_path, "x.png", "a/x.png", "a/deep/x.png", "b/x.png")
    items = listed(tmp_path / pattern).values()
    assert sorted(item.folder for item in items) == folders
    assert all(not item.taken for item in items)


def test_glob_passes_over_results_and_files_that_are_no_pictures(tmp_path):
    touch(tmp_path, "a.png", "a.txt", "b.tar", f"out/{TASK}/a_restoration.png", "out/c.png")
    passed_over = Counter()
    items = listed(tmp_path / "**" / "*", tmp_path / "out", passed_over=passed_over)
    assert [item.stem for item in items.values()] == ["a", "b", "c"]
    assert passed_over == {".txt": 1}
    with pytest.raises(UsageError, match="No picture matches"):
        listed(tmp_path / "*.txt")


@pytest.mark.parametrize("name", ["what?.png", "IMG#1.png", "a?b=1.png", "[1].png"])
@pytest.mark.parametrize("place", ["", "memory://"])
@pytest.mark.parametrize("way", ["given directly", "in a glob", "in a table"])
def test_names_keep_the_characters_that_addresses_and_globs_use(tmp_path, name, place, way):
    pytest.importorskip("fsspec")
    store = Store.at(place + str(tmp_path).lstrip("/") if place else str(tmp_path))
    store.write(name, b"x")
    store.write("list.csv", f"path\n{name}\n".encode())
    given = {"given directly": name, "in a glob": "*.png", "in a table": "list.csv"}[way]
    options = "?" if place else ""  # an empty list of options
    (item,) = listed(store.shown_as(given) + options).values()
    assert item.stem == name[: -len(".png")]
    assert NAMING.wanted(item) == f"{TASK}/{item.stem}_restoration.png"
    assert read_place(item.place) == b"x" and item.source == store.shown_as(name)


def test_single_file_keeps_the_options_of_its_address():
    pytest.importorskip("fsspec")
    Store.at("memory://place").write("a.png", b"x")
    (item,) = listed("memory://place/a.png?region=x").values()
    assert item.place == "memory://place/a.png?region=x" and item.source == "memory://place/a.png"


@pytest.mark.parametrize("name", ["missing", "empty", "*.png"])
def test_nothing_to_restore_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"There is no file|holds no picture|No file matches"):
        listed(tmp_path / name)


def test_of_several_pictures_with_one_output_name_the_first_keeps_it(tmp_path):
    touch(tmp_path, "a.png", "a.jpg", "b.png")
    png, jpg = f"{tmp_path}/a.png", f"{tmp_path}/a.jpg"
    as_png, as_jpg = f"{TASK}/a_restoration.png", f"{TASK}/a_restoration.jpg"
    same = listed(tmp_path, naming=Naming(TASK, ".png", str))
    assert same[png].taken[as_png] == jpg  # the first keeps the name
    own = listed(tmp_path)
    assert own[jpg].taken == {as_png: png} and own[png].taken == {as_jpg: jpg}
    assert own[f"{tmp_path}/b.png"].taken == {}


def test_items_list_their_outputs_that_existed_before(tmp_path):
    touch(tmp_path, "in/sub/a.png", "in/b.png")
    names = {name: [f"{TASK}/{name}_restoration.png"] for name in ("sub/a", "x")}
    naming = Naming(TASK, None, str, names)
    items = listed(tmp_path / "in", recursive=True, naming=naming)
    assert items[f"{tmp_path}/in/sub/a.png"].present == (f"{TASK}/sub/a_restoration.png",)
    assert items[f"{tmp_path}/in/b.png"].present == ()
