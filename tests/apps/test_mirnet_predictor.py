import numpy as np
import pytest
from PIL import Image

from ppgan_mpr import MIRNetPredictor, MPRPredictor
from ppgan_mpr.apps import Predictor
from ppgan_mpr.commands.restore import main
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.imaging.enlarge import enlarge
from ppgan_mpr.networks import find_network

paddle = require("paddle")

SMALL = {
    "MIRNet": {"n_feat": 16, "n_RRG": 1, "n_MSRB": 1},
    "MIRNetv2": {"n_feat": 16, "groups": (1, 2), "n_MRB": 1},
}


def picture(size=(40, 28), seed=0):
    """A smooth random picture."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(40, 200, (4, 5, 3), np.uint8))
    return np.asarray(small.resize(size, Image.BICUBIC))


@pytest.fixture
def weights(tmp_path):
    """A function that writes random weights of a small network; returns the network and path."""

    def make(name, **form):
        paddle.seed(0)
        network = find_network(name).build({**SMALL[name], **form})
        network.eval()
        path = tmp_path / f"{name}.pdparams"
        paddle.save(network.state_dict(), str(path))
        return network, path

    return make


def expected(network, picture):
    """The network's output for [H, W, C] in [0, 1], as 8-bit codes."""
    batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
    with paddle.no_grad():
        restored = network(paddle.to_tensor(batch))[0].numpy()[0].transpose(1, 2, 0)
    return np.clip(restored, 0, 1)


def codes_differ_by(a, b):
    return np.abs(a.astype(np.float64) - b).max()


@pytest.mark.parametrize("name", ["MIRNet", "MIRNetv2"])
@pytest.mark.parametrize("backend", ["auto", "paddle"])
def test_result_is_the_networks_output(weights, name, backend):
    network, path = weights(name)
    options = {"task": "LowLight", "precision": "f32", "backend": backend}
    result = MIRNetPredictor(None, path, **options).run(picture())[0]
    wanted = expected(network, picture() / np.float32(255)) * 255
    assert codes_differ_by(result.image, wanted) <= 0.51
    again = MIRNetPredictor(None, path, **options)  # with facts from the cache
    assert again.network == name
    np.testing.assert_array_equal(again.run(picture())[0].image, result.image)


@pytest.mark.parametrize("name", ["MIRNet", "MIRNetv2"])
def test_tiles_agree_with_the_whole(weights, name):
    _, path = weights(name)
    photo = picture((200, 150))
    options = {"task": "RealDenoising", "precision": "f32"}
    whole = MIRNetPredictor(None, path, **options).run(photo)[0].image
    tiled = MIRNetPredictor(None, path, tile=96, **options).run(photo)[0].image
    alone = MIRNetPredictor(None, path, backend="paddle", tile=96, **options).run(photo)[0].image
    assert np.abs(tiled.astype(int) - whole).mean() < 0.5
    assert codes_differ_by(tiled, alone) <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (4, 4), (5, 300)])
def test_picture_of_any_size_keeps_its_size(weights, size):
    _, path = weights("MIRNetv2")
    options = {"task": "Retouching", "tile": 64, "overlap": 8}
    assert MIRNetPredictor(None, path, **options).run(picture(size))[0].image.shape == (
        size[1],
        size[0],
        3,
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("tile", [None, 64])
def test_super_resolution_enlarges_files_with_alpha_and_exif(weights, tmp_path, mode, tile):
    network, path = weights("MIRNetv2")
    photo = Image.fromarray(picture()).convert(mode)
    exif = Image.Exif()
    exif[0x0100] = 40  # ImageWidth
    photo.save(tmp_path / "small.png", exif=exif)
    predictor = MIRNetPredictor(
        tmp_path / "out", path, task="SuperResolution", scale=3, precision="f32", tile=tile
    )
    result = predictor.run(tmp_path / "small.png")[0]
    assert result.error is None
    assert result.size == (120, 84)
    with Image.open(result.output) as written:
        assert written.size == (120, 84)
        assert written.mode == mode
        assert written.getexif()[0x0100] == 120
        restored = np.asarray(written)
    if mode == "RGB" and tile is None:
        larger = enlarge(np.asarray(photo), 84, 120)
        assert codes_differ_by(restored, expected(network, larger) * 255) <= 0.51
    if mode == "RGBA":
        assert (restored[..., 3] == 255).all()


@pytest.mark.parametrize("shape", [(28, 40), (28, 40, 1), (28, 40, 3), (28, 40, 4)])
def test_super_resolution_enlarges_arrays_and_pil_images(weights, shape):
    _, path = weights("MIRNetv2")
    enlarged = MIRNetPredictor(None, path, task="SuperResolution", scale=2)
    array = np.resize(picture(), shape)
    result = enlarged.run(array)[0]
    assert result.image.shape == (56, 80, *shape[2:])
    if shape[2:] == (3,):
        assert enlarged.run(Image.fromarray(array))[0].image.size == (80, 56)


def test_enlargement_must_be_given_and_agree_with_the_weights(weights, tmp_path):
    _, path = weights("MIRNetv2")
    with pytest.raises(UsageError, match="does not say how many times it enlarges"):
        MIRNetPredictor(None, path, task="SuperResolution")
    with pytest.raises(UsageError, match="enlarge 2, 3, 4 times"):
        MIRNetPredictor(None, task="SuperResolution")
    with pytest.raises(UsageError, match="LowLight does not enlarge"):
        MIRNetPredictor(None, path, task="LowLight", scale=2)
    same = MIRNetPredictor(None, path, task="SuperResolution", scale=1)
    assert same.run(picture())[0].image.shape == picture().shape


@pytest.fixture
def dual_pixel(weights):
    return weights("MIRNetv2", inp_channels=6, task="defocus_deblurring")


def test_dual_pixel_views_are_restored_together_in_16_bits(dual_pixel):
    network, path = dual_pixel
    views = [picture(seed=seed).astype(np.uint16) * 257 for seed in (0, 1)]
    predictor = MIRNetPredictor(None, path, precision="f32")
    assert predictor.task == "DualPixelDeblurring"
    result = predictor.run(views[0], right=views[1])[0]
    wanted = expected(network, np.concatenate(views, axis=2) / np.float32(65535)) * 65535
    assert result.image.dtype == np.uint16
    assert codes_differ_by(result.image, wanted) <= 2
    assert result.record.warnings == ()
    (warning,) = predictor.run(views[0], right=picture(seed=1))[0].record.warnings
    assert "8 bits per sample: the network learnt from 16" in warning
    swapped = predictor.run(views[1], right=views[0])[0]
    assert codes_differ_by(result.image, swapped.image) > 100


def test_dual_pixel_folders_pair_by_name(dual_pixel, tmp_path):
    _, path = dual_pixel
    for side, seed in (("inputL", 0), ("inputR", 1)):
        (tmp_path / side).mkdir()
        for number in range(2):
            Image.fromarray(picture(seed=seed + 10 * number)).save(
                tmp_path / side / f"{number}.png"
            )
    options = ["--weight_path", str(path), "-o", str(tmp_path / "out"), "--precision", "f32"]
    left, right = str(tmp_path / "inputL"), str(tmp_path / "inputR")
    assert main(["-i", left, "--right_image", right, *options]) == 0
    written = sorted((tmp_path / "out" / "DualPixelDeblurring").iterdir())
    assert [file.name for file in written] == ["0_restoration.png", "1_restoration.png"]
    alone = MIRNetPredictor(None, path, precision="f32").run(
        picture(seed=10), right=picture(seed=11)
    )
    np.testing.assert_array_equal(np.asarray(Image.open(written[1])), alone[0].image)
    (tmp_path / "inputR" / "1.png").rename(tmp_path / "inputR" / "2.png")
    assert main(["-i", left, "--right_image", right, *options]) == 2


def test_two_views_of_one_size_are_required_only_by_their_task(dual_pixel, weights, tmp_path):
    _, path = dual_pixel
    predictor = MIRNetPredictor(None, path)
    with pytest.raises(UsageError, match="give the right one too"):
        predictor.run(picture())
    assert "have the same size" in predictor.run(picture(), right=picture((8, 8)))[0].error
    with pytest.raises(UsageError, match="1 left and 2 right views were given"):
        predictor.run(picture(), right=[picture(), picture()])
    with pytest.raises(UsageError, match="exchanges its two views"):
        MIRNetPredictor(None, path, ensemble=True)
    _, plain = weights("MIRNetv2")
    with pytest.raises(UsageError, match="takes no right views"):
        MIRNetPredictor(None, plain, task="LowLight").run(picture(), right=picture())
    with pytest.raises(WeightsError, match=r"inputs with 3 channels, but Dual.* has 6"):
        MIRNetPredictor(None, plain, task="DualPixelDeblurring")


def test_weights_and_tasks_of_other_networks_are_refused(weights):
    _, path = weights("MIRNet")
    assert Predictor(None, path, task="lowlight").network == "MIRNet"
    with pytest.raises(WeightsError, match="MIRNet, but the requested network is MIRNetv2"):
        MIRNetPredictor(None, path, task="LowLight", network="mirnetv2")
    with pytest.raises(WeightsError, match="the requested network is MPRNet"):
        MPRPredictor(None, path)
    with pytest.raises(UsageError, match="MIRNetv2 or MIRNet is not for Deblurring"):
        MIRNetPredictor(None, task="Deblurring")
    with pytest.raises(UsageError, match=r"MIRNet weights for LowLight .*by weight_path="):
        MIRNetPredictor(None, task="LowLight", network="mirnet")
    with pytest.raises(UsageError, match="network='restormer'"):
        Predictor(None, task="LowLight", network="restormer")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_local_attention_is_the_same_on_every_backend(weights, backend, changed_network):
    for package in (backend, "onnx"):
        pytest.importorskip(package)
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    _, second = weights("MIRNetv2")
    with pytest.raises(UsageError, match="local=True is not for MIRNet-v2"):
        MIRNetPredictor(None, second, task="LowLight", local=True)
    _, path = weights("MIRNet")
    options = {"task": "LowLight", "precision": "f32"}
    changed_network("MIRNet", patch_size=32)
    photo = picture((80, 72))  # larger than the windows
    exporting = Predictor(None, path, local=True, backend=backend, **options)
    exported = exporting.run(photo)[0].image
    paddles = Predictor(None, path, local=True, backend="paddle", **options).run(photo)[0]
    assert codes_differ_by(exported, paddles.image) <= 1
    plain = Predictor(None, path, backend=backend, **options).run(photo)[0].image
    assert codes_differ_by(exported, plain) > 0


def test_command_line_enlarges_for_tasks_that_enlarge(weights, tmp_path, capsys):
    _, path = weights("MIRNetv2")
    Image.fromarray(picture()).save(tmp_path / "small.png")
    command = ["-i", str(tmp_path / "small.png"), "--weight_path", str(path), "--network",
               "mirnetv2", "-o", str(tmp_path / "out")]  # fmt: skip
    assert main([*command, "--task", "superresolution", "--scale", "2"]) == 0
    assert "80x56" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "SuperResolution" / "small_restoration.png") as written:
        assert written.size == (80, 56)
    assert main([*command, "--task", "LowLight", "--scale", "2"]) == 2
    assert "does not enlarge" in capsys.readouterr().err
