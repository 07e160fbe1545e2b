from __future__ import annotations

import dataclasses

import pytest

from ppgan_mpr.networks import WeightsRecord, find_network
from ppgan_mpr.networks.spec import count_layers

RECORD = WeightsRecord(
    model="published", task="SuperResolution", hyperparameters={}, parameters=1,
    licence="none", origin="this test", paper="none",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "published:SuperResolution"),
        ({"scale": 4}, "published:SuperResolution:x4"),
        ({"network": "Net", "qualified": True}, "published:net:SuperResolution"),
        ({"variant": "width32", "scale": 2}, "published:SuperResolution:width32:x2"),
    ],
)
def test_name_of_weights_holds_the_parts_that_distinguish_them(changes, name):
    assert dataclasses.replace(RECORD, **changes).name == name


def test_embedded_file_is_found_in_its_package():
    record = dataclasses.replace(RECORD, resource="ppgan_mpr.networks:mprnet/spec.py")
    assert "SPEC" in record.path.read_text(encoding="utf-8")
    assert RECORD.path is None
    with pytest.raises(ModuleNotFoundError, match="no package absent"):
        _ = dataclasses.replace(RECORD, resource="absent:file").path


def test_layers_of_a_sequence_are_counted_by_their_parameters():
    shapes = dict.fromkeys(["body.0.weight", "body.0.bias", "body.2.weight", "tail.weight"], ())
    assert count_layers(shapes, "body.") == 2
    assert count_layers(shapes, "head.") == 0


def test_layout_names_every_tensor_and_which_are_shared():
    pytest.importorskip("paddle")
    small = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
    spec = find_network("MPRNet")
    layout, state = spec.layout(small), spec.build(small).state_dict()
    assert layout.shapes == {name: tuple(value.shape) for name, value in state.items()}
    assert layout.copies  # all blocks share one PReLU
    for copy, original in layout.copies.items():
        assert state[copy] is state[original]


def test_layout_of_an_enormous_network_takes_no_memory():
    pytest.importorskip("paddle")
    huge = {"width": 1 << 13, "middle_blk_num": 1, "enc_blk_nums": [1], "dec_blk_nums": [1]}
    shapes = find_network("NAFNet").layout(huge).shapes
    assert sum(shape[0] * shape[1] for shape in shapes.values() if len(shape) == 4) > 1 << 30


def test_weights_records_are_found_only_if_every_hyperparameter_agrees():
    spec = find_network("MPRNet")
    record = next(r for r in spec.weights if r.name == "published:Deraining")
    assert record in spec.records_of_size(record.hyperparameters)
    assert spec.records_of_size({**record.hyperparameters, "n_feat": 1}) == []
