"""PSNR and SSIM with the interface of PaddleGAN's metrics. Imports PaddlePaddle."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from ..checks import check_choice
from ..errors import ImageError, UsageError
from .protocols import Protocol, get_protocol
from .psnr_ssim import mean_psnr


class ProtocolMetric(paddle.metric.Metric):
    """Collects the scores of pictures and averages them over all processes.

    Pictures are numpy arrays or tensors: uint8, uint16, or float in [0, 1], one picture
    [H, W, C] (``input_order='HWC'``) or [C, H, W] (``'CHW'``), or a batch of them.

    Args:
        crop_border: pixels left out on every side.
        input_order: ``'HWC'`` or ``'CHW'``.
        test_y_channel: score the luma (BT.601, not rounded) instead of RGB.
        protocol: the name of a protocol, or a :class:`Protocol`, instead of ``crop_border``
            and ``test_y_channel``.

    Attributes:
        protocol: the :class:`Protocol` used.
        results: this process's scores, one for each picture (or sequence).

    Raises:
        UsageError: the protocol or input order is unknown, or ``protocol`` was given together
            with ``crop_border`` or ``test_y_channel``.
    """

    def __init__(
        self,
        crop_border: int = 0,
        input_order: str = "HWC",
        test_y_channel: bool = False,
        protocol: str | Protocol | None = None,
    ):
        super().__init__()
        check_choice("input_order", input_order, ("HWC", "CHW"))
        if protocol is None:
            protocol = _ppgan_protocol(crop_border, test_y_channel)
        elif crop_border or test_y_channel:
            raise UsageError(
                "a protocol sets its own border and colours: "
                "give either crop_border and test_y_channel, or protocol"
            )
        elif isinstance(protocol, str):
            protocol = get_protocol(protocol)
        self.protocol = protocol
        self.input_order = input_order
        self.results: list[float] = []

    def reset(self) -> None:
        """Forget all scores."""
        self.results = []

    def update(self, preds: Any, gts: Any, is_seq: bool = False) -> None:
        """Score pictures.

        Args:
            preds: a restored picture, a batch, or a list of pictures.
            gts: the targets, in the same form.
            is_seq: the pictures are the frames of one sequence, which adds a single score: the
                mean of its frames.

        Raises:
            ImageError: pictures and targets differ in number or in size.
        """
        restored, targets = self._pictures(preds), self._pictures(gts)
        if len(restored) != len(targets):
            raise ImageError(
                f"{len(restored)} pictures cannot be scored against {len(targets)} targets"
            )
        scores = [self._measure(picture, target) for picture, target in zip(restored, targets)]
        self.results += [mean_psnr(scores)] if is_seq and scores else scores

    def accumulate(self) -> float:
        """The mean over all pictures of all processes; ``nan`` without any picture."""
        finite = [score for score in self.results if not np.isposinf(score)]
        sums = [sum(finite), len(finite), len(self.results) - len(finite)]
        total, count, infinite = _over_processes(sums)
        if count:
            return float(total / count)
        return float("inf") if infinite else float("nan")

    def _measure(self, restored: np.ndarray, target: np.ndarray) -> float:
        raise NotImplementedError

    def _pictures(self, given: Any) -> list[np.ndarray]:
        """Convert any input of PaddleGAN's metrics to arrays [H, W, C]."""
        if isinstance(given, (list, tuple)):
            return [picture for item in given for picture in self._pictures(item)]
        if isinstance(given, paddle.Tensor):
            wide = given.dtype in (paddle.bfloat16, paddle.float16)
            given = (given.astype("float32") if wide else given).numpy()
        if given.ndim == 4:
            return [picture for item in given for picture in self._pictures(item)]
        if given.ndim == 3 and self.input_order == "CHW":
            given = given.transpose(1, 2, 0)
        return [given]


class PSNR(ProtocolMetric):
    """Peak signal-to-noise ratio in dB, with the arguments of :class:`ProtocolMetric`.

    Pictures that equal their target have an infinite PSNR and are left out of the mean (see
    :func:`ppgan_mpr.metrics.mean_psnr`).
    """

    def _measure(self, restored: np.ndarray, target: np.ndarray) -> float:
        return self.protocol.psnr(restored, target)

    def name(self) -> str:
        return "PSNR"


class SSIM(ProtocolMetric):
    """Structural similarity (SSIM), with the arguments of :class:`ProtocolMetric`."""

    def _measure(self, restored: np.ndarray, target: np.ndarray) -> float:
        return self.protocol.ssim(restored, target)

    def name(self) -> str:
        return "SSIM"


def _ppgan_protocol(crop_border: int, test_y_channel: bool) -> Protocol:
    """The protocol that PaddleGAN's arguments describe."""
    return Protocol(
        name=f"border{crop_border}" + ("-y" if test_y_channel else ""),
        description=f"full frame less {crop_border} px of border, "
        + ("luma without rounding" if test_y_channel else "RGB, SSIM per channel"),
        colour="y" if test_y_channel else "rgb",
        border=crop_border,
        round_luma=False,
    )


def _over_processes(sums: list[float]) -> np.ndarray:
    """Add up numbers over all processes; a process may have no picture."""
    if not (paddle.distributed.is_initialized() and paddle.distributed.get_world_size() > 1):
        return np.array(sums)
    tensor = paddle.to_tensor(sums, dtype="float64")
    paddle.distributed.all_reduce(tensor)
    return tensor.numpy()
