"""SIDD: training patches from SIDD-Medium's sRGB scenes, and the validation blocks.

The scenes are ``SIDD_Medium_Srgb/Data/SCENE/NNNN_{NOISY,GT}_SRGB_{010,011}.PNG``: 160 scene
folders with two noisy photos and their targets each. MPRNet cuts 300 random patches of 256x256
from each of the 320 photos before training. Later work cuts the whole photos, which the data set
``sidd-photos`` has, into overlapping sub-pictures. The validation set is 40 x 32 blocks of 256x256
in ``ValidationNoisyBlocksSrgb.mat`` and ``ValidationGtBlocksSrgb.mat``.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from ...errors import ImageError, MissingDependencyError
from ...imaging.header import read_header
from ..reader import read_picture
from .folders import folders_below
from .plan import Pair, Plan, Task, Writer

PATCHES, PATCH_SIZE = 300, 256
PHOTOS, SCENES, BLOCKS = 320, 40, 32
EXPECTED = {"train": PHOTOS * PATCHES, "val": SCENES * BLOCKS}
EXPECTED_WHOLE = {"photos": PHOTOS, "val": SCENES * BLOCKS}

_NOISY = re.compile(r"(?:(\d{4})_)?NOISY_SRGB_(\d{3})\.png", re.IGNORECASE)
_MATLAB = ("ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb")


def plan(source: Path, destination: Path) -> Plan:
    """Find the scenes and the two .mat files anywhere below ``source``, for random patches."""
    return _plan(source, destination, EXPECTED, "train", _patches)


def plan_photos(source: Path, destination: Path) -> Plan:
    """Like :func:`plan`, but whole photos go to ``photos/``, to be cut into sub-pictures."""
    return _plan(source, destination, EXPECTED_WHOLE, "photos", _whole)


def _plan(
    source: Path,
    destination: Path,
    expected: Mapping[str, int],
    split: str,
    task: Callable[[Path, Path, str], Task],
) -> Plan:
    tasks, notes, matlab, photos = [], [], {}, set()
    for folder in folders_below(source, destination):
        files = {path.name.lower(): path for path in sorted(folder.iterdir())}
        for key in _MATLAB:
            if f"{key}.mat".lower() in files:
                matlab[key] = files[f"{key}.mat".lower()]
        for name, noisy in files.items():
            found = _NOISY.fullmatch(noisy.name)
            if not found:
                continue
            clean = files.get(name.replace("noisy", "gt"))
            if clean is None:
                notes.append(f"{noisy} has no ground truth and is left out")
                continue
            photo = f"{found[1] or folder.name[:4]}_{found[2]}"
            if photo in photos:
                notes.append(f"{noisy} is left out: the photo occurs twice")
                continue
            photos.add(photo)
            tasks.append(task(noisy, clean, photo))
    if len(photos) != PHOTOS:
        notes.append(
            f"{split}: {len(photos)} of {PHOTOS} photos with ground truth in scene folders"
        )
    missing = [f"{key}.mat" for key in _MATLAB if key not in matlab]
    if missing:
        notes.append(f"val: {' and '.join(missing)} missing")
    else:
        tasks += _blocks(*(matlab[key] for key in _MATLAB))
    return Plan(expected, tasks, notes)


def _whole(noisy: Path, clean: Path, photo_name: str) -> Task:
    def run(writer: Writer, pairs: tuple[Pair, ...]) -> None:
        for path, place in zip((noisy, clean), writer.paths(pairs[0])):
            writer.place(path, place)

    return Task((Pair("photos", f"{photo_name}.png", f"{photo_name}.png"),), run)


def _patches(noisy: Path, clean: Path, photo_name: str) -> Task:
    names = [f"{photo_name}_{number:03d}.png" for number in range(1, PATCHES + 1)]
    pairs = tuple(Pair("train", name, name) for name in names)

    def run(writer: Writer, wanted: tuple[Pair, ...]) -> None:
        header = read_header(noisy)
        if header[:2] != read_header(clean)[:2]:
            raise ImageError(f"{noisy} and {clean} differ in size: download them again")
        # The places depend only on the name, so a continued run cuts the same patches.
        rng = np.random.default_rng(zlib.crc32(photo_name.encode()))
        tops = rng.integers(header.height - PATCH_SIZE + 1, size=PATCHES)
        lefts = rng.integers(header.width - PATCH_SIZE + 1, size=PATCHES)
        places = dict(zip(pairs, zip(tops, lefts)))
        for which, path in enumerate((noisy, clean)):
            photo = read_picture(path)
            for pair in wanted:
                top, left = places[pair]
                patch = photo[top : top + PATCH_SIZE, left : left + PATCH_SIZE]
                writer.save(patch, writer.paths(pair)[which])

    return Task(pairs, run)


def _blocks(noisy: Path, clean: Path) -> list[Task]:
    def task(scene: int) -> Task:
        names = [f"{scene + 1:04d}_{block + 1:02d}.png" for block in range(BLOCKS)]
        pairs = tuple(Pair("val", name, name) for name in names)

        def run(writer: Writer, wanted: tuple[Pair, ...]) -> None:
            for which, blocks in enumerate((_load(noisy), _load(clean))):
                for pair in wanted:
                    writer.save(blocks[scene, pairs.index(pair)], writer.paths(pair)[which])

        return Task(pairs, run)

    return [task(scene) for scene in range(SCENES)]


_loading = Lock()


def _load(path: Path) -> np.ndarray:
    with _loading:  # one thread reads, the others wait for its result
        return _load_once(path)


@lru_cache(maxsize=2)
def _load_once(path: Path) -> np.ndarray:
    """Read the blocks [40, 32, 256, 256, 3] uint8 of a validation file."""
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise MissingDependencyError(
            "SIDD's validation blocks need SciPy, which is not installed: run  pip install scipy"
        ) from None
    blocks = loadmat(str(path)).get(path.stem)
    shape = (SCENES, BLOCKS, PATCH_SIZE, PATCH_SIZE, 3)
    if blocks is None or blocks.shape != shape or blocks.dtype != np.uint8:
        raise ImageError(f"{path} does not contain {SCENES} x {BLOCKS} blocks: download it again")
    return blocks
