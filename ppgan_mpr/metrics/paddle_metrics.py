"""PSNR and SSIM with the interface of PaddleGAN's metrics. Imports PaddlePaddle."""

from __future__ import annotations

import numpy as np
import paddle

from ..errors import ImageError, UsageError
from .protocols import Protocol, get_protocol
from .psnr_ssim import mean_psnr


class ProtocolMetric(paddle.metric.Metric):
    """Scores pictures as they come and averages them over all processes.

    Pictures are numpy arrays or tensors: uint8, uint16, or float in [0, 1], one picture
    [H, W, C] (``input_order='HWC'``) or [C, H, W] (``'CHW'``), or a batch of them.

    Args:
        crop_border: pixels left out on every side.
        input_order: ``'HWC'`` or ``'CHW'``.
        test_y_channel: score the luma (BT.601, not rounded) instead of the colours.
        protocol: the name of a protocol, or a :class:`Protocol`, instead of ``crop_border``
            and ``test_y_channel``.

    Attributes:
        protocol: the :class:`Protocol` in force.
        results: this process's scores, one for each picture (or sequence).

    Raises:
        UsageError: an unknown protocol or input order, or a protocol and options beside it.
    """

    def __init__(
        self,
        crop_border: int = 0,
        input_order: str = "HWC",
        test_y_channel: bool = False,
        protocol: str | Protocol | None = None,
    ):
        super().__init__()
        if input_order not in ("HWC", "CHW"):
            raise UsageError(f"input_order is 'HWC' or 'CHW', not {input_order!r}")
        if protocol is None:
            protocol = _ppgan_protocol(crop_border, test_y_channel)
        elif crop_border or test_y_channel:
            raise UsageError(
                "a protocol already says what is cropped and in which colours: "
                "give crop_border and test_y_channel, or protocol"
            )
        elif isinstance(protocol, str):
            protocol = get_protocol(protocol)
        self.protocol = protocol
        self.input_order = input_order
        self.results: list[float] = []

    def reset(self) -> None:
        """Forget all scores."""
        self.results = []

    def update(self, preds, gts, is_seq: bool = False) -> None:
        """Score pictures.

        Args:
            preds: restored picture, or batch, or list of pictures.
            gts: its targets, likewise.
            is_seq: the pictures are the frames of one sequence, which counts once, by the
                mean of its frames.

        Raises:
            ImageError: pictures and targets do not match, in number or in size.
        """
        preds, gts = self._pictures(preds), self._pictures(gts)
        if len(preds) != len(gts):
            raise ImageError(f"{len(preds)} pictures cannot be scored against {len(gts)} targets")
        scores = [self._measure(pred, gt) for pred, gt in zip(preds, gts)]
        self.results += [mean_psnr(scores)] if is_seq and scores else scores

    def accumulate(self) -> float:
        """The mean over all pictures of all processes; ``nan`` when there is none yet."""
        finite = [score for score in self.results if not np.isposinf(score)]
        sums = [sum(finite), len(finite), len(self.results) - len(finite)]
        total, count, infinite = _over_processes(sums)
        if count:
            return float(total / count)
        return float("inf") if infinite else float("nan")

    def _measure(self, pred: np.ndarray, gt: np.ndarray) -> float:
        raise NotImplementedError

    def _pictures(self, given) -> list[np.ndarray]:
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
    """Peak signal-to-noise ratio in dB; the arguments are those of :class:`ProtocolMetric`.

    Pictures that equal their target have an infinite PSNR and are left out of the mean (see
    :func:`ppgan_mpr.metrics.mean_psnr`).
    """

    def _measure(self, pred, gt):
        return self.protocol.psnr(pred, gt)

    def name(self) -> str:
        return "PSNR"


class SSIM(ProtocolMetric):
    """Structural similarity; the arguments are those of :class:`ProtocolMetric`."""

    def _measure(self, pred, gt):
        return self.protocol.ssim(pred, gt)

    def name(self) -> str:
        return "SSIM"


def _ppgan_protocol(crop_border: int, test_y_channel: bool) -> Protocol:
    """What PaddleGAN's arguments mean."""
    return Protocol(
        name=f"border{crop_border}" + ("-y" if test_y_channel else ""),
        description=f"full frame less {crop_border} pixels of border, "
        + ("luma without rounding" if test_y_channel else "RGB, SSIM per channel"),
        colour="y" if test_y_channel else "rgb",
        border=crop_border,
        round_luma=False,
    )


def _over_processes(sums: list[float]) -> np.ndarray:
    """Added up over all processes; of fixed size, so that a process may have no picture."""
    if not (paddle.distributed.is_initialized() and paddle.distributed.get_world_size() > 1):
        return np.array(sums)
    tensor = paddle.to_tensor(sums, dtype="float64")
    paddle.distributed.all_reduce(tensor)
    return tensor.numpy()
