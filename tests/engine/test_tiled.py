"""Validation in tiles, within a budget of memory."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.errors import UsageError


@pytest.fixture
def large(settings, tmp_path):
    """The tiny run's settings with one larger picture to validate on."""
    y, x = np.mgrid[:104, :140]
    target = 127 + 60 * np.stack([np.sin(x / (9 + c)) + np.cos(y / 7) for c in range(3)], -1)
    noisy = target + np.random.default_rng(0).normal(0, 20, target.shape)
    for part, picture in (("target", target), ("input", noisy)):
        (tmp_path / "large" / part).mkdir(parents=True)
        pixels = picture.clip(0, 255).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "large" / part / "7.png")
    settings["dataset"]["test"]["rgb_dir"] = str(tmp_path / "large")
    return settings


def score(settings, build, memory=None):
    settings["validate"].pop("memory", None)
    if memory:
        settings["validate"]["memory"] = memory
    trainer = build(settings, is_train=False)
    trainer.test()
    path = Path(trainer.output_dir) / "scores" / "evaluation_gopro.json"
    (image,) = json.loads(path.read_text())["images"]
    return image["psnr"], image["ssim"]


def test_tiles_share_statistics_and_score_nearly_like_the_whole_picture(large, build, caplog):
    caplog.set_level(logging.INFO, logger="ppgan_mpr")
    logging.getLogger("ppgan_mpr").propagate = True
    whole = score(large, build)
    assert score(large, build, "4G") == pytest.approx(whole, abs=1e-4)  # it fits
    assert "restored in tiles" not in caplog.text
    tiled = score(large, build, "2M")
    assert "1 pictures did not fit validate.memory and were restored in tiles" in caplog.text
    assert tiled[0] != whole[0]
    assert tiled == pytest.approx(whole, abs=0.05)


def test_validation_in_tiles_scores_the_weights_of_its_iteration(large, build, weights_of):
    large["total_iters"], large["validate"]["interval"] = 4, 2
    large["lr_scheduler"]["learning_rate"] = 1e-2
    results = []
    for memory in ("4G", "2M"):
        large["validate"]["memory"] = memory
        trainer = build(large)
        trainer.train()
        files = sorted((Path(trainer.output_dir) / "scores").glob("*.json"))
        results.append([json.loads(file.read_text())["mean"]["psnr"] for file in files])
        results.append(weights_of(trainer))
    (whole, trained, tiled, trained_too) = results
    change = whole[1] - whole[0]
    assert abs(change) > 0.02  # it learns
    assert tiled[1] - tiled[0] == pytest.approx(change, abs=0.01)
    assert all(np.array_equal(trained[name], trained_too[name]) for name in trained)


def test_amount_that_is_none_is_an_error(large, build):
    with pytest.raises(UsageError, match="memory='much'"):
        score(large, build, "much")
