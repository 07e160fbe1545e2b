"""Writes the table of tile plans in docs/gpus.md and docs/zh/gpus.md.

python tools/document_gpu_plans.py

The plans are those of ONNX Runtime. They follow from the networks' layers and from the memory of
the cards, so neither weights nor a card is needed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ppgan_mpr.inference import Cache, InferenceOptions, Model  # noqa: E402
from ppgan_mpr.inference.backends import ONNXRuntimeBackend  # noqa: E402
from ppgan_mpr.inference.devices import Device  # noqa: E402
from ppgan_mpr.inference.planning import planner_for  # noqa: E402
from ppgan_mpr.networks import find_network  # noqa: E402
from ppgan_mpr.networks.spec import WeightsRecord  # noqa: E402
from ppgan_mpr.weights.catalogue import record_of_name  # noqa: E402

_HEIGHT, _WIDTH = 3000, 4000  # 12 megapixels
_GIGABYTES = 139, 80, 24, 8
_WEIGHTS = "lite:Deraining", "published:Deraining", "published:Deblurring"

#: A page below docs/ → its words for a picture that is not cut, and for several tiles.
PAGES = {
    "gpus.md": ("whole", "{count} of {wide}×{tall}"),
    "zh/gpus.md": ("整幅", "{count} 块 {wide}×{tall}"),
}
# The rows of a table below its head with these three columns.
_ROWS = re.compile(r"(?<=\| Lite \| Deraining \| Deblurring \|\n\|---\|---\|---\|---\|\n)(\|.*\n)+")

#: For each card, the number, width and height of the tiles in each network.
Plans = dict[int, list[tuple[int, int, int]]]


def plans() -> Plans:
    """The tiles of the picture on each card."""
    found: Plans = {gigabytes: [] for gigabytes in _GIGABYTES}
    for model in _models():
        for gigabytes, tiles in found.items():
            card = Device("gpu", total_memory=gigabytes << 30, f16=True, bf16=True)
            backend = ONNXRuntimeBackend(model, card)
            grid = planner_for(model, backend, InferenceOptions(), card).grid(_HEIGHT, _WIDTH)
            tiles.append((grid.count, grid.tile[1], grid.tile[0]))
    return found


def updated(page: str, words: tuple[str, str], found: Plans) -> str:
    """A page with the rows of these plans.

    Args:
        page: the page's text.
        words: see ``PAGES``.
        found: the plans.
    """
    whole, several = words
    rows = ""
    for gigabytes, tiles in found.items():
        cells = (
            whole if count == 1 else several.format(count=count, wide=wide, tall=tall)
            for count, wide, tall in tiles
        )
        rows += f"| {gigabytes} GB | {' | '.join(cells)} |\n"
    return _ROWS.sub(rows, page)


def _models() -> Iterator[Model]:
    """The networks with random weights, which do not affect the plan."""
    for name in _WEIGHTS:
        record = record_of_name(name)
        assert record is not None, name
        spec = find_network(record.network)
        build = partial(_build, record)
        yield Model(name, spec, build, Cache(None), silent=True)


def _build(record: WeightsRecord) -> Any:
    network = find_network(record.network).build(record.hyperparameters)
    network.eval()
    return network


if __name__ == "__main__":
    computed = plans()
    for name, words in PAGES.items():
        file = ROOT / "docs" / name
        file.write_text(updated(file.read_text(encoding="utf-8"), words, computed), "utf-8")
