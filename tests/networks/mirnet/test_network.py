import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.mirnet.network import MIRNet
from ppgan_mpr.weights import load_weights

paddle = require("paddle")


SMALL = {"n_feat": 8, "n_RRG": 1, "n_MSRB": 1}


def test_equals_the_authors_implementation(fixtures_dir):
    network = load_weights(fixtures_dir / "swz30_mirnet_small.pth").build()
    reference = np.load(fixtures_dir / "swz30_mirnet_small.npz")
    with paddle.no_grad():
        (restored,) = network(paddle.to_tensor(reference["x"]))
    np.testing.assert_allclose(restored.numpy(), reference["y"], atol=1e-5, rtol=0)


def test_parameter_count_is_the_published_one():
    # Both columns of a block have the same weights; the blur kernels are not parameters.
    assert sum(int(parameter.size) for parameter in MIRNet().parameters()) == 31_787_419


def test_batch_equals_one_by_one():
    network = MIRNet(**SMALL)
    network.eval()
    pictures = paddle.rand([3, 3, 16, 24])
    with paddle.no_grad():
        together = network(pictures)[0].numpy()
        alone = [network(pictures[i : i + 1])[0].numpy() for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_every_parameter_learns():
    network = MIRNet(**SMALL)
    network(paddle.rand([1, 3, 16, 16]))[0].square().mean().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    # A gate's one or two ReLUs may be all open or all closed by chance; the rest must move.
    still = [n for n, g in gradients.items() if "conv_du" not in n and not g.abs().sum()]
    assert still == []


@pytest.mark.parametrize("size", [(4, 4), (4, 12), (20, 8)])
def test_sizes_that_are_multiples_of_4_are_kept(size):
    network = MIRNet(**SMALL)
    assert all(side % find_network("MIRNet").size_multiple == 0 for side in size)
    (restored,) = network(paddle.rand([1, 3, *size]))
    assert restored.shape == [1, 3, *size]


@pytest.mark.parametrize("sizes", [{"n_feat": 0}, {"n_RRG": 0}, {"n_MSRB": 0}])
def test_impossible_hyperparameters_are_refused(sizes):
    with pytest.raises(UsageError, match="=0: give a whole number from 1"):
        find_network("MIRNet").build(sizes)
