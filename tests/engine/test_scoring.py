"""Scoring of weights that are meant for TLC."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from ppgan_mpr import Predictor
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights.formats import write_file

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

SIZE = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": (1,), "dec_blk_nums": (1,)}


@pytest.fixture
def weights(tmp_path, changed_network):
    """A file of random weights of a size that the catalogue marks for TLC."""
    network = find_network("NAFNet")
    record = next(record for record in network.weights if record.local)
    record = dataclasses.replace(record, hyperparameters=SIZE)
    changed_network("NAFNet", weights=(record,), patch_size=8)
    rng = np.random.default_rng(0)
    shapes = network.layout(SIZE).shapes
    tensors = {name: rng.normal(0, 0.4, shape).astype("f4") for name, shape in shapes.items()}
    for name in tensors:
        if ".sca." in name:  # so that averages matter
            tensors[name] *= 10
        elif "ending" in name:  # so that the result is like the picture
            tensors[name] *= 0.02
    write_file(tmp_path / "w.pdparams", tensors)
    return tmp_path / "w.pdparams"


@pytest.fixture
def nafnet(settings, tmp_path):
    """A configuration that scores this network on a picture that needs no padding."""
    settings["model"] = {
        "name": "NAFNetModel",
        "generator": {"name": "NAFNet", **{k: v if isinstance(v, int) else list(v)
                                           for k, v in SIZE.items()}},
        "psnr_criterion": {"name": "PSNRLoss"},
    }  # fmt: skip
    # Both halves differ in brightness, so local averages differ from the global one.
    pixels = np.random.default_rng(1).integers(0, 60, (4, 6, 3)) + np.repeat([20, 170], 3)[:, None]
    picture = Image.fromarray(pixels.astype("u1")).resize((96, 64), Image.Resampling.BICUBIC)
    for part in ("input", "target"):
        (tmp_path / "pairs" / part).mkdir(parents=True)
        picture.save(tmp_path / "pairs" / part / "a.png")
    settings["dataset"]["test"] = {"name": "NAFNetVal", "rgb_dir": str(tmp_path / "pairs")}
    return settings


def scored(scorer, weights):
    """The PSNR of the only picture, and the stored name of the scored weights."""
    scorer.load(weights)
    scorer.score()
    (file,) = scorer.output_dir.glob("scores/*gopro.json")
    report = json.loads(file.read_text())
    return report["mean"]["psnr"], report["scored"]


@pytest.mark.parametrize("local", [None, True, False])
@pytest.mark.parametrize("memory", [None, "1G"])
def test_weights_decide_on_tlc_unless_the_configuration_does(
    nafnet, weights, build, tmp_path, caplog, local, memory
):
    if local is not None:
        nafnet["validate"]["local"] = local
    if memory is not None:
        nafnet["validate"]["memory"] = memory
    caplog.set_level("INFO")
    scorer = build(nafnet, is_train=False)
    scorer.output_dir = tmp_path / "out"
    psnr, name = scored(scorer, weights)
    remark = "without TLC" if local is False else "with TLC"
    assert name == f"{weights} {remark}"
    assert f"protocol gopro, {remark})" in caplog.text
    restorer = Predictor(
        None, weights, task="Deblurring", local=local, backend="paddle", precision="f32"
    )
    restored = restorer.restore(tmp_path / "pairs" / "input" / "a.png")
    target = np.asarray(Image.open(tmp_path / "pairs" / "target" / "a.png"))
    error = np.mean((restored.astype(float) - target) ** 2)
    assert psnr == pytest.approx(10 * np.log10(255**2 / error), abs=5e-4)


def test_other_weights_are_scored_without_tlc(nafnet, weights, build, tmp_path, changed_network):
    changed_network("NAFNet", weights=())
    scorer = build(nafnet, is_train=False)
    scorer.output_dir = tmp_path / "out"
    assert scored(scorer, weights)[1] == str(weights)


def test_tlc_is_refused_for_networks_without_it(nafnet, weights, build, changed_network):
    changed_network("NAFNet", local_layers={})
    nafnet["validate"]["local"] = True
    with pytest.raises(UsageError, match=r"validate\.local is not for this network: it has no"):
        build(nafnet, is_train=False).load(weights)
