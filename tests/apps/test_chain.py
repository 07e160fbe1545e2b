import numpy as np
import pytest
from apps_samples import picture
from PIL import Image

from ppgan_mpr import ChainPredictor, MPRPredictor
from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import Restorer
from ppgan_mpr.inference.shared_statistics import SceneStatistics

TASKS = "Denoising,deraining"
OPTIONS = {"model": "lite", "precision": "f32"}


@pytest.fixture(scope="module")
def chain():
    return ChainPredictor(None, task=TASKS, **OPTIONS)


def test_second_step_takes_the_unrounded_output_of_the_first(chain):
    image = np.asarray(picture(), np.float32) / 255
    expected = image
    for task in ("Denoising", "Deraining"):
        expected = MPRPredictor(None, task=task, **OPTIONS).restore(expected).clip(0, 1)
    np.testing.assert_array_equal(chain.restore(image), expected)


def test_the_record_names_all_steps(chain):
    record = chain.run(picture())[0].record
    assert record.task == "Denoising+Deraining"
    assert record.weights == "lite:Denoising+lite:Deraining"
    assert record.weights_digest.count("sha256:") == 2
    assert record.tiles == 2


def test_results_are_in_a_folder_of_both_names_and_are_not_inputs(tmp_path):
    picture().save(tmp_path / "a.png")
    chain = ChainPredictor(tmp_path, task=TASKS, recursive=True, **OPTIONS)
    (first,) = chain.run(tmp_path)
    assert first.output == tmp_path / "Denoising+Deraining" / "a_restoration.png"
    assert Image.open(first.output).size == picture().size
    again = ChainPredictor(tmp_path, task=TASKS, recursive=True, existing="skip", **OPTIONS)
    (second,) = again.run(tmp_path)
    assert second.skipped


@pytest.mark.parametrize(
    "task, message",
    [
        ("Denoising,Denoising", "named twice"),
        ("Denoising,SuperResolution", "run it by itself"),
        ("Denoising,Deblur", "Deblurring"),
        ("auto,Denoising", "'auto' chooses a task for each picture"),
        ("Denoising,", "comma or . without a task: leave it out"),
    ],
)
def test_invalid_steps_are_refused(task, message):
    with pytest.raises(UsageError, match=message):
        ChainPredictor(None, task=task, **OPTIONS)


def test_each_step_of_a_scene_keeps_its_own_statistics(chain):
    first, second = (np.asarray(picture(seed)) for seed in (0, 5))
    scene = SceneStatistics()
    restored, used = chain.restore_frame(first, scene)
    assert np.abs(restored.astype(int) - chain.restore(first)).max() <= 2
    assert (sorted(scene.measured), used.count) == ([0, 1], 2)
    again = chain.restore_frame(second, scene)[0]
    kept = SceneStatistics.from_arrays(scene.to_arrays())
    assert np.array_equal(chain.restore_frame(second, kept)[0], again)


def test_stages_are_those_of_the_last_task():
    (result,) = ChainPredictor(None, task=TASKS, stages=True, **OPTIONS).run(picture())
    image = MPRPredictor(None, task="Denoising", **OPTIONS).restore(
        np.asarray(picture(), np.float32) / 255
    )
    last = MPRPredictor(None, task="Deraining", stages=True, **OPTIONS).run(image.clip(0, 1))[0]
    assert len(result.stages) == len(last.stages) == 2
    for stage, expected in zip(result.stages, last.stages):
        assert np.abs(np.asarray(stage) / 255 - expected).max() < 0.01


def test_memory_of_three_steps_counts_the_values_before_and_after_the_second():
    def held(task):
        one = ChainPredictor(None, task=task, **OPTIONS, dry_run=True)._loaded
        return one.times_held(in_place=False)

    assert held("Denoising,Deraining,Deblurring") - held("Denoising,Deraining") == 4


def test_smaller_batches_of_an_earlier_step_are_reported(monkeypatch):
    chain = ChainPredictor(None, task=TASKS, **OPTIONS)
    strips, calls = Restorer.strips, []

    def short_of_memory(self, height, width, crop, progress, used, *rest):
        yield from strips(self, height, width, crop, progress, used, *rest)
        if not calls:
            used.planned_batch, used.smallest_batch = 8, 2
        calls.append(self)

    monkeypatch.setattr(Restorer, "strips", short_of_memory)
    (result,) = chain.run(picture())
    assert "2 at a time instead of 8" in " ".join(result.record.warnings)
    assert len(calls) == 2
