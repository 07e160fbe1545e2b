"""Validation in tiles within a memory limit."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.tiled import TiledRestoration  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402
from ppgan_mpr.networks import find_network  # noqa: E402


@pytest.fixture
def large(settings, tmp_path):
    """Settings of a tiny run that validates on one larger picture."""
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
    scorer = build(settings, is_train=False)
    scorer.score()
    path = Path(scorer.output_dir) / "scores" / "evaluation_gopro.json"
    (image,) = json.loads(path.read_text())["images"]
    return image["psnr"], image["ssim"]


def test_tiles_share_statistics_and_score_nearly_like_the_whole_picture(large, build, caplog):
    caplog.set_level(logging.INFO, logger="ppgan_mpr")
    logging.getLogger("ppgan_mpr").propagate = True
    whole = score(large, build)
    assert score(large, build, "4G") == pytest.approx(whole, abs=1e-4)  # it fits
    assert "restored in tiles" not in caplog.text
    tiled = score(large, build, "6M")
    assert "1 pictures did not fit validate.memory and were restored in tiles" in caplog.text
    assert tiled[0] != whole[0]
    assert tiled == pytest.approx(whole, abs=0.05)


def test_tiles_follow_the_weights_of_the_network():
    """A validation scores the weights of its iteration, not those of the first validation."""
    paddle.seed(0)
    widths = {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
    network = find_network("MPRNet").build(widths)
    network.eval()
    degraded = paddle.rand([1, 3, 96, 136])
    tiles = TiledRestoration(network, "2M")
    changes = []
    for _ in range(2):
        _, restored, _ = tiles((degraded, degraded, ["7"]), "end")
        assert tiles.tiled == ["7"]
        tiles.report()
        with paddle.no_grad():
            whole = network(degraded)[0].clip(0, 1)
            changes.append((restored, whole))
            for parameter in network.parameters():
                parameter.set_value(parameter * 0.7)
    (first, whole), (second, whole_too) = changes
    difference = float((whole_too - whole).abs().mean())
    assert float((second - whole_too).abs().mean()) < 0.25 * difference
    assert float((first - whole).abs().mean()) < 0.25 * difference


def test_invalid_amount_of_memory_is_an_error(large, build):
    with pytest.raises(UsageError, match="memory='much'"):
        score(large, build, "much")
