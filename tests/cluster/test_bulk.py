"""Bulk jobs as a user sees them: what is in the output folder and in the table."""

import os

import pytest
from cluster_samples import KILLER, OPTIONS, TASK, files_below, write_pictures

from ppgan_mpr import MPRPredictor
from ppgan_mpr.files import TEMPORARY
from ppgan_mpr.inference import InferenceOptions

pytest.importorskip("ray", reason="Ray is not installed: pip install 'ppgan_mpr[cluster]'")

from ppgan_mpr.cluster.bulk import BulkJob
from ppgan_mpr.cluster.job import RESULTS
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.cluster.table import read_rows, record_of


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Good pictures, a broken one, and one that kills its process."""
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder, 12)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (folder / f"{KILLER}.png").write_bytes((folder / "p00000.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def run(cluster):
    """A function that runs a job; returns it and what it yielded."""

    def restore(input_path, output_path, **options):
        chosen = InferenceOptions(**{**OPTIONS, "jobs": 2, **options})
        job = BulkJob(str(input_path), str(output_path), TASK, None, chosen, cluster)
        return job, list(job.run())

    return restore


@pytest.fixture(scope="module")
def restored(run, photos, tmp_path_factory):
    """The output folder of a job, which is finished."""
    folder = tmp_path_factory.mktemp("restored") / "out"
    run(photos, folder)
    return folder


@pytest.fixture(scope="module")
def expected(photos, tmp_path_factory):
    """What the command line makes of the good pictures."""
    folder = tmp_path_factory.mktemp("expected")
    MPRPredictor(folder, task=TASK, **OPTIONS).run(sorted(photos.glob("p*")))
    return files_below(folder / TASK)


def rows_of(folder):
    rows = list(read_rows(Store.at(str(folder))))
    assert len({row["source"] for row in rows}) == len(rows)
    return {os.path.basename(row["source"]): row for row in rows}


def test_outputs_are_those_of_the_command_line_byte_for_byte(restored, expected):
    assert files_below(restored / TASK) == expected
    assert len(expected) == 12


def test_table_has_one_row_for_each_picture_errors_included(restored, photos):
    rows = rows_of(restored)
    assert set(rows) == {path.name for path in photos.iterdir()}
    failed = {name: row["error"] for name, row in rows.items() if row["error"]}
    assert set(failed) == {"broken.jpg", f"{KILLER}.png"}
    assert "damaged" in failed["broken.jpg"]
    assert "SIGKILL" in failed[f"{KILLER}.png"]
    record = record_of(rows["p00000.png"])
    assert record.task == TASK and record.size == (24, 24) and record.precision == "f32"


def test_nothing_else_is_left_in_the_output_folder(restored):
    assert {path.name for path in restored.iterdir()} == {TASK, RESULTS}
    assert not [name for name in files_below(restored) if TEMPORARY in name]


def test_second_run_restores_only_what_is_missing_or_has_changed(run, photos, tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    write_pictures(source, 4)
    run(source, output)
    before = files_below(output / TASK)
    (output / TASK / "p00001_restoration.jpg").unlink()
    (source / "p00003.tif").write_bytes((source / "p00003.tif").read_bytes() + b"\0")
    (source / "p00004.png").write_bytes((photos / "p00004.png").read_bytes())
    job, outcomes = run(source, output)
    names = sorted(os.path.basename(outcome.source) for outcome in outcomes)
    assert names == ["p00001.jpg", "p00003.tif", "p00004.png"]
    assert job.progress.finished_before == 2
    after = files_below(output / TASK)
    assert {name: after[name] for name in before} == before
    assert len(rows_of(output)) == 5


def test_files_of_others_are_left_alone(run, tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    write_pictures(source, 2)
    (output / TASK).mkdir(parents=True)
    (output / TASK / "p00000_restoration.png").write_bytes(b"mine")
    _, outcomes = run(source, output)
    assert [bool(o.error) for o in sorted(outcomes, key=lambda o: o.source)] == [True, False]
    assert (output / TASK / "p00000_restoration.png").read_bytes() == b"mine"
    _, outcomes = run(source, output, existing="overwrite")
    assert not any(outcome.error for outcome in outcomes)
    assert (output / TASK / "p00000_restoration.png").read_bytes() != b"mine"
