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
    # Not those about PaddlePaddle 2, which computes by itself and slowly.
    return lambda: [
        record
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name.startswith("ppgan_mpr.apps")
    ]


def test_weights_that_hardly_help_are_named_once_with_better_ones(warnings):
    Predictor(None, task="Deblurring", model="lite").run([picture(), picture()])
    (warning,) = warnings()
    text = warning.getMessage()
    assert text.startswith("The weights lite:Deblurring hardly reduce real motion blur")
    assert text.endswith("use model='published', which is downloaded once.")
    assert warning.better_weights == find_record("published", "Deblurring")


def test_weights_that_help_are_not_remarked_on(warnings):
    Predictor(None, task="Denoising", model="lite")
    assert not warnings()


def test_weak_weights_without_better_ones(warnings, known_weights):
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
