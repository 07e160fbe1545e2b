import dataclasses

import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.blocks.local import local_average
from ppgan_mpr.weights import load_weights

paddle = require("paddle")


def test_equals_the_authors_converter(fixtures_dir):
    network = load_weights(fixtures_dir / "tlc_mprnet_local_small.pth").build()
    trained_small = dataclasses.replace(find_network("MPRNet"), patch_size=32)
    trained_small.localise(network)
    reference = np.load(fixtures_dir / "tlc_mprnet_local_small.npz")
    with paddle.no_grad():
        restored = network(paddle.to_tensor(reference["x"]))[0].numpy()
    np.testing.assert_allclose(restored, reference["stage3"], atol=1e-5)


def test_windows_larger_than_the_picture_change_nothing():
    network = load_weights("lite:Denoising").build()
    picture = paddle.rand([1, 3, 64, 48])
    with paddle.no_grad():
        plain = network(picture)[0].numpy()
        find_network("MPRNet").localise(network)
        np.testing.assert_allclose(network(picture)[0].numpy(), plain, atol=1e-5)


def test_local_mirnet_restores_each_region_as_if_it_were_alone():
    """In a picture of two constant halves, each half is restored as if it were a whole picture."""
    paddle.seed(0)
    network = find_network("MIRNet").build({"n_feat": 8, "n_RRG": 1, "n_MSRB": 1})
    for name, parameter in network.named_parameters():
        if "conv_du" in name or "fcs" in name:
            parameter.set_value(parameter * 8)  # stronger attention
    network.eval()
    left, right = paddle.full([1, 3, 128, 512], 0.1), paddle.full([1, 3, 128, 512], 0.8)
    both = paddle.concat([left, right], axis=3)
    with paddle.no_grad():
        alone = [network(half)[0].numpy()[..., 200:300] for half in (left, right)]
        globally = network(both)[0].numpy()
        find_network("MIRNet").localise(network)
        locally = network(both)[0].numpy()
    for start, expected in ((200, alone[0]), (712, alone[1])):
        part = np.s_[..., 40:88, start : start + 100]
        error = np.abs(locally[part] - expected[..., 40:88, :]).max()
        assert error < 1e-4
        assert np.abs(globally[part] - expected[..., 40:88, :]).max() > 10 * error


def test_averages_are_those_of_the_windows():
    maps = np.random.default_rng(0).random([1, 2, 24, 32]).astype("float32")
    averages = local_average(paddle.to_tensor(maps), (8, 64), 4).numpy()
    assert averages.shape == (1, 2, 5, 1)
    np.testing.assert_allclose(averages[..., 2, 0], maps[:, :, 8:16].mean((2, 3)), atol=1e-6)
