"""A tiny network that restores videos, and videos to restore."""

import importlib.util

import numpy as np
import pytest
from verification_samples import TINY

from ppgan_mpr import Predictor
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights.formats import write_file

if importlib.util.find_spec("av") is None:  # Python 3.10 and older
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A weights file of a small MPRNet whose attention depends much on the picture's averages."""
    import paddle

    paddle.seed(3)
    network = find_network("MPRNet").build(TINY)
    for name, parameter in network.named_parameters():
        if "conv_du" in name:
            parameter.set_value(30 * parameter)
    path = tmp_path_factory.mktemp("weights") / "tiny.pdparams"
    write_file(path, {name: np.asarray(value) for name, value in network.state_dict().items()})
    return path


@pytest.fixture(scope="session")
def make_predictor(weights):
    """A function that makes a predictor with options of its own."""

    def make(**options):
        return Predictor(None, weights, task="Deraining", precision="f32", threads=1, **options)

    return make


@pytest.fixture(scope="session")
def predictor(make_predictor):
    """The predictor that most tests share."""
    return make_predictor()
