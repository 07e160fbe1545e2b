"""The record of a result."""

import hashlib
import json

import numpy as np
from apps_samples import picture

from ppgan_mpr import MPRPredictor, ResultRecord
from ppgan_mpr.weights import find_record
from ppgan_mpr.weights.conversion import convert


def test_result_says_how_the_picture_was_restored(denoise, tmp_path):
    image = np.asarray(picture())
    record = denoise.run(image)[0].record
    assert (record.network, record.task, record.weights) == (
        "MPRNet",
        "Denoising",
        "lite:Denoising",
    )
    assert record.weights_digest == f"sha256:{find_record('lite', 'Denoising').sha256}"
    assert (record.precision, record.device, record.tiles) == ("f32", "cpu", 1)
    assert record.versions["ppgan_mpr"] and record.backend in repr(record.versions)
    copy = ResultRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert copy == record


def test_digest_of_a_file_is_that_of_its_content(tmp_path):
    convert("lite:Deraining", tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    record = MPRPredictor(None, tmp_path / "w.safetensors").run(picture())[0].record
    assert record.weights_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_tiles_are_counted(tmp_path):
    tiled = MPRPredictor(None, task="Denoising", model="lite", tile=64, overlap=8)
    assert tiled.run(picture(size=(300, 48)))[0].record.tiles > 1


def test_results_are_shown_without_their_pixels(denoise):
    shown = repr(denoise.run(np.asarray(picture()))[0])
    assert len(shown) < 200
    assert "(17, 24, 3) uint8" in shown
    assert "there is no such file" not in shown


def test_threads_that_computed_are_recorded():
    image = np.asarray(picture())
    for threads in (1, 2):
        predictor = MPRPredictor(None, task="Denoising", model="lite", threads=threads)
        assert predictor.run(image)[0].record.threads == threads
