"""The model by itself: losses, padding, metrics, previews."""

from __future__ import annotations

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.mpr_model import MPRModel  # noqa: E402

GENERATOR = {
    "name": "MPRNet",
    "n_feat": 8,
    "scale_unetfeats": 4,
    "scale_orsnetfeats": 4,
    "num_cab": 1,
}


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    target = rng.random((2, 3, 21, 30), "float32")
    degraded = target + rng.normal(0, 0.1, target.shape).astype("float32")
    return [paddle.to_tensor(target), paddle.to_tensor(degraded), ["a", "b"]]


@pytest.fixture
def model():
    paddle.seed(0)
    criterions = {"char_criterion": {"name": "CharbonnierLoss"}}
    return MPRModel(GENERATOR, **criterions, edge_criterion={"name": "EdgeLoss"})


def test_metrics_accept_pictures_of_any_size(model, batch):
    from ppgan_mpr.metrics.paddle_metrics import PSNR

    model.setup_input(batch)
    metric = PSNR(crop_border=0)
    model.test_iter({"psnr": metric})
    assert model.restored.shape == [2, 3, 21, 30]
    assert len(metric.results) == 2
    assert 5 < metric.accumulate() < 60


def test_pictures_of_a_fitting_size_are_not_padded(model, batch):
    target, degraded, names = batch
    model.setup_input([target[:, :, :16, :24], degraded[:, :, :16, :24], names])
    model.test_iter()
    direct = model.nets["generator"](degraded[:, :, :16, :24])[0].clip(0, 1)
    np.testing.assert_allclose(model.restored.numpy(), direct.numpy(), atol=1e-6)


@pytest.mark.parametrize(("padding", "top", "left"), [("both", 1, 1), ("end", 0, 0)])
def test_pictures_are_padded_on_the_configured_sides(model, batch, padding, top, left):
    target, degraded, names = batch  # 21x30 pixels
    model.padding = padding
    model.setup_input([target, degraded, names])
    model.test_iter()
    sides = [(top, 3 - top), (left, 2 - left)]
    padded = np.pad(degraded.numpy(), [(0, 0), (0, 0), *sides], "reflect")
    direct = model.nets["generator"](paddle.to_tensor(padded))[0].clip(0, 1).numpy()
    inner = direct[:, :, top : top + 21, left : left + 30]
    np.testing.assert_allclose(model.restored.numpy(), inner, atol=1e-6)


def test_loss_is_the_sum_over_stages_of_charbonnier_and_edge(model, batch):
    target, degraded, names = batch
    model.setup_input([target[:, :, :16, :24], degraded[:, :, :16, :24], names])
    outputs = model.nets["generator"](model.degraded)
    char, edge = model.objective.char_criterion, model.objective.edge_criterion
    stages = [float(char(x, model.target) + 0.05 * edge(x, model.target)) for x in outputs]

    optimizer = paddle.optimizer.Adam(1e-3, parameters=model.nets["generator"].parameters())
    model.train_iter({"optim": optimizer})
    losses = model.get_current_losses()
    assert losses["loss"] == pytest.approx(sum(stages), rel=1e-5)
    named = [losses["stage3"], losses["stage2"], losses["stage1"]]
    assert named == pytest.approx(stages, rel=1e-5)

    for _ in range(5):
        model.train_iter({"optim": optimizer})
    assert model.get_current_losses()["loss"] < sum(stages)


def test_protocol_without_rounding_gets_unrounded_pictures(model, batch):
    metrics = model.setup_metrics({"psnr": {"name": "PSNR", "protocol": "dpdd"}})
    model.setup_input(batch)
    model.forward = lambda: setattr(model, "restored", model.target + 0.001)
    model.target = model.target * 0.9
    model.test_iter(metrics)
    assert metrics["psnr"].accumulate() == pytest.approx(60, abs=0.01)


def test_empty_section_of_mixup_blends_with_the_defaults(settings, build):
    settings["total_iters"] = 2
    seen = []
    for mixup in (None, {}, {"alpha": 0.6}):
        settings["mixup"] = mixup
        trainer = build(settings)
        trainer.train()
        seen.append(trainer.model.target.numpy())
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[1], seen[2])


def test_visuals_have_the_values_of_the_batch(model, batch):
    model.setup_input(batch)
    model.test_iter()
    visuals = model.get_current_visuals()
    np.testing.assert_array_equal(visuals["target"].numpy(), batch[0].numpy())
    assert list(visuals) == ["input", "restored", "target"]
    assert model.get_image_paths() == ["a", "b"]
