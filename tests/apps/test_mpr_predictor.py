"""MPRPredictor as a replacement for PaddleGAN's class."""

from __future__ import annotations

import numpy as np
import pytest
from apps_samples import picture

from ppgan_mpr import MPRPredictor
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.weights import find_record

paddle = require("paddle")


def test_arguments_of_ppgans_predictor_are_accepted_in_their_order(tmp_path):
    restorer = MPRPredictor(str(tmp_path), None, 123, "Denoising", model="lite")
    assert restorer.output_path == tmp_path
    assert restorer.task == "Denoising"


@pytest.mark.parametrize("task", ["Deblurring", "Denoising", "Deraining"])
def test_equals_ppgans_own_network_on_its_own_file(tmp_path, task):
    """Weights of full size written by ppgan's MPRNet give the same picture as ppgan's network."""
    pytest.importorskip("ppgan", reason="PaddleGAN is not installed")
    compat = pytest.importorskip("ppgan_mpr.ppgan_compat")
    compat.import_ppgan()
    from ppgan.models.generators.mpr import MPRNet as Theirs

    widths = dict(find_record("published", task).hyperparameters)
    theirs = Theirs(**widths)
    theirs.eval()
    for name, parameter in theirs.named_parameters():
        if parameter.ndim == 4:  # with Paddle's initial weights the outputs would explode
            parameter.set_value(parameter * (0.05 if name.startswith("tail") else 0.4))
    path = tmp_path / "theirs.pdparams"
    paddle.save(theirs.state_dict(), str(path))
    image = np.asarray(picture(size=(40, 32)))
    with paddle.no_grad():
        tensor = paddle.to_tensor((image / np.float32(255)).transpose(2, 0, 1)[None])
        expected = theirs(tensor)[0][0].numpy().transpose(1, 2, 0)
    restorer = MPRPredictor(None, path, backend="paddle", precision="f32")
    assert restorer.task == task
    ours = restorer.run(image.astype(np.float32) / 255)[0].image
    assert np.abs(expected).max() < 10  # in the range of a picture, so that errors are visible
    assert np.abs(ours - image / 255).mean() > 1e-3
    np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-5)


def test_tasks_of_other_networks_are_refused():
    with pytest.raises(UsageError, match="MPRNet is not for LowLight"):
        MPRPredictor(None, task="LowLight")
