"""Every translated operator computes the same in ONNX Runtime as in Paddle."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.inference.export import trace, write_onnx
from ppgan_mpr.inference.export.operators import ELEMENTWISE, find_translator

paddle = require("paddle")
F = paddle.nn.functional

pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


class Computes(paddle.nn.Layer):
    """A layer that calls a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def exported(network, size=None):
    """The network as an ONNX Runtime session."""
    network.eval()
    model = write_onnx(trace(network, size=size)).SerializeToString()
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def assert_equal_in_onnx(network, sizes=((16, 24), (32, 8))):
    session = exported(network, sizes[0] if len(sizes) == 1 else None)
    for size in sizes:
        x = np.random.default_rng(0).random([1, 3, *size], np.float32) + 0.1
        with paddle.no_grad():
            expected = network(paddle.to_tensor(x)).numpy()
        np.testing.assert_allclose(session.run(None, {"x": x})[0], expected, atol=2e-5)


FUNCTIONS = {
    "abs": lambda x: paddle.abs(x - 0.5),
    "add": lambda x: x + x,
    "divide": lambda x: x / (x + 1),
    "elementwise_pow": lambda x: paddle.pow(x, x),
    "exp": paddle.exp,
    "hardswish": lambda x: F.hardswish(8 * x - 4),
    "log": paddle.log,
    "maximum": lambda x: paddle.maximum(x, 1 - x),
    "minimum": lambda x: paddle.minimum(x, 1 - x),
    "multiply": lambda x: x * (x + 1),
    "relu": lambda x: F.relu(x - 0.5),
    "sigmoid": F.sigmoid,
    "sqrt": paddle.sqrt,
    "subtract": lambda x: x - paddle.exp(x),
    "tanh": paddle.tanh,
    "leaky relu": lambda x: F.leaky_relu(x - 0.5, 0.3),
    "silu": F.silu,
    "gelu": F.gelu,
    "clip": lambda x: paddle.clip(x, 0.2, 0.7),
    "scale": lambda x: 3 * x - 2,
    "bias before the scale": lambda x: paddle.scale(x, 3.0, bias=2.0, bias_after_scale=False),
    "power of a number": lambda x: paddle.pow(x, 1.5),
    "square": paddle.square,
    "reciprocal root": paddle.rsqrt,
    "matmul": lambda x: paddle.matmul(x, x, transpose_y=True),
    "softmax": lambda x: F.softmax(x, axis=1),
    "average pooling": lambda x: F.avg_pool2d(x, 2, 2),
    "max pooling": lambda x: F.max_pool2d(x, 2, 2),
    "global average pooling": lambda x: x * F.adaptive_avg_pool2d(x, 1),
    "max": lambda x: x * paddle.max(x, axis=1, keepdim=True),
    "mean": lambda x: x - paddle.mean(x, axis=[2, 3], keepdim=True),
    "sum": lambda x: x / paddle.sum(x, axis=1, keepdim=True),
    "transpose": lambda x: paddle.transpose(x, [0, 1, 3, 2]),
    "flatten": lambda x: paddle.max(x.flatten(2), axis=2, keepdim=True),
    "unsqueeze and squeeze": lambda x: (x.unsqueeze(1) * 2).squeeze(1),
    "concat": lambda x: paddle.concat([x, 1 - x], axis=1),
    "split into equal parts": lambda x: paddle.split(x, 3, axis=1)[1] * 2,
    "split into given parts": lambda x: paddle.split(x, [1, 2], axis=1)[1] * 2,
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "pixel shuffle": lambda x: F.pixel_shuffle(paddle.concat([x, x, x, x], axis=1), 2),
    "reflection padding": lambda x: F.pad(x, [1, 2, 3, 0], mode="reflect"),
    "replication padding": lambda x: F.pad(x, [1, 2, 3, 0], mode="replicate"),
    "constant padding": lambda x: F.pad(x, [1, 2, 3, 0], value=0.5),
    "bilinear interpolation": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "nearest interpolation": lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_function_is_the_same_at_every_size(function):
    assert_equal_in_onnx(Computes(function))


def test_every_elementwise_operator_is_among_the_functions():
    assert set(ELEMENTWISE) <= set(FUNCTIONS)


LAYERS = {
    "strided convolution": lambda: paddle.nn.Conv2D(3, 4, 3, stride=2, padding=1),
    "convolution with four paddings": lambda: paddle.nn.Conv2D(3, 4, 3, padding=[1, 0, 2, 1]),
    "dilated convolution": lambda: paddle.nn.Conv2D(3, 4, 3, dilation=2, padding=2),
    "depthwise convolution": lambda: paddle.nn.Conv2D(3, 6, 3, groups=3, padding=1),
    "transposed convolution": lambda: paddle.nn.Conv2DTranspose(3, 4, 4, stride=2, padding=1),
    "prelu of one slope": lambda: paddle.nn.PReLU(),
    "prelu of a slope for each channel": lambda: paddle.nn.PReLU(3),
    "batch normalisation": lambda: paddle.nn.BatchNorm2D(3),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layer_is_the_same_at_every_size(layer):
    paddle.seed(0)
    layer = layer()
    for parameter in layer.parameters():
        parameter.set_value(parameter + 0.1 * paddle.rand(parameter.shape))
    assert_equal_in_onnx(layer)


def test_layer_normalisation_of_channels_is_exported():
    norm = paddle.nn.LayerNorm(3)

    class OverChannels(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.norm = norm

        def forward(self, x):
            return self.norm(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2])

    assert_equal_in_onnx(OverChannels())


def test_reshape_is_exported_for_one_size_only():
    network = Computes(lambda x: x.reshape([1, 3, -1]) * 2)
    assert_equal_in_onnx(network, sizes=((16, 24),))
    with pytest.raises(NotImplementedError, match="depend on the picture's size"):
        exported(network)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (paddle.sin, "operator sin has no translation"),
        (lambda x: F.gelu(x, approximate=True), "approximate gelu"),
        (lambda x: F.adaptive_avg_pool2d(x, 2), "adaptive pooling to more than one value"),
        (lambda x: F.avg_pool2d(x, 3, 1, 1), "pool2d with padding"),
        (lambda x: x.flatten(1, 2), "flatten has a translation for the last axes only"),
        (lambda x: paddle.split(x, [10, 54], axis=2)[0], "split of rows or columns"),
        (
            lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
            "aligned corners",
        ),
    ],
)
def test_operator_without_an_exact_translation_is_refused_by_name(function, message):
    with pytest.raises(NotImplementedError, match=message):
        exported(Computes(function))


def test_unknown_operator_is_named():
    with pytest.raises(NotImplementedError, match="operator fft has no translation"):
        find_translator("fft")
