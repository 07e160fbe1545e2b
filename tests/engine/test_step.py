"""The update step: accumulation, clipping, skipping of non-finite batches."""

from __future__ import annotations

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")

from ppgan_mpr.engine import processes  # noqa: E402
from ppgan_mpr.engine.step import DivergedError, GradientStep  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402


def objective(output, target):
    return {"loss": ((output - target) ** 2).mean()}


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return [paddle.to_tensor(rng.random((5, 3, 8, 8), "float32")) for _ in range(2)]


def make(learning_rate=0.1):
    paddle.seed(0)
    network = paddle.nn.Conv2D(3, 3, 3, padding=1)
    optimizer = paddle.optimizer.SGD(learning_rate, parameters=network.parameters())
    return network, optimizer


def update(step, batch, **options):
    network, optimizer = make(**options)
    before = network.weight.numpy().copy()
    losses, restored = step(network, optimizer, objective, *batch)
    return network.weight.numpy() - before, losses, restored


def test_accumulated_slices_give_the_update_of_the_whole_batch(batch):
    whole, whole_losses, _ = update(GradientStep(), batch)
    sliced, sliced_losses, restored = update(GradientStep(accumulate=2), batch)
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(sliced, whole, atol=1e-7)
    assert sliced_losses["loss"] == pytest.approx(whole_losses["loss"], rel=1e-6)
    assert sliced_losses["grad_norm"] == pytest.approx(whole_losses["grad_norm"], rel=1e-5)
    assert restored.shape[0] == 2  # 5 pictures in slices of 3 and 2


def test_clipping_scales_down_long_gradients_only(batch):
    free, losses, _ = update(GradientStep(), batch)
    norm = losses["grad_norm"]
    halved, losses, _ = update(GradientStep(clip_grad_norm=norm / 2), batch)
    np.testing.assert_allclose(halved, free / 2, rtol=1e-4, atol=1e-8)
    assert losses["grad_norm"] == pytest.approx(norm)  # the norm before clipping is logged
    untouched, _, _ = update(GradientStep(clip_grad_norm=norm * 2), batch)
    np.testing.assert_array_equal(untouched, free)


def test_non_finite_batches_are_skipped_until_patience_ends(batch):
    degraded, target = batch
    broken = paddle.full_like(degraded, float("nan"))
    step, (network, optimizer) = GradientStep(patience=2), make()
    start = network.weight.numpy().copy()
    for count in (1, 2):
        step(network, optimizer, objective, broken, target)
        assert step.skipped == count
    np.testing.assert_array_equal(network.weight.numpy(), start)

    step(network, optimizer, objective, degraded, target)  # a good batch resets the count
    assert step.skipped == 0
    good = network.weight.numpy().copy()
    assert not np.array_equal(good, start)
    with pytest.raises(DivergedError, match="clip_grad_norm"):
        for _ in range(3):
            step(network, optimizer, objective, broken, target)
    np.testing.assert_array_equal(network.weight.numpy(), good)


@pytest.mark.parametrize("options", [{"accumulate": 0}, {"clip_grad_norm": 0.0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        GradientStep(**options)


def test_batch_with_nan_loss_is_skipped_even_if_its_gradient_is_finite(batch):
    def clipped(output, target):
        return {"loss": ((output.clip(0, 1) - target) ** 2).mean()}

    network, optimizer = make()
    with paddle.no_grad():
        network.bias.set_value(np.array([0, 0, np.nan], "float32"))
    before, step = network.weight.numpy().copy(), GradientStep()
    losses, _ = step(network, optimizer, clipped, *batch)
    assert np.isnan(losses["loss"]) and np.isfinite(losses["grad_norm"])
    assert step.skipped == 1
    np.testing.assert_array_equal(network.weight.numpy(), before)


@pytest.mark.parametrize("broken", [0.0, 1.0])
def test_processes_share_their_signals_and_skip_a_batch_together(batch, monkeypatch, broken):
    """Another process has received signal 15, and may have a loss that is not a number."""
    theirs = paddle.to_tensor([broken, 15.0])
    monkeypatch.setattr(processes, "largest_of_each", lambda ours: paddle.maximum(ours, theirs))
    network, optimizer = make()
    before, step = network.weight.numpy().copy(), GradientStep()
    step.signal = 2
    step(network, optimizer, objective, *batch)
    assert step.signal == 15
    assert step.skipped == broken
    assert np.array_equal(network.weight.numpy(), before) == bool(broken)
