from __future__ import annotations

import copy

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ppgan_mpr.plugin")  # registers our classes in PaddleGAN

CONFIG = {
    "total_iters": 6,
    "output_dir": "set by the fixture",
    "model": {
        "name": "MPRModel",
        "generator": {  # the network that trains fastest
            "name": "NAFNet",
            "width": 4,
            "enc_blk_nums": [1],
            "middle_blk_num": 1,
            "dec_blk_nums": [1],
        },
        "char_criterion": {"name": "CharbonnierLoss"},
        "edge_criterion": {"name": "EdgeLoss"},
    },
    "dataset": {
        "train": {"name": "MPRTrain", "batch_size": 2, "img_options": {"patch_size": 16}},
        "test": {"name": "MPRVal", "batch_size": 2},
    },
    "lr_scheduler": {"name": "WarmupCosine", "learning_rate": 1e-3, "warmup_iters": 2},
    "optimizer": {"name": "Adam", "net_names": ["generator"]},
    "validate": {
        "interval": 100,
        "save_img": False,
        "metrics": {"psnr": {"name": "PSNR", "protocol": "gopro"}},
    },
    "log_config": {"interval": 1, "visiual_interval": 100},
    "snapshot_config": {"interval": 100},
}


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """A folder with train/ and val/ of noisy stripes; the val pictures differ in size."""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    sizes = {"train": [(48, 40)] * 5, "val": [(24, 32), (21, 30), (24, 32)]}
    for split, shapes in sizes.items():
        for number, (height, width) in enumerate(shapes):
            y, x = np.mgrid[:height, :width]
            waves = [np.sin(x / (3 + number)) + np.cos(y / (5 + c)) for c in range(3)]
            target = 127 + 60 * np.stack(waves, -1)
            noisy = target + rng.normal(0, 20, target.shape)
            for part, picture in (("target", target), ("input", noisy)):
                folder = root / split / part
                folder.mkdir(parents=True, exist_ok=True)
                pixels = picture.clip(0, 255).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return root


@pytest.fixture
def settings(pairs, tmp_path):
    """A configuration that trains a tiny network in a second, as plain dicts that tests change."""
    pytest.importorskip("ppgan")
    config = copy.deepcopy(CONFIG)
    config["output_dir"] = str(tmp_path / "out")
    config["dataset"]["train"]["rgb_dir"] = str(pairs / "train")
    config["dataset"]["test"]["rgb_dir"] = str(pairs / "val")
    return config


@pytest.fixture
def three_stages():
    """The section ``model.generator`` of a tiny network of three stages."""
    widths = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
    return {"name": "MPRNet", **widths}


@pytest.fixture
def build(tmp_path, undrawn_curves):
    """A function: settings → Trainer or Scorer, built as by ``mprnet-train``."""

    def build(settings, is_train=True, profiler_options=None):
        import yaml

        from ppgan_mpr.engine.config import load_config
        from ppgan_mpr.engine.scoring import Scorer
        from ppgan_mpr.engine.trainer import Trainer

        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(settings))
        cfg = load_config(file)
        return Trainer(cfg, profiler_options) if is_train else Scorer(cfg)

    return build


@pytest.fixture
def weights_of():
    """A function: Trainer → name → array of its network's weights."""

    def weights_of(trainer):
        return {n: v.numpy().copy() for n, v in trainer.network.state_dict().items()}

    return weights_of
