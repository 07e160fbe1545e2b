"""Several simulated cards share the pictures of a folder."""

import threading

import numpy as np
import pytest
from apps_samples import picture, predictor
from PIL import Image
from simulated_gpus import GIB, card, simulate

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(6):
        picture(number, size=(32, 24)).save(tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


@pytest.mark.parametrize("device", ["all", "gpu:1,0"])
def test_cards_share_a_folder_and_results_come_in_order(folder, tmp_path, monkeypatch, device):
    single = predictor(tmp_path / "a", device="cpu", backend="onnxruntime").run(folder)
    simulate(monkeypatch, card(0, 24 * GIB), card(1, 8 * GIB))
    # Each picture waits until two are processed at the same time.
    meeting, met = threading.Barrier(2, timeout=60), []

    def wait(name, done, total):
        met.append(name)
        if len(met) <= 2:
            meeting.wait()

    both = predictor(tmp_path / "b", device=device, tile_progress=wait)
    results = both.run(folder)
    assert all(result.ok for result in results)
    assert [result.source for result in results] == [result.source for result in single]
    assert {result.record.device for result in results} == {"gpu:0", "gpu:1"}
    for result, expected in zip(results, single):
        pixels = (np.asarray(Image.open(each.output)) for each in (result, expected))
        np.testing.assert_array_equal(*pixels)


def test_all_cards_plan_for_the_smallest(tmp_path, monkeypatch):
    simulate(monkeypatch, card(0, 24 * GIB), card(1, 8 * GIB))
    both = predictor(tmp_path, device="all")
    assert both.device == "gpu:0,1"
    (record,) = (result.record for result in both.run(np.asarray(picture())))
    assert record.options["memory"] == int(0.6 * 8 * GIB)
