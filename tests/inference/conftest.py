import numpy as np
import pytest
from inference_samples import batch

from ppgan_mpr.dependencies import require
from ppgan_mpr.inference import Cache, Model
from ppgan_mpr.networks import find_network

paddle = require("paddle")

SMALL = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}


@pytest.fixture(scope="session")
def build_network():
    """A function that builds a small MPRNet with random weights and strong attention."""

    def make():
        paddle.seed(0)
        network = find_network("MPRNet").build(SMALL)
        for name, parameter in network.named_parameters():
            if ".CA." in name:
                parameter.set_value(parameter * 8)
        network.eval()
        return network

    return make


@pytest.fixture(scope="session")
def network(build_network):
    return build_network()


@pytest.fixture
def cache(tmp_path):
    """An empty cache for one test, in the folder ``cache`` of its temporary folder."""
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """A cache that tests share, so that the network is exported once."""
    return Cache(tmp_path_factory.mktemp("exports"))


@pytest.fixture
def model(network, exports):
    return Model("small", find_network("MPRNet"), lambda: network, exports)


@pytest.fixture(scope="session")
def photo():
    """A picture [96, 144, 3] in [0, 1] whose left and right differ in colour and detail."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 144, dtype=np.float32)[None, :, None] * [0.3, 0.6, 0.9]
    detail = rng.random([96, 144, 3]) * np.linspace(0, 0.4, 144)[None, :, None]
    return np.clip(ramp + detail, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def expected(network, photo):
    """The network's output for the photo, ``[1, 3, 96, 144]``."""
    with paddle.no_grad():
        return network(paddle.to_tensor(batch(photo)))[0].numpy()
