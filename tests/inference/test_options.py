import pytest

from ppgan_mpr import InferenceOptions
from ppgan_mpr.errors import UsageError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "lots"}, "memory='lots'"),
        ({"tile": 10}, "tile=10"),
        (
            {"tile": 128, "overlap": 100},
            r"^overlap=100: give a whole number from 8 to 32, a quarter of tile=128\.$",
        ),
        ({"overlap": -5}, r"^overlap=-5: give a whole number from 8 to 1024\.$"),
        ({"threads": 0}, "threads=0"),
        ({"threads": True}, "threads=True"),
        ({"jobs": 0}, "jobs=0"),
        ({"quality": 101}, "quality=101"),
        ({"scale": "4"}, "scale='4'"),
        ({"backend": "tensorrt"}, "choose one of auto, paddle, openvino, onnxruntime"),
        ({"precision": "int8"}, "choose one of auto, f32, tf32, bf16, f16"),
        ({"model": "light"}, "did you mean lite"),
        ({"existing": "ask"}, "existing='ask'"),
        ({"suffix": ".xyz"}, "png"),
        ({"device": 0}, "device=0: choose auto"),
        ({"device": "gpu:0,"}, "choose auto, cpu, gpu, gpu:N, gpu:N,M or all"),
        ({"local": "yes"}, "local='yes'"),
    ],
)
def test_invalid_values_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        InferenceOptions(**options)


def test_choices_are_accepted_in_any_case():
    options = InferenceOptions(model="Lite", suffix="JPEG", device="GPU:1", backend="OpenVINO")
    assert (options.model, options.suffix) == ("lite", ".jpeg")
    assert (options.device, options.backend) == ("gpu:1", "openvino")


def test_options_are_frozen_and_can_be_changed_in_a_copy():
    options = InferenceOptions(jobs=2)
    assert options.replace(tile=128) == InferenceOptions(jobs=2, tile=128)
    with pytest.raises(AttributeError):
        options.jobs = 3


def test_every_option_is_documented():
    for option in InferenceOptions.documented():
        assert f"{option.name}: " in InferenceOptions.__doc__
