import dataclasses

import numpy as np
import pytest

from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import Cache, InferenceOptions, Model
from ppgan_mpr.inference.backends import create_backend
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.nafnet.network import NAFNet
from ppgan_mpr.weights import load_weights

paddle = require("paddle")

SMALL = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": (1, 1), "dec_blk_nums": (1, 1)}
REFERENCES = [
    "megvii_nafnet_small.pth",
    "megvii_nafnet_odd_small.pth",
    "ppgan_nafnet_small.pdparams",
]


def require_backend(name):
    """Skip the test if a backend cannot run here."""
    pytest.importorskip(name)
    if name != "paddle":
        require_export()


def require_export():
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")


def random_network():
    """A small NAFNet whose blocks are not the identity."""
    paddle.seed(0)
    network = NAFNet(**SMALL)
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):
            parameter.set_value(paddle.rand(parameter.shape) + 0.5)
    network.eval()
    return network


@pytest.mark.parametrize("name", REFERENCES)
def test_equals_other_implementations(fixtures_dir, name):
    network = load_weights(fixtures_dir / name).build()
    reference = np.load(fixtures_dir / f"{name.partition('.')[0]}.npz")
    with paddle.no_grad():
        restored = network(paddle.to_tensor(reference["x"]))
    np.testing.assert_allclose(restored.numpy(), reference["y"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("name", REFERENCES)
def test_exported_network_equals_other_implementations(fixtures_dir, tmp_path, name, backend):
    require_backend(backend)
    spec, weights = find_network("NAFNet"), load_weights(fixtures_dir / name)
    model = Model(name, spec, weights.build, Cache(tmp_path))
    run = create_backend(model, InferenceOptions(backend=backend, precision="f32")).run
    reference = np.load(fixtures_dir / f"{name.partition('.')[0]}.npz")
    x, (height, width) = reference["x"], reference["x"].shape[2:]
    # Exported networks need multiples, so this adds the padding that the network does inside.
    ends = [(0, -side % spec.size_multiple) for side in (height, width)]
    if any(side % weights.build().size_multiple for side in (height, width)):
        x = np.pad(x, [(0, 0), (0, 0), *ends])
    restored = run(x)[:, :, :height, :width]
    np.testing.assert_allclose(restored, reference["y"], atol=1e-5, rtol=0)


def test_network_saved_for_paddle_inference_takes_every_size(fixtures_dir, tmp_path):
    require_export()
    network = load_weights(fixtures_dir / "megvii_nafnet_odd_small.pth").build()
    spec = paddle.static.InputSpec([1, 3, None, None], "float32", "x")
    paddle.jit.save(network, str(tmp_path / "odd"), input_spec=[spec])
    loaded = paddle.jit.load(str(tmp_path / "odd"))
    loaded.eval()
    reference = np.load(fixtures_dir / "megvii_nafnet_odd_small.npz")
    restored = loaded(paddle.to_tensor(reference["x"])).numpy()
    np.testing.assert_allclose(restored, reference["y"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", ["paddle", "openvino", "onnxruntime"])
def test_local_statistics_equal_the_authors_converter(fixtures_dir, tmp_path, backend):
    require_backend(backend)
    trained_small = dataclasses.replace(find_network("NAFNet"), patch_size=64)

    def build():
        network = load_weights(fixtures_dir / "megvii_nafnet_local_small.pth").build()
        trained_small.localise(network, exact=True)
        return network

    fixed_size = dataclasses.replace(trained_small, local_layers={})  # they are replaced above
    model = Model("local", fixed_size, build, Cache(tmp_path), local=True)
    run = create_backend(model, InferenceOptions(backend=backend, precision="f32")).run
    reference = np.load(fixtures_dir / "megvii_nafnet_local_small.npz")
    np.testing.assert_allclose(run(reference["x"]), reference["y"], atol=1e-5, rtol=0)


def test_interpolated_windows_are_nearly_exact(fixtures_dir):
    trained_small = dataclasses.replace(find_network("NAFNet"), patch_size=64)
    network = load_weights(fixtures_dir / "megvii_nafnet_local_small.pth").build()
    reference = np.load(fixtures_dir / "megvii_nafnet_local_small.npz")
    picture = paddle.to_tensor(reference["x"])
    with paddle.no_grad():
        whole = network(picture).numpy()
        trained_small.localise(network)
        windowed = network(picture).numpy()
    error = np.abs(windowed - reference["y"]).mean()
    assert error < np.abs(whole - reference["y"]).mean() / 20


@pytest.mark.parametrize(
    ("width", "encoder", "middle", "parameters"),
    [
        (32, (1, 1, 1, 28), 1, 17_111_907),
        (64, (1, 1, 1, 28), 1, 67_888_835),
        (32, (2, 2, 4, 8), 12, 29_159_715),
        (64, (2, 2, 4, 8), 12, 115_982_915),
    ],
)
def test_parameter_counts_are_the_published_ones(width, encoder, middle, parameters):
    decoder = (1, 1, 1, 1) if middle == 1 else (2, 2, 2, 2)
    with paddle.LazyGuard():  # without memory
        network = NAFNet(3, width, middle, encoder, decoder)
    assert sum(int(np.prod(p.shape)) for p in network.parameters()) == parameters


def test_hyperparameters_are_deduced_from_a_nested_state_dict(tmp_path):
    network = random_network()
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    paddle.save({"params": tensors}, str(tmp_path / "any.pdparams"))
    weights = load_weights(tmp_path / "any.pdparams")
    assert weights.network == "NAFNet"
    assert weights.hyperparameters == {"img_channel": 3, **SMALL}


@pytest.mark.parametrize(
    "sizes",
    [{"middle_blk_num": 0}, {"enc_blk_nums": (0, 1)}, {"enc_blk_nums": (), "dec_blk_nums": ()}],
    ids=["no middle", "empty level", "no levels"],
)
def test_every_network_that_can_be_built_can_be_loaded(tmp_path, sizes):
    sizes = {**SMALL, **sizes}
    paddle.save(NAFNet(**sizes).state_dict(), str(tmp_path / "w.pdparams"))
    weights = load_weights(tmp_path / "w.pdparams")
    assert weights.hyperparameters == {"img_channel": 3, **sizes}
    with paddle.no_grad():
        assert weights.build()(paddle.rand([1, 3, 9, 7])).shape == [1, 3, 9, 7]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 0}, "width=0: give a whole number from 1"),
        ({"middle_blk_num": -1}, "middle_blk_num=-1: give a whole number from 0"),
        ({"enc_blk_nums": (1, "2")}, r"enc_blk_nums\[1\]='2': give a whole number from 0"),
        ({"enc_blk_nums": (1,)}, "enc_blk_nums has 1 levels and dec_blk_nums 2: .* the same"),
        ({"enc_blk_nums": (1,) * 5, "dec_blk_nums": (1,) * 5}, "has 5 levels .*: .* 4 at most"),
    ],
)
def test_impossible_hyperparameters_are_refused(sizes, message):
    with pytest.raises(UsageError, match=message):
        NAFNet(**{**SMALL, **sizes})


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (13, 6)])
def test_pictures_of_any_size_keep_their_size(size):
    with paddle.no_grad():
        assert random_network()(paddle.rand([1, 3, *size])).shape == [1, 3, *size]


def test_batch_equals_one_by_one():
    network, pictures = random_network(), paddle.rand([3, 3, 16, 24])
    with paddle.no_grad():
        together = network(pictures).numpy()
        alone = [network(pictures[i : i + 1]).numpy() for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_every_parameter_learns():
    network = random_network()
    network(paddle.rand([1, 3, 16, 16])).square().mean().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.abs().sum()] == []


def test_blocks_of_an_untrained_network_are_the_identity():
    network = NAFNet(**SMALL)
    block = network.encoders[0][0]
    x = paddle.rand([1, 8, 4, 4])
    np.testing.assert_array_equal(block(x).numpy(), x.numpy())
