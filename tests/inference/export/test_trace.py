from __future__ import annotations

import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import MissingDependencyError
from ppgan_mpr.inference.export import Program, trace
from ppgan_mpr.inference.export.trace import Operation, Value

paddle = require("paddle")
needs_pir = pytest.mark.skipif(
    paddle.__version__.startswith("2."), reason="exporting needs PaddlePaddle 3"
)


def test_memory_counts_the_tensors_that_are_alive_at_once():
    """x is needed until the end; a and b are needed one after the other."""
    x, a, b, y = (Value(name, (1, channels, 2, 2)) for name, channels in zip("xaby", (3, 8, 4, 3)))
    operations = (
        Operation("grow", (x,), (a,)),
        Operation("shrink", (a,), (b,)),
        Operation("add", ((x, b),), (y,)),
    )
    assert Program(operations, {}, x, y).floats_per_pixel() == 8 + 4
    longer = (*operations[:2], Operation("add", ((x, b, a),), (y,)))
    assert Program(longer, {}, x, y).floats_per_pixel() == 8 + 4 + 3
    assert Program(longer, {}, x, y).largest_tensor() == 8


def test_tensors_computed_from_weights_alone_do_not_count():
    x, w, v, y = (Value(name, (1, channels, 2, 2)) for name, channels in zip("xwvy", (3, 9, 9, 4)))
    operations = (Operation("halve", (w,), (v,)), Operation("multiply", (x, v), (y,)))
    assert Program(operations, {}, x, y).largest_tensor() == 4


class Gated(paddle.nn.Layer):
    """Scales a picture by its averages, and returns a list of two results."""

    def __init__(self):
        super().__init__()
        self.pool = paddle.nn.AdaptiveAvgPool2D(1)
        self.halve = paddle.nn.AdaptiveAvgPool2D(2)

    def forward(self, x):
        return [x * self.pool(x) * self.halve(x).mean(), 2 * x]


@needs_pir
def test_statistics_are_outputs_of_the_shared_layers():
    network = Gated()
    network.eval()
    shared = (paddle.nn.AdaptiveAvgPool2D,)
    (statistic,) = trace(network, 3, shared).statistics  # not four per channel
    assert statistic.shape == (1, 3, 1, 1)
    assert trace(network, 3).statistics == ()


@needs_pir
def test_traced_program_has_the_given_channels_and_the_first_output():
    network = Gated()
    network.eval()
    program = trace(network, 6, size=(16, 24))
    assert program.input.shape == program.output.shape == (1, 6, 16, 24)
    assert not program.open_size
    assert trace(network, 6).open_size


@needs_pir
def test_tracing_does_not_change_the_network():
    network, calls = Gated(), []
    network.eval()
    trace(network, 3, (paddle.nn.AdaptiveAvgPool2D,))
    network.pool.register_forward_post_hook(lambda *_: calls.append(1))
    picture = paddle.rand([1, 3, 8, 8])
    assert network(picture)[0].shape == picture.shape
    assert calls == [1]


def test_old_paddle_is_refused_with_the_command_that_updates_it(monkeypatch):
    monkeypatch.setattr(paddle, "__version__", "2.6.2")
    with pytest.raises(MissingDependencyError, match=r"2\.6\.2 is installed: run  pip install"):
        trace(Gated())
