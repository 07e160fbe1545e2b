"""OpenVINO: its precision, and how many compiled sizes it keeps."""

import numpy as np
import pytest
from inference_samples import batch

from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.inference.backends import create_backend


def test_bf16_only_where_the_processor_has_it(model, photo, expected):
    pytest.importorskip("onnx")
    openvino = pytest.importorskip("openvino")
    capable = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert create_backend(model, InferenceOptions(backend="openvino")).precision == (
        "bf16" if capable else "f32"
    )
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="bf16"))
    error = np.mean((backend.run(batch(photo)) - expected) ** 2)
    assert -10 * np.log10(error) > 40


def test_sizes_are_kept_within_the_room(model, photo):
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="f32"))
    wide, tall = batch(photo), batch(photo.swapaxes(0, 1))
    pixels = photo.shape[0] * photo.shape[1]
    for rooms, kept in ((1.5, 1), (2.5, 2)):
        backend.keep_budget = rooms * pixels * backend.bytes_per_pixel
        for picture in (wide, tall):
            backend.run(picture)
        assert backend.kept_bytes == pytest.approx(kept * pixels * backend.bytes_per_pixel)


def test_small_pictures_do_not_pile_up_networks(model):
    """Each compiled size holds all the weights, however little room its maps take."""
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    backend = create_backend(model, InferenceOptions(backend="openvino", precision="f32"))
    backend.keep_budget = 1e12
    for size in range(8, 56, 8):
        backend.run(np.zeros([1, 3, size, 8], np.float32))
        assert backend.kept_bytes <= 4 * size * 8 * backend.bytes_per_pixel
    assert backend.kept_bytes > 0
    backend.release()
    assert backend.kept_bytes == 0


def test_precision_is_f32_where_the_plugin_reports_no_bf16(model, monkeypatch):
    """As on most processors of the ARM kind."""
    core = pytest.importorskip("openvino").Core
    real = core.get_property

    def get_property(self, device, name):
        if name == "OPTIMIZATION_CAPABILITIES":
            return ["FP32", "FP16", "INT8"]
        return real(self, device, name)

    monkeypatch.setattr(core, "get_property", get_property)
    assert create_backend(model, InferenceOptions(backend="openvino")).precision == "f32"
