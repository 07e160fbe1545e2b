from __future__ import annotations

import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.inference.export import trace, write_onnx
from ppgan_mpr.inference.shared_statistics import STATISTIC
from ppgan_mpr.version import __version__

paddle = require("paddle")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
pytest.importorskip("onnx")


class Gated(paddle.nn.Layer):
    """Scales a picture by its averages, and also computes averages that no result needs."""

    def __init__(self):
        super().__init__()
        self.idle, self.pool = (paddle.nn.AdaptiveAvgPool2D(1) for _ in range(2))

    def forward(self, x):
        paddle.exp(self.idle(x))
        return x * self.pool(x)


@pytest.fixture(scope="module")
def network():
    network = Gated()
    network.eval()
    return network


def sides(value):
    return [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]


def test_picture_may_have_any_size_unless_it_was_traced_for_one(network):
    graph = write_onnx(trace(network)).graph
    assert [sides(graph.input[0]), sides(graph.output[0])] == [["batch", 3, "height", "width"]] * 2
    graph = write_onnx(trace(network, size=(16, 24))).graph
    assert sides(graph.input[0]) == ["batch", 3, 16, 24]


def test_operations_that_the_result_does_not_need_are_left_out(network):
    graph = write_onnx(trace(network)).graph
    assert [node.op_type for node in graph.node] == ["GlobalAveragePool", "Mul"]
    assert (graph.input[0].name, graph.output[0].name) == ("x", "y")


def test_statistics_are_numbered_in_order_of_computation(network):
    shared = (paddle.nn.AdaptiveAvgPool2D,)
    graph = write_onnx(trace(network, 3, shared)).graph
    assert [node.output[0] for node in graph.node] == [f"{STATISTIC}0", "y"]


def test_file_says_which_version_wrote_it(network):
    model = write_onnx(trace(network))
    assert (model.producer_name, model.producer_version) == ("ppgan_mpr", __version__)
