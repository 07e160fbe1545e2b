import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.inference.backends import create_backend


def test_half_precision_on_a_cpu_is_refused_by_paddle(model):
    options = InferenceOptions(backend="paddle", device="cpu", precision="bf16")
    with pytest.raises(UsageError, match="backend='openvino'"):
        create_backend(model, options)
