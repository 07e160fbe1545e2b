"""Put pictures of different sizes into one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .augment import pad_reflect


def pad_collate(samples: Sequence[tuple], multiple: int = 8) -> tuple:
    """A batch of whole photos, enlarged by reflection to a size that the networks take.

    For ``paddle.io.DataLoader(collate_fn=pad_collate)`` over MPRVal or MPRTest. All pictures
    grow at the bottom and right to the largest height and width of the batch, rounded up to
    ``multiple`` (MPRNet halves its features twice inside quarters of the photo). Nothing is
    cut; scores are taken on ``picture[:, :height, :width]``. The networks' attention averages over
    all they see, so use batches of one photo for scores to publish, unless all have one size.

    Args:
        samples: ``(target, input, name)`` or ``(input, name)``, pictures float32 [3, H, W].
        multiple: of the height and width of the batch.

    Returns:
        The same fields as batches, float32 [N, 3, H', W'] and a list of names, and behind them
        the sizes, int32 [N, 2]: (height, width) of each photo.
    """
    *pictures, names = zip(*samples)
    sizes = np.array([picture.shape[1:] for picture in pictures[0]], np.int32)
    height, width = (-(-int(side) // multiple) * multiple for side in sizes.max(axis=0))
    batches = [np.stack([_pad(p, height, width) for p in group]) for group in pictures]
    return (*batches, list(names), sizes)


def _pad(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return pad_reflect(picture[..., None], height, width)[..., 0]
