from __future__ import annotations

import numpy as np
import pytest
from inference_samples import batch

from ppgan_mpr.dependencies import require
from ppgan_mpr.inference import Model, Restorer
from ppgan_mpr.networks import find_network

paddle = require("paddle")


@pytest.fixture
def staged(build_network, exports):
    return Model("small", find_network("MPRNet"), build_network, exports, stages=True)


@pytest.fixture(scope="module")
def outputs(network, photo):
    """The pictures of all stages of the network for the photo, the last stage first."""
    with paddle.no_grad():
        pictures = network(paddle.to_tensor(batch(photo)))
    return np.concatenate([picture.numpy()[0].transpose(1, 2, 0) for picture in pictures], axis=2)


@pytest.mark.parametrize("backend", ["paddle", "openvino", "onnxruntime"])
def test_channels_of_the_output_hold_all_stages(staged, photo, outputs, backend):
    pytest.importorskip(backend)
    if backend != "paddle":
        pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    restored = Restorer(staged, backend=backend, precision="f32", device="cpu")(photo)
    assert restored.shape == (96, 144, 9)
    np.testing.assert_allclose(restored, outputs, atol=2e-4)


@pytest.mark.parametrize("ensemble", [False, True])
def test_result_equals_that_of_the_last_stage_alone(staged, model, photo, ensemble):
    options = {"backend": "paddle", "device": "cpu", "tile": 64, "overlap": 8, "ensemble": ensemble}
    all_stages, last = Restorer(staged, **options)(photo), Restorer(model, **options)(photo)
    np.testing.assert_allclose(all_stages[..., :3], last, atol=1e-5)


def test_stages_have_their_own_entry_in_the_cache(staged, model):
    assert staged.key != model.key
