import numpy as np
import pytest

from ppgan_mpr.dependencies import require

paddle = require("paddle")

from ppgan_mpr.errors import UsageError  # noqa: E402
from ppgan_mpr.networks.losses import CharbonnierLoss, EdgeLoss, MultiStageLoss  # noqa: E402


@pytest.fixture(scope="module")
def authors(fixtures_dir):
    return np.load(fixtures_dir / "swz30_losses.npz")


def tensors(shape=(2, 3, 20, 28), seed=0):
    rng = np.random.default_rng(seed)
    x, y = (paddle.to_tensor(rng.random(shape, dtype=np.float32)) for _ in range(2))
    x.stop_gradient = False
    return x, y


def test_losses_and_gradient_equal_the_authors(authors):
    x, y = (paddle.to_tensor(authors[key]) for key in "xy")
    x.stop_gradient = False
    charbonnier, edge = CharbonnierLoss()(x, y), EdgeLoss()(x, y)
    total = MultiStageLoss(edge_criterion=EdgeLoss())([x], y)
    total.backward()
    assert float(charbonnier) == pytest.approx(float(authors["charbonnier"]), abs=1e-6)
    assert float(edge) == pytest.approx(float(authors["edge"]), abs=1e-6)
    assert float(total) == pytest.approx(float(authors["total"]), abs=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), authors["grad_total"], atol=1e-8, rtol=1e-4)


def test_charbonnier_follows_its_formula():
    x, y = tensors()
    expected = np.sqrt((x.numpy() - y.numpy()) ** 2 + 0.1**2)
    assert float(CharbonnierLoss(eps=0.1)(x, y)) == pytest.approx(expected.mean(), rel=1e-5)
    total = CharbonnierLoss(eps=0.1, reduction="sum")(x, y)
    assert float(total) == pytest.approx(expected.sum(), rel=1e-5)
    each = CharbonnierLoss(eps=0.1, reduction="none")(x, y)
    np.testing.assert_allclose(each.numpy(), expected, rtol=1e-5)
    with pytest.raises(UsageError, match="mean, sum, none"):
        CharbonnierLoss(reduction="median")


@pytest.mark.parametrize("shape", [(1, 3, 21, 27), (2, 1, 8, 9), (1, 4, 1, 2)])
def test_edge_loss_takes_any_size_and_number_of_channels(shape):
    x, y = tensors(shape)
    EdgeLoss()(x, y).backward()
    assert np.isfinite(x.grad.numpy()).all() and abs(x.grad.numpy()).max() > 0


def test_a_smooth_difference_has_no_edges():
    x, _ = tensors((1, 3, 32, 32))
    inner = np.s_[:, :, 8:-8, 8:-8]  # the replicated border is an edge, too
    edges = EdgeLoss(reduction="none")
    assert float(edges(x + 0.25, x)[inner].max()) < 2e-3 < float(edges(x, x.flip(3))[inner].mean())


def test_losses_of_stages_are_summed_and_available_separately():
    x, y = tensors()
    stages = [x, 0.5 * x, y]
    char, edge = CharbonnierLoss(), EdgeLoss()
    criterion = MultiStageLoss(char, edge, edge_weight=0.2)
    per_stage = [float(loss) for loss in criterion.per_stage(stages, y)]
    assert per_stage == pytest.approx([float(char(s, y)) + 0.2 * float(edge(s, y)) for s in stages])
    assert float(criterion(stages, y)) == pytest.approx(sum(per_stage))
    assert float(MultiStageLoss()([x], y)) == pytest.approx(float(char(x, y)))


def test_clipped_outputs_get_no_gradient_beyond_the_range():
    x = paddle.to_tensor([[[[-0.5, 0.5, 1.5]]]], stop_gradient=False)
    MultiStageLoss(clip_output=True)([x], paddle.full([1, 1, 1, 3], 0.2)).backward()
    assert (x.grad.numpy() != 0).ravel().tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("level", ["O1", "O2"])
def test_mixed_precision_computes_in_float32(dtype, level):
    x, y = tensors()
    criterion = MultiStageLoss(edge_criterion=EdgeLoss())
    exact = float(criterion([x], y))
    with paddle.amp.auto_cast(level=level, dtype=dtype):
        assert float(criterion([x], y)) == pytest.approx(exact, rel=1e-6)
        low = criterion([x.astype(dtype)], y.astype(dtype))
    assert low.dtype == paddle.float32
    low.backward()
    assert float(low) == pytest.approx(exact, rel=2e-2) and np.isfinite(x.grad.numpy()).all()
    # a difference whose square underflows in float16 is not lost
    tiny = paddle.full([1, 3, 8, 8], 1e-4)
    with paddle.amp.auto_cast(level=level, dtype=dtype):
        loss = CharbonnierLoss(eps=1e-6)(tiny, tiny * 0)
    assert float(loss) == pytest.approx(1e-4, rel=1e-3)


def test_losses_add_nothing_to_checkpoints():
    criterion = MultiStageLoss(edge_criterion=EdgeLoss())
    assert not criterion.state_dict() and not criterion.parameters()
