"""Fit the classifier of ``ppgan_mpr.detection`` to simulated degradations of clean pictures.

Needs scikit-learn, which the package itself does not need. ``docs/detection.md`` lists the
pictures that the embedded classifier was fitted to.

    python tools/fit_detection.py generate CLEAN_PICTURES --output measured.npz
    python tools/fit_detection.py fit measured.npz --output ppgan_mpr/detection/classifier.npz
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from degradations import KINDS, VISIBLE

from ppgan_mpr.detection.classifier import tree_scores
from ppgan_mpr.detection.crops import crops_of, overview_of
from ppgan_mpr.detection.features import measure
from ppgan_mpr.imaging import from_array

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

# (height and width of crops, their share)
SIZES = (((256, 256), 0.5), ((321, 481), 0.22), ((400, 600), 0.2), ((720, 1280), 0.08))
TREES = 120  # for each kind of degradation
SHIFT = 0.1  # noise added to the measurements when fitting, in their standard deviations
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
        # Consecutive samples use the same few pictures, so that these stay decoded.
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
    """Fit to measurements, print the cross-validation, and write the classifier."""
    from sklearn.model_selection import GroupKFold

    parts = [np.load(file) for file in options.measured]
    values, names, pictures = (
        np.concatenate([part[name] for part in parts]) for name in ("values", "kinds", "pictures")
    )
    kinds = list(KINDS)
    labels = np.array([kinds.index(name) for name in names])
    scores = np.zeros([len(labels), len(kinds)])
    for known, left_out in GroupKFold(options.folds).split(values, labels, pictures):
        scores[left_out] = train(values[known], labels[known]).decision_function(values[left_out])
    temperature = min(
        np.arange(0.5, 4, 0.05),
        key=lambda t: -np.log(softmax(scores / t)[range(len(labels)), labels] + 1e-9).mean(),
    )
    shares = softmax(scores / temperature)
    report(shares, labels, kinds)
    model = train(values, labels)
    arrays = as_arrays(model)
    for row in values[:50]:
        np.testing.assert_allclose(
            tree_scores(arrays, row), model.decision_function(row[None])[0], atol=1e-3
        )
    blank = np.zeros([96, 96, 3], np.float32)
    np.savez_compressed(
        options.output,
        **arrays,
        temperature=np.float32(temperature),
        kinds=kinds,
        features=list(measure([blank], blank)),
    )


def train(values: np.ndarray, labels: np.ndarray) -> HistGradientBoostingClassifier:
    """Boosted trees for measurements [n, features]."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    # Pictures of other cameras have slightly different measurements.
    random = np.random.default_rng(0)
    shifted = values + SHIFT * values.std(axis=0) * random.normal(size=values.shape)
    model = HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=0.1, max_leaf_nodes=15, l2_regularization=3, random_state=0
    )
    return model.fit(shifted.astype(np.float32), labels)


def as_arrays(model: HistGradientBoostingClassifier) -> dict[str, np.ndarray]:
    """The trees as the arrays that :func:`ppgan_mpr.detection.classifier.tree_scores` takes."""
    # scikit-learn has no public access to the nodes of these trees.
    trees = [[tree.nodes for tree in step] for step in model._predictors]
    nodes = np.concatenate([tree for step in trees for tree in step])
    sizes = [len(tree) for step in trees for tree in step]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    first = np.repeat(roots, sizes)
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "roots": roots.reshape(len(trees), -1).astype(np.int32),
        "feature": np.where(leaf, -1, nodes["feature_idx"]).astype(np.int16),
        "threshold": nodes["num_threshold"].astype(np.float32),
        "left": (first + nodes["left"]).astype(np.int32),
        "right": (first + nodes["right"]).astype(np.int32),
        "value": np.where(leaf, nodes["value"], 0).astype(np.float32),
        "baseline": model._baseline_prediction.reshape(-1),
    }


def softmax(scores: np.ndarray) -> np.ndarray:
    """Scores as probabilities, which sum to 1."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def report(shares: np.ndarray, labels: np.ndarray, kinds: list[str]) -> None:
    """Print the confusion matrix, and the effect of several thresholds of the confidence."""
    best, sure = shares.argmax(axis=1), shares.max(axis=1)
    print("simulated    assigned to", kinds)
    for index, kind in enumerate(kinds):
        print(f"{kind:12}", np.bincount(best[labels == index], minlength=len(kinds)))
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
        touched = ((best > 0) & (sure >= threshold))[labels == 0].mean()
        right = ((best == labels) & (sure >= threshold))[labels > 0].mean()
        wrong = ((best != labels) & (best > 0) & (sure >= threshold))[labels > 0].mean()
        print(f"{threshold}: clean touched {touched:.3f}, right {right:.3f}, wrong {wrong:.3f}")


def main() -> None:
    """Generate measurements, or fit the classifier to them."""
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
    part.add_argument("--folds", type=int, default=3, help="folds of the cross-validation")
    part.add_argument("--output", required=True, help="file of the classifier (.npz)")
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
