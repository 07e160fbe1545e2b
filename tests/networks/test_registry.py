from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import (
    find_network,
    networks,
    register_network,
    unregister_network,
    weights_records,
)
from ppgan_mpr.networks.registry import spec_of


@pytest.fixture
def another():
    """A network without weights, registered until the test ends."""
    spec = dataclasses.replace(find_network("MIRNet"), name="Another", title="", weights=())
    register_network(spec)
    yield spec
    if spec in networks():
        unregister_network("Another")


def test_network_is_registered_until_it_is_removed(another):
    assert find_network("ANOTHER") is another
    unregister_network("another")
    assert another not in networks()
    with pytest.raises(UsageError, match="network='another'"):
        find_network("another")


def test_name_that_differs_only_in_case_is_refused(another):
    with pytest.raises(UsageError, match="a network 'Another' already"):
        register_network(dataclasses.replace(another, name="ANOTHER"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "huge"}, "have no source"),
        ({"model": "published", "url": None}, r"published \(with a url\)"),
        ({"model": "lite", "resource": None}, r"lite \(with a resource\)"),
        ({"task": "Deraining"}, "'Deraining', which is not one of its tasks"),
    ],
)
def test_weights_without_a_source_or_task_are_refused(another, changes, message):
    record = dataclasses.replace(find_network("MIRNet").weights[0], **changes)
    spec = dataclasses.replace(another, name="Third", weights=(record,))
    with pytest.raises(UsageError, match=message):
        register_network(spec)
    assert spec not in networks()


def test_object_that_is_not_a_spec_is_refused():
    with pytest.raises(UsageError, match="described by a NetworkSpec, not by 'MPRNet'"):
        register_network("MPRNet")


def test_names_of_weights_include_the_network_if_two_offer_the_same():
    records = weights_records()
    assert len({record.name for record in records}) == len(records)
    first = {}
    for record in records:
        first.setdefault((record.model, record.task), record.network)
        differs = record.network != first[record.model, record.task]
        assert (f":{record.network.lower()}:" in record.name) is differs


def test_spec_is_found_by_the_class_of_a_layer():
    paddle = pytest.importorskip("paddle")
    spec = find_network("MIRNetv2")
    assert spec_of(spec.build({"n_feat": 8, "n_MRB": 1, "groups": (1,)})) is spec
    assert spec_of(paddle.nn.ReLU()) is None


def test_broken_entry_point_disables_no_other_network(tmp_path, root):
    metadata = tmp_path / "broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ppgan_mpr.networks]\nBroken = absent:SPEC\n")
    code = "from ppgan_mpr.networks import networks; print(*[spec.name for spec in networks()])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])},
    )
    assert {"MPRNet", "NAFNet"} <= set(done.stdout.split())
    assert "The network 'Broken' cannot be used: No module named 'absent'" in done.stderr
