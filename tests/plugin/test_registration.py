"""PaddleGAN on current Paddle, with our classes in its registries."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr import plugin
from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.config_files import packaged_configs
from ppgan_mpr.errors import UsageError
from ppgan_mpr.ppgan_compat import registry_table


@pytest.fixture
def registered():
    """Registers our classes, also after a test that has unregistered them."""
    plugin.register()
    yield
    plugin.unregister()
    plugin.register()


def run(code, root):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def script(root):
    """A finished process that imported PaddleGAN and then added its own logging handler."""
    code = """
import logging, sys
import ppgan_mpr.plugin
import ppgan.apps, ppgan.engine.trainer, ppgan.metrics, ppgan.models
assert not [name for name in sys.modules if name.startswith("paddle.fluid")]
try:
    import paddle.fluid
except ImportError:
    print("still missing")

from ppgan_mpr.engine.precision import MixedPrecision
import paddle
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("seen: %(message)s"))
logging.getLogger().addHandler(handler)
paddle.set_device("cpu")
MixedPrecision("O1")
"""
    return run(code, root)


def test_paddlegan_imports_and_leaves_no_paddle_fluid(script):
    assert script.stdout.strip().endswith("still missing"), script.stderr


def test_configuration_read_without_the_plugin_says_to_import_it(registered):
    plugin.unregister()
    for config, found in {
        "mprnet_deraining": "has its own 'MPR(Net|Train|Model)'",
        "nafnet_tiny_denoising": "has no 'NAFNet(Train|Model)?'",
    }.items():
        with pytest.raises(UsageError, match=f"PaddleGAN {found}: import ppgan_mpr.plugin first"):
            load_config(packaged_configs()[config])


def test_script_that_configures_logging_sees_each_message_once(script):
    assert "seen: Mixed precision needs a GPU" in script.stderr
    assert script.stderr.count("Mixed precision needs a GPU") == 1


def test_missing_paddlegan_is_an_error_with_the_command_that_installs_it(root):
    code = """
import sys

class NoPaddleGAN:
    def find_spec(self, name, path=None, target=None):
        if name == "ppgan":
            raise ModuleNotFoundError("No module named 'ppgan'", name="ppgan")

sys.meta_path.insert(0, NoPaddleGAN())
import ppgan_mpr.plugin
"""
    result = run(code, root)
    assert "mprnet-install-ppgan" in result.stderr.splitlines()[-1]


def test_paddlegan_builds_our_classes_under_its_names(registered):
    from ppgan.metrics.builder import build_metric
    from ppgan.models.generators.builder import build_generator

    network = build_generator(
        {"name": "MPRNet", "n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
    )
    metric = build_metric({"name": "PSNR", "protocol": "gopro"})
    for made in (network, metric):
        assert type(made).__module__.startswith("ppgan_mpr.")


@pytest.mark.parametrize("name", ["PSNR", "SSIM"])
@pytest.mark.parametrize("luma", [False, True])
def test_metrics_of_other_models_keep_paddlegans_scores(registered, name, luma):
    from ppgan.metrics import psnr_ssim
    from ppgan.metrics.builder import build_metric

    rng = np.random.default_rng(0)
    frames, targets = (list(rng.integers(0, 256, (2, 3, 24, 20))) for _ in range(2))
    options = {"crop_border": 2, "input_order": "CHW", "test_y_channel": luma}
    metric = build_metric({"name": name, **options})
    theirs = getattr(psnr_ssim, name)(**options)
    for each in (metric, theirs):
        assert each.accumulate() == 0  # PaddleGAN's score of no pictures
        each.update(frames, targets, is_seq=True)
        each.update(frames[0], targets[0])
    assert metric.results == theirs.results and len(metric.results) == 2
    assert (metric.accumulate(), metric.name()) == (theirs.accumulate(), name)
    with pytest.raises(TypeError):
        build_metric({"name": name})  # PaddleGAN has no default border


def test_unregistering_restores_paddlegans_classes(registered):
    from ppgan.models.builder import MODELS
    from ppgan.solver.builder import LRSCHEDULERS

    ours = MODELS.get("MPRModel")
    plugin.register()
    assert MODELS.get("MPRModel") is ours
    plugin.unregister()
    assert MODELS.get("MPRModel").__module__ == "ppgan.models.mpr_model"
    with pytest.raises(KeyError):
        LRSCHEDULERS.get("WarmupCosine")
    plugin.unregister()
    assert MODELS.get("MPRModel").__module__ == "ppgan.models.mpr_model"


def test_third_party_class_is_never_replaced(registered, monkeypatch):
    plugin.unregister()
    metrics, generators = registry_table("METRICS"), registry_table("GENERATORS")
    third_party = type("PSNR", (), {"__module__": "somebody.metrics"})
    with monkeypatch.context() as patch:
        patch.setitem(metrics, "PSNR", third_party)
        with pytest.raises(UsageError, match=r"PSNR .* somebody\.metrics"):
            plugin.register()
        assert metrics["PSNR"] is third_party
        assert generators["MPRNet"].__module__.startswith("ppgan.")  # nor is any other class
