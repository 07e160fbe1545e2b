"""PaddleGAN's configuration of NAFNet, and batches that are divided into slices."""

import copy

import numpy as np
import pytest
import yaml

pytest.importorskip("ppgan_mpr.plugin")

from ppgan_mpr.commands.train import main
from ppgan_mpr.dependencies import require
from ppgan_mpr.engine.batches import BatchPlan, plan_batches
from ppgan_mpr.engine.config import load_config
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks.losses import PSNRLoss
from ppgan_mpr.weights import load_weights

paddle = require("paddle")

# The keys of PaddleGAN's configs/nafnet_denoising.yaml.
PADDLEGAN = """
total_iters: 3200000
output_dir: output_dir
model:
  name: NAFNetModel
  generator: {name: NAFNet, img_channel: 3, width: 64, enc_blk_nums: [2, 2, 4, 8],
              middle_blk_num: 12, dec_blk_nums: [2, 2, 2, 2]}
  psnr_criterion: {name: PSNRLoss}
dataset:
  train: {name: NAFNetTrain, rgb_dir: data/SIDD/train, num_workers: 16, batch_size: 8,
          img_options: {patch_size: 256}}
  test: {name: NAFNetVal, rgb_dir: data/SIDD/val, num_workers: 1, batch_size: 1,
         img_options: {patch_size: 256}}
export_model:
  - {name: generator, inputs_num: 1}
lr_scheduler: {name: CosineAnnealingRestartLR, learning_rate: !!float 125e-6,
               periods: [3200000], restart_weights: [1], eta_min: !!float 1e-7}
validate:
  interval: 5000
  save_img: false
  metrics:
    psnr: {name: PSNR, crop_border: 4, test_y_channel: True}
    ssim: {name: SSIM, crop_border: 4, test_y_channel: True}
optimizer: {name: AdamW, net_names: [generator], weight_decay: 0.0, beta1: 0.9, beta2: 0.9,
            epsilon: 1e-8}
log_config: {interval: 10, visiual_interval: 5000}
snapshot_config: {interval: 5000}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "nafnet_denoising.yaml"
    path.write_text(PADDLEGAN)
    return path


def shrunk(pairs, output_dir):
    """Overrides that shorten PaddleGAN's configuration to a run of four short iterations."""
    return [
        f"output_dir={output_dir}",
        f"dataset.train.rgb_dir={pairs / 'train'}",
        f"dataset.test.rgb_dir={pairs / 'val'}",
        "dataset.train.num_workers=0",
        "dataset.train.batch_size=2",
        "dataset.train.img_options.patch_size=16",
        "dataset.test.num_workers=0",
        "model.generator.width=4",
        "model.generator.enc_blk_nums=[1, 1]",
        "model.generator.dec_blk_nums=[1, 1]",
        "model.generator.middle_blk_num=1",
        "total_iters=4",
        "validate.interval=4",
        "log_config.interval=1",
        "snapshot_config.interval=1",
        "snapshot_config.keep=9",
    ]


def test_paddlegans_configuration_is_read_without_a_warning(config, caplog):
    cfg = load_config(config)
    assert cfg.optimizer.beta2 == 0.9
    assert not caplog.records


@pytest.mark.usefixtures("undrawn_curves")
def test_paddlegans_configuration_trains_resumes_exactly_and_is_scored(config, pairs, tmp_path):
    command = ["-c", str(config), "-o", *shrunk(pairs, tmp_path / "out")]
    assert main(command) == 0
    (folder,) = (tmp_path / "out").iterdir()
    assert list((folder / "scores").glob("iter_4_*.json"))
    expected = load_weights(folder / "iter_4_weight.pdparams").tensors
    start = load_weights(folder / "iter_1_weight.pdparams").tensors
    assert any(not np.array_equal(expected[key], start[key]) for key in expected)
    for path in folder.glob("iter_[34]_*"):
        path.unlink()
    assert main([*command, "--resume", "auto"]) == 0
    got = load_weights(folder / "iter_4_weight.pdparams").tensors
    assert all(np.array_equal(got[key], expected[key]) for key in expected)


def test_psnr_loss_is_the_mean_negative_psnr():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, 3, 8, 8), np.float32)
    expected = np.mean([10 * np.log10(np.mean((x - y) ** 2) + 1e-8) for x, y in zip(a, b)])
    loss = PSNRLoss(loss_weight=0.5)(paddle.to_tensor(a), paddle.to_tensor(b))
    assert float(loss) == pytest.approx(0.5 * expected, abs=1e-5)


@pytest.mark.parametrize(
    ("total", "most", "world_size", "expected"),
    [
        (32, 4, 8, BatchPlan(4, 1)),
        (32, 4, 1, BatchPlan(32, 8)),
        (32, 12, 2, BatchPlan(16, 2)),
        (2, 8, 1, BatchPlan(2, 1)),
        (None, 8, 2, BatchPlan(8, 1)),
    ],
)
def test_slices_follow_from_the_total_batch(total, most, world_size, expected):
    cfg = {
        "total_batch_size": total, "accumulate": 1, "dataset": {"train": {"batch_size": most}},
    }  # fmt: skip
    assert plan_batches(cfg, world_size) == expected


@pytest.mark.parametrize(
    ("changes", "world_size", "message"),
    [
        ({"total_batch_size": 9}, 2, "9, which 2 processes cannot share"),
        ({"total_batch_size": 8, "accumulate": 2}, 1, "leave one of them out"),
    ],
)
def test_impossible_batches_are_refused(changes, world_size, message):
    cfg = {"accumulate": 1, "dataset": {"train": {"batch_size": 4}}, **changes}
    with pytest.raises(UsageError, match=message):
        plan_batches(cfg, world_size)


def test_total_batch_gives_the_update_of_the_whole_batch(settings, build, weights_of):
    settings["total_iters"] = 2
    settings["dataset"]["train"]["batch_size"] = 4
    sliced = copy.deepcopy(settings)
    sliced["total_batch_size"] = 4
    sliced["dataset"]["train"]["batch_size"] = 2
    updated = []
    for config in (settings, sliced):
        trainer = build(yaml.safe_load(yaml.safe_dump(config)))
        trainer.train()
        updated.append(weights_of(trainer))
    for key, value in updated[0].items():
        np.testing.assert_allclose(updated[1][key], value, atol=2e-4)


def test_two_losses_are_refused(settings, build):
    settings["model"]["psnr_criterion"] = {"name": "PSNRLoss"}
    with pytest.raises(UsageError, match="give one of them"):
        build(settings)
