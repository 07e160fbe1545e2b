import pytest
from cluster_samples import files_below

from ppgan_mpr.apps.result import ResultRecord
from ppgan_mpr.cluster.job import RESULTS
from ppgan_mpr.cluster.stores import Store

pytest.importorskip("pyarrow")

from pyarrow import parquet

from ppgan_mpr.cluster.table import Row, finalise, read_rows, record_of, write_part

FULL = ResultRecord(
    "in/a.png", output="out/a.png", stages=("out/s1.png",), size=(4, 3), seconds=0.5,
    network="N", task="T", scale=2, local=True, options={"quality": 95, "tile": None},
    tiles=1, tile=(8, 8), versions={"numpy": "2"}, warnings=("w",),
    detected={"degradation": "noise", "probabilities": {"noise": 1.0}},
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return Store.at(str(tmp_path))


def row(name, error=None):
    return Row(ResultRecord(name, error=error), name)


def test_records_survive_the_table(store):
    write_part(store, "run", [Row(FULL, "in/a.png", 1, "2", 3, "node")])
    (found,) = read_rows(store)
    assert record_of(found) == FULL
    assert (found["input_bytes"], found["output_bytes"], found["node"]) == (1, 3, "node")


def test_rows_can_be_read_while_the_job_runs(store):
    write_part(store, "run", [row("a"), row("b")])
    write_part(store, "run", [row("c")])
    assert {found["source"] for found in read_rows(store)} == {"a", "b", "c"}


def test_part_that_is_written_twice_exists_once(store):
    write_part(store, "run", [row("a"), row("b")])
    write_part(store, "run", [row("a"), row("b")])
    assert len(list(read_rows(store))) == 2


def test_final_table_has_the_last_row_of_each_picture(store, tmp_path):
    write_part(store, "1", [row("a"), row("b", "no memory")])
    assert finalise(store) == 2
    write_part(store, "2", [row("b"), row("c")])
    assert finalise(store) == 3
    rows = {found["source"]: found["error"] for found in read_rows(store)}
    assert rows == {"a": None, "b": None, "c": None}
    assert set(files_below(tmp_path)) == {RESULTS}


def member(name, error=None, task="T"):
    record = ResultRecord(f"s.tar/{name}", error=error, task=task)
    return Row(record, "s.tar")


def sources_and_tasks(store):
    return {(found["source"], found["task"]) for found in read_rows(store)}


def test_final_table_has_the_last_rows_of_a_shard_and_no_older_ones(store):
    write_part(store, "1", [member("a"), member("b"), row("c")])
    write_part(store, "2", [Row(ResultRecord("s.tar", error="damaged", task="T"), "s.tar")])
    write_part(store, "3", [member("b"), member("d")])
    assert finalise(store) == 3
    assert sources_and_tasks(store) == {("s.tar/b", "T"), ("s.tar/d", "T"), ("c", "")}


def test_final_table_keeps_the_rows_of_other_tasks(store):
    write_part(store, "1", [member("a"), member("b")])
    finalise(store)
    write_part(store, "2", [member("b", task="U")])
    assert finalise(store) == 3
    assert sources_and_tasks(store) == {("s.tar/a", "T"), ("s.tar/b", "T"), ("s.tar/b", "U")}


def test_names_that_are_not_unicode_are_escaped_in_the_table(store, tmp_path):
    name = "a\udcff.png"
    record = ResultRecord(name, output=f"out/{name}", stages=(f"s1/{name}",), error=name)
    write_part(store, "run", [Row(record, name)])
    (found,) = read_rows(store)
    assert record_of(found) == record and found["item"] == name
    finalise(store)
    column = parquet.read_table(tmp_path / RESULTS).column("source")
    assert column.to_pylist() == ["a\\udcff.png"]
