import pytest

from ppgan_mpr import InferenceOptions, Predictor
from ppgan_mpr.apps.fit import check_fit
from ppgan_mpr.apps.lazy_weights import ModelInfo
from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_network, find_task


@pytest.mark.parametrize(
    ("network", "task", "channels", "options", "words"),
    [
        ("MPRNet", "Denoising", 3, {"stages": True, "local": True, "ensemble": True}, None),
        (
            "NAFNet",
            "Denoising",
            3,
            {"stages": True},
            "stages=True is not for NAFNet, which has one",
        ),
        ("MIRNetv2", "LowLight", 3, {"local": True}, "local=True is not for MIRNet-v2"),
        ("MPRNet", "Denoising", 1, {}, "takes 1 channel, but pictures for Denoising"),
        ("MIRNetv2", "DualPixelDeblurring", 6, {"ensemble": True}, "exchanges its two views"),
    ],
)
def test_incompatible_arguments_give_one_sentence(network, task, channels, options, words):
    info = ModelInfo(network, task, 1, channels, False)
    arguments = info, find_task(task), find_network(network), InferenceOptions(**options)
    if words is None:
        check_fit(*arguments)
        return
    with pytest.raises(UsageError, match=words):
        check_fit(*arguments)


def test_predictor_checks_arguments_before_any_picture():
    with pytest.raises(UsageError, match="local=True"):
        Predictor(None, task="LowLight", local=True)
