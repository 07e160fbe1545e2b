"""The classifier of measurements: a small fitted network, embedded as arrays."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_FILE = Path(__file__).with_name("classifier.npz")
_FARTHEST = 4.0  # standard deviations; beyond what was fitted, more means no more


@functools.lru_cache(maxsize=1)
def _arrays() -> dict[str, np.ndarray]:
    with np.load(_FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def probabilities(features: Mapping[str, float]) -> dict[str, float]:
    """The probability of each degradation, calibrated on pictures that were left out.

    Args:
        features: from :func:`.features.measure`.

    Returns:
        degradation → probability; "" stands for none. Their sum is 1.
    """
    arrays = _arrays()
    values = np.array([features[name] for name in arrays["features"]])
    values = ((values - arrays["mean"]) / arrays["deviation"]).clip(-_FARTHEST, _FARTHEST)
    scores = np.zeros(len(arrays["kinds"]))
    for hidden, hidden_bias, out, out_bias in zip(
        arrays["hidden"], arrays["hidden_bias"], arrays["out"], arrays["out_bias"]
    ):
        scores += np.maximum(values @ hidden + hidden_bias, 0) @ out + out_bias
    scores = scores / len(arrays["hidden"]) / float(arrays["temperature"])
    shares = np.exp(scores - scores.max())
    return {str(k): float(p) for k, p in zip(arrays["kinds"], shares / shares.sum())}
