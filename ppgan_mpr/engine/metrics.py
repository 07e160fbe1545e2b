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
    """Name → class of the metrics of an :class:`MPRModel`; ours replace PaddleGAN's.

    PaddleGAN's registry stays unchanged, as its other models need its own PSNR and SSIM to
    reproduce their scores.
    """
    return {**registry_table("METRICS"), **{ours.__name__: ours for ours in (PSNR, SSIM)}}


def build_metrics(section: Mapping[str, Any]) -> dict[str, Any]:
    """Build label → metric from a section of labelled metrics, or of a single metric."""
    if "name" in section:
        metric = _build_metric(section)
        return {type(metric).__name__: metric}
    return {label: _build_metric(options) for label, options in section.items()}


def _build_metric(options: Mapping[str, Any]) -> Any:
    arguments = {key: value for key, value in options.items() if key != "name"}
    return metrics()[options["name"]](**arguments)


def update_metric(metric: Any, restored: paddle.Tensor, target: paddle.Tensor) -> None:
    """Pass pictures of equal size to a metric in the form that it needs.

    Args:
        metric: a metric with PaddleGAN's interface.
        restored, target: [N, 3, H, W] in [0, 1].
    """
    if isinstance(metric, import_ppgan("ppgan.metrics.fid").FID):
        # FID needs batches in [-1, 1], like those of PaddleGAN's generators.
        metric.update(*(2 * x.astype("float32").clip(0, 1) - 1 for x in (restored, target)))
        return
    protocol = getattr(metric, "protocol", None)
    # Most protocols score rounded pictures, as they would be stored; others score floats.
    rounded = protocol is None or protocol.quantize
    convert = to_image if rounded else _to_array
    metric.update(*([convert(picture) for picture in batch] for batch in (restored, target)))


def _to_array(picture: paddle.Tensor) -> np.ndarray:
    """[3, H, W] in [0, 1] → float32 [H, W, 3] in [0, 1]."""
    return picture.astype("float32").clip(0, 1).transpose([1, 2, 0]).numpy()


class SharedMetric:
    """Computes a metric, made for use in one process, over the pictures of all processes.

    Attributes that are empty lists or zeros after ``reset()`` are taken as the places where the
    metric collects values. :meth:`accumulate` joins these lists over the processes, and adds up
    these numbers.

    Args:
        label: label of the metric in the configuration.
        metric: a metric with ``reset``, ``update`` and ``accumulate``.

    Raises:
        UsageError: there are several processes, and no such list or number was found.
    """

    def __init__(self, label: str, metric: Any) -> None:
        self.label = label
        self._metric = metric
        self.reset()
        if processes.count() > 1 and not self._collections:
            raise UsageError(
                f"validate.metrics: {self.label} keeps neither lists nor sums, so "
                "several processes cannot compute it: leave it out, or score in one process."
            )

    def reset(self) -> None:
        """Remove the values of all pictures."""
        self._metric.reset()
        self._collections = [key for key, value in vars(self._metric).items() if _is_empty(value)]

    def update(self, restored: paddle.Tensor, target: paddle.Tensor) -> None:
        """Add pictures of this process; see :func:`update_metric`."""
        update_metric(self._metric, restored, target)

    def accumulate(self) -> float:
        """The value over all processes; all of them call this together, once after each reset.

        The scores of all processes are joined first. A metric that gathers them by itself, too,
        counts each score as often as there are processes, which does not change the mean.
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
