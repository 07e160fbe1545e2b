import numpy as np
import pytest
from detection_samples import DEGRADED, codes, noisy, scene

from ppgan_mpr.detection import CONFIDENT, Finding, detect
from ppgan_mpr.imaging import from_array


@pytest.mark.parametrize("kind", DEGRADED)
def test_a_strong_degradation_is_found(kind):
    finding = detect(from_array(codes(DEGRADED[kind](scene()))))
    assert finding.degradation == kind


def test_depth_and_grey_do_not_change_the_finding():
    deep = (65535 * noisy(scene()).clip(0, 1)).astype(np.uint16)
    grey = codes(noisy(scene(), 0.2).mean(axis=2, keepdims=True))
    assert detect(from_array(deep)).degradation == "noise"
    assert detect(from_array(grey)).degradation == "noise"


def test_equal_pictures_give_equal_findings():
    photo = from_array(codes(scene()))
    assert detect(photo).probabilities == detect(photo).probabilities


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3), (97, 64), (2000, 300)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_there_is_nothing_to_restore_in_a_picture_of_one_colour(size, value):
    finding = detect(from_array(np.full([*size, 3], value, np.uint8)))
    assert sum(finding.probabilities.values()) == pytest.approx(1)
    assert finding.degradation == "" and finding.certain


@pytest.mark.parametrize("size", [(1, 2), (3, 700), (97, 64), (2000, 300)])
def test_pictures_of_any_size_give_probabilities(size):
    pixels = np.random.default_rng(0).integers(0, 256, [*size, 3]).astype(np.uint8)
    assert sum(detect(from_array(pixels)).probabilities.values()) == pytest.approx(1)


def test_a_finding_is_certain_at_the_stated_confidence():
    assert Finding({"": 1 - CONFIDENT, "rain": CONFIDENT}).certain
    unsure = Finding({"": 0.45, "rain": 0.55})
    assert unsure.degradation == "rain" and not unsure.certain
    assert str(unsure) == "rain (55 %)"
    assert str(Finding({"": 0.004, "rain": 0.996})) == "rain (99 %)"


def test_each_degradation_is_removed_by_some_task():
    from ppgan_mpr.networks import tasks

    known = {task.degradation for task in tasks().values()}
    assert set(detect(from_array(codes(scene()))).probabilities) == known
