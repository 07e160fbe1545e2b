import contextlib
import math
from functools import partial

import pytest
from inference_samples import batch
from simulated_gpus import card

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.inference.backends import create_backend
from ppgan_mpr.inference.backends.base import INT32_ELEMENTS
from ppgan_mpr.inference.backends.paddle_backend import PaddleBackend

paddle = require("paddle")


def test_half_precision_on_a_cpu_is_refused_by_paddle(model):
    options = InferenceOptions(backend="paddle", device="cpu", precision="bf16")
    with pytest.raises(UsageError, match="backend='openvino'"):
        create_backend(model, options)


@pytest.fixture
def calls(monkeypatch):
    """The calls about cards to a PaddlePaddle that is built for CPUs and computes there."""
    asked, current = [], ["cpu"]

    def set_device(name):
        asked.append(name)
        current[0] = name

    monkeypatch.setattr(paddle.device, "is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr(paddle.device, "get_device", lambda: current[0])
    monkeypatch.setattr(paddle.device, "set_device", set_device)
    monkeypatch.setattr(paddle.device.cuda, "empty_cache", lambda: asked.append("emptied"))
    monkeypatch.setattr(paddle, "CUDAPlace", lambda index: paddle.CPUPlace())
    monkeypatch.setattr(
        paddle.nn.Layer, "to", lambda self, device: asked.append(f"to {device}") or self
    )
    return asked


@pytest.mark.parametrize(
    ("facts", "precision"),
    [({}, "bf16"), ({"bf16": False}, "f16"), ({"bf16": False, "f16": False}, "f32")],
)
def test_precision_is_the_fastest_that_the_card_has(model, calls, facts, precision):
    assert PaddleBackend(model, card(**facts)).precision == precision


def test_network_stays_on_the_card_and_each_call_selects_the_card(model, photo, calls):
    backend = PaddleBackend(model, card(1), "tf32")
    backend.run(batch(photo))
    # To move the network, to find the largest tensor, and to restore.
    assert calls == ["gpu:1", "to gpu:1", "cpu", "gpu:1", "cpu", "gpu:1", "cpu"]


def test_card_is_deselected_and_its_memory_freed_if_memory_runs_out(
    model, photo, calls, monkeypatch
):
    backend = PaddleBackend(model, card(1), "tf32")
    calls.clear()

    def fail(*_):
        raise RuntimeError("ResourceExhaustedError: Out of memory error on GPU 1.")

    monkeypatch.setattr(paddle.nn.Layer, "__call__", fail)
    with pytest.raises(MemoryError, match="gpu:1 ran out of memory"):
        backend.run(batch(photo))
    assert calls == ["gpu:1", "cpu", "gpu:1", "emptied", "cpu"]


@pytest.mark.parametrize(
    ("precision", "asked"),
    [("auto", (True, "bfloat16")), ("f16", (True, "float16")), ("tf32", (False, "float16"))],
)
def test_mixed_precision_is_requested(model, photo, calls, monkeypatch, precision, asked):
    """PaddlePaddle ignores it on this CPU, so the pixels cannot show it."""
    given = []

    def auto_cast(enable, dtype):
        given.append((enable, dtype))
        return contextlib.nullcontext()

    monkeypatch.setattr(paddle.amp, "auto_cast", auto_cast)
    PaddleBackend(model, card(), precision).run(batch(photo))
    assert set(given) == {asked}


def test_f32_on_a_card_is_not_tf32(model, photo, calls, monkeypatch):
    switched = []
    core = paddle.base.core
    for name in ("cublas", "cudnn"):  # some builds for CPUs do not have them
        monkeypatch.setattr(core, f"get_{name}_switch", lambda: True, raising=False)
        switch = partial(lambda name, on: switched.append((name, on)), name)
        monkeypatch.setattr(core, f"set_{name}_switch", switch, raising=False)
    backend = PaddleBackend(model, card(), "f32")
    switched.clear()
    backend.run(batch(photo))
    assert switched == [("cublas", False), ("cudnn", False), ("cublas", True), ("cudnn", True)]


def test_pixel_limit_follows_from_the_largest_tensor(model, calls):
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    expected = INT32_ELEMENTS / model.largest_tensor
    assert PaddleBackend(model, card()).pixel_limit == pytest.approx(expected)
    assert PaddleBackend(model).pixel_limit == math.inf
