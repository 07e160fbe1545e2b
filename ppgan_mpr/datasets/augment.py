"""Augmentation of patches and batches: padding, rotation, mirroring, saturation and MixUp."""

from __future__ import annotations

from typing import Any

import numpy as np

# Weights of red, green and blue in luma (ITU-R BT.601), the grey of `adjust_saturation`.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32).reshape(3, 1, 1)

#: Arguments of :func:`dihedral` that only mirror: nothing, both axes, left and right, top and
#: bottom.
FLIPS = (0, 2, 4, 6)
#: The elements of :data:`FLIPS` that swap left and right.
MIRRORED = (2, 4)


def pad_reflect(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pad [..., H, W, C] pixels at the bottom and right by reflection to at least the given size.

    Sides that are long enough are not padded. Where the padding is longer than the side, the
    picture is reflected repeatedly.
    """
    bottom = max(0, height - pixels.shape[-3])
    right = max(0, width - pixels.shape[-2])
    if not bottom and not right:
        return pixels
    around = [(0, 0)] * (pixels.ndim - 3) + [(0, bottom), (0, right), (0, 0)]
    return np.pad(pixels, around, mode="reflect")


def dihedral(pixels: np.ndarray, which: int) -> np.ndarray:
    """Turn and mirror a picture in one of the eight ways that keep a square; returns a view.

    Args:
        pixels: [H, W, C].
        which: 0 to 3 quarter turns counter-clockwise, plus 4 to mirror left and right first.
    """
    if which >= 4:
        pixels = pixels[:, ::-1]
    return np.rot90(pixels, which % 4)


def adjust_saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Increase (factor > 1) or reduce (factor < 1) the saturation of a picture.

    Args:
        image: RGB [3, H, W] float32 in [0, 1].
        factor: 0 gives grey, 1 leaves the picture unchanged.

    Returns:
        [3, H, W] float32, clipped to [0, 1].
    """
    grey = np.sum(image * _LUMA, axis=0, keepdims=True)
    return np.clip(grey + np.float32(factor) * (image - grey), 0, 1)


class MixUp:
    """Blend the pairs of a batch with one another (Zhang et al., ICLR 2018, arXiv 1710.09412).

    MPRNet's denoising model was trained with a coefficient from Beta(0.6, 0.6) for each pair, from
    the sixth epoch on. MIRNet-v2 was trained with a coefficient from Beta(1.2, 1.2) for each batch,
    on half of the batches. Partners and coefficients depend only on seed, rank and iteration, so a
    resumed run draws the same ones.

    Args:
        alpha: both parameters of the Beta distribution.
        start_iter: the first iteration to blend (counted from 1, as the trainer does).
        probability: share of the batches that are blended.
        per_pair: draw a coefficient for each pair; False draws one for the whole batch.
        seed: seed of the run.
        rank: rank of this training process.

    Example:
        >>> import numpy as np
        >>> batch = np.random.rand(4, 3, 8, 8).astype('float32')
        >>> target, degraded = MixUp(start_iter=10)(batch, batch, iteration=10)
        >>> target.shape
        (4, 3, 8, 8)
    """

    def __init__(
        self,
        alpha: float = 0.6,
        start_iter: int = 1,
        probability: float = 1.0,
        per_pair: bool = True,
        seed: int = 0,
        rank: int = 0,
    ):
        self.alpha = alpha
        self.start_iter = start_iter
        self.probability = probability
        self.per_pair = per_pair
        self._entropy = (seed, rank)

    def __call__(
        self, target: Any, degraded: Any, iteration: int, slices: int = 1
    ) -> tuple[Any, Any]:
        """Blend each pair with another pair of its batch, target and input by the same coefficient.

        Args:
            target, degraded: [N, C, H, W] in [0, 1], numpy arrays or Paddle tensors.
            iteration: number of the training iteration.
            slices: number of smaller batches that this batch is made of, when gradients are
                accumulated. With ``per_pair=False`` each of them is blended separately, by its own
                coefficient.

        Returns:
            target, degraded: of the same type, shape and range.
        """
        if iteration < self.start_iter:
            return target, degraded
        rng = np.random.default_rng((*self._entropy, iteration))
        groups = np.array_split(np.arange(len(target)), 1 if self.per_pair else slices)
        partners, shares = zip(*(self._draw(rng, group) for group in groups))
        partner: Any = np.concatenate(partners)
        share: Any = np.concatenate(shares).astype(np.float32)
        if (share == 1).all():
            return target, degraded
        if not isinstance(target, np.ndarray):
            import paddle

            partner = paddle.to_tensor(partner, place=target.place)
            share = paddle.to_tensor(share, place=target.place).astype(target.dtype)

        def blend(batch: Any) -> Any:
            return batch * share + batch[partner] * (1 - share)

        return blend(target), blend(degraded)

    def _draw(self, rng: np.random.Generator, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the partners of a group of pairs [n], and the pairs' shares [n, 1, 1, 1]."""
        shape = (len(group), 1, 1, 1)
        if self.probability < 1 and rng.random() >= self.probability:
            return group, np.ones(shape)
        partner = group[rng.permutation(len(group))]
        drawn = rng.beta(self.alpha, self.alpha, shape if self.per_pair else None)
        return partner, np.broadcast_to(drawn, shape)
