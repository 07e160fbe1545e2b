"""Scoring protocols: descriptions of how published scores were measured.

A score means little without its protocol: the channels, the part of the picture and the form of
SSIM. A :class:`Protocol` states these and computes the scores. Published scores are in the records
of weights (:class:`ppgan_mpr.networks.Score`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checks import check_choice, exact_name
from ..errors import ImageError, UsageError
from ..imaging.padding import PADDING_SIDES
from ..imaging.samples import to_dtype, to_float, white
from .luma import rgb_to_luma
from .psnr_ssim import SSIM_FORMS, mae, mean_psnr, psnr, ssim, ssim_margin


@dataclass(frozen=True)
class Protocol:
    """A way to score restored pictures.

    Pictures are [H, W, 3], [H, W, 1] or [H, W] arrays: uint8, uint16, or float in [0, 1]
    (restored values outside are clipped). A grey picture next to a coloured one counts as three
    equal channels.

    Attributes:
        name: the name in options and tables.
        description: one line for users.
        colour: ``'rgb'``, or ``'y'`` for MATLAB's BT.601 luma.
        crop: side of the centre square that is scored; None for the whole picture. In a picture
            with fewer rows (columns) than the square, the crop's first index is negative, and
            slicing counts it from the end. So only rows at the bottom (columns at the right) are
            scored. If the picture has at most a third of the square's rows (columns), all are.
        border: pixels left out on every side after the crop. A pair of numbers holds first the
            pixels at the top and left, then those at the bottom and right.
        block: side of the squares that are scored one by one and averaged; None scores the
            picture as a whole.
        ssim_form: the form of SSIM, see :func:`ppgan_mpr.metrics.ssim`.
        mae: score the mean absolute error, too.
        quantize: round floats to integers first, as storing the picture does.
        round_luma: round the luma of integer pictures, as MATLAB does.
        padding: how the published evaluation padded pictures to the multiple that the network
            needs: ``'end'`` (bottom and right) or ``'both'`` sides, see
            :func:`ppgan_mpr.imaging.padding.source_indices`. Programs that restore before they
            score use it; scoring itself never pads.
        source: the script or configuration that defines this protocol.

    Raises:
        UsageError: there is no such ``padding`` or ``ssim_form``.
    """

    name: str
    description: str
    colour: str = "rgb"
    crop: int | None = None
    border: int | tuple[int, int] = 0
    block: int | None = None
    ssim_form: str = "channels"
    mae: bool = False
    quantize: bool = True
    round_luma: bool = True
    padding: str = "end"
    source: str = ""

    def __post_init__(self) -> None:
        check_choice("padding", self.padding, PADDING_SIDES)
        check_choice("ssim_form", self.ssim_form, SSIM_FORMS)

    @property
    def measures(self) -> tuple[str, ...]:
        """The keys of :meth:`score`, in the order of tables."""
        return ("psnr", "ssim", "mae") if self.mae else ("psnr", "ssim")

    def score(self, restored: np.ndarray, target: np.ndarray) -> dict[str, float]:
        """PSNR in dB (``inf`` for identical pictures) and SSIM of one picture.

        Returns:
            ``{'psnr': …, 'ssim': …}``, and ``'mae'`` in [0, 1] if the protocol measures it.

        Raises:
            ImageError: the pictures differ in size, have a wrong type or values out of range, or
                are too small for the protocol.
        """
        pieces = list(self._pieces(restored, target))
        scores = {"psnr": self._mean_psnr(pieces), "ssim": self._mean_ssim(pieces)}
        if self.mae:
            scores["mae"] = float(np.mean([mae(*piece) for piece in pieces]))
        return scores

    def psnr(self, restored: np.ndarray, target: np.ndarray) -> float:
        """The PSNR of :meth:`score` alone."""
        return self._mean_psnr(self._pieces(restored, target))

    def ssim(self, restored: np.ndarray, target: np.ndarray) -> float:
        """The SSIM of :meth:`score` alone."""
        return self._mean_ssim(self._pieces(restored, target))

    def check(self, height: int, width: int) -> None:
        """Raise ImageError unless pictures of this size can be scored."""
        if self.block and (height % self.block or width % self.block):
            raise ImageError(
                f"a picture of {width}x{height} pixels does not divide into the blocks of "
                f"{self.block}x{self.block} that the protocol '{self.name}' scores"
            )
        counted = [len(range(side)[self._counted(side)]) for side in (width, height)]
        # The shortest side that this form of SSIM allows.
        smallest = 2 * ssim_margin(self.ssim_form) + 1
        if min(counted) < smallest:
            raise ImageError(
                f"a picture of {width}x{height} pixels is too small for the protocol "
                f"'{self.name}', which would score only {counted[0]}x{counted[1]} pixels"
            )

    def cropped(self, size: int) -> Protocol:
        """Adapt this protocol to a data set that crops its pictures.

        Args:
            size: side of the centre square in pixels.

        Returns:
            A protocol named after the crop, or the one of :data:`PROTOCOLS` that measures the
            same.

        Raises:
            UsageError: the protocol has another crop, or is one of :data:`PROTOCOLS` without crop.
        """
        if self.crop == size:
            return self
        if self.crop or self.name in PROTOCOLS:
            raise UsageError(
                f"the data set crops its pictures to {size}x{size} pixels, and the protocol "
                f"'{self.name}' does not allow that: leave out img_options.patch_size, or give "
                "crop_border and test_y_channel instead of a protocol"
            )
        cropped = replace(
            self,
            crop=size,
            name=f"crop{size}-{self.name}",
            description=self.description.replace("full frame", f"{size}x{size} centre crop"),
        )
        known = (p for p in PROTOCOLS.values() if p._measure() == cropped._measure())
        return next(known, cropped)

    def _measure(self) -> tuple[Any, ...]:
        """All settings that affect the scores, for comparing protocols."""
        luma = self.round_luma if self.colour == "y" else None
        part = (self.crop, self.border, self.block)
        form = (self.ssim_form, self.mae)
        return (self.colour, *part, *form, self.quantize, luma, self.padding)

    def _mean_psnr(self, pieces: Iterable[_Piece]) -> float:
        return mean_psnr(psnr(*piece) for piece in pieces)

    def _mean_ssim(self, pieces: Iterable[_Piece]) -> float:
        return float(np.mean([ssim(*piece, self.ssim_form) for piece in pieces]))

    def _pieces(self, restored: np.ndarray, target: np.ndarray) -> Iterator[_Piece]:
        """Yield (restored, target, data_range) of each block that is scored."""
        restored, target = _as_hwc(restored), _as_hwc(target)
        height, width = target.shape[:2]
        if restored.shape[:2] != (height, width):
            raise ImageError(
                f"the restored picture has {restored.shape[1]}x{restored.shape[0]} pixels, "
                f"its target {width}x{height}"
            )
        restored, target = np.broadcast_arrays(restored, target)  # grey next to colour
        self.check(height, width)
        rows, columns = self._counted(height), self._counted(width)
        restored, target, data_range = _to_one_range(
            restored[rows, columns], target[rows, columns], self.quantize
        )
        if self.colour == "y":
            if not self.round_luma and data_range != 1:
                restored, target, data_range = to_float(restored), to_float(target), 1.0
            restored, target = rgb_to_luma(restored), rgb_to_luma(target)
        step = self.block or max(target.shape)
        for top in range(0, target.shape[0], step):
            for left in range(0, target.shape[1], step):
                block = np.s_[top : top + step, left : left + step]
                yield restored[block], target[block], data_range

    def _counted(self, side: int) -> slice:
        """The rows (columns) scored in a picture with ``side`` rows (columns)."""
        start, stop = 0, side
        if self.crop:
            offset = (side - self.crop) // 2  # negative in a small picture, see ``crop``
            start, stop, _ = slice(offset, offset + self.crop).indices(side)
        border = self.border
        before, after = border if isinstance(border, tuple) else (border, border)
        return slice(start + before, max(stop - after, start + before))


# restored, target, width of their value range
_Piece = tuple[np.ndarray, np.ndarray, float]


def _as_hwc(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.size == 0:
        raise ImageError(
            f"a picture must be an array [H, W, 3], [H, W, 1] or [H, W], not one of shape "
            f"{picture.shape}"
        )
    if picture.dtype not in (np.uint8, np.uint16) and picture.dtype.kind != "f":
        raise ImageError(f"a picture must be uint8, uint16 or float in [0, 1], not {picture.dtype}")
    if np.isnan(picture.min()):
        raise ImageError("a picture with NaN values cannot be scored")
    return picture


def _to_one_range(restored: np.ndarray, target: np.ndarray, quantize: bool) -> _Piece:
    """Convert both pictures to one type; the third result is the width of its range."""
    if target.dtype.kind == "f" and not (target.min() >= 0 and target.max() <= 1):
        raise ImageError(
            f"a float picture must be in [0, 1], but this target has values from "
            f"{target.min():g} to {target.max():g}: scale them to [0, 1], or pass integers"
        )
    if quantize:
        codes = [p.dtype for p in (target, restored) if p.dtype.kind == "u"] or [np.dtype(np.uint8)]
        restored, target = (
            p if p.dtype.kind == "u" else to_dtype(p, codes[0]) for p in (restored, target)
        )
    if restored.dtype == target.dtype and target.dtype.kind == "u":
        return restored, target, float(white(target.dtype))
    return to_dtype(restored, np.float32), to_dtype(target, np.float32), 1.0


#: The protocols behind published scores, by name. The test code of MPRNet's and MIRNet-v2's authors
#: pads by reflection at the bottom and right.
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="gopro",
            description="full frame, RGB, 3-D SSIM (MATLAB's psnr and ssim of 8-bit files)",
            ssim_form="volume",
            padding="end",
            source="evaluate_GOPRO_HIDE.m of the authors of arXiv 2102.02808",
        ),
        Protocol(
            name="sidd",
            description="256x256 blocks, RGB, 3-D SSIM, restored picture not rounded to 8 bits",
            block=256,
            ssim_form="volume",
            quantize=False,
            padding="end",
            source="evaluate_SIDD.m of the authors of arXiv 2102.02808",
        ),
        Protocol(
            name="rain-y",
            description="full frame, MATLAB's 8-bit luma, SSIM of Wang et al.",
            colour="y",
            padding="end",
            source="evaluate_PSNR_SSIM.m of the authors of arXiv 2102.02808",
        ),
        Protocol(
            name="ppgan-crop256",
            description="256x256 centre crop less 4 pixels of border, RGB, SSIM per channel",
            crop=256,
            border=4,
            padding="end",  # a crop of 256 pixels needs none
            source="PaddleGAN: configs/mprnet_deblurring.yaml",
        ),
        Protocol(
            name="ppgan-crop256-y",
            description="256x256 centre crop less 4 pixels of border, luma of the 8-bit picture, "
            "not rounded",
            colour="y",
            crop=256,
            border=4,
            round_luma=False,
            padding="end",  # as above
            source="PaddleGAN: configs/mprnet_denoising.yaml, configs/mprnet_deraining.yaml",
        ),
        *(
            Protocol(
                name=f"realsr-x{scale}",
                description=f"full frame less {scale - 1} px at top and left, {scale} px at "
                "bottom and right, MATLAB's 8-bit luma, SSIM of Wang et al.",
                colour="y",
                # MATLAB's picture(scale:end-scale, scale:end-scale, :), which counts from 1
                border=(scale - 1, scale),
                padding="end",
                source="Super_Resolution/evaluate_PSNR_SSIM.m of the authors of arXiv 2205.01649",
            )
            for scale in (2, 3, 4)
        ),
        Protocol(
            name="dpdd",
            description="full frame, RGB, scikit-image's SSIM, MAE, restored picture not rounded",
            ssim_form="uniform",
            mae=True,
            quantize=False,
            padding="end",  # pictures of 1680x1120 need none
            source="test_dual_pixel_defocus_deblur.py of the authors of arXiv 2205.01649",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """Look up one of :data:`PROTOCOLS` by its name; upper and lower case count the same.

    Raises:
        UsageError: no protocol has this name; the message suggests the nearest.
    """
    return PROTOCOLS[exact_name("protocol", name, PROTOCOLS)]
