from __future__ import annotations

import numpy as np
import pytest
from inference_samples import batch

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")

from ppgan_mpr.inference.backends.onnxruntime_backend import ONNXRuntimeBackend


def test_released_backend_loads_its_network_again(model, photo):
    backend = ONNXRuntimeBackend(model, threads=1)
    before = backend.run(batch(photo))
    backend.release()
    np.testing.assert_array_equal(backend.run(batch(photo)), before)


def test_shortage_of_memory_is_a_memory_error(model, photo, monkeypatch):
    """The restorer answers it with smaller tiles."""
    import onnxruntime

    class Short:
        def __init__(self, *_, **__):
            pass

        def run(self, *_):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 7")

    monkeypatch.setattr(onnxruntime, "InferenceSession", Short)
    with pytest.raises(MemoryError, match="ONNX Runtime ran out of memory"):
        ONNXRuntimeBackend(model).run(batch(photo))
