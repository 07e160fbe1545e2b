import numpy as np
import pytest

from ppgan_mpr.weights.networks import build

SMALL = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}


@pytest.fixture(scope="session")
def state():
    """A small MPRNet's state dict as arrays."""
    network = build("MPRNet", SMALL)
    return {name: np.asarray(value) for name, value in network.state_dict().items()}
