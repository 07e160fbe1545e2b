"""Classifies the measurements of a picture with boosted decision trees, embedded as arrays."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_FILE = Path(__file__).with_name("classifier.npz")


@functools.lru_cache(maxsize=1)
def _arrays() -> dict[str, np.ndarray]:
    with np.load(_FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def probabilities(features: Mapping[str, float]) -> dict[str, float]:
    """The probability of each degradation, calibrated on held-out pictures.

    Args:
        features: from :func:`.features.measure`.

    Returns:
        degradation → probability; "" stands for none. Their sum is 1.
    """
    arrays = _arrays()
    values = np.array([features[name] for name in arrays["features"]], np.float32)
    scores = tree_scores(arrays, values) / float(arrays["temperature"])
    shares = np.exp(scores - scores.max())
    return {str(k): float(p) for k, p in zip(arrays["kinds"], shares / shares.sum())}


def tree_scores(arrays: Mapping[str, np.ndarray], values: np.ndarray) -> np.ndarray:
    """The scores of the trees for one picture.

    Args:
        arrays: ``roots`` [trees, kinds], the index of each tree's first node. For each node,
            ``feature`` is the index of the value to compare (-1 in a leaf). The next node is
            ``left`` for values up to ``threshold``, else ``right``. ``value`` is the score of a
            leaf, and ``baseline`` [kinds] is added to the sums.
        values: the measurements [features], float32, in the order used to fit the trees.

    Returns:
        Scores [kinds]; their softmax is the probability before calibration.
    """
    node = arrays["roots"]
    while True:
        feature = arrays["feature"][node]
        if (feature < 0).all():
            return arrays["baseline"] + arrays["value"][node].sum(axis=0, dtype=np.float64)
        is_left = values[feature] <= arrays["threshold"][node]
        below = np.where(is_left, arrays["left"][node], arrays["right"][node])
        node = np.where(feature < 0, node, below)
