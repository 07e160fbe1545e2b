"""How published scores were measured, as data.

A PSNR means little without the rest: on which channel, on which part of the picture, with
which SSIM. A :class:`Protocol` writes this down, applies it, and lists the scores that
were published by it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ImageError, UsageError
from .luma import rgb_to_luma
from .psnr_ssim import mean_psnr, psnr, ssim


@dataclass(frozen=True)
class PublishedScore:
    """A score somebody published; ``origin`` says where it stands."""

    model: str
    dataset: str
    psnr: float
    ssim: float
    origin: str


@dataclass(frozen=True)
class Protocol:
    """A way to score restored pictures.

    Pictures are [H, W, 3], [H, W, 1] or [H, W] arrays: uint8, uint16, or float in [0, 1]
    (what a network overshoots is clipped). A grey picture beside a coloured one counts as
    three equal channels.

    Attributes:
        name: what users call it.
        description: one line for people.
        colour: ``'rgb'``, or ``'y'`` for MATLAB's BT.601 luma.
        crop: side of the square in the picture's centre that counts; None for all of it.
            Of a picture with fewer rows (columns) only the last ones count, those that
            Python's slice from the negative start holds, as in the reference evaluation.
        border: pixels left out on every side, after the crop.
        block: the picture is scored in squares of this side, whose scores are averaged;
            None for the picture as one.
        volume_ssim: MATLAB's SSIM of an RGB volume instead of one SSIM per channel (see
            :func:`ppgan_mpr.metrics.ssim`).
        quantize: round floats to integers first, as storing the picture does.
        round_luma: round the luma of integer pictures, as MATLAB does.
        published: scores that were measured this way.
        source: where the way is described.
    """

    name: str
    description: str
    colour: str = "rgb"
    crop: int | None = None
    border: int = 0
    block: int | None = None
    volume_ssim: bool = False
    quantize: bool = True
    round_luma: bool = True
    published: tuple[PublishedScore, ...] = ()
    source: str = ""

    def score(self, restored: np.ndarray, target: np.ndarray) -> dict[str, float]:
        """PSNR in dB (``inf`` for identical pictures) and SSIM of one picture.

        Returns:
            ``{'psnr': …, 'ssim': …}``

        Raises:
            ImageError: the pictures differ in size, have a type or values that no picture
                has, or are too small for the protocol.
        """
        pieces = list(self._pieces(restored, target))
        return {"psnr": self._mean_psnr(pieces), "ssim": self._mean_ssim(pieces)}

    def psnr(self, restored: np.ndarray, target: np.ndarray) -> float:
        """The PSNR of :meth:`score` alone."""
        return self._mean_psnr(self._pieces(restored, target))

    def ssim(self, restored: np.ndarray, target: np.ndarray) -> float:
        """The SSIM of :meth:`score` alone."""
        return self._mean_ssim(self._pieces(restored, target))

    def check(self, height: int, width: int) -> None:
        """Say whether pictures of this size can be scored at all.

        Raises:
            ImageError: they cannot.
        """
        if self.block and (height % self.block or width % self.block):
            raise ImageError(
                f"a picture of {width}x{height} pixels does not divide into the blocks of "
                f"{self.block}x{self.block} that the protocol '{self.name}' scores"
            )
        counted = [len(range(side)[self._counted(side)]) for side in (width, height)]
        smallest = 1 if self.volume_ssim else 11  # the window of SSIM
        if min(counted) < smallest:
            raise ImageError(
                f"a picture of {width}x{height} pixels is too small for the protocol "
                f"'{self.name}', which would score {counted[0]}x{counted[1]} of them"
            )

    def cropped(self, size: int) -> Protocol:
        """This protocol for pictures of which only the centre of that size was restored.

        Returns:
            A protocol whose name says so: one of :data:`PROTOCOLS` if it measures the same.

        Raises:
            UsageError: it is a named protocol, which says itself what of a picture counts.
        """
        if self.crop == size:
            return self
        if self.crop or self.name in PROTOCOLS:
            raise UsageError(
                f"the data set crops its pictures to {size}x{size} pixels, which the protocol "
                f"'{self.name}' does not: leave out img_options.patch_size, or give crop_border "
                "and test_y_channel instead of a protocol"
            )
        cropped = replace(
            self,
            crop=size,
            name=f"crop{size}-{self.name}",
            description=self.description.replace("full frame", f"{size}x{size} centre crop"),
        )
        known = (p for p in PROTOCOLS.values() if p._measure() == cropped._measure())
        return next(known, cropped)

    def _measure(self) -> tuple:
        luma = self.round_luma if self.colour == "y" else None
        part = (self.crop, self.border, self.block)
        return (self.colour, *part, self.volume_ssim, self.quantize, luma)

    def _mean_psnr(self, pieces) -> float:
        return mean_psnr(psnr(*piece) for piece in pieces)

    def _mean_ssim(self, pieces) -> float:
        return float(np.mean([ssim(*piece, self.volume_ssim) for piece in pieces]))

    def _pieces(self, restored, target) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """What is compared: (restored, target, data_range) of each block."""
        restored, target = _as_hwc(restored), _as_hwc(target)
        height, width = target.shape[:2]
        if restored.shape[:2] != (height, width):
            raise ImageError(
                f"the restored picture has {restored.shape[1]}x{restored.shape[0]} pixels, "
                f"its target {width}x{height}"
            )
        restored, target = np.broadcast_arrays(restored, target)  # grey beside colour
        self.check(height, width)
        rows, columns = self._counted(height), self._counted(width)
        restored, target, data_range = _to_one_range(
            restored[rows, columns], target[rows, columns], self.quantize
        )
        if self.colour == "y":
            if not self.round_luma and data_range != 1:
                unit = np.float32(data_range)
                restored, target, data_range = restored / unit, target / unit, 1.0
            restored, target = rgb_to_luma(restored), rgb_to_luma(target)
        step = self.block or max(target.shape)
        for top in range(0, target.shape[0], step):
            for left in range(0, target.shape[1], step):
                block = np.s_[top : top + step, left : left + step]
                yield restored[block], target[block], data_range

    def _counted(self, side: int) -> slice:
        """The rows (or columns) of a picture with ``side`` of them that count."""
        start, stop = 0, side
        if self.crop:
            offset = (side - self.crop) // 2  # negative in a small picture, see the class
            start, stop, _ = slice(offset, offset + self.crop).indices(side)
        return slice(start + self.border, max(stop - self.border, start + self.border))


def _as_hwc(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.size == 0:
        raise ImageError(
            f"a picture is an array [H, W, 3], [H, W, 1] or [H, W], not one of shape "
            f"{picture.shape}"
        )
    if picture.dtype not in (np.uint8, np.uint16) and picture.dtype.kind != "f":
        raise ImageError(f"a picture holds uint8, uint16 or floats in [0, 1], not {picture.dtype}")
    if np.isnan(picture.min()):
        raise ImageError("a picture that holds NaN cannot be scored")
    return picture


def _to_one_range(restored, target, quantize: bool):
    """Both pictures in one type, and the width of its range."""
    if target.dtype.kind == "f" and not (target.min() >= 0 and target.max() <= 1):
        raise ImageError(
            f"a float picture lies in [0, 1], but this target reaches from {target.min():g} "
            f"to {target.max():g}: divide it by its range, or pass integers"
        )
    if quantize:
        kinds = [p.dtype for p in (target, restored) if p.dtype.kind == "u"] or [np.uint8]
        restored, target = (_quantize(p, np.dtype(kinds[0])) for p in (restored, target))
    if restored.dtype == target.dtype and target.dtype.kind == "u":
        return restored, target, float(np.iinfo(target.dtype).max)
    return _to_unit(restored), _to_unit(target), 1.0


def _quantize(picture, dtype):
    if picture.dtype.kind == "u":
        return picture
    return np.rint(np.clip(picture, 0, 1) * np.float32(np.iinfo(dtype).max)).astype(dtype)


def _to_unit(picture):
    if picture.dtype.kind == "u":
        return picture / np.float32(np.iinfo(picture.dtype).max)
    return np.clip(picture, 0, 1).astype(np.float32)


_MPRNET = "MPRNet, arXiv 2102.02808"
_TLC = "TLC, arXiv 2112.04491"
_PADDLEGAN = "PaddleGAN, docs/en_US/tutorials/mpr_net.md"

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="gopro",
            description="full frame, RGB, 3-D SSIM (MATLAB's psnr and ssim of 8-bit files)",
            volume_ssim=True,
            published=(
                PublishedScore("MPRNet", "GoPro", 32.66, 0.959, _MPRNET),
                PublishedScore("MPRNet", "HIDE", 30.96, 0.939, _MPRNET),
                PublishedScore("MPRNet-Local", "GoPro", 33.31, 0.964, _TLC),
                PublishedScore("MPRNet-Local", "HIDE", 31.19, 0.942, _TLC),
            ),
            source="swz30/MPRNet: Deblurring/evaluate_GOPRO_HIDE.m",
        ),
        Protocol(
            name="sidd",
            description="256x256 blocks, RGB, 3-D SSIM, restored picture not rounded to 8 bits",
            block=256,
            volume_ssim=True,
            quantize=False,
            published=(
                PublishedScore("MPRNet", "SIDD validation", 39.71, 0.958, _MPRNET),
                PublishedScore("MIRNet", "SIDD validation", 39.72, 0.959, "arXiv 2003.06792"),
            ),
            source="swz30/MPRNet: Denoising/evaluate_SIDD.m",
        ),
        Protocol(
            name="rain-y",
            description="full frame, MATLAB's 8-bit luma, SSIM of Wang et al.",
            colour="y",
            published=(
                PublishedScore("MPRNet", "Test100", 30.27, 0.897, _MPRNET),
                PublishedScore("MPRNet", "Rain100H", 30.41, 0.890, _MPRNET),
                PublishedScore("MPRNet", "Rain100L", 36.40, 0.965, _MPRNET),
                PublishedScore("MPRNet", "Test2800", 33.64, 0.938, _MPRNET),
                PublishedScore("MPRNet", "Test1200", 32.91, 0.916, _MPRNET),
            ),
            source="swz30/MPRNet: Deraining/evaluate_PSNR_SSIM.m",
        ),
        Protocol(
            name="ppgan-crop256",
            description="256x256 centre crop less 4 pixels of border, RGB, SSIM per channel",
            crop=256,
            border=4,
            published=(PublishedScore("MPRNet", "GoPro", 33.4360, 0.9410, _PADDLEGAN),),
            source="PaddleGAN: configs/mprnet_deblurring.yaml",
        ),
        Protocol(
            name="ppgan-crop256-y",
            description="256x256 crop less 4 pixels of border, luma without rounding",
            colour="y",
            crop=256,
            border=4,
            round_luma=False,
            published=(
                PublishedScore("MPRNet", "SIDD", 43.6100, 0.9586, _PADDLEGAN),
                PublishedScore("MPRNet", "Rain100L", 36.2848, 0.9651, _PADDLEGAN),
            ),
            source="PaddleGAN: configs/mprnet_denoising.yaml, configs/mprnet_deraining.yaml",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """The protocol of that name, one of :data:`PROTOCOLS`.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    try:
        return PROTOCOLS[name]
    except KeyError:
        nearest = difflib.get_close_matches(name, PROTOCOLS, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"use one of {', '.join(PROTOCOLS)}"
        raise UsageError(f"there is no protocol '{name}': {hint}") from None
