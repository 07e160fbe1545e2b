"""Metrics for PaddleGAN: PSNR and SSIM with our protocols, and the protocols' other measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..metrics import Protocol, paddle_metrics
from ..ppgan_compat import import_ppgan


def _with_protocols(theirs: Any, ours: type) -> type:
    """A class that builds our metric if a protocol is named, else PaddleGAN's."""

    def __new__(cls: type, *arguments: Any, protocol: Any = None, **options: Any) -> Any:
        if protocol is not None:
            return ours(*arguments, protocol=protocol, **options)
        return object.__new__(cls)

    def __init__(self: Any, *arguments: Any, protocol: Any = None, **options: Any) -> None:
        theirs.__init__(self, *arguments, **options)

    members = {"__new__": __new__, "__init__": __init__, "__module__": __name__}
    return type(theirs.__name__, (theirs,), members)


_theirs = import_ppgan("ppgan.metrics.psnr_ssim")
PSNR = _with_protocols(_theirs.PSNR, paddle_metrics.PSNR)
SSIM = _with_protocols(_theirs.SSIM, paddle_metrics.SSIM)


class Measure(paddle_metrics.ProtocolMetric):
    """A metric for one measure of a protocol, such as the mean absolute error.

    Args:
        measure: one of :attr:`Protocol.measures`.
        protocol: the protocol that defines the measure.
    """

    def __init__(self, measure: str, protocol: Protocol) -> None:
        super().__init__(protocol=protocol)
        self._key = measure

    def _measure(self, restored: np.ndarray, target: np.ndarray) -> float:
        return self.protocol.score(restored, target)[self._key]

    def name(self) -> str:
        return self._key.upper()


def missing_measures(metrics: Mapping[str, Any]) -> dict[str, Measure]:
    """Label → metric for each measure of the metrics' protocols that no given metric computes.

    A label is the measure's name. If that is taken, the protocol's name follows.

    Args:
        metrics: label → metric, from this package and others.
    """
    present = {
        (metric.name().lower(), metric.protocol.name): metric.protocol
        for metric in metrics.values()
        if getattr(metric, "protocol", None) is not None
    }
    added: dict[str, Measure] = {}
    for protocol in {protocol.name: protocol for protocol in present.values()}.values():
        for measure in protocol.measures:
            if (measure, protocol.name) not in present:
                taken = measure in metrics or measure in added
                label = f"{measure} ({protocol.name})" if taken else measure
                added[label] = Measure(measure, protocol)
    return added
