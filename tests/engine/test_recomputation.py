"""Activation recomputation: the same training in less memory."""

from __future__ import annotations

import numpy as np
import pytest

paddle = pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from paddle.base import core  # noqa: E402

from ppgan_mpr.engine.mpr_model import MPRModel  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402
from ppgan_mpr.networks import networks  # noqa: E402

SMALL = {
    "MPRNet": {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 2},
    "MIRNet": {"n_feat": 8, "n_RRG": 2, "n_MSRB": 1},
    "MIRNetv2": {"n_feat": 8, "n_MRB": 1, "groups": [1, 2]},
    "NAFNet": {"width": 8, "enc_blk_nums": [2], "dec_blk_nums": [1], "middle_blk_num": 1},
}
NAMES = [spec.name for spec in networks()]


def train(name, recompute, **options):
    """Weights, their average, losses, and bytes kept for a backward pass, after two updates."""
    paddle.seed(0)
    model = MPRModel({"name": name, **SMALL[name]})
    for parameter in model.network.parameters():  # so that no branch starts as zero
        parameter.set_value(parameter + 0.05 * paddle.randn(parameter.shape))
    model.configure(recompute=recompute, ema_decay=0.9, **options)
    rate = paddle.optimizer.lr.StepDecay(1e-3, 100)
    adam = paddle.optimizer.Adam(rate, parameters=model.network.parameters())
    model.optimizers["optim"] = adam
    batch = paddle.rand([2, 3, 32, 32])
    kept, losses = [], []
    objective = model.losses_of

    def losses_of(outputs, target):
        kept.append(core.host_memory_stat_current_value("Allocated", 0) - before)
        return objective(outputs, target)

    model.losses_of = losses_of
    for _ in range(2):
        model.setup_input([batch * 0.5, batch])
        before = core.host_memory_stat_current_value("Allocated", 0)
        model.train_iter(model.optimizers)
        losses.append(dict(model.losses))
    weights = {key: value.numpy() for key, value in model.network.state_dict().items()}
    return weights, model.ema.state_dict(), losses, max(kept)


@pytest.mark.parametrize("name", NAMES)
def test_recomputation_trains_the_same_weights_in_less_memory(name):
    options = {"accumulate": 2, "clip_grad_norm": 0.5}
    plain, recomputed = (train(name, recompute, **options) for recompute in (False, True))
    for expected, got in zip(plain[:2], recomputed[:2]):
        assert list(got) == list(expected)  # the names in the state dict do not change
        for key, value in expected.items():
            np.testing.assert_array_equal(got[key], value)
    assert recomputed[2] == plain[2]
    assert recomputed[3] < 0.7 * plain[3]


def test_run_with_recompute_trains_the_same_weights(settings, build, weights_of):
    settings["total_iters"] = 2
    results = []
    for recompute in (False, True):
        settings["recompute"] = recompute
        trainer = build(settings)
        trainer.train()
        results.append(weights_of(trainer))
    for name, value in results[0].items():
        np.testing.assert_array_equal(results[1][name], value)


def test_network_without_recomputed_layers_is_refused(settings, build, changed_network):
    changed_network("NAFNet", recomputed_layers=())
    settings["recompute"] = True
    with pytest.raises(UsageError, match="recompute is not for NAFNet"):
        build(settings)
