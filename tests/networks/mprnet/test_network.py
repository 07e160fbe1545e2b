import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import load_weights

paddle = require("paddle")


SMALL = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 2}


@pytest.mark.parametrize("name", ["ppgan_mprnet_small.pdparams", "swz30_mprnet_small.pth"])
def test_all_three_stages_equal_other_implementations(fixtures_dir, name):
    network = load_weights(fixtures_dir / name).build()
    reference = np.load(fixtures_dir / f"{name.partition('.')[0]}.npz")
    with paddle.no_grad():
        outputs = network(paddle.to_tensor(reference["x"]))
    for output, stage in zip(outputs, ("stage3", "stage2", "stage1")):
        np.testing.assert_allclose(output.numpy(), reference[stage], atol=1e-5, rtol=0)


def test_batch_equals_one_by_one():
    network = find_network("MPRNet").build(SMALL)
    network.eval()
    pictures = paddle.rand([3, 3, 16, 24])
    with paddle.no_grad():
        together = network(pictures)[0].numpy()
        alone = [network(pictures[i : i + 1])[0].numpy() for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_every_parameter_learns():
    network = find_network("MPRNet").build({**SMALL, "bias": True})
    picture = paddle.rand([1, 3, 16, 16])
    sum(output.square().mean() for output in network(picture)).backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    # A gate of two ReLUs may be closed by chance; everything else must move.
    still = [n for n, g in gradients.items() if ".CA." not in n and not g.abs().sum()]
    assert still == []


def test_smallest_picture_has_eight_pixels_per_side():
    network = find_network("MPRNet").build(SMALL)
    assert [list(output.shape) for output in network(paddle.rand([1, 3, 8, 8]))] == [
        [1, 3, 8, 8]
    ] * 3


@pytest.mark.parametrize(
    "size", [{"num_cab": -1}, {"n_feat": 0}, {"scale_unetfeats": 1.5}, {"scale_orsnetfeats": "16"}]
)
def test_hyperparameters_that_are_not_positive_whole_numbers_are_refused(size):
    ((name, value),) = size.items()
    with pytest.raises(UsageError, match=f"{name}={value!r}"):
        find_network("MPRNet").build({**SMALL, **size})
