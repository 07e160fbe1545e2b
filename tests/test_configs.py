"""Every published configuration can be built."""

from __future__ import annotations

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.config import load_config
from ppgan_mpr.weights import find_record

CONFIGS = {
    "mprnet_deblurring": ("published", "Deblurring"),
    "mprnet_denoising": ("published", "Denoising"),
    "mprnet_deraining": ("published", "Deraining"),
    "mprnet_finetune": ("published", "Deraining"),
    "mprnet_lite_deblurring": ("lite", "Deblurring"),
    "mprnet_lite_denoising": ("lite", "Denoising"),
    "mprnet_lite_deraining": ("lite", "Deraining"),
}


def test_all_configurations_are_known_here(root):
    names = {path.stem for path in (root / "configs").glob("*.yaml")}
    assert names == {*CONFIGS, "mprnet_tiny_denoising"}


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_widths_are_those_of_the_weights_to_load(root, name):
    cfg = load_config(root / "configs" / f"{name}.yaml")
    record = find_record(*CONFIGS[name])
    generator = {key: value for key, value in cfg.model.generator.items() if key != "name"}
    expected = {key: record.hyperparameters[key] for key in generator}
    assert generator == expected


@pytest.mark.parametrize("task", ["deblurring", "denoising", "deraining"])
def test_paper_s_recipe(root, task):
    cfg = load_config(root / "configs" / f"mprnet_{task}.yaml")
    schedule, train = cfg.lr_scheduler, cfg.dataset.train
    assert (schedule.learning_rate, schedule.eta_min) == (2e-4, 1e-6)
    assert train.batch_size == 16
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
