from __future__ import annotations

import json
from pathlib import Path

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


def copy_input(batch):
    target, degraded, _ = batch
    return degraded, degraded, target


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_are_those_of_the_pictures_whatever_the_batch(pairs, batch_size):
    protocols = [get_protocol("gopro"), get_protocol("rain-y")]
    tables = Evaluation(MPRVal(pairs / "val"), protocols, batch_size).run(copy_input)
    for table in tables:
        assert list(table.scores) == ["00", "01", "02"]  # 01 has another size than its fellows
        for name, score in table.scores.items():
            restored, target = (
                np.asarray(Image.open(pairs / "val" / part / f"{name}.png"))
                for part in ("input", "target")
            )
            assert score == pytest.approx(table.protocol.score(restored, target), rel=1e-6)


def test_trainer_stores_scores_with_the_protocol_s_name(settings, build):
    settings["validate"]["interval"] = 3
    trainer = build(settings)
    trainer.train()
    content = json.loads((Path(trainer.output_dir) / "scores/iter_3_gopro.json").read_text())
    assert content["protocol"]["name"] == "gopro"
    assert [image["name"] for image in content["images"]] == ["00", "01", "02"]


def test_random_training_crops_are_not_what_is_scored(settings, build):
    settings["dataset"]["test"].update(name="MPRTrain", img_options={"patch_size": 16})
    trainer = build(settings)
    scores = []
    for _ in range(2):
        trainer.test()
        path = Path(trainer.output_dir) / "scores/iter_1_gopro.json"
        scores.append(json.loads(path.read_text())["images"])
    assert scores[0] == scores[1]


def test_data_without_targets_cannot_be_scored(settings, build, pairs):
    from ppgan_mpr.errors import UsageError

    settings["dataset"]["test"] = {"name": "MPRTest", "inp_dir": str(pairs / "val" / "input")}
    with pytest.raises(UsageError, match="no targets"):
        build(settings).test()
