import numpy as np

from ppgan_mpr.dependencies import require
from ppgan_mpr.models.layers.local import convert_to_local, local_average
from ppgan_mpr.weights import load_weights

paddle = require("paddle")


def test_equals_the_authors_converter(fixtures_dir):
    network = load_weights(fixtures_dir / "tlc_mprnet_local_small.pth").build()
    convert_to_local(network, train_size=32)
    reference = np.load(fixtures_dir / "tlc_mprnet_local_small.npz")
    with paddle.no_grad():
        restored = network(paddle.to_tensor(reference["x"]))[0].numpy()
    np.testing.assert_allclose(restored, reference["stage3"], atol=1e-5)


def test_pictures_smaller_than_the_windows_change_nothing():
    network = load_weights("lite:Denoising").build()
    picture = paddle.rand([1, 3, 64, 48])
    with paddle.no_grad():
        plain = network(picture)[0].numpy()
        convert_to_local(network)
        np.testing.assert_allclose(network(picture)[0].numpy(), plain, atol=1e-5)


def test_averages_of_windows():
    maps = np.random.default_rng(0).random([1, 2, 24, 32]).astype("float32")
    averages = local_average(paddle.to_tensor(maps), (8, 64), 4).numpy()
    assert averages.shape == (1, 2, 5, 1)
    np.testing.assert_allclose(averages[..., 2, 0], maps[:, :, 8:16].mean((2, 3)), atol=1e-6)
