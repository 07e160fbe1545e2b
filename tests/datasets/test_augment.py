from __future__ import annotations

import numpy as np
import pytest

from ppgan_mpr.datasets import MixUp
from ppgan_mpr.datasets.augment import adjust_saturation, dihedral, pad_reflect


def test_dihedral_has_eight_different_results(picture):
    square = picture(8, 8)
    ways = {dihedral(square, which).tobytes() for which in range(8)}
    assert len(ways) == 8
    assert np.array_equal(dihedral(square, 0), square)


def test_padding_reflects_repeatedly_if_needed():
    row = np.arange(3).reshape(1, 3, 1)
    assert pad_reflect(row, 1, 8)[0, :, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert pad_reflect(row, 2, 3)[:, :, 0].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert pad_reflect(row, 1, 2) is row


def test_saturation_changes_colour_and_keeps_grey():
    grey = np.full((3, 2, 2), 0.4, np.float32)
    assert adjust_saturation(grey, 1.7) == pytest.approx(grey, abs=1e-6)
    colour = np.array([0.6, 0.4, 0.2], np.float32).reshape(3, 1, 1)
    luma = 0.299 * 0.6 + 0.587 * 0.4 + 0.114 * 0.2
    assert adjust_saturation(colour, 0).ravel() == pytest.approx([luma] * 3, abs=1e-6)
    assert adjust_saturation(colour, 1.2)[0, 0, 0] == pytest.approx(luma + 1.2 * (0.6 - luma))
    assert adjust_saturation(colour, 9).max() == 1


def test_mixup_blends_input_and_target_alike():
    target = np.random.default_rng(0).random((6, 3, 4, 4), np.float32)
    degraded = 1 - target
    mix = MixUp(start_iter=5, seed=3)
    unchanged, _ = mix(target, degraded, iteration=4)
    assert unchanged is target
    blended, other = mix(target, degraded, iteration=5)
    assert not np.allclose(blended, target)
    assert blended + other == pytest.approx(np.ones_like(target), abs=1e-6)
    assert blended.mean() != pytest.approx(mix(target, degraded, iteration=6)[0].mean())
    again, _ = MixUp(start_iter=5, seed=3)(target, degraded, iteration=5)
    assert np.array_equal(again, blended)
    elsewhere, _ = MixUp(start_iter=5, seed=3, rank=1)(target, degraded, iteration=5)
    assert not np.array_equal(elsewhere, blended)


def test_mixup_blends_a_batch_with_the_given_probability():
    target = np.random.default_rng(0).random((2, 3, 4, 4), np.float32)
    mix = MixUp(probability=0.25, seed=3)
    blended = sum(mix(target, target, iteration=n)[0] is not target for n in range(1, 401))
    assert abs(blended / 400 - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)


def test_mixup_of_tensors_equals_that_of_arrays():
    paddle = pytest.importorskip("paddle")
    target = np.random.default_rng(0).random((4, 3, 4, 4), np.float32)
    expected = MixUp()(target, target**2, iteration=1)
    tensors = MixUp()(paddle.to_tensor(target), paddle.to_tensor(target**2), iteration=1)
    for tensor, array in zip(tensors, expected):
        assert tensor.numpy() == pytest.approx(array, abs=1e-6)


def test_one_coefficient_blends_the_whole_batch():
    target = np.random.default_rng(0).random((6, 3, 4, 4), np.float32)
    blended, other = MixUp(1.2, per_pair=False)(target, 1 - target, iteration=1)
    assert blended + other == pytest.approx(np.ones_like(target), abs=1e-6)
    assert len(set(blends(blended, target).values())) == 1
    assert len(set(blends(MixUp(1.2)(target, target, 1)[0], target).values())) > 2


def test_each_slice_of_an_accumulated_batch_is_blended_by_itself():
    """Slices give the same result as batches on several devices."""
    target = np.random.default_rng(0).random((12, 3, 4, 4), np.float32)
    blended, _ = MixUp(1.2, per_pair=False)(target, target, iteration=2, slices=3)
    found = blends(blended, target)
    assert all(partner // 4 == pair // 4 for pair, partner in found)
    shares = [{share for (pair, _), share in found.items() if pair // 4 == n} for n in range(3)]
    assert [len(each) for each in shares] == [1, 1, 1]
    assert len(set.union(*shares)) == 3


def blends(blended, batch):
    """(picture, partner) → the picture's share, for pictures blended with another one."""
    found = {}
    for index, (picture, own) in enumerate(zip(blended, batch)):
        for partner, other in enumerate(batch):
            difference = own - other
            if partner != index and not np.allclose(picture, own, atol=1e-5):
                share = np.vdot(picture - other, difference) / np.vdot(difference, difference)
                if np.allclose(other + share * difference, picture, atol=1e-5):
                    found[index, partner] = round(float(share), 4)
    return found
