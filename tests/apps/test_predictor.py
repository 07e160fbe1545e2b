import dataclasses
import io

import numpy as np
import pytest
from apps_samples import picture, predictor
from PIL import Image

from ppgan_mpr import MPRPredictor, Predictor, RestorationError, WeightsRecord
from ppgan_mpr.apps.choice import predictor_for
from ppgan_mpr.apps.source_search import expand
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network

paddle = require("paddle")


def test_result_is_in_the_folder_of_its_task_and_named_after_its_source(tmp_path):
    picture().save(tmp_path / "my.holiday photo.v2.png")
    results = predictor(tmp_path).run(tmp_path / "my.holiday photo.v2.png")
    assert len(results) == 1
    result = results[0]
    expected = tmp_path / "out" / "Denoising" / "my.holiday photo.v2_restoration.png"
    assert result.ok
    assert result.output == expected
    assert result.size == (24, 17)
    assert result.seconds > 0
    restored = np.asarray(Image.open(expected), np.float32)
    assert restored.shape == (17, 24, 3)
    change = np.abs(restored - np.asarray(picture(), np.float32))
    assert 0 < change.mean() < 20


def test_result_is_the_networks_rounded_output(denoise):
    image = np.asarray(picture(size=(24, 16)))
    restored = denoise.run(image)[0].image
    network = denoise.weights.build()
    tensor = paddle.to_tensor((image / np.float32(255)).transpose(2, 0, 1)[None])
    with paddle.no_grad():
        expected = network(tensor)[0][0].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(restored, np.rint(np.clip(expected, 0, 1) * 255))


@pytest.mark.parametrize("height", [1, 2, 7, 8, 9, 15])
@pytest.mark.parametrize("width", [1, 3, 8, 13])
def test_picture_of_any_size_keeps_its_size(denoise, height, width):
    image = np.full([height, width, 3], 90, np.uint8)
    restored = denoise.run(image)[0].image
    assert restored.shape == image.shape
    assert np.abs(restored.astype(int) - 90).max() < 30


@pytest.mark.parametrize("side", [48, 64, 96, 120])
def test_narrow_photo_is_restored_in_tiles(side):
    image = np.asarray(picture(size=(300, side)))
    whole = MPRPredictor(None, task="Denoising", model="lite").run(image)[0].image
    tiled = MPRPredictor(None, task="Denoising", model="lite", tile=64, overlap=8)
    restored = tiled.run(image)[0]
    assert restored.error is None
    assert np.abs(restored.image.astype(int) - whole).mean() < 2


def test_tiles_overwrite_the_decoded_pixels_of_a_file(tmp_path):
    """Rows of the decoded file are overwritten with restored ones before later tiles are read."""
    path = tmp_path / "photo.png"
    picture(size=(203, 261), mode="RGBA").save(path)
    options = {"task": "Denoising", "model": "lite", "tile": 64, "overlap": 16}
    given = np.asarray(Image.open(path))
    kept = given.copy()
    restore = MPRPredictor(tmp_path / "out", **options)
    expected = MPRPredictor(None, **options).run(given)[0].image
    for _ in range(2):
        (result,) = restore.run(path)
        assert (np.asarray(Image.open(result.output)) == expected).all()
        result.output.unlink()
    assert (given == kept).all()  # arrays of the user are never overwritten


def test_strip_of_few_rows_is_restored(denoise):
    image = np.asarray(picture(size=(2000, 7)))
    assert denoise.run(image)[0].image.shape == (7, 2000, 3)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((9, 8), "uint8"), ((9, 8, 1), "uint16"), ((9, 8, 3), "uint16"), ((9, 8, 4), "uint8"),
     ((9, 8, 2), "uint16"), ((9, 8, 3), "float32"), ((9, 8, 3), "float64")],
)  # fmt: skip
def test_array_keeps_its_dtype_shape_and_alpha(denoise, shape, dtype):
    top = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    image = (np.random.default_rng(0).random(shape) * top).astype(dtype)
    restored = denoise.run(image)[0].image
    assert restored.shape == shape
    assert restored.dtype == dtype
    if len(shape) == 3 and shape[2] in (2, 4):
        np.testing.assert_array_equal(restored[..., -1], image[..., -1])


def test_pil_image_returns_as_pil_image(denoise):
    restored = denoise.run(picture(mode="L"))[0].image
    assert isinstance(restored, Image.Image)
    assert restored.mode == "L"
    assert restored.size == (24, 17)


@pytest.mark.parametrize("task", ["Denoising", "auto", "Denoising,Deraining"])
def test_released_predictor_restores_as_before(mixed, task):
    given = np.asarray(Image.open(mixed / "noisy.png"))
    one = predictor_for(task, None, None, None, model="lite", precision="f32")
    expected = one.restore(given)
    steps = one._predictors.values() if task == "auto" else [one]
    (restorer,) = (r for step in steps for r in step._loaded.restorers.restorers)
    backends = [each.backend for each in getattr(restorer, "_restorers", [restorer])]
    held = [backend.kept_bytes for backend in backends]
    one.release()
    assert [backend.kept_bytes for backend in backends] == [0] * len(backends)
    assert backends[0].name != "openvino" or min(held) > 0
    np.testing.assert_array_equal(one.restore(given), expected)


def test_a_list_of_arrays_gives_as_many_results_in_order(denoise):
    first, second = np.asarray(picture(0)), np.asarray(picture(1))
    results = denoise.run([first, second, first])
    assert len(results) == 3
    np.testing.assert_array_equal(results[0].image, results[2].image)
    assert (results[0].image != results[1].image).any()


def test_restore_returns_the_picture_in_its_own_form(denoise, tmp_path):
    image = np.asarray(picture())
    restored = denoise.restore(image)
    np.testing.assert_array_equal(restored, denoise.run(image)[0].image)
    np.testing.assert_array_equal(np.asarray(denoise.restore(picture())), restored)
    picture().save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    for form in (tmp_path / "a.png", str(tmp_path / "a.png"), content, io.BytesIO(content)):
        np.testing.assert_array_equal(denoise.restore(form), restored)
    with open(tmp_path / "a.png", "rb") as file:
        np.testing.assert_array_equal(denoise.restore(file), restored)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full([8, 8, 3], 2.0), r"must lie in \[0, 1\]"),
        (np.zeros([8, 8, 7], np.uint8), "not a photograph"),
        (b"no picture", "cannot be read"),
        (b"", "empty"),
        (io.StringIO("text"), "mode 'rb'"),
        ("none.png", "no file or folder"),
        ([np.zeros([8, 8], np.uint8)] * 2, "takes one picture, not 2"),
    ],
)
def test_restore_raises_what_run_reports(denoise, image, message):
    with pytest.raises(RestorationError, match=message):
        denoise.restore(image)


class Unreadable:
    def read(self):
        raise OSError("the disk is gone")


class ReadAsText:
    def read(self):
        return "text"


def closed():
    file = io.BytesIO(b"content")
    file.close()
    return file


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Unreadable, "the disk is gone"),
        (ReadAsText, "returns str and not bytes"),
        (closed, "closed file"),
        (lambda: io.StringIO("text"), "mode 'rb'"),
    ],
    ids=["error", "text", "closed", "text file"],
)
def test_an_open_file_that_cannot_be_read_loses_only_its_own_result(denoise, make, message):
    image = np.asarray(picture())
    results = denoise.run([image, make(), image])
    assert [result.ok for result in results] == [True, False, True]
    assert message in results[1].error
    with pytest.raises(RestorationError, match=message):
        denoise.restore(make())


def test_iteration_takes_the_same_sources_as_run(denoise, tmp_path):
    picture().save(tmp_path / "a.png")
    given = [tmp_path, np.asarray(picture(1)), *expand([picture(2)])]
    expected = [result.image for result in denoise.run(given)]
    iterated = [result.image for result in denoise.iterate(given)]
    assert len(iterated) == len(expected) == 3
    assert all(image is not None for image in iterated)
    for one, other in zip(iterated, expected):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert [result.source for result in denoise.iterate(tmp_path / "a.png")] == (
        [str(tmp_path / "a.png")]
    )


def test_output_path_may_name_the_file_of_one_picture(tmp_path):
    picture().save(tmp_path / "a.png")
    restorer = MPRPredictor(tmp_path / "clean.jpg", task="Denoising", model="lite")
    (result,) = restorer.run(tmp_path / "a.png")
    assert result.output == tmp_path / "clean.jpg"
    assert Image.open(result.output).format == "JPEG"
    assert "existing='overwrite'" in restorer.run(tmp_path / "a.png")[0].error
    with pytest.raises(UsageError, match="names one output file, but there are 2 pictures"):
        restorer.run([picture(), picture()])


def test_without_an_output_folder_files_return_as_arrays(tmp_path, denoise):
    picture().save(tmp_path / "a.png")
    result = denoise.run(tmp_path / "a.png")[0]
    assert result.output is None
    assert result.image.shape == (17, 24, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": None}, "The task is missing"),
        ({"task": "Deblur"}, "did you mean Deblurring"),
        ({"model": "heavy"}, "choose one of published, lite"),
        ({"device": "tpu"}, "choose auto, cpu, gpu, gpu:N, gpu:N,M or all"),
        ({"device": "gpu:x"}, "choose auto, cpu"),
        ({"quality": 0}, "from 1 to 100"),
        ({"jobs": 0}, "from 1 to"),
        ({"existing": "ask"}, "existing='ask'"),
        ({"suffix": ".xyz"}, "xyz"),
        (
            {"options": {"tile": 64}},
            "options= takes InferenceOptions and not dict: give opt",
        ),
        (
            {"weight_path": np.zeros(3)},
            "weight_path= takes a file or the name of weights, not nd",
        ),
        ({"network": "nafnet"}, "choose one of MPRNet, or use Predictor, which has all networks"),
    ],
)
def test_senseless_arguments_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        predictor(tmp_path, **options)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("overwrite", "give existing='overwrite'"),
        ("lite", "give model='lite'"),
        ("ensembel", "did you mean ensemble?"),
    ],
)
def test_option_that_does_not_exist_suggests_one_that_does(tmp_path, option, hint):
    with pytest.raises(TypeError, match=f"no option {option!r}: {hint}"):
        predictor(tmp_path, **{option: True})


def test_gpu_is_refused_where_nothing_computes_on_one(tmp_path):
    if paddle.device.is_compiled_with_cuda():
        pytest.skip("this PaddlePaddle can use GPUs")
    with pytest.raises(UsageError, match="device='cpu'"):
        predictor(tmp_path, device="gpu")


SMALL_NAFNET = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": (1, 1), "dec_blk_nums": (1, 1)}
NAFNET_RECORD = WeightsRecord(
    model="authors", task="Deblurring", hyperparameters=SMALL_NAFNET, parameters=1, licence="none",
    origin="this test", paper="none", local=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def nafnet_weights(tmp_path_factory):
    """Random weights of a small NAFNet whose attention varies over a picture."""
    paddle.seed(0)
    network = find_network("NAFNet").build(SMALL_NAFNET)
    for name, parameter in network.named_parameters():
        if name.endswith(("beta", "gamma")):
            parameter.set_value(paddle.rand(parameter.shape) / 2)
        if ".sca." in name:
            parameter.set_value(parameter * 4)
    path = tmp_path_factory.mktemp("nafnet") / "any.pdparams"
    paddle.save(network.state_dict(), str(path))
    return path


@pytest.fixture(scope="module")
def wide_photo():
    """Darker and smoother on the left than on the right, [240, 480, 3] in [0, 1]."""
    slope = np.linspace(0.1, 0.8, 480, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(0).random((240, 480, 3), np.float32)
    return 0.8 * slope + 0.2 * noise * slope


def restore(path, photo, **options):
    options = {"task": "Deblurring", "precision": "f32", **options}
    return Predictor(None, path, **options).restore(photo)


def test_weights_choose_tlc_and_the_user_may_overrule_them(nafnet_weights, known_weights):
    options = {"weight_path": nafnet_weights, "task": "Deblurring"}
    assert not Predictor(None, **options).local  # weights of an unknown size
    known_weights("NAFNet", dataclasses.replace(NAFNET_RECORD, local=False))
    assert not Predictor(None, **options).local
    assert Predictor(None, **options, local=True).local
    known_weights("NAFNet", NAFNET_RECORD)
    copy = nafnet_weights.with_name("copy.pdparams")
    copy.write_bytes(nafnet_weights.read_bytes())
    predictor = Predictor(None, copy, task="Deblurring")
    assert predictor.local
    assert predictor.run(np.zeros([16, 16, 3], np.uint8))[0].record.local
    overruled = Predictor(None, copy, task="Deblurring", local=False)
    assert not overruled.run(np.zeros([16, 16, 3], np.uint8))[0].record.local


def test_tiles_with_tlc_overlap_by_half_a_window(nafnet_weights, wide_photo, changed_network):
    changed_network("NAFNet", patch_size=128)  # windows of 192 pixels
    whole = restore(nafnet_weights, wide_photo, local=True, memory="4G")
    tiled = restore(nafnet_weights, wide_photo, local=True, tile=384)
    narrow = restore(nafnet_weights, wide_photo, local=True, tile=384, overlap=16)
    error, error_of_narrow = (np.abs(result - whole).mean() for result in (tiled, narrow))
    assert 0 < error < error_of_narrow / 1.5


def test_tiles_without_tlc_share_their_averages(nafnet_weights, wide_photo):
    whole = restore(nafnet_weights, wide_photo, local=False, memory="4G")
    assert np.abs(restore(nafnet_weights, wide_photo, local=False, tile=256) - whole).max() < 0.05


@pytest.mark.parametrize("tile", [None, 64])
def test_strength_blends_with_the_original(tmp_path, tile):
    image = np.asarray(picture(size=(90, 80)))
    options = {"task": "Denoising", "model": "lite", "tile": tile}
    full = MPRPredictor(None, **options).restore(image)
    half = MPRPredictor(None, **options, strength=0.5).restore(image)
    none = MPRPredictor(None, **options, strength=0).restore(image)
    assert np.array_equal(none, image)
    assert np.abs(half - (full.astype(float) + image) / 2).max() <= 1


def test_strength_blends_with_the_original_pixels_of_a_file(tmp_path):
    picture(size=(90, 80)).save(tmp_path / "photo.png")
    result = predictor(tmp_path, strength=0, tile=64).run(tmp_path / "photo.png")[0]
    assert np.array_equal(np.asarray(Image.open(result.output)), np.asarray(picture(size=(90, 80))))


def test_max_size_restores_a_reduced_copy_and_says_so(tmp_path):
    picture(size=(90, 60)).save(tmp_path / "photo.png")
    result = predictor(tmp_path, max_size=45).run(tmp_path / "photo.png")[0]
    assert Image.open(result.output).size == result.size == (45, 30)
    assert result.record.warnings == (
        "reduced from 90 x 60 to 45 x 30 pixels, as max_size=45 asks",
    )


@pytest.mark.parametrize("strength", [-0.1, 1.1, True, "half"])
def test_strength_is_a_number_from_0_to_1(strength):
    with pytest.raises(UsageError, match="strength"):
        MPRPredictor(task="Denoising", model="lite", strength=strength)
