"""Data sets of degraded and clean photos, with PaddleGAN's class names.

Folders contain ``input/`` and ``target/`` with pictures of the same names. A sample is
``(target, input, name)``: two float32 [3, H, W] RGB pictures in [0, 1], and the file name without
extension.

Two options of ``img_options`` describe the input. ``scale`` (super-resolution): the target is this
many times as high and wide as the input, which is enlarged by bicubic interpolation.
``dual_pixel``: the input is the left and the right view of a dual-pixel camera, in ``inputL/`` and
``inputR/``, and a sample's input is [6, H, W], the left view first.

The classes are map-style data sets for ``paddle.io.DataLoader``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_whole_number, did_you_mean
from ..errors import UsageError
from ..imaging.enlarge import enlarge, source_range
from ..imaging.header import Header
from .augment import FLIPS, MIRRORED, adjust_saturation, dihedral, pad_reflect
from .cache import DecodedCache
from .pairs import Pair, find_inputs, find_pairs, is_folder
from .reader import changed_size, read_picture, read_region, to_planes
from .sampler import sample_rng

logger = logging.getLogger(__name__)

# MPRNet's deblurring recipe changes the saturation of one pair in three.
_SATURATION_SHARE = 1 / 3

# (target, input, name), or (input, name) without a target
Sample = tuple[Any, ...]
Options = Mapping[str, Any]

_LARGEST = 1 << 16  # larger than any useful scale
_DEGRADATION = {"scale": 1, "dual_pixel": False}


class MPRTrain:
    """A training data set of random patches, which are turned and mirrored at random.

    A PNG is decoded only up to the lower right corner of the patch. With indices from
    :class:`~ppgan_mpr.datasets.ResumableBatchSampler`, a sample depends only on seed, epoch and
    index.

    Args:
        rgb_dir: folder with ``input/`` and ``target/``.
        img_options: ``patch_size``, side of the patches in pixels (smaller photos are padded by
            reflection). Optional:

            - ``rotate``: turn and mirror in all eight ways with equal probability (default); False
              only mirrors, horizontally and vertically.
            - ``mirror``: False never mirrors, so that patches are only turned, or left unchanged
              with ``rotate: false``.
            - ``saturation``: change the saturation of one pair in three by a factor of up to this
              much above or below 1 (MPRNet deblurring: 0.2; default 0, no change).
            - ``cache_gb``: GB of memory for decoded photos, shared by all processes of the machine
              (default 0, no cache).
            - ``cache_dir``: folder of the cache (default: memory), see
              :class:`~ppgan_mpr.datasets.cache.DecodedCache`.
            - ``scale`` and ``dual_pixel``: see the top of this module. Dual-pixel views are only
              mirrored: their disparity is horizontal, and when a scene is mirrored, the views
              change places.

    Raises:
        UsageError: an option is wrong, or files do not pair; one message counts all such files.
    """

    def __init__(self, rgb_dir: str | Path, img_options: Options | None = None):
        defaults = {"patch_size": None, "rotate": True, "saturation": 0.0, "cache_gb": 0.0}
        defaults |= {"mirror": True, "cache_dir": None}
        options = _options(img_options, {**defaults, **_DEGRADATION}, "MPRTrain")
        self.patch_size = _patch_size(options["patch_size"], "MPRTrain")
        self.saturation = _number(options, "saturation", upper=1.0)
        self.scale, self.dual_pixel, self.pairs = _degraded_pairs(rgb_dir, options)
        rotate = _flag(options, "rotate") and not self.dual_pixel
        if _flag(options, "mirror"):
            self.turns: Sequence[int] = range(8) if rotate else FLIPS
        else:
            self.turns = range(4) if rotate else (0,)
        self._cache: DecodedCache | None = None
        cache_gb = _number(options, "cache_gb")
        if cache_gb:
            # Ordered by pair, each target after its inputs.
            pictures = [file for pair in self.pairs for file in pair.files]
            self._cache = DecodedCache(pictures, int(cache_gb * 1e9), options["cache_dir"])
            logger.info(
                "%s: the cache of %g GB holds %d of %d pairs",
                rgb_dir,
                cache_gb,
                len(self._cache) * len(self.pairs) // len(pictures),
                len(self.pairs),
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Target [3, P, P] and input [3 or 6, P, P], float32 in [0, 1], and the name."""
        rng = sample_rng(index)
        size = getattr(index, "patch_size", None) or self.patch_size
        pair = self.pairs[index]
        files = pair.files
        height, width = files[-1][1][:2]  # the target's
        top = int(rng.integers(max(0, height - size) + 1))
        left = int(rng.integers(max(0, width - size) + 1))
        turn = self.turns[int(rng.integers(len(self.turns)))]
        place = (top, left, min(size, height), min(size, width))
        patches = []
        for which, (path, header) in enumerate(files):
            number = int(index) * len(files) + which
            if path == pair.target or self.scale == 1:
                patch = self._read(number, path, header, *place)
            else:
                patch = self._read_enlarged(number, path, header, *place)
            patches.append(to_planes(dihedral(pad_reflect(patch, size, size), turn)))
        if self.saturation and rng.random() < _SATURATION_SHARE:
            factor = 1 + self.saturation * rng.uniform(-1, 1)
            patches = [adjust_saturation(patch, factor) for patch in patches]
        *degraded, target = patches
        if self.dual_pixel and turn in MIRRORED:
            degraded.reverse()
        return target, _joined(degraded), pair.name

    def _read(
        self, number: int, path: Path, header: Header, top: int, left: int, height: int, width: int
    ) -> np.ndarray:
        """A rectangle of a photo, [height, width, 3]."""
        if self._cache is None or number >= len(self._cache):
            return read_region(path, header, top, left, height, width)
        photo = self._cache.get(number)
        if photo is None:
            photo = read_picture(path)
            if photo.shape[:2] != header[:2]:
                raise changed_size(path)
            self._cache.put(number, photo)
        return photo[top : top + height, left : left + width]

    def _read_enlarged(
        self, number: int, path: Path, header: Header, top: int, left: int, height: int, width: int
    ) -> np.ndarray:
        """A rectangle of the enlarged photo; only this rectangle is computed."""
        first, last = source_range(top, height, self.scale, header.height)
        start, stop = source_range(left, width, self.scale, header.width)
        region = self._read(number, path, header, first, start, last - first, stop - start)
        upper, lower = (side / self.scale - first for side in (top, top + height))
        near, far = (side / self.scale - start for side in (left, left + width))
        return enlarge(region, height, width, (near, upper, far, lower))


class _Scored:
    """Base of the data sets for scoring, which know the sizes of pictures without decoding."""

    pairs: list[Pair]
    patch_size: int | None

    def __len__(self) -> int:
        return len(self.pairs)

    def headers(self) -> list[tuple[str, Header | None]]:
        """The name of every pair and the header of its target after cropping."""
        return [(pair.name, self._header(pair.target_header)) for pair in self.pairs]

    def _header(self, header: Header | None) -> Header | None:
        if header is None or self.patch_size is None:
            return header
        height, width = (min(side, self.patch_size) for side in header[:2])
        return Header(height, width, header.itemsize)


class MPRVal(_Scored):
    """A validation data set of whole photos, or of their centres, with targets.

    Args:
        rgb_dir: folder with ``input/`` and ``target/``.
        img_options: ``patch_size``, side of the centre crop in pixels, or None (the default) for
            whole photos (a crop is never larger than the photo); ``scale`` and ``dual_pixel``,
            see the top of this module.
        rgb_dir2: not used; PaddleGAN's class has it.

    Raises:
        UsageError: an option is wrong, or files do not pair; one message counts all such files.
    """

    def __init__(
        self,
        rgb_dir: str | Path,
        img_options: Options | None = None,
        rgb_dir2: str | None = None,
    ):
        options = _options(img_options, {"patch_size": None, **_DEGRADATION}, "MPRVal")
        self.patch_size = _crop_size(options, "MPRVal")
        self.scale, _, self.pairs = _degraded_pairs(rgb_dir, options)

    def __getitem__(self, index: int) -> Sample:
        """Target [3, H, W] and input [3 or 6, H, W], float32 in [0, 1], and the name."""
        pair = self.pairs[index]
        *pictures, target = (read_picture(path) for path, _ in pair.files)
        if self.scale > 1:
            pictures = [enlarge(pixels, *target.shape[:2]) for pixels in pictures]
        degraded = [to_planes(_centre(pixels, self.patch_size)) for pixels in pictures]
        return to_planes(_centre(target, self.patch_size)), _joined(degraded), pair.name


class MPRTest(_Scored):
    """A test data set of whole photos, with targets if there are any.

    Args:
        inp_dir: folder of pictures, folder with ``input/`` and optionally ``target/``, or packed
            data set.
        img_options: ``patch_size`` as for :class:`MPRVal`.

    Raises:
        UsageError: an option is wrong, or files do not pair; one message counts all such files.
    """

    def __init__(self, inp_dir: str | Path, img_options: Options | None = None):
        options = _options(img_options, {"patch_size": None}, "MPRTest")
        self.patch_size = _crop_size(options, "MPRTest")
        folder = Path(inp_dir)
        if is_folder(folder / "target"):
            self.pairs = find_pairs(folder)
        else:
            inner = folder / "input"
            self.pairs = find_inputs(inner if inner.is_dir() else folder)

    def __getitem__(self, index: int) -> Sample:
        """(target, input, name), or (input, name) without targets; see :class:`MPRVal`."""
        pair = self.pairs[index]
        pictures = [
            to_planes(_centre(read_picture(path), self.patch_size))
            for path, _ in reversed(pair.files)
        ]
        return (*pictures, pair.name)


def _degraded_pairs(folder: str | Path, options: Options) -> tuple[int, bool, list[Pair]]:
    """Check ``scale`` and ``dual_pixel``, and find the pairs that they describe."""
    scale, dual_pixel = options["scale"], _flag(options, "dual_pixel")
    check_whole_number("img_options.scale", scale, 1, _LARGEST)
    inputs = ("inputL", "inputR") if dual_pixel else ("input",)
    return scale, dual_pixel, find_pairs(folder, inputs, scale)


def _joined(planes: list[np.ndarray]) -> np.ndarray:
    return planes[0] if len(planes) == 1 else np.concatenate(planes)


def _centre(pixels: np.ndarray, size: int | None) -> np.ndarray:
    if size is None:
        return pixels
    height, width = min(size, pixels.shape[0]), min(size, pixels.shape[1])
    # An odd margin is split as in the centre crops of the scoring protocols.
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _options(given: Options | None, defaults: Options, name: str) -> dict[str, Any]:
    given = dict(given or {})
    for key in given:
        if key not in defaults:
            hint = did_you_mean(str(key), defaults)
            raise UsageError(f"img_options of {name} has no {key}: {hint}")
    return {**defaults, **given}


def _crop_size(options: Options, name: str) -> int | None:
    size = options["patch_size"]
    return None if size is None else _patch_size(size, name)


def _patch_size(size: object, name: str) -> int:
    if not isinstance(size, int) or size < 8 or size % 8:
        raise UsageError(
            f"img_options.patch_size of {name} is {size!r}: give a multiple of 8, such as 256"
        )
    return size


def _number(options: Options, key: str, upper: float = float("inf")) -> float:
    value = options[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= upper:
        allowed = f"from 0 to {upper:g}" if math.isfinite(upper) else "of at least 0"
        raise UsageError(f"img_options.{key} is {value!r}: give a number {allowed}")
    return float(value)


def _flag(options: Options, key: str) -> bool:
    if not isinstance(options[key], bool):
        raise UsageError(f"img_options.{key} is {options[key]!r}: give true or false")
    return bool(options[key])
