"""Configurations, data and helpers for tests that train tiny networks by ``mprnet-train``."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from PIL import Image

SIZE = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}

# The keys and values of PaddleGAN's configs/mprnet_*.yaml.
PADDLEGAN_DATA = {
    "deblurring": ("data/GoPro/train", "data/GoPro/test", {}),
    "denoising": ("data/SIDD/train", "data/SIDD/val", {"n_feat": 80}),
    "deraining": ("data/Synthetic_Rain_Datasets/train", "data/Rain100L", {"n_feat": 40}),
}


def paddlegan_config(task):
    train, test, widths = PADDLEGAN_DATA[task]
    loading = {"num_workers": 0, "batch_size": 4, "img_options": {"patch_size": 256}}
    metric = {"crop_border": 4, "test_y_channel": True}
    return {
        "total_iters": 100000,
        "output_dir": "output_dir",
        "model": {
            "name": "MPRModel",
            "generator": {"name": "MPRNet", **widths},
            "char_criterion": {"name": "CharbonnierLoss"},
            "edge_criterion": {"name": "EdgeLoss"},
        },
        "dataset": {
            "train": {"name": "MPRTrain", "rgb_dir": train, **loading},
            "test": {"name": "MPRTrain", "rgb_dir": test, **loading},
        },
        "lr_scheduler": {
            "name": "CosineAnnealingRestartLR",
            "learning_rate": 2e-4,
            "periods": [25000] * 4,
            "restart_weights": [1] * 4,
            "eta_min": 1e-6,
        },
        "validate": {
            "interval": 5000,
            "save_img": False,
            "metrics": {"psnr": {"name": "PSNR", **metric}, "ssim": {"name": "SSIM", **metric}},
        },
        "optimizer": {
            "name": "Adam",
            "net_names": ["generator"],
            "beta1": 0.9,
            "beta2": 0.999,
            "epsilon": "1e-8",
        },
        "log_config": {"interval": 10, "visiual_interval": 5000},
        "snapshot_config": {"interval": 5000},
    }


def write_noisy_pairs(root):
    """Write train/ and val/ with smooth pictures and noisy copies."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 3)):
        for number in range(count):
            y, x = np.mgrid[:40, :48]
            waves = [np.sin(x / (4 + number)) + np.cos(y / (6 + c)) for c in range(3)]
            target = 127 + 60 * np.stack(waves, -1)
            noisy = target + rng.normal(0, 25, target.shape)
            for part, picture in (("target", target), ("input", noisy)):
                folder = root / split / part
                folder.mkdir(parents=True, exist_ok=True)
                pixels = picture.clip(0, 255).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{number}.png")


def command(root, *arguments):
    script = str(root / "tools" / "main.py")
    return [sys.executable, "-u", script, *map(str, arguments)]


def launch(config, *program):
    """Run a program in two processes of Paddle's launcher; returns the finished launcher."""
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node=2", "--backend=gloo"]
    launcher += [f"--log_dir={config.parent / 'launch'}"]
    line = [sys.executable, "-u", *launcher, *map(str, program)]
    return subprocess.run(line, check=False, capture_output=True, text=True, cwd=config.parent)


def outputs(config, pattern):
    return sorted((config.parent / "out").glob(f"*/{pattern}"))


def weights(path):
    from ppgan_mpr.weights import load_weights

    return load_weights(path).tensors


def same_weights(first, second):
    first, second = weights(first), weights(second)
    return all(np.array_equal(first[name], second[name]) for name in first)
