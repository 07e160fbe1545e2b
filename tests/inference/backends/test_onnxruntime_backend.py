from __future__ import annotations

import numpy as np
import pytest
from inference_samples import batch
from simulated_gpus import GIB, card, simulate

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import Model
from ppgan_mpr.inference.backends.onnxruntime_backend import ONNXRuntimeBackend
from ppgan_mpr.networks import find_network


def test_released_backend_loads_its_network_again(model, photo):
    backend = ONNXRuntimeBackend(model, threads=1)
    before = backend.run(batch(photo))
    backend.release()
    np.testing.assert_array_equal(backend.run(batch(photo)), before)


def test_shortage_of_memory_is_a_memory_error(model, photo, monkeypatch):
    """The restorer then tries smaller tiles."""
    import onnxruntime

    class Short:
        def __init__(self, *_, **__):
            pass

        def run(self, *_):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 7")

    monkeypatch.setattr(onnxruntime, "InferenceSession", Short)
    with pytest.raises(MemoryError, match="ONNX Runtime ran out of memory"):
        ONNXRuntimeBackend(model).run(batch(photo))


def test_cuda_provider_is_given_card_memory_and_precision(model, photo, monkeypatch):
    sessions = simulate(monkeypatch)
    for precision in ("auto", "f32"):
        backend = ONNXRuntimeBackend(model, card(1, 10 * GIB), precision)
        backend.run(batch(photo), backend.measure(batch(photo)))
    assert [options["use_tf32"] for options in sessions] == ["1", "1", "0", "0"]
    assert {options["device_id"] for options in sessions} == {"1"}
    assert {options["gpu_mem_limit"] for options in sessions} == {str(9 * GIB)}


def test_older_cards_compute_in_f32(model):
    assert ONNXRuntimeBackend(model, card(bf16=False)).precision == "f32"


def test_sessions_for_tiles_and_statistics_are_reused_on_a_gpu(model, photo, monkeypatch):
    sessions = simulate(monkeypatch)
    backend = ONNXRuntimeBackend(model, card())
    for _ in range(3):
        backend.run(batch(photo), backend.measure(batch(photo)))
    assert len(sessions) == 2


def test_cuda_provider_that_does_not_load_is_explained_in_one_sentence(model, photo, monkeypatch):
    simulate(monkeypatch, loads=False)
    backend = ONNXRuntimeBackend(model, card())
    with pytest.raises(UsageError, match="its CUDA provider does not load: install CUDA and cuDNN"):
        backend.run(batch(photo))


def test_steps_towards_a_statistic_are_not_taken_for_statistics(exports, photo):
    """The steps that compute MIRNet-v2's contexts have names with the same prefix."""
    network = find_network("MIRNetv2").build({"n_feat": 8, "n_MRB": 1, "groups": (1, 1, 1, 1)})
    network.eval()
    model = Model("contexts", find_network("MIRNetv2"), lambda: network, exports)
    backend = ONNXRuntimeBackend(model)
    own = backend.run(batch(photo), backend.measure(batch(photo)))
    np.testing.assert_allclose(own, backend.run(batch(photo)), atol=1e-5)
