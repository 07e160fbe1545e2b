"""Pairs of degraded and clean photos, under PaddleGAN's names.

Folders hold ``input/`` and ``target/`` with pictures of the same names. A sample is
``(target, input, name)``: float32 [3, H, W] RGB in [0, 1], and the file name without extension.
The classes are map-style data sets as ``paddle.io.DataLoader`` takes them.
"""

from __future__ import annotations

import difflib
import logging
from pathlib import Path

import numpy as np

from ..errors import ImageError, UsageError
from .augment import adjust_saturation, dihedral, pad_reflect
from .cache import DecodedCache
from .pairs import Pair, find_inputs, find_pairs
from .reader import read_picture, read_region, to_float
from .sampler import sample_rng

logger = logging.getLogger(__name__)

# MPRNet's deblurring recipe changes the saturation of one pair in three.
_SATURATION_SHARE = 1 / 3

Sample = tuple


class MPRTrain:
    """Random patches, turned and mirrored in all eight ways with equal chance.

    The patch is chosen first and only that much is decoded; all changes are made to the patch.
    With indices from :class:`~ppgan_mpr.datasets.ResumableBatchSampler`, a sample is a pure
    function of seed, epoch and index.

    Args:
        rgb_dir: folder with ``input/`` and ``target/``.
        img_options: ``patch_size``, side of the patches in pixels (smaller photos are enlarged
            by reflection). Optional: ``saturation``, change one pair in three by a factor up to
            this much above or below 1 (MPRNet deblurring: 0.2; default 0, none); ``cache_gb``,
            memory for decoded photos in GB (default 0, none), see
            :class:`~ppgan_mpr.datasets.cache.DecodedCache`.

    Raises:
        UsageError: an option is wrong, or (all at once) what is wrong with the folders.
    """

    def __init__(self, rgb_dir: str | Path, img_options: dict | None = None):
        options = _options(
            img_options, {"patch_size": None, "saturation": 0.0, "cache_gb": 0.0}, "MPRTrain"
        )
        self.patch_size = _patch_size(options["patch_size"], "MPRTrain")
        self.saturation = _number(options, "saturation", upper=1.0)
        self.pairs = find_pairs(rgb_dir)
        self._cache = None
        cache_gb = _number(options, "cache_gb")
        if cache_gb:
            # Both pictures of a pair stand side by side: number 2i and 2i + 1.
            headers = [pair.header for pair in self.pairs for _ in range(2)]
            self._cache = DecodedCache(headers, int(cache_gb * 1e9))
            logger.info(
                "%s: the cache of %g GB holds %d of %d pairs",
                *(rgb_dir, cache_gb, len(self._cache) // 2, len(self.pairs)),
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """A pair of patches: target and input float32 [3, P, P] in [0, 1], and the name."""
        rng = sample_rng(index)
        size = getattr(index, "patch_size", None) or self.patch_size
        pair = self.pairs[index]
        top = int(rng.integers(max(0, pair.header.height - size) + 1))
        left = int(rng.integers(max(0, pair.header.width - size) + 1))
        turn = int(rng.integers(8))
        patches = []
        for which, path in enumerate((pair.input, pair.target)):
            patch = self._read(2 * int(index) + which, path, pair, top, left, size)
            patch = dihedral(pad_reflect(patch, size, size), turn)
            patches.append(to_float(patch))
        if self.saturation and rng.random() < _SATURATION_SHARE:
            factor = 1 + self.saturation * rng.uniform(-1, 1)
            patches = [adjust_saturation(patch, factor) for patch in patches]
        degraded, target = patches
        return target, degraded, pair.name

    def _read(
        self, number: int, path: Path, pair: Pair, top: int, left: int, size: int
    ) -> np.ndarray:
        """The part of a photo inside the square at (top, left)."""
        height = min(size, pair.header.height)
        width = min(size, pair.header.width)
        if self._cache is None or number >= len(self._cache):
            return read_region(path, pair.header, top, left, height, width)
        photo = self._cache.get(number)
        if photo is None:
            photo = read_picture(path)
            if photo.shape[:2] != pair.header[:2]:
                raise ImageError(f"{path} has changed its size since training began: start again")
            self._cache.put(number, photo)
        return photo[top : top + height, left : left + width]


class MPRVal:
    """Whole photos with their targets, or their centres.

    Args:
        rgb_dir: folder with ``input/`` and ``target/``.
        img_options: ``patch_size``, side of the centre crop in pixels, or None (the default) for
            whole photos. A crop is never larger than the photo.
        rgb_dir2: not used; PaddleGAN's class has it.

    Raises:
        UsageError: an option is wrong, or (all at once) what is wrong with the folders.
    """

    def __init__(
        self,
        rgb_dir: str | Path,
        img_options: dict | None = None,
        rgb_dir2: str | None = None,
    ):
        self.patch_size = _crop_option(img_options, "MPRVal")
        self.pairs = find_pairs(rgb_dir)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Target and input float32 [3, H, W] in [0, 1], and the name."""
        pair = self.pairs[index]
        degraded, target = (
            to_float(_centre(read_picture(path), self.patch_size))
            for path in (pair.input, pair.target)
        )
        return target, degraded, pair.name


class MPRTest:
    """Whole photos, with their targets where there are any.

    Args:
        inp_dir: folder of pictures; or one with ``input/``, and perhaps ``target/``, inside.
        img_options: as for :class:`MPRVal`.

    Raises:
        UsageError: an option is wrong, or (all at once) what is wrong with the folders.
    """

    def __init__(self, inp_dir: str | Path, img_options: dict | None = None):
        self.patch_size = _crop_option(img_options, "MPRTest")
        folder = Path(inp_dir)
        if (folder / "target").is_dir():
            self.pairs = find_pairs(folder)
        else:
            inner = folder / "input"
            self.pairs = find_inputs(inner if inner.is_dir() else folder)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """(target, input, name), or (input, name) without targets; as :class:`MPRVal`."""
        pair = self.pairs[index]
        paths = [pair.target, pair.input] if pair.target else [pair.input]
        pictures = [to_float(_centre(read_picture(path), self.patch_size)) for path in paths]
        return (*pictures, pair.name)


def _centre(pixels: np.ndarray, size: int | None) -> np.ndarray:
    if size is None:
        return pixels
    height, width = min(size, pixels.shape[0]), min(size, pixels.shape[1])
    # Rounded as paddle.vision does, on whose crops PaddleGAN's scores were measured.
    top = round((pixels.shape[0] - height) / 2)
    left = round((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def _options(given: dict | None, defaults: dict, name: str) -> dict:
    given = dict(given or {})
    for key in given:
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, 1)
            hint = f"did you mean {near[0]}" if near else f"it knows {', '.join(defaults)}"
            raise UsageError(f"img_options of {name} has no {key}: {hint}?")
    return {**defaults, **given}


def _crop_option(img_options: dict | None, name: str) -> int | None:
    size = _options(img_options, {"patch_size": None}, name)["patch_size"]
    return None if size is None else _patch_size(size, name)


def _patch_size(size: object, name: str) -> int:
    if not isinstance(size, int) or size < 8 or size % 8:
        raise UsageError(
            f"img_options.patch_size of {name} is {size!r}: give a multiple of 8, such as 256"
        )
    return size


def _number(options: dict, key: str, upper: float = float("inf")) -> float:
    value = options[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= upper:
        raise UsageError(f"img_options.{key} is {value!r}: give a number from 0 to {upper:g}")
    return float(value)
