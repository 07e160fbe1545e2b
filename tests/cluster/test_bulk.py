"""The output folder and the table of bulk jobs.

``tools/prove_bulk.py`` tests what happens when nodes, workers and drivers die.
"""

import posixpath

import pytest
from cluster_samples import OPTIONS, TASK, files_below, write_pictures
from s3_server import S3Server

from ppgan_mpr import MPRPredictor
from ppgan_mpr.inference import InferenceOptions

pytest.importorskip("ray", reason="Ray is not installed: pip install 'ppgan_mpr[cluster]'")

from ppgan_mpr.cluster.bulk import BulkJob
from ppgan_mpr.cluster.job import RESULTS
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.cluster.table import read_rows, record_of


@pytest.fixture(scope="module")
def run(cluster):
    """A function that runs a job; returns its progress and the names of the finished pictures."""

    def restore(input_path, output_path, **options):
        chosen = InferenceOptions(**{**OPTIONS, "jobs": 2, **options})
        job = BulkJob(str(input_path), str(output_path), TASK, None, chosen, cluster)
        names = set()
        for outcome in job.run():
            names.add(posixpath.basename(outcome.source))
            assert job.progress.items == job.progress.done  # there are no shards
        return job.progress, names

    return restore


@pytest.fixture(scope="module")
def history(run, tmp_path_factory):
    """Output folders after a job, and after a second job that found most results there."""
    folder = tmp_path_factory.mktemp("history")
    photos, output = folder / "in", folder / "out"
    write_pictures(photos, 12)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    first = run(photos, output)
    before = files_below(output), rows_of(output)
    (output / TASK / "p00001_restoration.jpg").unlink()
    with (photos / "p00003.tif").open("ab") as file:
        file.write(b"\0")
    second = run(f"{folder}/./in", f"{folder}/./out")  # the same folders
    after = files_below(output), rows_of(output)
    return {"photos": photos, "first": (first, *before), "second": (second, *after)}


@pytest.fixture(scope="module")
def expected(history, tmp_path_factory):
    """The results that the predictor writes for the same pictures."""
    folder = tmp_path_factory.mktemp("expected")
    MPRPredictor(folder, task=TASK, **OPTIONS).run(sorted(history["photos"].glob("p*")))
    return files_below(folder / TASK)


def rows_of(folder):
    rows = list(read_rows(Store.at(str(folder))))
    assert len({row["source"] for row in rows}) == len(rows)
    return {posixpath.basename(row["source"]): row for row in rows}


def test_outputs_equal_those_of_the_predictor_byte_for_byte(history, expected):
    (_, names), files, _ = history["first"]
    assert {f"{TASK}/{name}": content for name, content in expected.items()} == {
        name: content for name, content in files.items() if name != RESULTS
    }
    assert len(names) == 13


def test_table_has_one_row_for_each_picture_failed_ones_included(history):
    _, _, rows = history["first"]
    assert set(rows) == {path.name for path in history["photos"].iterdir()}
    assert [name for name, row in rows.items() if row["error"]] == ["broken.jpg"]
    assert "damaged" in rows["broken.jpg"]["error"]
    record = record_of(rows["p00000.png"])
    assert record.task == TASK and record.size == (24, 24) and record.precision == "f32"


def test_second_run_restores_only_what_is_missing_failed_or_changed(history):
    (progress, names), files, rows = history["second"]
    assert names == {"p00001.jpg", "p00003.tif", "broken.jpg"}
    assert progress.finished_before == 10
    before = history["first"][1]
    same = {name for name in before if name != RESULTS and files[name] == before[name]}
    assert same == set(before) - {RESULTS} == set(files) - {RESULTS}
    assert len(rows) == 13


def test_object_store_that_fails_and_is_slow_gets_the_same_outputs(run, history, expected):
    pytest.importorskip("moto.moto_server", reason="moto is not installed: no S3 server")
    server = S3Server()
    for path in history["photos"].iterdir():
        server.write(f"in/{path.name}", path.read_bytes())
    server.misbehave(failures=(2, 9, 15), slow=(5,))
    try:
        progress, names = run(server.address("in"), server.address("out"))
        files = server.files("out")
    finally:
        server.close()
    assert len(names) == 13 and progress.counts == {"restored": 12, "failed": 1}
    assert server.failed
    assert {name for name in files if not name.startswith(f"{TASK}/")} == {RESULTS}
    assert {name: files[f"{TASK}/{name}"] for name in expected} == expected
