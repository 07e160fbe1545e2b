"""Measure how much bfloat16 and tiles change results.

    python benchmarks/agreement.py data/Rain100L --task Deraining --output table.json

DIR holds input/ and target/, paired by stem. The reference is every picture restored as a whole in
float32. The columns are:

    bf16   PSNR between the reference and the result in bfloat16. Blank on processors without it.
    gain   PSNR between the result in bfloat16 and the clean picture, minus that of the reference.
           Blank, too, on processors without bfloat16.
    tiled  PSNR between the reference and the result of tiles in float32. Their longest side is
           --tile; without it, they are as large as the default memory limit allows. Blank if the
           picture fits as a whole.

PSNR is in RGB, of results that are clipped but not rounded.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from inference import machine, psnr
from PIL import Image


def restorers(weights: str, tile: int | None) -> dict:
    """Name → restorer for each way that is compared."""
    from ppgan_mpr.cache_dir import cache_dir
    from ppgan_mpr.inference import Cache, Restorer, load_model

    model = load_model(weights, Cache(cache_dir() / "networks"))
    ways = {
        "f32": Restorer(model, device="cpu", precision="f32", memory="8G"),
        "tiled": Restorer(model, device="cpu", precision="f32", tile=tile),
    }
    fastest = Restorer(model, device="cpu", memory="8G")
    if fastest.backend.precision == "bf16":
        ways["bf16"] = fastest
    return ways


def compare(ways: dict, source: Path, target: Path) -> dict:
    """The numbers of one pair.

    ``tiled`` is None if the picture was restored as a whole; ``bf16`` and ``gain`` are None if the
    processor has no bfloat16.
    """
    image, clean = (
        np.asarray(Image.open(path).convert("RGB")).astype(np.float32) / 255
        for path in (source, target)
    )
    tiles = []
    whole = ways["f32"](image)
    half = ways["bf16"](image) if "bf16" in ways else None
    tiled = ways["tiled"](image, lambda done, count: tiles.append(count))
    return {
        "name": source.name,
        "bf16": None if half is None else psnr(half, whole),
        "gain": None if half is None else psnr(half, clean) - psnr(whole, clean),
        "tiled": psnr(tiled, whole) if len(tiles) > 1 else None,
        "tiles": len(tiles),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    from ppgan_mpr.datasets.pairs import find_pairs

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("dir", type=Path, metavar="DIR")
    add("--task", default="Deblurring")
    add("--weights", help="a weights file; default: the lite weights of the task")
    add("--tile", type=int, help="longest side of a tile")
    add("--limit", type=int, help="number of pictures, taken evenly from the folder")
    add("--output", type=Path, metavar="FILE", help="write JSON")
    options = parser.parse_args(argv)
    ways = restorers(options.weights or f"lite:{options.task}", options.tile)
    pairs = find_pairs(options.dir)
    step = max(1, len(pairs) // (options.limit or len(pairs)))
    report = {"machine": machine(None), "pictures": []}
    print("  ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(f"{'picture':24} {'bf16':>6} {'gain':>8} {'tiled':>6} tiles")
    for pair in pairs[::step][: options.limit]:
        found = compare(ways, pair.input, pair.target)
        report["pictures"].append(found)
        formats = {"bf16": ".1f", "gain": "+.4f", "tiled": ".1f"}
        bf16, gain, tiled = (
            "" if found[key] is None else format(found[key], how) for key, how in formats.items()
        )
        print(
            f"{found['name']:24} {bf16:>6} {gain:>8} {tiled:>6} {found['tiles']}",
            flush=True,
        )
    for key in ("bf16", "gain", "tiled"):
        values = [row[key] for row in report["pictures"] if row[key] is not None]
        if values:
            low, mean, high = min(values), np.mean(values), max(values)
            print(f"{key:6} least {low:+.4f}  mean {mean:+.4f}  most {high:+.4f}")
    if options.output:
        options.output.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
