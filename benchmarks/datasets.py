"""Measure how fast training patches are read, compared with PaddleGAN's MPRTrain.

    python benchmarks/datasets.py [--kinds gopro dpdd] [--data data/GoPro/train] [--json out.json]

The pictures are those of --data, or generated, photo-like PNG pairs with the size and bit depth of
public data sets. They are read in four ways: as whole pictures, cut into sub-pictures of 512x512
pixels, packed into one file, and from the cache of decoded pictures. Patches have 256x256 pixels.

The processor time of a sample is measured in one process without a loader, and hardly depends on
the load of the machine. Samples per second are those of a paddle.io.DataLoader with one worker and
batches of 4, the best of several rounds. If ppgan is not installed, PaddleGAN is left out with a
message. PaddleGAN supports neither two views nor 16 bits, so it reads only the left view, in 8
bits.
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
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import paddle

from ppgan_mpr.datasets import MPRTrain, ResumableBatchSampler, png_region
from ppgan_mpr.datasets.packed import pack
from ppgan_mpr.datasets.pairs import find_pairs, input_folders
from ppgan_mpr.datasets.prepare.cut import Cut, cut

PATCH, BATCH = 256, 4
ISAL = png_region.inflate  # of the package isal, a faster zlib; zlib's if it is not installed


class Kind(NamedTuple):
    """Size and form of a data set's pictures."""

    height: int
    width: int
    dtype: type
    views: int
    count: int  # pairs to generate


KINDS = {
    "gopro": Kind(720, 1280, np.uint8, 1, 4),
    "dpdd": Kind(1120, 1680, np.uint16, 2, 3),
    "fivek": Kind(2912, 4368, np.uint8, 1, 2),
    "sidd": Kind(3000, 5328, np.uint8, 1, 2),
}


def make_pairs(folder: Path, kind: Kind) -> None:
    """Write PNG pairs that compress like photos: at 720p about 1.3 MB sharp, 0.9 MB blurred."""
    rng = np.random.default_rng(0)
    inputs = ("input",) if kind.views == 1 else ("inputL", "inputR")
    white = np.iinfo(kind.dtype).max
    for part in (*inputs, "target"):
        (folder / part).mkdir(parents=True)
    for number in range(kind.count):
        scene = np.zeros((kind.height, kind.width, 3), np.float32)
        for columns in (4, 12, 40, 120, 360):  # detail of every size
            shape = (columns * kind.height // kind.width + 1, columns, 3)
            cells = rng.normal(0, 8, shape).astype(np.float32)
            scene += cv2.resize(cells, (kind.width, kind.height), interpolation=cv2.INTER_CUBIC)
        noise = rng.normal(0, 1.0, scene.shape).astype(np.float32)
        sharp = ((scene + 120 + noise) / 255).clip(0, 1)
        blurred = cv2.blur(sharp, (15, 3))
        pictures = {
            "target": sharp,
            **{part: np.roll(blurred, n, 1) for n, part in enumerate(inputs)},
        }
        for part, pixels in pictures.items():
            cv2.imwrite(
                str(folder / part / f"{number}.png"),
                np.rint(pixels * white).astype(kind.dtype),
                [cv2.IMWRITE_PNG_COMPRESSION, 6],
            )


class Repeated:
    """A data set repeated to a length, so that the loader's start hardly counts."""

    def __init__(self, dataset: Any, length: int):
        self.dataset, self.length = dataset, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.dataset[index % len(self.dataset)]


def samples_per_second(dataset: Any, samples: int, warm_up: int) -> float:
    """The rate of a loader with one worker, measured after ``warm_up`` samples."""
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


def processor_time(dataset: Any, samples: int) -> float:
    """Seconds of processor time for a sample in this process."""
    order = np.random.default_rng(1).integers(len(dataset), size=samples).tolist()
    start = time.process_time()
    for index in order:
        dataset[index]
    return (time.process_time() - start) / samples


def readers(folder: Path, work: Path) -> dict[str, tuple[Any, Any]]:
    """Name -> (data set, its decompressor)."""
    inputs = input_folders(folder)
    options = {"patch_size": PATCH, "dual_pixel": len(inputs) == 2}
    pieces, packed = work / "pieces", work / "pieces.tar"
    cut(folder, pieces, Cut(), jobs=2)
    groups = [[path for path, _ in pair.files] for pair in find_pairs(pieces, inputs)]
    pack(pieces, packed, groups)
    found: dict[str, tuple[Any, Any]] = {}
    try:
        from ppgan.datasets.mpr_dataset import MPRTrain as PaddleGANTrain
    except ImportError as error:
        print(f"PaddleGAN is left out: {error}", file=sys.stderr)
    else:
        left = folder
        if len(inputs) == 2:
            left = work / "left"
            left.mkdir()
            (left / "input").symlink_to((folder / "inputL").resolve())
            (left / "target").symlink_to((folder / "target").resolve())
        found["PaddleGAN MPRTrain"] = (PaddleGANTrain(str(left), {"patch_size": PATCH}), zlib)
    found["whole, without isal"] = (MPRTrain(folder, options), zlib)
    found["cut, without isal"] = (MPRTrain(pieces, options), zlib)
    if ISAL is not zlib:
        found["whole"] = (MPRTrain(folder, options), ISAL)
        found["cut"] = (MPRTrain(pieces, options), ISAL)
        found["cut and packed"] = (MPRTrain(packed, options), ISAL)
    cached = MPRTrain(folder, {**options, "cache_gb": decoded_bytes(folder, inputs) / 1e9 + 1e-3})
    found["whole, cached"] = (cached, zlib)
    for number in range(len(cached)):
        cached[number]  # the first epoch fills the cache
    return found


def decoded_bytes(folder: Path, inputs: tuple[str, ...]) -> int:
    return sum(header.nbytes for pair in find_pairs(folder, inputs) for _, header in pair.files)


def measure(folder: Path, work: Path, samples: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all readers in turn, ``rounds`` times; the best value of each counts."""
    rates: dict[str, float] = {}
    times: dict[str, float] = {}
    found = readers(folder, work)
    for _ in range(rounds):
        for name, (dataset, decompressor) in found.items():
            png_region.inflate, png_region.PAYS_UP_TO = (
                decompressor,
                0.7 if decompressor is zlib else 1.0,
            )
            times[name] = min(times.get(name, np.inf), processor_time(dataset, samples))
            rate = samples_per_second(dataset, samples, 4 * BATCH)
            rates[name] = max(rates.get(name, 0.0), rate)
    whole = times.get("whole", times["whole, without isal"])
    paddlegan = times.get("PaddleGAN MPRTrain")
    return [
        {
            "reader": name,
            "milliseconds": round(1000 * times[name], 2),
            "samples_per_second": round(rates[name], 1),
            "times_paddlegan": round(paddlegan / times[name], 1) if paddlegan else None,
            "times_whole": round(whole / times[name], 1),
        }
        for name in found
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--data", type=Path, help="folder with input/ and target/, instead of generated pictures"
    )
    parser.add_argument("--samples", type=int, default=40, help="samples per round (default: 40)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    options = parser.parse_args()
    paddle.set_device("cpu")
    result: dict[str, Any] = {
        "machine": f"{platform.machine()}, {platform.system()}, Python "
        f"{platform.python_version()}, Paddle {paddle.__version__}, OpenCV {cv2.__version__}",
        "kinds": {},
    }
    print(result["machine"])
    for name in [str(options.data)] if options.data else options.kinds:
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            folder = options.data or work / "pairs"
            if options.data is None:
                make_pairs(folder, KINDS[name])
            pairs = find_pairs(folder, input_folders(folder))
            files = [path for pair in pairs for path, _ in pair.files]
            mean = sum(path.stat().st_size for path in files) / len(files) / 1e6
            rows = measure(folder, work, options.samples, options.rounds)
        result["kinds"][name] = {"files": len(files), "mean_mb": round(mean, 2), "rows": rows}
        print(f"\n{name}: {len(files)} pictures, mean {mean:.2f} MB\n")
        print(
            "| | ms a sample | samples/s | times PaddleGAN | times whole |\n|---|---|---|---|---|"
        )
        for row in rows:
            print("| " + " | ".join(str("–" if v is None else v) for v in row.values()) + " |")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
