import dataclasses
import logging

import pytest
from apps_samples import picture

from ppgan_mpr import Predictor
from ppgan_mpr.apps.remarks import warn_of_weakness
from ppgan_mpr.weights import find_record


@pytest.fixture
def warnings(caplog):
    """A function that returns the log records of warnings about weights so far."""
    # Without the warning that PaddlePaddle 2 is slow.
    return lambda: [
        record
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name.startswith("ppgan_mpr.apps")
    ]


def test_weak_weights_are_reported_once_with_better_ones(warnings):
    Predictor(None, task="Deblurring", model="lite").run([picture(), picture()])
    (warning,) = warnings()
    text = warning.getMessage()
    assert text.startswith("The weights lite:Deblurring hardly reduce real motion blur")
    assert text.endswith("use model='published', which is downloaded once.")
    assert warning.better_weights == find_record("published", "Deblurring")


def test_good_weights_are_not_reported(warnings):
    Predictor(None, task="Denoising", model="lite")
    assert not warnings()


def test_weak_weights_without_better_ones_are_reported_alone(warnings, known_weights):
    weak = dataclasses.replace(find_record("lite", "Denoising"), weakness="do not help")
    known_weights("MPRNet", weak)
    known_weights("NAFNet")
    warn_of_weakness(weak)
    assert [warning.getMessage() for warning in warnings()] == [
        "The weights lite:Denoising do not help."
    ]


def test_better_weights_of_another_network_are_named_with_it(warnings, known_weights):
    weak = dataclasses.replace(find_record("lite", "Denoising"), weakness="do not help")
    ours = dataclasses.replace(find_record("published", "Denoising"), weakness="do not help")
    known_weights("MPRNet", weak, ours)
    warn_of_weakness(weak)
    assert "use model='published' network='NAFNet', which" in warnings()[0].getMessage()
