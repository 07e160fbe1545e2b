"""The metrics that a configuration of an MPRModel may name, and how they are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from ..errors import UsageError
from ..metrics.paddle_metrics import PSNR, SSIM
from ..ppgan_compat import import_ppgan, registry_table
from . import processes
from .whole_pictures import to_image


def metrics() -> dict[str, type]:
    """Name → class of the metrics of an :class:`MPRModel`: ours before PaddleGAN's.

    PaddleGAN's PSNR and SSIM stay those of its other models, whose scores they have to repeat.
    """
    return {**registry_table("METRICS"), **{ours.__name__: ours for ours in (PSNR, SSIM)}}


def build_metrics(section: Mapping[str, Any]) -> dict[str, Any]:
    """Label → metric, from a section of labelled metrics or of a single one."""
    if "name" in section:
        metric = _build_metric(section)
        return {type(metric).__name__: metric}
    return {label: _build_metric(options) for label, options in section.items()}


def _build_metric(options: Mapping[str, Any]) -> Any:
    arguments = {key: value for key, value in options.items() if key != "name"}
    return metrics()[options["name"]](**arguments)


def update_metric(metric: Any, restored: paddle.Tensor, target: paddle.Tensor) -> None:
    """Give a metric pictures of one size, in the form in which it takes them.

    Args:
        metric: with the interface of PaddleGAN's.
        restored, target: [N, 3, H, W] in [0, 1].
    """
    if isinstance(metric, import_ppgan("ppgan.metrics.fid").FID):
        # As PaddleGAN's generators of pictures give them: batches in [-1, 1].
        metric.update(*(2 * x.astype("float32").clip(0, 1) - 1 for x in (restored, target)))
        return
    protocol = getattr(metric, "protocol", None)
    # Most protocols score what would be stored; the others score numbers that are not rounded.
    rounded = protocol is None or protocol.quantize
    convert = to_image if rounded else _to_array
    metric.update(*([convert(picture) for picture in batch] for batch in (restored, target)))


def _to_array(picture: paddle.Tensor) -> np.ndarray:
    """[3, H, W] in [0, 1] → float32 [H, W, 3] in [0, 1]."""
    return picture.astype("float32").clip(0, 1).transpose([1, 2, 0]).numpy()


class SharedMetric:
    """A metric that knows nothing of several processes, over the pictures of all of them.

    What it has collected is recognised by its state after ``reset()``: empty lists, whose items
    are joined, and zeros, which are added up.

    Args:
        label: of the metric in the configuration.
        metric: with ``reset``, ``update`` and ``accumulate``.

    Raises:
        UsageError: there are several processes, and nothing to recognise.
    """

    def __init__(self, label: str, metric: Any) -> None:
        self.label = label
        self._metric = metric
        self.reset()
        if processes.count() > 1 and not self._collections:
            raise UsageError(
                f"validate.metrics: {self.label} keeps its sums in no list or number, so "
                "several processes cannot compute it: leave it out, or score in one process."
            )

    def reset(self) -> None:
        """Forget all pictures."""
        self._metric.reset()
        self._collections = [key for key, value in vars(self._metric).items() if _is_empty(value)]

    def update(self, restored: paddle.Tensor, target: paddle.Tensor) -> None:
        """Add pictures of this process; see :func:`update_metric`."""
        update_metric(self._metric, restored, target)

    def accumulate(self) -> float:
        """The value over all processes, which call this together, once after each reset.

        A metric that exchanges its scores by itself sees the same ones in every process, which
        does not change their mean.
        """
        if processes.count() > 1:
            for key in self._collections:
                first, *others = processes.gather([getattr(self._metric, key)])
                setattr(self._metric, key, sum(others, first))
        return float(self._metric.accumulate())


def _is_empty(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float, np.ndarray)):
        return not np.any(value)
    return isinstance(value, list) and not value
