from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.datasets import MPRVal  # noqa: E402
from ppgan_mpr.engine.evaluation import Evaluation, Shard  # noqa: E402
from ppgan_mpr.metrics import get_protocol  # noqa: E402


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_every_picture_belongs_to_one_process(world_size, batch_size):
    shards = [Shard(5, batch_size, rank, world_size) for rank in range(world_size)]
    pictures = [number for shard in shards for batch in shard for number in batch]
    assert sorted(pictures) == list(range(5))
    assert {shard.rounds for shard in shards} == {max(len(shard) for shard in shards)}


def copy_input(batch, padding):
    target, degraded, _ = batch
    return degraded, degraded, target


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_do_not_depend_on_the_batch_size(pairs, batch_size):
    protocols = [get_protocol("gopro"), get_protocol("rain-y")]
    tables = Evaluation(MPRVal(pairs / "val"), protocols, batch_size).run(copy_input)
    for table in tables:
        assert list(table.scores) == ["00", "01", "02"]  # 01 has another size than the others
        for name, score in table.scores.items():
            restored, target = (
                np.asarray(Image.open(pairs / "val" / part / f"{name}.png"))
                for part in ("input", "target")
            )
            assert score == pytest.approx(table.protocol.score(restored, target), rel=1e-6)


def test_each_score_follows_the_padding_of_its_protocol(pairs, tmp_path):
    gopro = get_protocol("gopro")
    protocols = [replace(gopro, name="both", padding="both"), gopro, get_protocol("rain-y")]
    calls = []

    def restore(batch, padding):  # restores perfectly with only one padding
        target, degraded, names = batch
        calls.append((padding, *names))
        return degraded, target if padding == "both" else degraded, target

    run = Evaluation(MPRVal(pairs / "val"), protocols).run
    both, end, rain = run(restore, tmp_path / "out")
    assert calls == [(p, name) for name in ("00", "01", "02") for p in ("both", "end")]
    assert all(np.isinf(score["psnr"]) for score in both.scores.values())
    assert all(np.isfinite(score["psnr"]) for t in (end, rain) for score in t.scores.values())
    written, target = (
        np.asarray(Image.open(folder / "00.png"))
        for folder in (tmp_path / "out", pairs / "val" / "target")
    )
    np.testing.assert_array_equal(written, target)  # the padding of the first protocol


def test_stored_scores_name_their_protocol(settings, build):
    settings["validate"]["interval"] = 3
    trainer = build(settings)
    trainer.train()
    content = json.loads((Path(trainer.output_dir) / "scores/iter_3_gopro.json").read_text())
    assert content["protocol"]["name"] == "gopro"
    assert [image["name"] for image in content["images"]] == ["00", "01", "02"]


def test_scoring_a_training_set_uses_centre_crops(settings, build):
    settings["dataset"]["test"].update(name="MPRTrain", img_options={"patch_size": 16})
    settings["validate"]["metrics"] = {"psnr": {"name": "PSNR", "crop_border": 2}}
    scorer = build(settings, is_train=False)
    scores = []
    for _ in range(2):
        scorer.score()
        path = Path(scorer.output_dir) / "scores/evaluation_crop16-border2.json"
        scores.append(json.loads(path.read_text())["images"])
    assert scores[0] == scores[1]


def test_data_without_targets_is_an_error(settings, build, pairs):
    from ppgan_mpr.errors import UsageError

    settings["dataset"]["test"] = {"name": "MPRTest", "inp_dir": str(pairs / "val" / "input")}
    with pytest.raises(UsageError, match="add a folder target/"):
        build(settings, is_train=False).score()


def write_16_bits(folder, clean):
    """A 16-bit pair whose input differs from the target by less than half an 8-bit step."""
    for part, pixels in (("target", clean), ("input", clean + np.uint16(100))):
        path = folder / part / "a.png"
        path.parent.mkdir(parents=True)
        assert cv2.imwrite(str(path), pixels[:, :, ::-1])


def test_pictures_of_16_bits_are_scored_and_written_in_16(tmp_path):
    clean = np.random.default_rng(0).integers(0, 60000, (20, 24, 3), dtype=np.uint16)
    write_16_bits(tmp_path, clean)
    protocol = get_protocol("gopro")
    run = Evaluation(MPRVal(tmp_path), [protocol]).run
    (table,) = run(copy_input, tmp_path / "out", panels=True)
    assert table.scores["a"]["psnr"] == pytest.approx(20 * np.log10(65535 / 100))
    written = cv2.imread(str(tmp_path / "out" / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written[:, :, ::-1], clean + np.uint16(100))

    # The written pictures get the same scores as the restored ones, although
    # the folder `panels` is beside them.
    from ppgan_mpr.metrics import evaluate_folders

    again = evaluate_folders(tmp_path / "out", tmp_path / "target", protocol)
    assert again.scores["a"] == pytest.approx(table.scores["a"])
    panel = cv2.imread(str(tmp_path / "out" / "panels" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert (panel.shape, panel.dtype) == ((20, 72, 3), np.uint16)


@pytest.mark.parametrize(("y", "name"), [(False, "ppgan-crop256"), (True, "ppgan-crop256-y")])
def test_scores_of_crops_name_their_protocol(settings, build, tmp_path, y, name):
    """PaddleGAN's own yaml scores by the protocol of PaddleGAN's published numbers."""
    rng = np.random.default_rng(0)
    pictures = {}
    for part in ("target", "input"):
        pictures[part] = rng.integers(0, 256, (263, 281, 3), dtype=np.uint8)  # odd margins
        (tmp_path / "val" / part).mkdir(parents=True)
        Image.fromarray(pictures[part]).save(tmp_path / "val" / part / "a.png")
    settings["dataset"]["test"] = {
        "name": "MPRVal",
        "rgb_dir": str(tmp_path / "val"),
        "img_options": {"patch_size": 256},
    }
    metric = {"name": "PSNR", "crop_border": 4, "test_y_channel": y}
    settings["validate"]["metrics"] = {"psnr": metric}
    scorer = build(settings, is_train=False)
    scorer.model.restore = copy_input
    scorer.score()
    content = json.loads((Path(scorer.output_dir) / f"scores/evaluation_{name}.json").read_text())
    assert content["protocol"]["name"] == name
    whole = get_protocol(name).score(pictures["input"], pictures["target"])
    assert content["mean"]["psnr"] == pytest.approx(whole["psnr"], abs=1e-4)
