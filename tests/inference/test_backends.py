import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from inference_samples import batch
from simulated_gpus import card, simulate

from ppgan_mpr.errors import MissingDependencyError, UsageError
from ppgan_mpr.inference import InferenceOptions, Model, Restorer
from ppgan_mpr.inference.backends import check_device, create_backend
from ppgan_mpr.inference.backends.base import INT32_ELEMENTS, Backend
from ppgan_mpr.inference.backends.onnxruntime_backend import ONNXRuntimeBackend
from ppgan_mpr.inference.backends.paddle_backend import PaddleBackend
from ppgan_mpr.inference.shared_statistics import join_batch
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.mprnet.spec import SPEC

EXPORTED = ["openvino", "onnxruntime"]
OTHERS = {
    "MIRNet": {"n_feat": 8, "n_RRG": 1, "n_MSRB": 1},
    "MIRNetv2": {"n_feat": 8, "n_MRB": 1, "groups": (1, 1)},
    "NAFNet": {"width": 4, "enc_blk_nums": (1, 1, 1, 1), "dec_blk_nums": (1, 1, 1, 1)},
}


@pytest.fixture(params=EXPORTED)
def exported(request):
    pytest.importorskip(request.param)
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    return request.param


def exact(model, name):
    return create_backend(model, InferenceOptions(backend=name, precision="f32"))


def test_backend_equals_paddle_at_every_size(model, network, exported, photo):
    import paddle

    backend = exact(model, exported)
    for region in (np.s_[:], np.s_[:40, :8], np.s_[:8, :72]):
        picture = batch(photo[region])
        with paddle.no_grad():
            expected = network(paddle.to_tensor(picture))[0].numpy()
        np.testing.assert_allclose(backend.run(picture), expected, atol=1e-5)


def test_attention_averages_agree(model, exported, photo, expected):
    ours, theirs = (
        PaddleBackend(model),
        exact(model, exported),
    )
    averages = ours.measure(batch(photo))
    assert {len(average) for average in averages} == {1, 2, 4}
    for a, b in zip(averages, theirs.measure(batch(photo))):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for backend in (ours, theirs):
        np.testing.assert_allclose(backend.run(batch(photo), averages), expected, atol=1e-5)
        changed = backend.run(batch(photo), [average + 1 for average in averages])
        assert np.abs(changed - expected).max() > 1e-3


def test_local_attention_is_exported(build_network, cache, exported, photo):
    from ppgan_mpr.networks.blocks import local

    spec = dataclasses.replace(SPEC, patch_size=64)
    model = Model("local", spec, build_network, cache, local=True)
    picture = batch(np.tile(photo, [2, 1, 1]))
    assert min(picture.shape[2:]) > spec.window
    paddles = PaddleBackend(model).run(picture)
    np.testing.assert_allclose(
        exact(model, exported).run(picture),
        paddles,
        atol=1e-5,
    )
    assert local.LocalCALayer in {type(layer) for layer in model.network.sublayers()}


def test_warm_start_needs_neither_paddle_nor_weights(model, exported, exports, tmp_path, photo):
    first = Restorer(model, backend=exported)(photo)
    np.save(tmp_path / "photo.npy", photo)
    script = f"""
import sys
from pathlib import Path
import numpy as np
from ppgan_mpr.inference import Cache, Model, Restorer
from ppgan_mpr.inference.shared_statistics import join_batch
from ppgan_mpr.networks import find_network
from ppgan_mpr.networks.mprnet.spec import SPEC
model = Model("small", SPEC, None, Cache(Path({str(exports.path().parent)!r})))
restored = Restorer(model, backend={exported!r})(np.load({str(tmp_path / "photo.npy")!r}))
np.save({str(tmp_path / "again.npy")!r}, restored)
assert "paddle" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), first)


def test_damaged_cache_is_rebuilt(cache, tmp_path, photo, exported):
    spec = find_network("NAFNet")
    network = build_other(spec)

    def restored():
        model = Model("small", spec, lambda: network, cache)
        return Restorer(model, backend=exported)(photo)

    first = restored()
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    np.testing.assert_array_equal(restored(), first)


def test_paddle_runs_if_packages_for_exporting_are_missing(model, monkeypatch, caplog):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert create_backend(model, InferenceOptions(device="cpu")).name == "paddle"
    assert "brings OpenVINO" in caplog.text


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_half_precision_on_a_cpu_without_openvino_is_refused(model, monkeypatch, precision):
    """PaddlePaddle and ONNX Runtime would compute in f32 there."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "onnxruntime" or None)
    options = InferenceOptions(precision=precision, device="cpu")
    with pytest.raises(MissingDependencyError, match=f"{precision}.* needs OpenVINO: pip install"):
        create_backend(model, options)


def test_half_precision_of_a_network_that_openvino_cannot_run_is_refused(model, monkeypatch):
    def fail(*arguments):
        raise NotImplementedError("roll has no translation")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monkeypatch.setattr("ppgan_mpr.inference.backends._exported", fail)
    with pytest.raises(UsageError, match="cannot be used: roll has no translation"):
        create_backend(model, InferenceOptions(precision="bf16", device="cpu"))


def test_a_broken_backend_is_replaced_by_the_next(model, monkeypatch):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)  # installed, but its import fails
    assert create_backend(model, InferenceOptions(device="cpu")).name == "onnxruntime"


def test_every_backend_has_the_same_interface(model, exported):
    for name in ("paddle", exported):
        assert isinstance(create_backend(model, InferenceOptions(backend=name)), Backend)


def build_other(spec):
    """A small network of another kind than ``model``, in which every layer has an effect."""
    import paddle

    paddle.seed(1)
    network = spec.build(OTHERS[spec.name])
    for parameter in network.parameters():
        parameter.set_value(parameter + 0.05 * paddle.randn(parameter.shape))
    network.eval()
    return network


@pytest.fixture(scope="module", params=OTHERS)
def other_model(request, exports):
    spec = find_network(request.param)
    network = build_other(spec)
    return Model("small", spec, lambda: network, exports)


def test_batches_equal_single_pictures(model, exported, photo):
    check_batches(model, exported, photo)


def test_batches_equal_single_pictures_in_other_networks(other_model, exported, photo):
    check_batches(other_model, exported, photo)


def check_batches(model, exported, photo):
    pictures = [batch(photo[:64, left : left + 96]) for left in (0, 24, 48)]
    for backend in (PaddleBackend(model), exact(model, exported)):
        statistics = [backend.measure(picture) for picture in reversed(pictures)]
        plain = [backend.run(picture).copy() for picture in pictures]
        given = [backend.run(*pair).copy() for pair in zip(pictures, statistics)]
        together = np.concatenate(pictures)
        np.testing.assert_allclose(backend.run(together), np.concatenate(plain), atol=1e-5)
        np.testing.assert_allclose(
            backend.run(together, join_batch(statistics)), np.concatenate(given), atol=1e-5
        )
        assert np.abs(plain[0] - given[0]).max() > 1e-4  # statistics of another picture


def test_no_tensor_in_a_graph_is_larger_than_the_pixel_limit_allows(model):
    check_largest_tensor(model)


def test_no_tensor_of_other_networks_is_larger_than_the_pixel_limit_allows(other_model):
    check_largest_tensor(other_model)


def check_largest_tensor(model):
    """Compare with the shapes that ONNX infers for a batch."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    shape = 2, 3, 96, 144
    graph = onnx.load_from_string(model.load_onnx(shape[2:], bytes))
    for dimension, size in zip(graph.graph.input[0].type.tensor_type.shape.dim, shape):
        dimension.dim_value = size
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True)
    largest = max(
        math.prod(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
        for value in inferred.graph.value_info
    )
    pixels_in_call = shape[0] * shape[2] * shape[3]
    limit = ONNXRuntimeBackend(model, card()).pixel_limit
    assert limit == pytest.approx(INT32_ELEMENTS * pixels_in_call / largest)


def test_other_networks_equal_paddle_at_every_size(other_model, exported, photo):
    ours, theirs = PaddleBackend(other_model), exact(other_model, exported)
    for height, width in ((96, 144), (32, 16), (16, 80)):
        picture = batch(photo[:height, :width])
        np.testing.assert_allclose(theirs.run(picture), ours.run(picture), atol=1e-5)


def test_auto_chooses_the_first_card_and_logs_one_line(model, monkeypatch, caplog):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    simulate(monkeypatch, card(0), card(1))
    with caplog.at_level("INFO", logger="ppgan_mpr"):
        backend = create_backend(model, InferenceOptions())
    assert (backend.name, backend.device, backend.precision) == ("onnxruntime", "gpu:0", "tf32")
    lines = [record.message for record in caplog.records]
    assert lines == ["onnxruntime computes in tf32 on gpu:0 (Simulated, 24 GB)."]


@pytest.mark.parametrize("cards", [(), (card(),)], ids=["no card", "no package"])
def test_auto_chooses_the_cpu_if_nothing_computes_on_a_card(monkeypatch, cards):
    packages = () if cards else ("onnxruntime-gpu",)
    simulate(monkeypatch, *cards, packages=packages)
    assert str(*check_device(InferenceOptions())) == "cpu"


def test_openvino_runs_on_the_cpu_beside_packages_for_gpus(model, monkeypatch):
    pytest.importorskip("openvino")
    simulate(monkeypatch, card())
    assert create_backend(model, InferenceOptions(device="cpu")).name == "openvino"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu:4"}, r"no device gpu:4: this process sees gpu:0 \(Simulated, 24 GB\)"),
        ({"device": "gpu", "backend": "openvino"}, "backend='openvino' runs on the CPU"),
        ({"device": "gpu", "precision": "bf16"}, "onnxruntime does not compute in bf16"),
        ({"device": "gpu", "backend": "paddle"}, "PaddlePaddle is built for CPUs"),
        ({"device": "cpu", "precision": "tf32"}, "precision='tf32' is for GPUs"),
        ({"device": "cpu", "backend": "onnxruntime", "precision": "bf16"}, "computes in f32"),
    ],
)
def test_contradictory_options_are_refused_in_one_sentence(monkeypatch, options, message):
    simulate(monkeypatch, card())
    with pytest.raises(UsageError, match=message):
        check_device(InferenceOptions(**options))


def test_missing_cuda_provider_is_explained_in_one_sentence(monkeypatch):
    pytest.importorskip("onnxruntime")
    simulate(monkeypatch, card(), packages=())
    with pytest.raises(UsageError, match="has no CUDA provider: run  pip uninstall onnxruntime"):
        check_device(InferenceOptions(device="gpu", backend="onnxruntime"))
    with pytest.raises(UsageError, match="paddlepaddle-gpu is not installed; onnxruntime-gpu is"):
        check_device(InferenceOptions(device="gpu"))
