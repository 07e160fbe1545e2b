import json
from pathlib import Path

import numpy as np
import pytest
from detection_samples import SMALL, codes, noisy, scene
from PIL import Image
from simulated_gpus import card, simulate

from ppgan_mpr import AutoPredictor
from ppgan_mpr.apps import auto
from ppgan_mpr.apps.manifest import MANIFEST
from ppgan_mpr.errors import UsageError


def test_each_picture_of_a_folder_gets_the_task_that_it_needs(mixed, tmp_path):
    results = AutoPredictor(tmp_path / "out", model="lite").run(mixed)
    tasks = {result.origin.stem: result.record.task for result in results}
    assert tasks == {"noisy": "Denoising", "rainy": "Deraining", "sharp": ""}
    assert [result.left_alone for result in results] == [False, False, True]
    assert not any(result.doubtful for result in results)
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in tmp_path.rglob("*_rest*.png"))
    assert written == ["Denoising/noisy_restoration.png", "Deraining/rainy_restoration.png"]


def test_record_holds_the_finding(mixed):
    (result,) = AutoPredictor(None, model="lite").run(mixed / "noisy.png")
    detected = result.record.detected
    assert (detected["degradation"], detected["task"]) == ("noise", "Denoising")
    assert detected["confidence"] == detected["probabilities"]["noise"] > 0.8
    assert not detected["doubtful"]


def test_manifest_holds_the_finding(mixed):
    results = AutoPredictor("out", model="lite").run(mixed)
    lines = [json.loads(line) for line in Path("out", MANIFEST).read_text().splitlines()]
    found = {line["output"]: line["record"]["detected"] for line in lines}
    assert found == {
        f"{result.record.task}/{result.origin.stem}_restoration.png": result.record.detected
        for result in results
        if result.record.task
    }
    assert len(found) == 2


def test_clean_picture_in_memory_returns_unchanged():
    clean = codes(scene(**SMALL))
    np.testing.assert_array_equal(AutoPredictor(None, model="lite").restore(clean), clean)


def test_unreadable_file_does_not_stop_the_others(mixed, caplog):
    (mixed / "broken.png").write_bytes(b"\x89PNG broken")
    results = AutoPredictor("out", model="lite").run(mixed)
    assert [result.ok for result in results] == [False, True, True, True]
    assert "1 of 4 pictures could not be restored" in caplog.text


@pytest.fixture
def dark(tmp_path):
    """A file that looks like low light, for which there are no lite weights."""
    file = tmp_path / "dark.png"
    Image.fromarray(codes(noisy(0.06 * scene(**SMALL), 0.008))).save(file)
    return file


def test_picture_without_weights_is_left_alone_with_its_finding(dark):
    (result,) = AutoPredictor("out", model="lite").run(dark)
    assert result.ok and result.left_alone and result.without_weights and not result.doubtful
    detected = result.record.detected
    assert (detected["degradation"], detected["task"]) == ("low light", "LowLight")
    assert detected["confidence"] >= 0.9 and not detected["doubtful"]
    assert result.record.warnings == (
        "there are no lite weights for LowLight: use task='LowLight' model='published'",
    )
    assert "low light, left alone; there are no lite weights" in result._repr_html_()


def test_network_without_the_task_leaves_the_picture_alone(dark):
    (result,) = AutoPredictor("out", network="mprnet").run(dark)
    assert result.without_weights
    assert result.record.warnings == ("network='MPRNet' removes no low light: leave it out",)


def test_restoring_a_picture_without_weights_is_an_error(dark):
    with pytest.raises(UsageError, match=r"It looks like low light .* there are no lite weights"):
        AutoPredictor(None, model="lite").restore(dark)


def test_user_is_not_asked_about_a_picture_without_weights(dark, monkeypatch):
    from ppgan_mpr.detection import Finding

    unsure = Finding({"": 0.4, "low light": 0.6})
    monkeypatch.setattr("ppgan_mpr.apps.auto.detect", lambda photo: unsure)
    asked = []
    predictor = AutoPredictor("out", model="lite", choose=lambda *what: asked.append(what))
    (result,) = predictor.run(dark)
    assert result.doubtful and not asked
    assert "there are no lite weights for LowLight" in result.record.warnings[0]


def test_user_decides_about_uncertain_pictures(mixed, monkeypatch):
    from ppgan_mpr.detection import Finding

    unsure = Finding({"": 0.4, "noise": 0.6})
    monkeypatch.setattr("ppgan_mpr.apps.auto.detect", lambda photo: unsure)
    asked = []

    def choose(name, finding):
        asked.append((name, finding))
        return finding.degradation

    file = mixed / "noisy.png"
    (alone,) = AutoPredictor(None, model="lite").run(file)
    assert alone.left_alone and alone.doubtful and alone.record.detected["task"] == "Denoising"
    (result,) = AutoPredictor(None, model="lite", choose=choose).run(file)
    assert result.record.task == "Denoising"
    assert asked == [(str(file), unsure)]


def test_one_output_file_takes_one_picture(mixed):
    with pytest.raises(UsageError, match="one output file"):
        AutoPredictor("out.png", model="lite").run(mixed)


@pytest.mark.parametrize(("asked", "jobs"), [(1, 2), (3, 3)])
def test_each_card_gets_a_picture(mixed, monkeypatch, asked, jobs):
    pytest.importorskip("onnxruntime")
    simulate(monkeypatch, card(0), card(1))
    found = []
    monkeypatch.setattr(auto, "restore_each", lambda *given: found.append(given[2]) or ())
    options = {"device": "gpu:0,1", "backend": "onnxruntime", "model": "lite", "jobs": asked}
    assert list(AutoPredictor(None, **options).iterate(mixed)) == []
    assert found == [jobs]
