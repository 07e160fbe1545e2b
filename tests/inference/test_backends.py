import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from inference_samples import batch

from ppgan_mpr.inference import InferenceOptions, Model, Restorer
from ppgan_mpr.inference.backends import create_backend
from ppgan_mpr.inference.backends.base import Backend
from ppgan_mpr.inference.backends.paddle_backend import PaddleBackend
from ppgan_mpr.networks.mprnet.spec import SPEC

EXPORTED = ["openvino", "onnxruntime"]


@pytest.fixture(params=EXPORTED)
def exported(request):
    pytest.importorskip(request.param)
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    return request.param


def exact(model, name):
    return create_backend(model, InferenceOptions(backend=name, precision="f32"))


def test_equals_paddle_at_every_size(model, network, exported, photo):
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


def test_warm_start_needs_neither_paddle_nor_weights(network, exported, cache, tmp_path, photo):
    model = Model("small", SPEC, lambda: network, cache)
    first = Restorer(model, backend=exported)(photo)
    np.save(tmp_path / "photo.npy", photo)
    script = f"""
import sys
from pathlib import Path
import numpy as np
from ppgan_mpr.inference import Cache, Model, Restorer
from ppgan_mpr.networks.mprnet.spec import SPEC
model = Model("small", SPEC, None, Cache(Path({str(tmp_path / "cache")!r})))
restored = Restorer(model, backend={exported!r})(np.load({str(tmp_path / "photo.npy")!r}))
np.save({str(tmp_path / "again.npy")!r}, restored)
assert "paddle" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), first)


def test_damaged_cache_is_rebuilt(network, cache, tmp_path, photo, exported):
    def restored():
        model = Model("small", SPEC, lambda: network, cache)
        return Restorer(model, backend=exported)(photo)

    first = restored()
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    np.testing.assert_array_equal(restored(), first)


def test_without_exporting_packages_paddle_runs(model, monkeypatch, caplog):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert create_backend(model, InferenceOptions(device="cpu")).name == "paddle"
    assert "brings OpenVINO" in caplog.text


def test_a_broken_backend_gives_way_to_the_next(model, monkeypatch):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)  # installed, but its import fails
    assert create_backend(model, InferenceOptions(device="cpu")).name == "onnxruntime"


def test_every_backend_offers_the_same(model, exported):
    for name in ("paddle", exported):
        assert isinstance(create_backend(model, InferenceOptions(backend=name)), Backend)
