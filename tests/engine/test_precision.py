from __future__ import annotations

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")

from ppgan_mpr.engine.precision import MixedPrecision  # noqa: E402
from ppgan_mpr.engine.step import GradientStep  # noqa: E402
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


@pytest.fixture
def on_a_gpu(monkeypatch):
    """A simulated GPU, and a function that sets whether it supports bfloat16."""
    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    return lambda answer: monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: answer)


def test_auto_is_bfloat16_if_the_gpu_supports_it(on_a_gpu):
    on_a_gpu(True)
    assert (MixedPrecision("O1").dtype, MixedPrecision("O1").scaler) == ("bfloat16", None)
    on_a_gpu(False)
    assert MixedPrecision("O1").dtype == "float16"
    assert MixedPrecision("O1").scaler is not None
    assert MixedPrecision("O1", "bfloat16").dtype == "bfloat16"  # the user's choice


@pytest.mark.parametrize(
    ("level", "training", "scoring"),
    [(None, False, False), ("O1", True, False), ("O2", True, True)],
)
def test_network_is_scored_in_the_format_of_its_weights(
    on_a_gpu, monkeypatch, level, training, scoring
):
    on_a_gpu(True)
    used = []
    monkeypatch.setattr(paddle.amp, "auto_cast", lambda **options: used.append(options))
    precision = MixedPrecision(level)
    precision.autocast()
    precision.autocast(training=False)
    assert [options["enable"] for options in used] == [training, scoring]
    assert all(options["dtype"] == "bfloat16" for options in used)
    assert precision.of_weights == ("bf16" if scoring else "f32")


class Scaler:
    """Works like paddle.amp.GradScaler, which does nothing on a CPU."""

    def __init__(self, network):
        self.network, self.calls = network, []

    def scale(self, loss):
        return loss * 1024

    @paddle.no_grad()
    def unscale_(self, optimizer):
        self.calls.append("unscale")
        for parameter in self.network.parameters():
            parameter.grad.scale_(1 / 1024)

    def step(self, optimizer):
        self.calls.append("step")
        optimizer.step()

    def update(self):
        self.calls.append("update")


def updated(scaled, value=1.0):
    """Weight, gradient norm and calls of the scaler after an update with a clipped gradient."""
    paddle.seed(0)
    network = paddle.nn.Conv2D(3, 3, 1)
    optimizer = paddle.optimizer.SGD(0.1, parameters=network.parameters())
    precision = MixedPrecision()
    if scaled:
        precision.scaler = Scaler(network)
    step = GradientStep(accumulate=2, clip_grad_norm=0.01, precision=precision)
    batch = paddle.full([2, 3, 4, 4], value)
    losses, _ = step(
        network, optimizer, lambda x, y: {"loss": (x - y).square().mean()}, batch, batch
    )
    calls = precision.scaler.calls if scaled else []
    return network.weight.numpy(), losses["grad_norm"], calls


def test_loss_scaling_changes_neither_norm_nor_update():
    weight, norm, _ = updated(scaled=False)
    scaled, scaled_norm, calls = updated(scaled=True)
    np.testing.assert_array_equal(scaled, weight)
    assert scaled_norm == norm > 0.01
    assert calls == ["unscale", "step", "update"]


def test_scale_is_lowered_and_the_update_skipped_after_an_overflow():
    _, norm, calls = updated(scaled=True, value=float("inf"))
    assert not np.isfinite(norm)
    assert calls == ["unscale", "update"]


@pytest.mark.skipif(not paddle.is_compiled_with_cuda(), reason="mixed precision needs a GPU")
@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_run_resumes_on_a_gpu(settings, build, weights_of, level, dtype):
    from pathlib import Path

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
