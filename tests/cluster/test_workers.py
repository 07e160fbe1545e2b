import dataclasses
import tarfile

import pytest
from cluster_samples import TASK, job, write_pictures

from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.job import WorkerFacts
from ppgan_mpr.cluster.listing import Naming, list_items
from ppgan_mpr.cluster.nodes import facts_here
from ppgan_mpr.cluster.workers import Worker, incompatible, read_picture
from ppgan_mpr.errors import ImageError
from ppgan_mpr.imaging.limits import Limits

FACTS = WorkerFacts(
    "openvino", "bf16", "cpu", 4, "bf16", 8, "sha256:1", versions={"numpy": "2", "python": "3.11"}
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"precision": "f32"}, "precision is f32 instead of bf16"),
        ({"native": "f32"}, "computes in f32 instead of bf16"),
        ({"cores": 2}, "2 cores instead of 4"),
        ({"weights_digest": "sha256:2"}, "weights digest is sha256:2"),
        ({"versions": {"python": "3.11"}}, "numpy missing instead of 2"),
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


def test_outputs_of_shards_keep_their_folders_and_modes(tmp_path):
    pa = pytest.importorskip("pyarrow")

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
