import dataclasses
import json
import os
import sys
import tarfile

import pyarrow as pa
import pytest
from cluster_samples import TASK, job, write_pictures

from ppgan_mpr.cluster.earlier import look_back
from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.job import WorkerFacts
from ppgan_mpr.cluster.listing import Naming, list_items
from ppgan_mpr.cluster.nodes import facts_here
from ppgan_mpr.cluster.workers import Reader, Worker, Writer, incompatible, read_picture, table_of
from ppgan_mpr.errors import ImageError, UsageError
from ppgan_mpr.imaging.limits import Limits

FACTS = WorkerFacts(
    "openvino", "bf16", "cpu", 4, "bf16", 8, "sha256:1", versions={"numpy": "2", "python": "3.11"}
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"precision": "f32"}, "it uses precision='f32' instead of 'bf16'"),
        ({"native": "f32"}, "computes in f32 instead of bf16"),
        ({"cores": 2}, "2 cores instead of 4"),
        ({"weights_digest": "sha256:2"}, "weights_digest='sha256:2'"),
        ({"versions": {"python": "3.11"}}, "it needs numpy 2 but has none"),
    ],
)
def test_node_that_computes_differently_is_refused(changes, reason):
    assert reason in incompatible(dataclasses.replace(FACTS, **changes), FACTS)


def test_node_that_computes_alike_takes_part():
    alike = {"cores": 64, "versions": {"numpy": "2", "python": "3.12"}}
    assert incompatible(dataclasses.replace(FACTS, **alike), FACTS) is None


@pytest.mark.parametrize("content", [b"no picture at all", None])
def test_error_of_an_unreadable_file_names_it(tmp_path, content):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=r"in/a\.png cannot be read: "):
        read_picture(Item("in/a.png", str(path), "a"), Limits())


def restored(source, bulk):
    """The progress of restoring a folder, step by step as Ray does it."""
    items = list(list_items(str(source), False, bulk.output, Naming(TASK, None, str)))
    table = Worker(bulk, facts_here(bulk))(Reader(bulk)(table_of(items)))
    return [json.loads(text) for text in Writer(bulk)(table).column("progress").to_pylist()]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are always text there")
def test_pictures_whose_names_are_not_utf8_are_restored(tmp_path):
    photos, name = tmp_path / "photos", os.fsdecode(b"caf\xe9")
    write_pictures(photos, 1)
    (photos / "p00000.png").rename(photos / f"{name}.png")
    (photos / f"{name}2.png").write_bytes(b"no picture")
    bulk = job(tmp_path / "out")
    rows = {row["source"]: row["error"] for row in restored(photos, bulk)}
    assert rows[str(photos / f"{name}.png")] is None
    assert f"{name}2.png" in rows[str(photos / f"{name}2.png")]
    assert (tmp_path / "out" / TASK / f"{name}_restoration.png").is_file()
    earlier = look_back(bulk, facts_here(bulk), str)
    assert set(earlier.finished) == {str(photos / f"{name}.png")} and not earlier.present


@pytest.mark.skipif(os.name != "posix", reason="files have no permission bits there")
def test_results_of_listed_files_have_the_modes_of_the_files(tmp_path):
    write_pictures(tmp_path, 1)
    with tarfile.open(tmp_path / "s.tar", "w") as shard:
        shard.add(tmp_path / "p00000.png", "p00000.png")
    for name in ("p00000.png", "s.tar"):
        (tmp_path / name).chmod(0o600)
    (tmp_path / "list.csv").write_text("path\np00000.png\ns.tar")
    restored(tmp_path / "list.csv", job(tmp_path / "out"))
    results = list((tmp_path / "out" / TASK).iterdir())
    assert len(results) == 2
    assert {path.stat().st_mode & 0o777 for path in results} == {0o600}


def test_table_that_cannot_be_written_ends_the_job_with_its_place_and_the_reason(tmp_path):
    bulk = job(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ppgan_mpr_bulk").write_bytes(b"no folder")
    row = {"source": "a.png", "error": "no memory"}
    text = json.dumps({"record": row, "item": "a.png"})
    table = pa.table({"row": [text], "files": pa.array([[]], pa.list_(pa.int32()))})
    with pytest.raises(UsageError, match="out/ppgan_mpr_bulk/parts cannot be written: "):
        Writer(bulk)(table)


def test_outputs_of_shards_keep_their_folders_and_modes(tmp_path):
    write_pictures(tmp_path / "photos", 2)
    names = ["a/x.tar", "b/x.tar"]
    for name, photo in zip(names, sorted((tmp_path / "photos").iterdir())):
        (tmp_path / name).parent.mkdir()
        with tarfile.open(tmp_path / name, "w") as shard:
            shard.add(photo, photo.name)
    (tmp_path / "list.csv").write_text("\n".join(["path", *names]))
    bulk = job(tmp_path / "out")
    listed = list_items(str(tmp_path / "list.csv"), False, bulk.output, Naming(TASK, None, str))
    items = [item.to_json() for item in listed]
    worker = Worker(bulk, facts_here(bulk))
    worker(pa.table({"item": items, "content": pa.array([b""] * 2, pa.large_binary())}))
    members = []
    for name in names:
        with tarfile.open(tmp_path / "out" / TASK / name) as shard:
            members.append(shard.getnames())
    assert members == [["p00000.png"], ["p00001.jpg"]]
