import pytest
from cluster_samples import TASK

from ppgan_mpr.cluster.listing import Naming, list_items
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.errors import UsageError

NAMING = Naming(TASK, None, str)

pytest.importorskip("pyarrow")


def listed(place):
    items = list_items(str(place), False, Store.at("out"), NAMING)
    return {item.source: item for item in items}


def listed_in(folder, *paths, name="list.csv"):
    """The items of a table in a folder or at an address, in order."""
    store = Store.at(str(folder))
    store.write(name, "\n".join(["path", *paths]).encode())
    return list(list_items(store.place(name), False, Store.at("out"), NAMING))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_paths_in_a_table_are_relative_to_its_folder(tmp_path, form):
    import pyarrow
    from pyarrow import csv, parquet

    rows = ["sub/a.png", str(tmp_path / "b.png"), "sub/a.png", "s3://bucket/c.jpg"]
    table = pyarrow.table({"label": [1, 2, 3, 4], "path": rows})
    {"csv": csv.write_csv, "parquet": parquet.write_table}[form](table, tmp_path / f"list.{form}")
    place = str(tmp_path / f"list.{form}")
    items = list(list_items(place, False, Store.at("out"), NAMING))
    assert [item.stem for item in items] == ["a", "b", "c"]
    assert items[0].folder == "sub" and items[0].place == str(tmp_path / "sub" / "a.png")
    assert items[2].place == "s3://bucket/c.jpg"


@pytest.mark.parametrize("place", ["", "memory://"])
def test_table_that_spells_a_path_in_several_ways_lists_the_picture_once(tmp_path, place):
    pytest.importorskip("fsspec")
    folder = Store.at(place + str(tmp_path).lstrip("/") if place else str(tmp_path))
    paths = ["sub/a.png", "./sub/a.png", "sub/../sub//a.png", folder.shown_as("sub/a.png")]
    (item,) = listed_in(folder.shown, *paths)
    assert (item.source, item.folder) == (folder.shown_as("sub/a.png"), "sub")
    (item,) = listed_in(folder.shown, "../b.png")
    assert item.source == item.place == f"{folder.shown.rpartition('/')[0]}/b.png"


def test_table_without_paths_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("name,label\na,1\n")
    with pytest.raises(UsageError, match="no column named path"):
        listed(tmp_path / "list.csv")


@pytest.mark.parametrize("place", ["", "memory://"])
@pytest.mark.parametrize("table", ["list", "in/list", "in/a/list"])
@pytest.mark.parametrize("absolute", [False, True])
def test_outputs_keep_the_folders_below_the_common_parent(tmp_path, place, table, absolute):
    pytest.importorskip("fsspec")
    base = Store.at(place + str(tmp_path).lstrip("/") if place else str(tmp_path))
    up = {"list": "../x/", "in/list": "../../x/", "in/a/list": "../../../x/"}[table]
    start = base.shown_as("x/") if absolute else up
    items = listed_in(base.shown_as(table), f"{start}a/x.png", f"{start}b/deep/x.png")
    assert [item.folder for item in items] == ["a", "b/deep"]
    assert items[0].source == base.shown_as("x/a/x.png")
    (alone,) = listed_in(base.shown_as(table), f"{start}a/x.png")
    assert alone.folder == ""


def test_no_outputs_of_a_table_collide(tmp_path):
    items = listed_in(tmp_path / "list", "a/x.png", "x.png", "../a/x.png", f"{tmp_path}/list/y.png")
    assert [item.folder for item in items] == ["list/a", "list", "a", "list"]
    assert all(not item.taken for item in items)
    items = listed_in(tmp_path, "s3://one/a/x.png", "s3://two/a/x.png")
    assert [item.folder for item in items] == ["one/a", "two/a"]


@pytest.mark.parametrize(
    ("table", "path", "place"),
    [
        ("memory://b/in?region=x", "memory://b/a.png", "memory://b/a.png?region=x"),
        ("memory://me:pw@b/in", "memory://b/a.png", "memory://me:pw@b/a.png"),
        ("memory://b/in?region=x", "memory://b/a.png?region=y", "memory://b/a.png?region=y"),
        ("memory://b/in?region=x", "memory://c/a.png", "memory://c/a.png"),
        ("memory://b/in?endpoint_override=h", "memory://c/a", "memory://c/a?endpoint_override=h"),
        ("memory://b/in?endpoint_override=h", "s3://b/a.png", "s3://b/a.png"),
    ],
)
def test_options_of_a_tables_address_apply_to_its_own_store(table, path, place):
    pytest.importorskip("fsspec")
    (item,) = listed_in(table, path)
    assert item.place == place and item.source == path.partition("?")[0]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["a.png", "sub/a", "b", "shard.tar", "s3://bucket/a"])
def test_one_column_without_a_header_loses_no_picture(tmp_path, first, newline):
    (tmp_path / "b").write_bytes(b"x")
    (tmp_path / "list.csv").write_bytes(newline.join([first, "c.png", ""]).encode())
    assert [item.stem for item in listed(tmp_path / "list.csv").values()][1] == "c"
    assert len(listed(tmp_path / "list.csv")) == 2


@pytest.mark.parametrize("header", ["filename", "Path", " url ", "\ufeffpath"])
def test_header_of_one_column_is_no_picture(tmp_path, header):
    (tmp_path / "list.csv").write_text(f"{header}\nc.png\n", encoding="utf-8")
    assert [item.stem for item in listed(tmp_path / "list.csv").values()] == ["c"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("names", [["source", "path"], ["path", "source"], ["file", "Path", "url"]])
def test_column_called_path_is_preferred(tmp_path, names, form):
    import pyarrow
    from pyarrow import csv, parquet

    table = pyarrow.table({name: [f"{name.lower()}.png"] for name in names})
    {"csv": csv.write_csv, "parquet": parquet.write_table}[form](table, tmp_path / f"list.{form}")
    assert [item.stem for item in listed(tmp_path / f"list.{form}").values()] == ["path"]


def test_entries_are_read_as_text_and_stripped_unless_such_a_file_exists(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "odd .png ").write_bytes(b"x")
    paths = [" a.png", "b.png ", "odd .png ", "007", "2020-01-01", "~/c.png", "  ", "true"]
    items = listed_in(tmp_path, *paths)
    assert [item.source for item in items if "home" not in item.source] == [
        f"{tmp_path}/{name}"
        for name in ("a.png", "b.png", "odd .png ", "007", "2020-01-01", "true")
    ]
    numbers = listed_in(tmp_path, "007", "1.50", name="numbers.csv")
    assert [item.source for item in numbers] == [f"{tmp_path}/007", f"{tmp_path}/1.50"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path\nKäfer.png\n".encode("latin-1"), "is not UTF-8 text"),
        ("Käfer,label\na,b\n".encode("utf-16"), "is not UTF-8 text"),
        (b"path,label\na.png\n", "cannot be read as a table"),
        (b"", "cannot be read as a table"),
        (b"path\n", "lists no picture"),
    ],
)
def test_faulty_csv_is_refused_in_one_sentence(tmp_path, content, message):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        listed(tmp_path / "list.csv")
    assert "\n" not in str(caught.value)


def test_faulty_parquet_is_refused(tmp_path):
    import pyarrow
    from pyarrow import parquet

    place = tmp_path / "list.parquet"
    parquet.write_table(pyarrow.table({"image": [{"bytes": b"x", "path": "a.png"}]}), place)
    with pytest.raises(UsageError, match=r"column image of .* holds struct"):
        listed(place)
    place.write_bytes(place.read_bytes()[:-20])
    with pytest.raises(UsageError, match="cannot be read as a table"):
        listed(place)


@pytest.mark.parametrize("suffix", [".txt", ".tsv", ".jsonl", ".JSON", ".xlsx"])
def test_other_kinds_of_lists_are_refused_with_the_readable_ones(tmp_path, suffix):
    (tmp_path / f"list{suffix}").write_text("a.png\n")
    with pytest.raises(UsageError, match=r"CSV file \(\.csv\) or a Parquet file"):
        listed(tmp_path / f"list{suffix}")
