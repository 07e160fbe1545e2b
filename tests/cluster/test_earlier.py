import dataclasses

import pytest
from cluster_samples import TASK, job

from ppgan_mpr.apps.result import ResultRecord
from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.job import WorkerFacts
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.cluster.table import Row
from ppgan_mpr.errors import UsageError

pytest.importorskip("pyarrow")

from ppgan_mpr.cluster.earlier import job_is_finished, look_back
from ppgan_mpr.cluster.table import finalise, write_part

FACTS = WorkerFacts("openvino", "f32", task=TASK, network="MPRNet", weights_digest="sha256:1")
OUTPUT = f"{TASK}/a_restoration.png"


def look(folder, **options):
    return look_back(job(folder, **options), FACTS, str)


def picture(name="a", stamp="1"):
    return Item(f"in/{name}.png", f"/in/{name}.png", name, nbytes=10, stamp=stamp)


def write_result(folder, content=b"result", name=OUTPUT, **changes):
    """Write an output of a job, and its row."""
    bulk = job(folder)
    bulk.output.write(name, content)
    record = ResultRecord(
        "in/a.png",
        output=bulk.output.shown_as(name),
        task=TASK,
        network="MPRNet",
        weights_digest="sha256:1",
        backend="openvino",
        precision="f32",
        options=bulk.options.pixel_options(),
    )
    record = dataclasses.replace(record, **changes)
    write_part(bulk.output, "run", [Row(record, "in/a.png", 10, "1", len(content))])


def test_existing_result_is_not_restored_again(tmp_path):
    write_result(tmp_path)
    earlier = look(tmp_path)
    assert earlier.has(picture())
    assert not earlier.has(picture("b"))
    assert earlier.present == {}


def test_result_below_a_folder_with_the_suffix_of_a_shard_is_found(tmp_path):
    write_result(tmp_path, name=f"{TASK}/x.tar/a_restoration.png")
    assert look(tmp_path).has(picture())


@pytest.mark.parametrize("member", ["b.png", "y.tar/deep/b.png", "/b.png"])
def test_shard_in_a_folder_with_the_suffix_of_a_shard_is_found(tmp_path, member):
    bulk = job(tmp_path)
    name = f"{TASK}/x.tar/s.tar"
    write_result(tmp_path, name=f"{TASK}/x.tar/a_restoration.png")
    bulk.output.write(name, b"shard")
    record = ResultRecord(
        f"in/x.tar/s.tar/{member}", output=bulk.output.shown_as(f"{name}/{member}")
    )
    write_part(bulk.output, "run", [Row(record, "in/x.tar/s.tar", 10, "1")])
    shard = Item("in/x.tar/s.tar", "/in/x.tar/s.tar", "s", nbytes=10, stamp="1", shard=True)
    earlier = look(tmp_path)
    assert earlier.has(shard) and earlier.present == {}


@pytest.mark.parametrize("folder", ["so", "x/Deblurring/so", "x/y/so"])
@pytest.mark.parametrize("shard", [False, True])
def test_results_are_found_however_the_output_folder_is_spelled(
    tmp_path, monkeypatch, folder, shard
):
    place = tmp_path / folder
    place.mkdir(parents=True)
    monkeypatch.chdir(place.parent)
    if shard:
        name = f"{TASK}/s.tar"
        record = ResultRecord("in/s.tar/deep/b.png", output=f"so/{name}/deep/b.png")
        job("so").output.write(name, b"shard")
        write_part(job("so").output, "run", [Row(record, "in/s.tar", 10, "1")])
        source = Item("in/s.tar", "/in/s.tar", "s", nbytes=10, stamp="1", shard=True)
    else:
        write_result("so")
        source = picture()
    for output in ("so", "./so", place, f"../{place.parent.name}/so"):
        assert look(output).has(source) and look(output).present == {}
    monkeypatch.chdir(place)
    assert look(".").has(source) and look(".").present == {}


@pytest.mark.parametrize("shard", [False, True])
def test_inputs_are_recognised_however_their_folder_is_spelled(tmp_path, monkeypatch, shard):
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    if shard:
        record = ResultRecord("in/a.png/b.png", output=f"out/{TASK}/a.tar/b.png")
        job("out").output.write(f"{TASK}/a.tar", b"shard")
        write_part(job("out").output, "run", [Row(record, "in/a.png", 10, "1")])
    else:
        write_result("out")
    earlier = look("out")
    for folder in ("in", "./in", tmp_path / "in", "link", "in/../in"):
        for name in ("a", "new"):
            item = dataclasses.replace(picture(name), source=f"{folder}/{name}.png")
            assert earlier.has(item) == (name == "a")
            assert earlier.as_recorded(item).source == f"in/{name}.png"
    other = dataclasses.replace(picture(), source="other/a.png")
    assert not earlier.has(other) and earlier.as_recorded(other) == other


def test_row_of_another_spelling_replaces_the_earlier_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_result(tmp_path)
    bulk = job(tmp_path)
    place = str(tmp_path / "in/a.png")
    record = ResultRecord(place, error="no memory")
    write_part(bulk.output, "run2", [Row(record, place, 10, "1")])
    assert not look(tmp_path).has(picture())


@pytest.mark.parametrize("finished", [True, False])
def test_each_table_is_read_once(tmp_path, monkeypatch, finished):
    write_result(tmp_path)
    if finished:
        finalise(job(tmp_path).output)
    read = []
    original = Store.read

    def note(store, name):
        read.append(name)
        return original(store, name)

    monkeypatch.setattr(Store, "read", note)
    look(tmp_path)
    assert len([name for name in read if name.endswith(".parquet")]) == 1


@pytest.mark.parametrize("finished", [True, False])
def test_changed_source_is_restored_again(tmp_path, finished):
    write_result(tmp_path)
    if finished:
        finalise(job(tmp_path).output)
    assert look(tmp_path).has(picture())
    assert not look(tmp_path).has(picture(stamp="2"))


def test_missing_output_is_restored_again(tmp_path):
    write_result(tmp_path)
    (tmp_path / OUTPUT).unlink()
    assert not look(tmp_path).has(picture())


def test_failures_are_tried_again(tmp_path):
    write_result(tmp_path, error="no memory", output=None)
    assert not look(tmp_path).has(picture())


def test_edited_output_does_not_count_as_an_output_of_a_job(tmp_path):
    write_result(tmp_path)
    (tmp_path / OUTPUT).write_bytes(b"edited by hand")
    earlier = look(tmp_path)
    assert not earlier.has(picture())
    assert earlier.present == {"a": [OUTPUT]}


def test_other_options_are_refused_unless_results_may_be_replaced(tmp_path):
    write_result(tmp_path)
    with pytest.raises(UsageError, match="quality=95"):
        look(tmp_path, quality=50)
    for existing in ("skip", "overwrite"):
        earlier = look(tmp_path, quality=50, existing=existing)
        assert not earlier.has(picture()) and earlier.present == {}


def test_results_in_another_format_are_refused_unless_they_may_be_replaced(tmp_path):
    write_result(tmp_path)
    assert look(tmp_path, suffix="png").has(picture())
    with pytest.raises(UsageError, match=r"suffix='\.png'"):
        look(tmp_path, suffix="jpg")
    assert not look(tmp_path, suffix="jpg", existing="skip").has(picture())


def test_overwriting_restores_all_again_but_continues_an_interrupted_job(tmp_path):
    write_result(tmp_path)
    assert look(tmp_path, existing="overwrite").has(picture())
    finalise(job(tmp_path).output)
    assert not look(tmp_path, existing="overwrite").has(picture())


def test_only_files_from_before_an_unfinished_job_count_as_present(tmp_path):
    store = job(tmp_path).output
    store.write(OUTPUT, b"mine")
    assert look(tmp_path).present == {"a": [OUTPUT]}
    store.write(f"{TASK}/b_restoration.png", b"written by the job, still without a row")
    assert look(tmp_path).present == {"a": [OUTPUT]}
    job_is_finished(store)
    assert set(look(tmp_path).present) == {"a", "b"}


def write_members(folder, run, **errors):
    """Write a shard and the rows of its members."""
    bulk = job(folder)
    name = f"{TASK}/s.tar"
    bulk.output.write(name, b"shard")
    rows = []
    for member, error in errors.items():
        output = None if error else bulk.output.shown_as(f"{name}/{member}")
        record = ResultRecord(f"in/s.tar/{member}", output=output, error=error, task=TASK)
        rows.append(Row(record, "in/s.tar", 10, "1"))
    write_part(bulk.output, run, rows)


SHARD = Item("in/s.tar", "/in/s.tar", "s", nbytes=10, stamp="1", shard=True)


def test_shard_with_a_failed_member_is_restored_again(tmp_path):
    write_members(tmp_path, "1", a=None, b="no memory")
    assert not look(tmp_path, existing="skip").has(SHARD)


def test_failures_in_a_shard_that_was_replaced_do_not_count(tmp_path):
    write_members(tmp_path, "1", a=None, b="no memory")
    write_members(tmp_path, "2", a=None)
    assert look(tmp_path, existing="skip").has(SHARD)


@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_results_of_another_task_stay_and_are_not_counted(tmp_path, existing):
    write_result(tmp_path, name="Deraining/a_restoration.png", task="Deraining")
    earlier = look(tmp_path, existing=existing)
    assert not earlier.has(picture()) and earlier.present == {}


def test_results_of_automatically_chosen_tasks_are_not_mixed_with_those_of_one_task(tmp_path):
    write_result(tmp_path / "auto", detected={"degradation": "noise"})
    with pytest.raises(UsageError, match="another output folder"):
        look(tmp_path / "auto", existing="overwrite")
    write_result(tmp_path / "one")
    with pytest.raises(UsageError, match=f"results of task='{TASK}'.*another output folder"):
        look_back(job(tmp_path / "one"), dataclasses.replace(FACTS, task=""), str)
