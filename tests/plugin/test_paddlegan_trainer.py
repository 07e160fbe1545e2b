"""PaddleGAN's own Trainer and configuration functions after ``import ppgan_mpr.plugin``."""

from __future__ import annotations

import copy
import logging
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("yaml")
pytest.importorskip("ppgan")

import paddle
import yaml

from ppgan_mpr import plugin
from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.config_files import packaged_configs, read_yaml
from ppgan_mpr.engine.mpr_model import MPRModel
from ppgan_mpr.engine.trainer import Trainer
from ppgan_mpr.errors import UsageError
from ppgan_mpr.ppgan_compat import import_ppgan, registry_table
from ppgan_mpr.weights import load_weights

paddlegan = import_ppgan("ppgan.engine.trainer")
get_config = import_ppgan("ppgan.utils.config").get_config

SMALL = {
    "MPRNet": {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1},
    "MIRNet": {"n_feat": 8, "n_RRG": 1, "n_MSRB": 1},
    "MIRNetv2": {"n_feat": 8, "n_MRB": 1, "groups": [1, 2]},
    "NAFNet": {"width": 4, "enc_blk_nums": [1], "dec_blk_nums": [1], "middle_blk_num": 1},
}
# The keys and values in which PaddleGAN's three configs/mprnet_*.yaml differ.
PADDLEGAN_GENERATORS = {"deblurring": {}, "denoising": {"n_feat": 80}, "deraining": {"n_feat": 40}}
PADDLEGAN_YAML = """
total_iters: 100000
output_dir: output_dir
model:
  name: MPRModel
  generator: {name: MPRNet}
  char_criterion: {name: CharbonnierLoss}
  edge_criterion: {name: EdgeLoss}
dataset:
  train: {name: MPRTrain, rgb_dir: data/train, num_workers: 4, batch_size: 4,
          img_options: {patch_size: 256}}
  test: {name: MPRTrain, rgb_dir: data/test, num_workers: 4, batch_size: 4,
         img_options: {patch_size: 256}}
lr_scheduler: {name: CosineAnnealingRestartLR, learning_rate: !!float 2e-4,
               periods: [25000, 25000, 25000, 25000], restart_weights: [1, 1, 1, 1],
               eta_min: !!float 1e-6}
validate:
  interval: 5000
  save_img: false
  metrics:
    psnr: {name: PSNR, crop_border: 4, test_y_channel: True}
    ssim: {name: SSIM, crop_border: 4, test_y_channel: True}
optimizer: {name: Adam, net_names: [generator], beta1: 0.9, beta2: 0.999, epsilon: 1e-8}
log_config: {interval: 10, visiual_interval: 5000}
snapshot_config: {interval: 5000}
"""
ITERATIONS = 20
SAVES = (5, 10, 15, 20)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Pairs for each kind of input: ``plain``, ``views`` of a dual-pixel camera, ``x2``, …"""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for number in range(4):
        y, x = np.mgrid[:48, :48]
        clean = [0.5 + 0.2 * np.sin(x / (3 + number)) + 0.2 * np.cos(y / (5 + c)) for c in range(3)]
        target = np.stack(clean, -1)
        noisy = (target + rng.normal(0, 0.1, target.shape)).clip(0, 1)
        kinds = {"plain": {"input": noisy}, "views": {"inputL": noisy, "inputR": noisy}}
        for scale in (2, 3, 4):
            side = 48 // scale
            coarse = target.reshape(side, scale, side, scale, 3).mean((1, 3))
            kinds[f"x{scale}"] = {"input": coarse}
        for kind, inputs in kinds.items():
            for part, picture in {**inputs, "target": target}.items():
                folder = root / kind / part
                folder.mkdir(parents=True, exist_ok=True)
                pixels = np.rint(picture * 65535).astype(np.uint16)
                if kind != "views":
                    pixels = (pixels >> 8).astype(np.uint8)
                assert cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return root


def shrink(cfg, folders, output_dir):
    """Change a configuration of any network to a run that takes a second."""
    cfg["output_dir"], cfg["total_iters"] = str(output_dir), ITERATIONS
    generator = cfg["model"]["generator"]
    generator.update(copy.deepcopy(SMALL[generator["name"]]))
    for section in cfg["dataset"].values():
        options = section["img_options"] = section.get("img_options") or {}
        scale = options.get("scale", 1)
        kind = f"x{scale}" if scale > 1 else "views" if options.get("dual_pixel") else "plain"
        section.update(rgb_dir=str(folders / kind), num_workers=0)
    train = cfg["dataset"]["train"]
    if "progressive" in train:
        phase = {"iters": 8, "patch_size": 16, "batch_size": 2}
        train["progressive"] = [phase, {**phase, "patch_size": 24, "batch_size": 1}]
    else:
        train["batch_size"], train["img_options"]["patch_size"] = 2, 16
    if cfg.get("total_batch_size"):
        cfg["total_batch_size"] = 2
    if cfg.get("mixup"):
        cfg["mixup"]["start_iter"] = 3
    schedule = cfg["lr_scheduler"]
    if "warmup_iters" in schedule:
        schedule["warmup_iters"] = 2
    if "periods" in schedule:
        count = min(len(schedule["periods"]), 2)
        schedule["periods"] = [ITERATIONS // count] * count
        for key in {"restart_weights", "eta_mins"} & schedule.keys():
            schedule[key] = schedule[key][-count:]
    cfg["dataset"]["test"]["img_options"]["patch_size"] = 16
    cfg["dataset"]["test"]["batch_size"] = 1
    metric = {"name": "PSNR", "crop_border": 2}
    cfg["validate"] = {"interval": ITERATIONS, "save_img": True, "metrics": {"psnr": metric}}
    cfg["log_config"] = {"interval": 1, "visiual_interval": 100}
    cfg["snapshot_config"] = {"interval": SAVES[0]}
    return cfg


@pytest.fixture
def start(tmp_path):
    """A function: plain settings → PaddleGAN's Trainer, built from a yaml as in its script."""
    plugin.register()

    def start(settings, is_train=True):
        file = tmp_path / "run.yaml"
        file.write_text(yaml.safe_dump(settings))
        cfg = get_config(str(file), [f"output_dir={settings['output_dir']}"])
        cfg.is_train, cfg.profiler_options = is_train, None
        return paddlegan.Trainer(cfg)

    return start


@pytest.fixture
def settings(folders, tmp_path):
    """A small run of the network that trains fastest, as plain dicts that tests may change."""
    return shrink(read_yaml("nafnet_deblurring_width32"), folders, tmp_path / "out")


def plain(config):
    """The configuration as plain nested dicts and lists."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    return [plain(item) for item in config] if isinstance(config, (list, tuple)) else config


def check_run(trainer, caplog):
    caplog.set_level(logging.INFO)
    trainer.train()
    rates = [float(rate) for rate in re.findall(r"lr: (\S+)", caplog.text)]
    assert len(rates) == ITERATIONS
    assert rates[-1] < max(rates) / 2
    (psnr,) = re.findall(r"Metric psnr: (\S+)", caplog.text)
    assert 5 < float(psnr) < 60
    assert (Path(trainer.output_dir) / f"iter_{ITERATIONS}_weight.pdparams").exists()


@pytest.mark.parametrize("name", sorted(packaged_configs()))
def test_every_packaged_configuration_trains_with_a_decaying_rate(
    name, folders, start, tmp_path, caplog
):
    content = plain(load_config(packaged_configs()[name]))
    check_run(start(shrink(content, folders, tmp_path / "out")), caplog)


@pytest.mark.parametrize("task", PADDLEGAN_GENERATORS)
def test_paddlegans_own_yaml_trains_with_a_decaying_rate(task, folders, start, tmp_path, caplog):
    content = yaml.safe_load(PADDLEGAN_YAML)
    content["model"]["generator"].update(PADDLEGAN_GENERATORS[task])
    check_run(start(shrink(content, folders, tmp_path / "out")), caplog)


OPTIONS = {
    "seed": 3,
    "clip_grad_norm": 0.1,
    "ema_decay": 0.9,
    "mixup": {"alpha": 0.6, "start_iter": 4},
    "total_batch_size": 4,  # two batches of batch_size, accumulated
    "recompute": True,
}


@pytest.mark.parametrize(
    ("name", "options"),
    [("mprnet_deraining", {}), ("nafnet_deblurring_width32", OPTIONS)],
    ids=["several stages", "all options"],
)
def test_losses_and_weights_equal_those_of_our_own_loop(
    folders, start, tmp_path, monkeypatch, name, options
):
    settings = {**shrink(read_yaml(name), folders, tmp_path / "out"), **options}
    losses, train_iter = [], MPRModel.train_iter

    def watch(model, optimizers):
        train_iter(model, optimizers)
        losses.append(model.losses["loss"])

    monkeypatch.setattr(MPRModel, "train_iter", watch)
    theirs = start(settings)
    theirs.train()
    file = tmp_path / "ours.yaml"
    file.write_text(yaml.safe_dump({**settings, "output_dir": str(tmp_path / "ours")}))
    ours = Trainer(load_config(file))
    ours.train()
    np.testing.assert_allclose(losses[:ITERATIONS], losses[ITERATIONS:], atol=1e-6)
    name = f"iter_{ITERATIONS}_weight.pdparams"
    expected = load_weights(Path(ours.output_dir) / name).tensors
    got = load_weights(Path(theirs.output_dir) / name).tensors  # with an EMA, the average
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, atol=1e-6)


def test_resumed_run_equals_the_uninterrupted_one(settings, start, tmp_path):
    settings.update(OPTIONS)
    with paddle.utils.unique_name.guard():  # parameters get the same names as in a new process
        whole = start(settings)
        whole.train()
    settings["output_dir"] = str(tmp_path / "resumed")
    with paddle.utils.unique_name.guard():
        resumed = start(settings)
        resumed.resume(str(Path(whole.output_dir) / f"iter_{SAVES[-2]}_checkpoint.pdparams"))
        resumed.train()
    name = f"iter_{ITERATIONS}_weight.pdparams"
    expected, got = (load_weights(Path(t.output_dir) / name).tensors for t in (whole, resumed))
    for key, value in expected.items():
        np.testing.assert_array_equal(got[key], value)


def test_all_weights_stay_and_the_newest_two_checkpoints(settings, start):
    trainer = start(settings)
    trainer.train()
    names = sorted(path.name for path in Path(trainer.output_dir).glob("iter_*"))
    kept = [f"iter_{n}_checkpoint.pdparams" for n in SAVES[-2:]]
    assert names == sorted([*kept, *(f"iter_{n}_weight.pdparams" for n in SAVES)])


def test_scores_of_a_weights_file_are_those_of_the_averaged_weights(settings, start):
    settings["ema_decay"] = 0.5
    trainer = start(settings)
    trainer.train()
    path = Path(trainer.output_dir) / f"iter_{ITERATIONS}_weight.pdparams"
    scorer = start(settings, is_train=False)
    scorer.load(str(path))
    scorer.test()
    np.testing.assert_array_equal(scorer.model.restored.numpy(), trainer.model.restored.numpy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip_grad_norm": -1}, "clip_grad_norm is -1"),
        ({"mixup": {"alhpa": 1}}, "did you mean alpha"),
        ({"snapshot_config": {"interval": 2, "keeep": 3}}, "did you mean keep"),
        ({"validate": {"local": True}}, "PaddleGAN's Trainer does not know validate.local"),
        ({"total_batch_size": 8, "accumulate": 2}, "leave one of them out"),
    ],
)
def test_wrong_options_are_refused_by_name(settings, start, change, message):
    settings.update(change)
    with pytest.raises(UsageError, match=message):
        start(settings)


def test_panels_are_written_if_the_yaml_asks_for_them(settings, start):
    settings["validate"]["save_panels"] = True
    trainer = start(settings)
    trainer.train()
    panels = list(Path(trainer.output_dir).glob("visual_test/*_panel.png"))
    assert len(panels) == 4
    assert cv2.imread(str(panels[0])).shape == (16, 3 * 16, 3)


def test_paddlegans_parser_reads_bases_and_command_line_options(settings, tmp_path):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(settings))
    heir = tmp_path / "heir.yaml"
    heir.write_text("_base_: base.yaml\nmodel: {generator: {width: 16}}\n")
    cfg = get_config(str(heir), ["clip_grad_norm=0.5"])
    assert (cfg.model.generator.width, cfg.model.generator.middle_blk_num) == (16, 1)
    assert cfg.clip_grad_norm == 0.5
    assert "_base_" not in cfg


def test_paddlegans_command_line_adds_options_to_a_section_that_is_null(settings, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(settings))
    cfg = get_config(str(file), ["mixup.alpha=0.6", "dataset.train.batch_size=1"])
    assert cfg.mixup == {"alpha": 0.6}
    assert cfg.dataset.train.batch_size == 1
    with pytest.raises(UsageError, match="did you mean alpha"):
        get_config(str(file), ["mixup.alhpa=0.6"])


def test_metrics_without_a_protocol_are_named_once(settings, start, caplog, monkeypatch):
    class MeanAbsoluteError(paddle.metric.Metric):
        reset = update = accumulate = name = lambda self, *_: 0.0

    monkeypatch.setitem(registry_table("METRICS"), "MeanAbsoluteError", MeanAbsoluteError)
    caplog.set_level(logging.INFO)
    settings["validate"]["metrics"] = {
        "psnr": {"name": "PSNR", "crop_border": 0},
        "perceived": {"name": "MeanAbsoluteError"},
    }
    start(settings)
    named = [message for message in caplog.messages if "without a protocol" in message]
    assert named == ["Metrics without a protocol: perceived"]


def test_all_measures_of_a_protocol_are_logged(settings, start, caplog):
    settings["dataset"]["test"]["img_options"] = None
    settings["total_iters"] = settings["validate"]["interval"] = 1
    settings["validate"]["metrics"] = {
        "psnr": {"name": "PSNR", "protocol": "dpdd"},
        "ssim": {"name": "SSIM", "protocol": "gopro"},
    }
    caplog.set_level(logging.INFO)
    start(settings).train()
    found = dict(re.findall(r"Metric (.*?): ([\d.]+)", caplog.text))
    assert set(found) == {"psnr", "ssim", "ssim (dpdd)", "mae", "psnr (gopro)"}
    assert float(found["ssim"]) == pytest.approx(float(found["ssim (dpdd)"]), abs=0.2)
    assert 0 < float(found["mae"]) < 0.5


def test_other_models_keep_paddlegans_losses_and_loaders():
    from ppgan.models.criterions.builder import build_criterion

    plugin.register()
    a, b = paddle.zeros([1, 3, 4, 4]), paddle.ones([1, 3, 4, 4])
    loss = build_criterion({"name": "CharbonnierLoss"})  # BasicVSR's
    assert float(loss(a, b)) == pytest.approx(48)  # the sum
    ours = MPRModel(
        {"name": "MPRNet", **SMALL["MPRNet"]}, char_criterion={"name": "CharbonnierLoss"}
    )
    assert float(ours.objective.char_criterion(a, b)) == pytest.approx(1)  # the mean
    assert type(build_criterion({"name": "EdgeLoss"})).__module__.startswith("ppgan.")


def test_unregistering_gives_paddlegan_its_functions_back():
    plugin.register()
    hooked = paddlegan.Trainer.__init__
    plugin.unregister()
    assert paddlegan.Trainer.__init__ is not hooked
    assert registry_table("MODELS")["MPRModel"] is not MPRModel
    plugin.register()
