"""The packaged configurations: they match weights and recipes, and MIRNet trains with its own."""

from __future__ import annotations

import inspect
import logging
import re

import cv2
import numpy as np
import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")
pytest.importorskip("ppgan_mpr.plugin")

from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.config_files import packaged_configs
from ppgan_mpr.networks import find_network
from ppgan_mpr.ppgan_compat import registry_table
from ppgan_mpr.weights import find_record, load_weights

pytestmark = pytest.mark.usefixtures("undrawn_curves")

# name -> model, task and, for super-resolution, scale of the matching weights
CONFIGS = {
    "mprnet_deblurring": ("published", "Deblurring"),
    "mprnet_denoising": ("published", "Denoising"),
    "mprnet_deraining": ("published", "Deraining"),
    "mprnet_finetune": ("published", "Deraining"),
    "mprnet_lite_deblurring": ("lite", "Deblurring"),
    "mprnet_lite_denoising": ("lite", "Denoising"),
    "mprnet_lite_deraining": ("lite", "Deraining"),
    "mirnet_lowlight": ("authors", "LowLight"),
    "mirnet_real_denoising": ("authors", "RealDenoising"),
    "mirnet_retouching": ("authors", "Retouching"),
    # The catalogue lacks the authors' weights for super-resolution, which have the same layers.
    **{f"mirnet_super_resolution_x{n}": ("authors", "Retouching") for n in (2, 3, 4)},
    **{
        f"mirnetv2_{name}{suffix}": ("published", *record)
        for suffix in ("", "_released")
        for name, record in {
            "dual_pixel": ("DualPixelDeblurring",),
            "lowlight": ("LowLight",),
            "real_denoising": ("RealDenoising",),
            "retouching": ("Retouching",),
            **{f"super_resolution_x{n}": ("SuperResolution", None, n) for n in (2, 3, 4)},
        }.items()
    },
}
MIRNETS = sorted(name for name in CONFIGS if name.startswith("mirnet"))
# One configuration of each kind; the others differ only in folders, lengths and scales.
TRAINED = (
    "mirnet_real_denoising",
    "mirnet_super_resolution_x4",
    "mirnetv2_dual_pixel",
    "mirnetv2_dual_pixel_released",
    "mirnetv2_lowlight",
    "mirnetv2_real_denoising_released",
    "mirnetv2_super_resolution_x4_released",
)

# Training sets that are not cut. All others are, so that no patch needs a large picture decoded.
SMALL_OR_UNKNOWN = {
    "data/LOL/train",
    "data/Synthetic_Rain_Datasets/train",
    "data/mine/train",
    "samples/Denoising",
}


def test_every_packaged_configuration_is_tested_here(root):
    names = {path.stem for path in (root / "ppgan_mpr" / "configs").glob("*.yaml")}
    nafnets = {record.config for record in find_network("NAFNet").weights}
    assert names == {*CONFIGS, *nafnets, "mprnet_tiny_denoising", "nafnet_tiny_denoising"}


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_widths_are_those_of_the_weights_to_load(root, name):
    cfg = load_config(root / "ppgan_mpr" / "configs" / f"{name}.yaml")
    record = find_record(*CONFIGS[name])
    generator = dict(cfg.model.generator)
    network = generator.pop("name")
    assert network == record.network
    parameters = inspect.signature(registry_table("GENERATORS")[network]).parameters
    defaults = {key: parameter.default for key, parameter in parameters.items()}
    given, expected = {**defaults, **generator}, {**defaults, **record.hyperparameters}
    if "groups" in given:
        given["groups"] = tuple(given["groups"])
    assert given == expected


@pytest.mark.parametrize("record", find_network("NAFNet").weights, ids=lambda record: record.name)
def test_recipes_of_nafnet_are_those_of_the_authors(root, record):
    cfg = load_config(root / "ppgan_mpr" / "configs" / f"{record.config}.yaml")
    generator = {k: tuple(v) if isinstance(v, list) else v for k, v in cfg.model.generator.items()}
    assert generator == {"name": "NAFNet", **record.hyperparameters}
    width, deblurring = record.hyperparameters["width"], record.task == "Deblurring"
    expected = {32: (200_000, 32), 64: (400_000, 64)}[width]
    assert (cfg.total_iters, cfg.total_batch_size) == expected
    optimizer, schedule = cfg.optimizer, cfg.lr_scheduler
    assert (optimizer.name, optimizer.beta1, optimizer.beta2) == ("AdamW", 0.9, 0.9)
    assert optimizer.weight_decay == (1e-3 if deblurring and width == 64 else 0)
    options = cfg.dataset.train.img_options
    assert (options.get("rotate", True), options.get("mirror", True)) == (deblurring,) * 2
    assert (schedule.learning_rate, schedule.eta_min) == (1e-3, 1e-7)
    assert cfg.dataset.train.img_options.patch_size == 256


@pytest.mark.parametrize("task", ["deblurring", "denoising", "deraining"])
def test_recipe_of_mprnet_is_that_of_the_paper(root, task):
    cfg = load_config(root / "ppgan_mpr" / "configs" / f"mprnet_{task}.yaml")
    schedule, train = cfg.lr_scheduler, cfg.dataset.train
    assert (schedule.learning_rate, schedule.eta_min) == (2e-4, 1e-6)
    assert cfg.total_batch_size == 16
    assert train.img_options.patch_size == (128 if task == "denoising" else 256)
    assert ("edge_criterion" in cfg.model) == (task != "denoising")
    pairs, epochs = {
        "deblurring": (2103, 3000),
        "denoising": (320 * 300, 80),
        "deraining": (13712, 250),
    }[task]
    iterations = -(-pairs // 16)
    assert cfg.total_iters == epochs * iterations
    assert schedule.warmup_iters == 3 * iterations


@pytest.mark.parametrize("name", MIRNETS)
def test_recipe_of_mirnet_is_that_of_the_paper_or_the_released_code(root, name):
    cfg = load_config(root / "ppgan_mpr" / "configs" / f"{name}.yaml")
    schedule, optimizer, train = cfg.lr_scheduler, cfg.optimizer, cfg.dataset.train
    assert (optimizer.name, optimizer.beta1, optimizer.beta2) == ("Adam", 0.9, 0.999)
    assert schedule.learning_rate == 2e-4
    scale = int(name.partition("_x")[2][:1]) if "super_resolution" in name else 1
    assert train.img_options.get("scale", 1) == scale
    if "super_resolution" in name:
        assert cfg.validate.metrics.psnr.protocol == f"realsr-x{scale}"
    if name.startswith("mirnet_"):
        assert (cfg.total_batch_size, train.img_options.patch_size) == (16, 128)
        assert (schedule.eta_min, cfg.model.char_criterion.name) == (1e-6, "CharbonnierLoss")
        of_the_code = name in ("mirnet_real_denoising", "mirnet_lowlight")
        assert train.img_options.get("rotate", True) == of_the_code
        assert cfg.mixup == ({**cfg.mixup, "alpha": 1.2} if of_the_code else None)
        assert of_the_code or cfg.total_iters == 700_000
        return
    assert cfg.clip_grad_norm == 0.01
    expected = {"alpha": 1.2, "probability": 0.5, "per_pair": False}
    assert cfg.mixup == (None if "dual_pixel" in name else expected)
    phases = train.progressive
    assert sum(phase["iters"] for phase in phases) == cfg.total_iters
    if not name.endswith("_released"):
        assert (cfg.total_iters, schedule.eta_min) == (300_000, 1e-6)
        assert cfg.model.char_criterion.name == "CharbonnierLoss"
        assert [phase["patch_size"] for phase in phases] == [128, 144, 192, 224]
        assert [phase["total_batch_size"] for phase in phases] == [64, 48, 24, 16]
        assert "dual_pixel" in name or train.img_options.rotate is False
        return
    assert cfg.model.char_criterion.name == "L1Loss"
    assert "dual_pixel" in name or train.img_options.rotate is True
    assert [phase["patch_size"] for phase in phases] == [128, 160, 192, 256, 320, 384]
    assert [phase["total_batch_size"] for phase in phases] == [64, 40, 32, 16, 8, 8]
    assert [phase["batch_size"] for phase in phases] == [8, 5, 4, 2, 1, 1]
    half = 2 if "lowlight" in name or "super_resolution" in name else 1
    expected = [92_000, 64_000, 48_000, 36_000, 36_000, 24_000]
    assert [phase["iters"] * half for phase in phases] == expected
    assert [period * half for period in schedule.periods] == [92_000, 208_000]
    assert (schedule.restart_weights, schedule.eta_mins) == ([1, 1], [3e-4, 1e-6])


def forms_of_the_data(root):
    """Training folder → how its pictures are cut, from the table in docs/training.md."""
    section = (root / "docs" / "training.md").read_text(encoding="utf-8")
    section = section.partition("### How each training set is cut")[2].partition("\n### ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if "| `" in line]
    return {folder: row[3] for row in rows for folder in re.findall("`(.+?)`", row[2])}


@pytest.mark.parametrize("name", sorted(packaged_configs()))
def test_yaml_and_documentation_agree_on_how_training_data_are_cut(root, name):
    path = packaged_configs()[name]
    folder = load_config(path).dataset.train.rgb_dir
    how, side = forms_of_the_data(root)[folder], re.search(r"_(\d+)$", folder)
    assert (how == "not cut") == (folder in SMALL_OR_UNKNOWN)
    if side:
        said = f"sub-pictures of {side[1]}x{side[1]} pixels"
        assert f"{side[1]} pixels every" in how or f"{side[1]} every" in how
    else:
        said = "whole pictures" if how == "not cut" else "sub-pictures of 256x256 pixels"
    comments = path.read_text(encoding="utf-8")
    assert re.findall("^# Reads (.+?)[,:]", comments, re.MULTILINE) == [said]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One folder of pairs for each kind of input: ``plain``, ``small`` and ``views``."""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for number in range(3):
        y, x = np.mgrid[:40, :48]
        clean = [0.5 + 0.2 * np.sin(x / (3 + number)) + 0.2 * np.cos(y / (5 + c)) for c in range(3)]
        target = np.stack(clean, -1)
        noisy = (target + rng.normal(0, 0.1, target.shape)).clip(0, 1)
        for kind, inputs in {
            "plain": {"input": noisy},
            "small": {"input": target.reshape(10, 4, 12, 4, 3).mean((1, 3))},
            "views": {"inputL": noisy, "inputR": np.roll(noisy, 1, 1)},
        }.items():
            for part, picture in {**inputs, "target": target}.items():
                folder = root / kind / part
                folder.mkdir(parents=True, exist_ok=True)
                dtype = np.uint16 if kind == "views" else np.uint8
                pixels = np.rint(picture * np.iinfo(dtype).max).astype(dtype)
                assert cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return root


@pytest.fixture
def main():
    from ppgan_mpr.commands.train import main

    return main


def shrunk(name, folders, output_dir):
    """Overrides that shorten a configuration's run to five quick iterations."""
    kind = "views" if "dual_pixel" in name else "small" if "super_resolution" in name else "plain"
    options = [
        f"output_dir={output_dir}",
        f"dataset.train.rgb_dir={folders / kind}",
        f"dataset.test.rgb_dir={folders / kind}",
        "dataset.train.num_workers=0",
        "dataset.test.num_workers=0",
        "model.generator.n_feat=8",
        "total_iters=5",
        "validate.interval=5",
        "log_config.interval=1",
        "log_config.visiual_interval=5",
        "snapshot_config.interval=1",
        "snapshot_config.keep=9",
    ]
    if "dual_pixel" in name:
        options += ["validate.save_img=True", "validate.save_panels=True"]
    elif "denoising" in name:  # its own protocol needs blocks of 256 pixels
        options += ["validate.metrics.psnr.protocol=gopro"]
    if name.startswith("mirnet_"):
        options += [f"model.generator.{key}=1" for key in ("n_RRG", "n_MSRB")]
        options += ["total_batch_size=2", "dataset.train.img_options.patch_size=16"]
        mixup = ["mixup.start_iter=3"] if "denoising" in name else []
        return [*options, "lr_scheduler.warmup_iters=2", *mixup]
    options += ["model.generator.n_MRB=1", "model.generator.groups=(1,2)"]
    for phase, (patch_size, batch_size) in enumerate([(16, 3), (24, 2), (32, 1)]):
        place = f"dataset.train.progressive.{phase}"
        options += [f"{place}.iters=2", f"{place}.patch_size={patch_size}"]
        options += [f"{place}.batch_size={-(-batch_size // 2)}"]
        options += [f"{place}.total_batch_size={batch_size}"]
    return options


@pytest.fixture
def log():
    """Messages of the run."""
    messages, handler = [], logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    loggers = [logging.getLogger(f"ppgan_mpr.engine.{name}") for name in ("trainer", "progress")]
    for logger in loggers:
        logger.addHandler(handler)
    yield messages
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.mark.parametrize("name", TRAINED)
def test_training_passes_a_change_of_phase_and_resumes_within_a_phase(
    root, main, folders, tmp_path, log, name
):
    config = ["-c", str(root / "ppgan_mpr" / "configs" / f"{name}.yaml")]
    options = ["-o", *shrunk(name, folders, tmp_path / "out")]
    assert main([*config, *options]) == 0
    (folder,) = (tmp_path / "out").iterdir()
    end = folder / "iter_5_weight.pdparams"
    expected = load_weights(end).tensors
    start = load_weights(folder / "iter_1_weight.pdparams").tensors
    assert all(np.isfinite(value).all() for value in expected.values())
    assert any(not np.array_equal(expected[key], start[key]) for key in expected)
    assert list((folder / "scores").glob("iter_5_*.json"))
    (first,) = (message for message in log if "iter 1/5" in message)
    assert "loss 0." in first and "stage1" not in first  # one output is the loss itself
    grown = [text for text in log if text.startswith("From iteration 3 on: 24x24 pixels")]
    assert bool(grown) == ("mirnetv2" in name)

    for path in folder.glob("iter_[45]_*"):
        path.unlink()
    assert main([*config, *options, "--resume", "auto"]) == 0  # from the third iteration
    got = load_weights(end).tensors
    assert all(np.array_equal(got[key], expected[key]) for key in expected)
