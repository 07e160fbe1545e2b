import hashlib
import io
import json
import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from apps_samples import picture, predictor
from PIL import Image

from ppgan_mpr import MPRPredictor, RestorationError, ResultRecord
from ppgan_mpr.dependencies import require
from ppgan_mpr.errors import UsageError, WeightsError
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.conversion import convert

paddle = require("paddle")


@pytest.fixture(scope="module")
def denoise(tmp_path_factory):
    """A predictor that writes no files, shared by the tests that need none."""
    return MPRPredictor(None, task="Denoising", model="lite", precision="f32")


def test_file(tmp_path):
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


def test_result_is_the_networks_rounded(denoise):
    image = np.asarray(picture(size=(24, 16)))
    restored = denoise.run(image)[0].image
    network = denoise.weights.build()
    tensor = paddle.to_tensor((image / np.float32(255)).transpose(2, 0, 1)[None])
    with paddle.no_grad():
        expected = network(tensor)[0][0].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(restored, np.rint(np.clip(expected, 0, 1) * 255))


@pytest.mark.parametrize("height", [1, 2, 7, 8, 9, 15])
@pytest.mark.parametrize("width", [1, 3, 8, 13])
def test_any_size(denoise, height, width):
    image = np.full([height, width, 3], 90, np.uint8)
    restored = denoise.run(image)[0].image
    assert restored.shape == image.shape
    assert np.abs(restored.astype(int) - 90).max() < 30


@pytest.mark.parametrize("side", [48, 64, 96, 120])
def test_narrow_photo_in_tiles(side):
    image = np.asarray(picture(size=(300, side)))
    whole = MPRPredictor(None, task="Denoising", model="lite").run(image)[0].image
    tiled = MPRPredictor(None, task="Denoising", model="lite", tile=64, overlap=8)
    restored = tiled.run(image)[0]
    assert restored.error is None
    assert np.abs(restored.image.astype(int) - whole).mean() < 2


def test_a_fault_costs_one_picture(denoise, monkeypatch):
    from ppgan_mpr.apps import sources as module

    def fail(array):
        if array.shape[0] == 9:
            raise RuntimeError("surprise")
        return original(array)

    original = module.from_array
    monkeypatch.setattr(module, "from_array", fail)
    results = denoise.run([np.zeros([9, 9, 3], np.uint8), np.zeros([8, 8, 3], np.uint8)])
    assert "unexpected RuntimeError: surprise" in results[0].error
    assert results[1].ok


def test_tiles_of_a_file_take_its_place(tmp_path):
    """A file's rows give way to restored ones while later tiles are still to be read."""
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
    assert (given == kept).all()  # an array is its owner's


def test_long_strip(denoise):
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


def test_pil_image_comes_back_as_pil(denoise):
    restored = denoise.run(picture(mode="L"))[0].image
    assert isinstance(restored, Image.Image)
    assert restored.mode == "L"
    assert restored.size == (24, 17)


def test_list_mixes_everything(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b10.png", "b2.JPG", "notes.txt", ".hidden.png"):
        picture().save(tmp_path / "in" / name, "PNG" if name.endswith("png") else "JPEG")
    picture().save(tmp_path / "single [1].bmp")
    results = predictor(tmp_path).run(
        [tmp_path / "in", str(tmp_path / "single [1].bmp"), picture(), np.asarray(picture())]
    )
    assert [result.error for result in results] == [None] * 5
    assert [result.output.name for result in results] == [
        "b2_restoration.JPG",
        "b10_restoration.png",
        "single [1]_restoration.bmp",
        "image_restoration.png",
        "image-2_restoration.png",
    ]


def test_glob(tmp_path):
    for name in ("a1.png", "a2.png", "b.png"):
        picture().save(tmp_path / name)
    results = predictor(tmp_path).run(str(tmp_path / "a*.png"))
    assert [result.output.name for result in results] == [
        "a1_restoration.png",
        "a2_restoration.png",
    ]


def test_folders_keep_their_tree_and_outputs_are_not_inputs(tmp_path):
    (tmp_path / "day 1").mkdir()
    picture().save(tmp_path / "top.png")
    picture().save(tmp_path / "day 1" / "top.png")
    restorer = predictor(tmp_path, recursive=True, existing="overwrite")
    for _ in range(2):  # the second time, `out` lies in the scanned folder
        results = restorer.run(tmp_path)
        assert sorted(result.output for result in results) == [
            tmp_path / "out" / "Denoising" / "day 1" / "top_restoration.png",
            tmp_path / "out" / "Denoising" / "top_restoration.png",
        ]


def test_bad_files_do_not_stop_the_batch(tmp_path, caplog):
    picture().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "c.png").write_text("not a picture")
    picture(1).save(tmp_path / "d.png")
    with caplog.at_level(logging.WARNING):
        results = predictor(tmp_path).run(tmp_path)
    assert [result.ok for result in results] == [True, False, False, True]
    assert "b.png" in results[1].error
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == "2 of 4 pictures could not be restored: see the error of their results."
    assert "c.png" not in " ".join(messages)  # each error is in its result alone
    written = sorted(path.name for path in (tmp_path / "out" / "Denoising").iterdir())
    assert written == ["a_restoration.png", "d_restoration.png"]


def test_a_file_named_twice_is_restored_once_and_reported_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("a.png")
    picture(1).save("b.png")
    results = predictor(tmp_path).run(["a.png", "b.png", str(tmp_path / "a.png"), "./a*.png"])
    assert [result.error for result in results] == [None] * 4
    assert [result.output.name[0] for result in results] == ["a", "b", "a", "a"]
    assert results[2] is results[0]


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


def test_output_path_may_name_the_file_of_one_picture(tmp_path):
    picture().save(tmp_path / "a.png")
    restorer = MPRPredictor(tmp_path / "clean.jpg", task="Denoising", model="lite")
    (result,) = restorer.run(tmp_path / "a.png")
    assert result.output == tmp_path / "clean.jpg"
    assert Image.open(result.output).format == "JPEG"
    assert "existing='overwrite'" in restorer.run(tmp_path / "a.png")[0].error
    with pytest.raises(UsageError, match="names one output file, and there are 2 pictures"):
        restorer.run([picture(), picture()])


def test_result_says_how_the_picture_was_restored(denoise, tmp_path):
    image = np.asarray(picture())
    record = denoise.run(image)[0].record
    assert (record.network, record.task, record.weights) == (
        "MPRNet",
        "Denoising",
        "lite:Denoising",
    )
    assert record.weights_digest == f"sha256:{find_record('lite', 'Denoising').sha256}"
    assert (record.precision, record.device, record.tiles) == ("f32", "cpu", 1)
    assert record.versions["ppgan_mpr"] and record.backend in repr(record.versions)
    copy = ResultRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert copy == record


def test_digest_of_a_file_is_that_of_its_content(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    record = MPRPredictor(None, tmp_path / "w.safetensors").run(picture())[0].record
    assert record.weights_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_tiles_are_counted(tmp_path):
    tiled = MPRPredictor(None, task="Denoising", model="lite", tile=64, overlap=8)
    assert tiled.run(picture(size=(300, 48)))[0].record.tiles > 1


def test_results_are_shown_without_their_pixels(denoise):
    shown = repr(denoise.run(np.asarray(picture()))[0])
    assert len(shown) < 200
    assert "(17, 24, 3) uint8" in shown
    assert "there is no such file" not in shown


def test_raw_camera_files_in_a_folder_are_named(tmp_path, caplog):
    picture().save(tmp_path / "a.png")
    (tmp_path / "DSC_1.NEF").write_bytes(b"raw")
    assert len(predictor(tmp_path).run(tmp_path)) == 1
    assert "1 raw camera file" in caplog.text and "DSC_1.NEF" in caplog.text


def test_output_folder_in_the_input_folder(tmp_path):
    picture().save(tmp_path / "a.png")
    for pattern in (tmp_path, str(tmp_path / "**" / "*.png")):
        restorer = MPRPredictor(
            tmp_path, task="Denoising", model="lite", recursive=True, existing="overwrite"
        )
        results = restorer.run(pattern)
        assert [Path(result.source).name for result in results] == ["a.png"]
    assert (tmp_path / "Denoising" / "a_restoration.png").exists()


def test_without_an_output_folder_files_come_back_as_arrays(tmp_path, denoise):
    picture().save(tmp_path / "a.png")
    result = denoise.run(tmp_path / "a.png")[0]
    assert result.output is None
    assert result.image.shape == (17, 24, 3)


def test_names_like_a_home_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture().save("~nobody.png")
    assert predictor(tmp_path).run("~nobody.png")[0].ok


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture().save(tmp_path / "z.png")
    results = predictor(tmp_path).run(tmp_path)
    assert "not an ordinary file" in results[0].error
    assert results[1].ok


def test_array_that_cannot_be_made(denoise):
    class Broken:
        def __array__(self, *_args, **_kwargs):
            raise RuntimeError("no array today")

    results = denoise.run([Broken(), np.zeros([8, 8, 3], np.uint8)])
    assert "no array today" in results[0].error
    assert results[1].ok


def test_several_jobs_give_the_same_pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(5):
        picture(index).save(tmp_path / "in" / f"{index}.png")
    one = MPRPredictor(tmp_path / "one", task="Denoising", model="lite")
    many = MPRPredictor(tmp_path / "many", task="Denoising", model="lite", jobs=3)
    for a, b in zip(one.run(tmp_path / "in"), many.run(tmp_path / "in")):
        assert a.source == b.source
        assert a.output.read_bytes() == b.output.read_bytes()


def test_calls_at_the_same_time_do_not_end_each_other(tmp_path):
    from ppgan_mpr.apps.sources import expand

    for index in range(5):
        picture(index).save(tmp_path / f"{index}.png")
    restorer = MPRPredictor(None, task="Denoising", model="lite", jobs=2)
    first = restorer.iterate(expand(tmp_path))
    results = [next(first), *restorer.iterate(expand(tmp_path)), *first]
    assert len(results) == 10
    assert not any(result.error for result in results)


def test_weights_replaced_while_they_are_read(tmp_path, monkeypatch):
    """As a running training does; the next run must see the new ones."""
    from ppgan_mpr.apps import lazy_weights

    convert("lite:Denoising", tmp_path / "w.safetensors")
    convert("lite:Deblurring", tmp_path / "new.safetensors", half=True)
    load = lazy_weights.load_weights

    def replaced_meanwhile(*arguments):
        weights = load(*arguments)
        monkeypatch.undo()
        (tmp_path / "new.safetensors").replace(tmp_path / "w.safetensors")
        return weights

    monkeypatch.setattr(lazy_weights, "load_weights", replaced_meanwhile)
    noisy = np.asarray(picture())
    before = MPRPredictor(None, tmp_path / "w.safetensors", precision="f32")
    assert before.task == "Denoising"
    before.run(noisy)
    after = MPRPredictor(None, tmp_path / "w.safetensors", precision="f32")
    assert after.task == "Deblurring"


def test_iteration_works_no_further_ahead_than_asked(tmp_path, monkeypatch):
    from ppgan_mpr.apps import sources as module
    from ppgan_mpr.apps.sources import expand

    read = []
    original = module.read_photo
    monkeypatch.setattr(
        module, "read_photo", lambda path: read.append(threading.get_ident()) or original(path)
    )
    for index in range(6):
        picture(index).save(tmp_path / f"{index}.png")
    results = predictor(tmp_path, jobs=2).iterate(expand(tmp_path))
    next(results)
    results.close()
    assert len(read) <= 3


def test_weight_path_alone_is_enough(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    restorer = MPRPredictor(None, tmp_path / "w.safetensors")
    assert restorer.task == "Deraining"


def test_weights_that_do_not_say_their_task(tmp_path):
    convert("lite:Deraining", tmp_path / "w.pdparams")
    with pytest.raises(UsageError, match="does not say what it was trained for: give task="):
        MPRPredictor(None, tmp_path / "w.pdparams")
    assert MPRPredictor(None, tmp_path / "w.pdparams", task="Deraining").task == "Deraining"


def test_weights_of_another_task_are_refused(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="Deraining"):
        MPRPredictor(None, tmp_path / "w.safetensors", task="Denoising")


def test_arguments_of_ppgans_predictor_in_order(tmp_path):
    restorer = MPRPredictor(str(tmp_path), None, 123, "Denoising", model="lite")
    assert restorer.output_path == tmp_path
    assert restorer.task == "Denoising"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": None}, "What is to be restored"),
        ({"task": "Deblur"}, "did you mean Deblurring"),
        ({"model": "heavy"}, "choose one of published, lite"),
        ({"device": "tpu"}, "choose auto, cpu, gpu or gpu:N"),
        ({"device": "gpu:x"}, "choose auto, cpu"),
        ({"quality": 0}, "from 1 to 100"),
        ({"jobs": 0}, "from 1 to"),
        ({"existing": "ask"}, "existing='ask'"),
        ({"suffix": ".xyz"}, "xyz"),
    ],
)
def test_senseless_arguments(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        predictor(tmp_path, **options)


@pytest.mark.parametrize(
    "images", ["none.png", "none*.png", [], 5, None, "", "x" * 300, "~nobody/a.png"]
)
def test_nothing_to_restore(denoise, images):
    with pytest.raises(UsageError):
        denoise.run(images)


def test_gpu_without_gpu(tmp_path):
    if paddle.device.is_compiled_with_cuda():
        pytest.skip("this PaddlePaddle can use GPUs")
    with pytest.raises(UsageError, match="device='cpu'"):
        predictor(tmp_path, device="gpu")


@pytest.mark.parametrize("task", ["Deblurring", "Denoising", "Deraining"])
def test_equals_ppgans_own_network_on_its_own_file(tmp_path, task):
    """A full-size file written by ppgan's MPRNet restores as ppgan's network does."""
    pytest.importorskip("ppgan", reason="PaddleGAN is not installed")
    compat = pytest.importorskip("ppgan_mpr.ppgan_compat")
    compat.import_ppgan()
    from ppgan.models.generators.mpr import MPRNet as Theirs

    widths = dict(find_record("published", task).hyperparameters)
    theirs = Theirs(**widths)
    theirs.eval()
    for name, parameter in theirs.named_parameters():
        if parameter.ndim == 4:  # Paddle's initial weights let the stages' outputs explode
            parameter.set_value(parameter * (0.05 if name.startswith("tail") else 0.4))
    path = tmp_path / "theirs.pdparams"
    paddle.save(theirs.state_dict(), str(path))
    image = np.asarray(picture(size=(40, 32)))
    with paddle.no_grad():
        tensor = paddle.to_tensor((image / np.float32(255)).transpose(2, 0, 1)[None])
        expected = theirs(tensor)[0][0].numpy().transpose(1, 2, 0)
    restorer = MPRPredictor(None, path, backend="paddle", precision="f32")
    assert restorer.task == task
    ours = restorer.run(image.astype(np.float32) / 255)[0].image
    assert np.abs(expected).max() < 10  # of a picture's order, so the comparison means something
    assert np.abs(ours - image / 255).mean() > 1e-3
    np.testing.assert_allclose(ours, np.clip(expected, 0, 1), atol=1e-5)


def test_odd_digits_links_and_earlier_results(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    picture().save(folder / "10²3.png")
    (folder / "0.png").symlink_to("10²3.png")
    denoising = predictor(tmp_path)
    (result,) = denoising.run(folder)
    assert result.output.name == "10²3_restoration.png"  # the file's own name, not the link's
    again = predictor(tmp_path, task="Deraining").run(str(result.output.parent / "*.png"))
    assert [Path(r.source) for r in again] == [result.output]
    with pytest.raises(UsageError, match="No file matches"):
        denoising.run(str(tmp_path / "ou*" / "Denoising" / "*.png"))
