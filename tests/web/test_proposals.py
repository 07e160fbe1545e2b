from __future__ import annotations

import pytest

from ppgan_mpr.detection import Finding
from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.web.proposals import proposals, weak_and_better

LITE = InferenceOptions(model="lite")
SHARES = {"": 0.3, "noise": 0.04, "rain": 0.2, "motion blur": 0.44, "low light": 0.02}


def test_the_most_probable_degradation_comes_first():
    found = proposals(Finding(SHARES), LITE)
    assert [(one.degradation, one.task) for one in found] == [
        ("motion blur", "Deblurring"),
        ("rain", "Deraining"),
    ]
    assert [one.weights.model for one in found] == ["lite", "lite"]


def test_the_detected_degradation_is_always_proposed():
    shares = {"": 0.01, "noise": 0.04, "rain": 0.03, "motion blur": 0.02, "low light": 0.01}
    assert [one.degradation for one in proposals(Finding(shares), LITE)] == ["noise"]


def test_other_weights_are_proposed_where_a_network_has_none():
    options = InferenceOptions(network="NAFNet")
    found = proposals(Finding({**SHARES, "noise": 0.5}), options)
    assert [(one.task, one.weights.network, one.as_chosen) for one in found] == [
        ("Denoising", "NAFNet", True),
        ("Deblurring", "MPRNet", False),
    ]


def test_a_network_for_another_degradation_is_refused():
    with pytest.raises(UsageError, match="motion blur"):
        proposals(Finding(SHARES), InferenceOptions(network="MIRNetv2"))


def test_weak_weights_are_found_among_several():
    weak, better = weak_and_better("lite:Denoising+lite:Deblurring")
    assert (weak.name, better.name) == ("lite:Deblurring", "published:Deblurring")
    assert weak_and_better("lite:Denoising") is None
