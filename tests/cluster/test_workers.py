import dataclasses

import pytest

from ppgan_mpr.cluster.items import Item
from ppgan_mpr.cluster.job import WorkerFacts
from ppgan_mpr.cluster.workers import incompatible, read_picture
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
