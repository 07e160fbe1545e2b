import numpy as np
import pytest

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights.fitting import set_weights


def test_error_for_weights_of_another_network_names_the_right_configuration():
    tiny = find_network("MPRNet").build({"n_feat": 8, "scale_unetfeats": 4, "num_cab": 1})
    nafnet = find_network("NAFNet")
    record = next(record for record in nafnet.weights if record.variant == "gopro-width32")
    shapes = nafnet.layout(record.hyperparameters).shapes
    tensors = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    with pytest.raises(
        WeightsError,
        match=r"naf\.pth holds weights of NAFNet with the size of gopro-width32, and this network "
        "is MPRNet: use the configuration nafnet_deblurring_width32, or other weights",
    ):
        set_weights(tiny, tensors, "naf.pth")
