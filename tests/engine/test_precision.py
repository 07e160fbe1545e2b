from __future__ import annotations

import pytest

paddle = pytest.importorskip("paddle")

from ppgan_mpr.engine.precision import MixedPrecision  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402


def test_mixed_precision_on_a_cpu_is_float32_with_a_warning(caplog):
    device = paddle.get_device()
    paddle.set_device("cpu")
    try:
        precision = MixedPrecision("O1", "float16")
    finally:
        paddle.set_device(device)
    assert precision.level is None
    assert precision.scaler is None
    assert "needs a GPU" in caplog.text


@pytest.mark.parametrize("options", [("O3", "bfloat16"), ("O1", "float8")])
def test_unknown_level_or_type_is_an_error(options):
    with pytest.raises(UsageError, match="amp_"):
        MixedPrecision(*options)


@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="mixed precision needs a GPU")
@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_run_resumes_on_a_gpu(settings, build, weights_of, level, dtype):
    from pathlib import Path

    import numpy as np

    paddle.set_device("gpu")
    settings.update(amp=True, amp_level=level, amp_dtype=dtype, ema_decay=0.9)
    settings["snapshot_config"] = {"interval": 3}
    settings["validate"]["interval"] = 2
    trainer = build(settings)
    trainer.train()
    assert np.isfinite(trainer.model.losses["loss"])
    resumed = build(settings)
    resumed.resume(Path(trainer.output_dir) / "iter_3_checkpoint.pdparams")
    resumed.train()
    for name, value in weights_of(resumed).items():
        np.testing.assert_allclose(value, weights_of(trainer)[name], atol=1e-3)
