"""Measure training patches per second of one worker, beside PaddleGAN's MPRTrain.

    python benchmarks/datasets.py [--data data/GoPro/train] [--json out.json]

Without --data, photo-like PNG pairs of 1280x720 are generated. Every row reads patches of 256
through a paddle.io.DataLoader with one worker and batches of 4. PaddleGAN's row is left out, with
a message, where ppgan is not installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import paddle

from ppgan_mpr.datasets import MPRTrain, ResumableBatchSampler, png_region
from ppgan_mpr.datasets.pairs import find_pairs

PATCH, BATCH = 256, 4


def make_pairs(folder: Path, count: int = 4) -> None:
    """Pairs of 1280x720 whose PNGs compress like photos (about 1.3 MB sharp, 0.9 MB blurred)."""
    rng = np.random.default_rng(0)
    for part in ("input", "target"):
        (folder / part).mkdir()
    for number in range(count):
        scene = np.zeros((720, 1280, 3), np.float32)
        for columns in (4, 12, 40, 120, 360):  # detail of every size
            cells = rng.normal(0, 8, (columns * 9 // 16 + 1, columns, 3)).astype(np.float32)
            scene += cv2.resize(cells, (1280, 720), interpolation=cv2.INTER_CUBIC)
        sharp = (scene + 120 + rng.normal(0, 1.0, scene.shape)).clip(0, 255).astype(np.uint8)
        blurred = cv2.blur(sharp, (15, 3))
        for part, pixels in (("input", blurred), ("target", sharp)):
            options = [cv2.IMWRITE_PNG_COMPRESSION, 6]
            cv2.imwrite(str(folder / part / f"{number}.png"), pixels, options)


class Repeated:
    """A data set read repeatedly, so that the loader's start does not count."""

    def __init__(self, dataset: Any, length: int):
        self.dataset, self.length = dataset, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.dataset[index % len(self.dataset)]


def samples_per_second(dataset: Any, samples: int, warm_up: int) -> float:
    """The rate of one worker, after ``warm_up`` samples."""
    repeated: Any = Repeated(dataset, warm_up + samples)
    sampler: Any = ResumableBatchSampler(repeated, BATCH)
    loader = paddle.io.DataLoader(repeated, batch_sampler=sampler, num_workers=1)
    start, seen = 0.0, 0
    for number, batch in enumerate(loader, 1):
        if number * BATCH <= warm_up:
            start = time.perf_counter()
        else:
            seen += len(batch[2])
    return seen / (time.perf_counter() - start)


def readers(folder: Path) -> dict[str, tuple[Any, Any]]:
    """name -> (data set, decompressor for it to use)."""
    options = {"patch_size": PATCH}
    ours = MPRTrain(folder, options)
    cached = MPRTrain(folder, {**options, "cache_gb": decoded_bytes(folder) / 1e9 + 1e-3})
    found = {}
    try:
        from ppgan.datasets.mpr_dataset import MPRTrain as PaddleGANTrain
    except ImportError as error:
        print(f"PaddleGAN is left out: {error}", file=sys.stderr)
    else:
        found["PaddleGAN MPRTrain"] = (PaddleGANTrain(str(folder), options), zlib)
    found["ours, without isal"] = (ours, zlib)
    if png_region.inflate is not zlib:
        found["ours, with isal"] = (ours, png_region.inflate)
    found["ours, with cache_gb"] = (cached, zlib)
    for number in range(len(cached)):
        cached[number]  # the first epoch fills the cache
    return found


def decoded_bytes(folder: Path) -> int:
    return sum(header.nbytes for pair in find_pairs(folder) for _, header in pair.files)


def measure(folder: Path, samples: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all readers in turn, ``rounds`` times; the best rate of each counts."""
    best: dict[str, float] = {}
    found = readers(folder)
    for _ in range(rounds):
        for name, (dataset, decompressor) in found.items():
            png_region.inflate, png_region.PAYS_UP_TO = (
                decompressor,
                0.7 if decompressor is zlib else 1.0,
            )
            best[name] = max(best.get(name, 0.0), samples_per_second(dataset, samples, 8 * BATCH))
    paddlegan = best.get("PaddleGAN MPRTrain")
    return [
        {
            "reader": name,
            "samples_per_second": round(rate, 1),
            "times_paddlegan": round(rate / paddlegan, 1) if paddlegan else None,
        }
        for name, rate in best.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder with input/ and target/")
    parser.add_argument("--samples", type=int, default=120, help="a round (default: 120)")
    parser.add_argument("--rounds", type=int, default=5, help="best of these (default: 5)")
    parser.add_argument("--json", type=Path, help="write the result here, too")
    options = parser.parse_args()
    paddle.set_device("cpu")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data
        if folder is None:
            folder = Path(temporary)
            make_pairs(folder)
        files = [path for pair in find_pairs(folder) for path, _ in pair.files]
        result: dict[str, Any] = {
            "pictures": f"{len(files)} from {options.data or 'a generator'}, mean "
            f"{sum(path.stat().st_size for path in files) / len(files) / 1e6:.2f} MB",
            "machine": f"{platform.machine()}, {platform.system()}, Python "
            f"{platform.python_version()}, Paddle {paddle.__version__}, OpenCV {cv2.__version__}",
            "cache_mb": round(decoded_bytes(folder) / 1e6),
            "rows": measure(folder, options.samples, options.rounds),
        }
    print(f"{result['pictures']}\n{result['machine']}\nthe cache takes {result['cache_mb']} MB\n")
    print("| one worker | samples/s | times PaddleGAN |\n|---|---|---|")
    for row in result["rows"]:
        times = row["times_paddlegan"]
        print(f"| {row['reader']} | {row['samples_per_second']} | {times or '–'} |")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
