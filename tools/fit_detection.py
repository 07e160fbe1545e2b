"""Fit the classifier of ``ppgan_mpr.detection`` on degradations of clean pictures.

Needs scikit-learn, which the package itself does not. See ``docs/detection.md`` for the pictures
that the embedded classifier was fitted on.

    python tools/fit_detection.py FOLDER_OF_CLEAN_PICTURES --samples 6000
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from degradations import KINDS, VISIBLE

from ppgan_mpr.detection.crops import crops_of, overview_of
from ppgan_mpr.detection.features import measure
from ppgan_mpr.imaging import from_array

SIZES = (((256, 256), 0.5), ((321, 481), 0.22), ((400, 600), 0.2), ((720, 1280), 0.08))
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif")


@lru_cache(maxsize=12)
def read(path: str) -> np.ndarray:
    """A picture as [h, w, 3] uint8, RGB."""
    return np.ascontiguousarray(cv2.imread(path)[..., ::-1])


def clean_crop(random: np.random.Generator, path: str) -> np.ndarray:
    """A random part of a picture at a random resolution, [h, w, 3] float32 in [0, 1]."""
    picture = read(path)
    sizes, shares = zip(*SIZES)
    height, width = sizes[random.choice(len(sizes), p=shares)]
    if random.random() < 0.15:
        height, width = width, height
    largest = min(picture.shape[0] / height, picture.shape[1] / width)
    if largest < 1:
        height, width = int(height * largest), int(width * largest)
        largest = 1.0
    factor = np.exp(random.uniform(0, np.log(min(largest, 5))))
    h, w = int(height * factor), int(width * factor)
    y, x = random.integers(picture.shape[0] - h + 1), random.integers(picture.shape[1] - w + 1)
    part = picture[y : y + h, x : x + w]
    part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    if random.random() < 0.5:
        part = part[:, ::-1]
    if random.random() < 0.06:
        part = np.repeat(part.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    return np.ascontiguousarray(part, dtype=np.float32) / 255


def sample(number: int, paths: list[str], seed: int) -> tuple[str, int, np.ndarray]:
    """The kind, the picture's number and the measurements of one degraded crop."""
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, number])
    kinds = list(KINDS)
    kind = kinds[random.choice(len(kinds), p=[0.32, 0.17, 0.2, 0.19, 0.12])]
    while True:
        # The same picture for a run of samples: it is decoded once.
        picture = (number // 40 * 7 + int(random.integers(3))) % len(paths)
        clean = clean_crop(random, paths[picture])
        degraded = KINDS[kind](random, clean)
        if (degraded / 255 - clean).std() >= VISIBLE[kind]:
            break
    photo = from_array(degraded)
    values = measure(crops_of(photo), overview_of(photo))
    return kind, picture, np.array(list(values.values()), np.float32)


def main() -> None:
    """Generate, measure, fit, print the confusion on pictures that were left out, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", help="folders of clean pictures")
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--measured", required=True, help="file for the measurements (.npz)")
    options = parser.parse_args()
    files = (file for folder in options.pictures for file in Path(folder).rglob("*"))
    paths = sorted(str(file) for file in files if file.suffix.lower() in SUFFIXES)
    numbers = range(options.first, options.first + options.samples)
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(sample, paths=paths, seed=options.seed)
        kinds, pictures, values = zip(*pool.map(work, numbers, chunksize=40))
    np.savez_compressed(options.measured, kinds=kinds, pictures=pictures, values=np.stack(values))


if __name__ == "__main__":
    main()
