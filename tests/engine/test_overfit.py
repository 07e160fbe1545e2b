"""A very small MIRNet-v2 overfits one real pair, which tests data, network and loss together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.datasets import MPRVal
from ppgan_mpr.engine.config import load_config
from ppgan_mpr.engine.trainer import Trainer
from ppgan_mpr.metrics import get_protocol


@pytest.mark.parametrize(
    ("config", "folder", "picture", "box"),
    [
        ("mirnetv2_lowlight", "lowlight/LOL", "4.png", (64, 64, 160, 160)),
        ("mirnetv2_real_denoising", "denoising/SIDD_val_blocks", "0010.png", None),
    ],
)
@pytest.mark.usefixtures("undrawn_curves")
def test_network_overfits_one_pair(root, pairs_dir, tmp_path, config, folder, picture, box):
    for part in ("input", "target"):
        (tmp_path / part).mkdir()
        with Image.open(pairs_dir / folder / part / picture) as whole:
            whole.crop(box).save(tmp_path / part / picture)
    first = {"iters": 30, "patch_size": 32, "batch_size": 2}
    then = {"iters": 20, "patch_size": 48, "batch_size": 1}
    options = {
        "dataset.train.rgb_dir": tmp_path,
        "dataset.test.rgb_dir": tmp_path,
        "dataset.train.num_workers": 0,
        "dataset.test.num_workers": 0,
        "dataset.train.progressive": [first, then],
        "model.generator.n_feat": 16,
        "model.generator.n_MRB": 1,
        "model.generator.groups": [1, 2],
        "lr_scheduler.learning_rate": 3e-3,
        "total_iters": 50,
        "validate.interval": 50,
        "log_config.visiual_interval": 1000,
        "output_dir": tmp_path / "out",
    }
    path = root / "ppgan_mpr" / "configs" / f"{config}.yaml"
    cfg = load_config(path, [f"{key}={value}" for key, value in options.items()])
    Trainer(cfg).train()

    (scores,) = Path(cfg.output_dir).glob("scores/iter_50_*.json")
    learnt = json.loads(scores.read_text())["mean"]["psnr"]
    target, degraded, _ = MPRVal(tmp_path)[0]
    protocol = get_protocol(cfg.validate.metrics.psnr.protocol)
    given = protocol.psnr(degraded.transpose(1, 2, 0), target.transpose(1, 2, 0))
    assert learnt >= given + 5
