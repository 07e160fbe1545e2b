import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.mirnetv2.network import MIRNetv2
from ppgan_mpr.weights import load_weights

paddle = require("paddle")

SMALL = {"n_feat": 8, "n_MRB": 1, "groups": (1, 2)}
DUAL_PIXEL = {"inp_channels": 6, "task": "defocus_deblurring"}


@pytest.mark.parametrize("form", ["", "_sr4", "_dualpixel"])
def test_equals_the_authors_implementation(fixtures_dir, form):
    network = load_weights(fixtures_dir / f"swz30_mirnetv2{form}_small.pth").build()
    reference = np.load(fixtures_dir / f"swz30_mirnetv2{form}_small.npz")
    with paddle.no_grad():
        (restored,) = network(paddle.to_tensor(reference["x"]))
    np.testing.assert_allclose(restored.numpy(), reference["y"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("form", "count"), [({}, 5_858_560), (DUAL_PIXEL, 5_860_720)])
def test_parameter_counts_are_the_published_ones(form, count):
    assert sum(int(parameter.size) for parameter in MIRNetv2(**form).parameters()) == count


@pytest.mark.parametrize("form", [{}, DUAL_PIXEL], ids=["rgb", "dual-pixel"])
@pytest.mark.parametrize("size", [(4, 4), (4, 12), (20, 8)])
def test_output_has_the_size_of_the_input(form, size):
    network = MIRNetv2(**SMALL, **form)
    assert all(side % find_network("MIRNetv2").size_multiple == 0 for side in size)
    (restored,) = network(paddle.rand([1, form.get("inp_channels", 3), *size]))
    assert restored.shape == [1, 3, *size]


def test_batch_equals_one_by_one():
    network = MIRNetv2(**SMALL)
    network.eval()
    pictures = paddle.rand([3, 3, 16, 24])
    with paddle.no_grad():
        together = network(pictures)[0].numpy()
        alone = [network(pictures[i : i + 1])[0].numpy() for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


@pytest.mark.parametrize("form", [{}, DUAL_PIXEL], ids=["rgb", "dual-pixel"])
def test_every_parameter_learns(form):
    network = MIRNetv2(**SMALL, **form)
    network(paddle.rand([1, form.get("inp_channels", 3), 16, 16]))[0].square().mean().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, grad in gradients.items() if grad is None or not grad.abs().sum()] == []


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"inp_channels": 6}, "cannot add an input of 6 channels to an output of 3"),
        ({"task": "LowLight"}, "does not know task 'LowLight'"),
    ],
)
def test_impossible_arguments_are_refused(form, message):
    with pytest.raises(UsageError, match=message):
        MIRNetv2(**SMALL, **form)


@pytest.mark.parametrize("sizes", [{"n_feat": 0}, {"n_MRB": 0}, {"groups": ()}, {"groups": (1, 0)}])
def test_impossible_hyperparameters_are_refused(sizes):
    with pytest.raises(UsageError, match="=0: give a whole number from 1"):
        find_network("MIRNetv2").build(sizes)
