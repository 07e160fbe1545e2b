"""Fit the classifier of ``ppgan_mpr.detection`` on degradations of clean pictures.

Needs scikit-learn, which the package itself does not. See ``docs/detection.md`` for the pictures
that the embedded classifier was fitted on.

    python tools/fit_detection.py generate CLEAN_PICTURES --output measured.npz
    python tools/fit_detection.py fit measured.npz --output ppgan_mpr/detection/classifier.npz
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
HIDDEN, MEMBERS, FARTHEST = 20, 3, 4.0
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


def generate(options: argparse.Namespace) -> None:
    """Degrade crops of clean pictures, measure them, and write the measurements."""
    files = (file for folder in options.pictures for file in Path(folder).rglob("*"))
    paths = sorted(str(file) for file in files if file.suffix.lower() in SUFFIXES)
    numbers = range(options.first, options.first + options.samples)
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(sample, paths=paths, seed=options.seed)
        kinds, pictures, values = zip(*pool.map(work, numbers, chunksize=40))
    np.savez_compressed(options.output, kinds=kinds, pictures=pictures, values=np.stack(values))


def fit(options: argparse.Namespace) -> None:
    """Fit on measurements, report on pictures that were left out, and write the classifier."""
    from sklearn.model_selection import GroupKFold

    parts = [np.load(file) for file in options.measured]
    values, names, pictures = (
        np.concatenate([part[name] for part in parts]) for name in ("values", "kinds", "pictures")
    )
    kinds = list(KINDS)
    labels = np.array([kinds.index(name) for name in names])
    scores = np.zeros([len(labels), len(kinds)])
    for known, left_out in GroupKFold(3).split(values, labels, pictures):
        scores[left_out] = apply(train(values[known], labels[known], 1), values[left_out])
    temperature = min(
        np.arange(0.5, 4, 0.05),
        key=lambda t: -np.log(softmax(scores / t)[range(len(labels)), labels] + 1e-9).mean(),
    )
    shares = softmax(scores / temperature)
    report(shares, labels, kinds)
    arrays = train(values, labels, MEMBERS)
    blank = np.zeros([96, 96, 3], np.float32)
    np.savez_compressed(
        options.output,
        **{name: array.astype(np.float32) for name, array in arrays.items()},
        temperature=np.float32(temperature),
        kinds=kinds,
        features=list(measure([blank], blank)),
    )


def train(values: np.ndarray, labels: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """An ensemble of ``count`` networks with one hidden layer, as arrays."""
    from sklearn.neural_network import MLPClassifier

    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-3
    known = ((values - mean) / deviation).clip(-FARTHEST, FARTHEST)
    members = [
        MLPClassifier((HIDDEN,), alpha=2.0, max_iter=40, random_state=number, batch_size=128)
        for number in range(count)
    ]
    random = np.random.default_rng(0)
    # Other cameras measure a little differently.
    shifted = np.concatenate([known, known + 0.15 * random.normal(size=known.shape)])
    for member in members:
        member.fit(shifted, np.concatenate([labels, labels]))
    return {
        "mean": mean,
        "deviation": deviation,
        "hidden": np.stack([member.coefs_[0] for member in members]),
        "hidden_bias": np.stack([member.intercepts_[0] for member in members]),
        "out": np.stack([member.coefs_[1] for member in members]),
        "out_bias": np.stack([member.intercepts_[1] for member in members]),
    }


def apply(arrays: dict[str, np.ndarray], values: np.ndarray) -> np.ndarray:
    """The scores [n, kinds] of measurements, as ``ppgan_mpr.detection.classifier`` has them."""
    values = ((values - arrays["mean"]) / arrays["deviation"]).clip(-FARTHEST, FARTHEST)
    hidden = np.maximum(values @ arrays["hidden"] + arrays["hidden_bias"][:, None], 0)
    return (hidden @ arrays["out"] + arrays["out_bias"][:, None]).mean(axis=0)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Shares whose sum is 1."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def report(shares: np.ndarray, labels: np.ndarray, kinds: list[str]) -> None:
    """Print the confusion, and what thresholds of the confidence would mean."""
    best, sure = shares.argmax(axis=1), shares.max(axis=1)
    print("made of      assigned to", kinds)
    for index, kind in enumerate(kinds):
        print(f"{kind:12}", np.bincount(best[labels == index], minlength=len(kinds)))
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
        touched = ((best > 0) & (sure >= threshold))[labels == 0].mean()
        right = ((best == labels) & (sure >= threshold))[labels > 0].mean()
        wrong = ((best != labels) & (best > 0) & (sure >= threshold))[labels > 0].mean()
        print(f"{threshold}: clean touched {touched:.3f}, right {right:.3f}, wrong {wrong:.3f}")


def main() -> None:
    """Generate measurements, or fit on them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    part = commands.add_parser("generate", help=generate.__doc__)
    part.set_defaults(run=generate)
    part.add_argument("pictures", nargs="+", help="folders of clean pictures")
    part.add_argument("--samples", type=int, default=6000)
    part.add_argument("--first", type=int, default=0, help="number of the first sample")
    part.add_argument("--seed", type=int, default=1)
    part.add_argument("--jobs", type=int, default=2)
    part.add_argument("--output", required=True, help="file of measurements (.npz)")
    part = commands.add_parser("fit", help=fit.__doc__)
    part.set_defaults(run=fit)
    part.add_argument("measured", nargs="+", help="files of measurements")
    part.add_argument("--output", required=True, help="the classifier (.npz)")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
