"""The same picture and options give the same tiles, however much memory is free, if they fit."""

import runpy

import numpy as np
import psutil
import pytest

from ppgan_mpr import MPRPredictor
from ppgan_mpr.inference import Restorer, TileUse
from ppgan_mpr.inference.backends.base import INT32_ELEMENTS
from ppgan_mpr.inference.memory import gpu_budget
from ppgan_mpr.inference.planning import Planner

BUDGET = "24M"


@pytest.fixture
def free(monkeypatch):
    """A function that sets the simulated free memory."""

    def set_free(amount):
        machine = psutil.virtual_memory()._replace(available=amount)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)

    return set_free


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, [160, 232, 3], np.uint8)


def restore(image, **options):
    predictor = MPRPredictor(None, task="Denoising", model="lite", precision="f32", **options)
    return predictor.run(image)[0]


def test_free_memory_changes_no_pixel(free):
    """The tiles need about 125 MiB, less than the budget of 150; 225 MiB of free memory suffice."""
    image = np.random.default_rng(0).integers(0, 256, [320, 380, 3], np.uint8)
    results = []
    for amount in (64 << 30, 225 << 20):
        free(amount)
        results.append(restore(image, memory="150M"))
    plenty, enough = results
    assert (plenty.record.tile, plenty.record.tiles) == (enough.record.tile, enough.record.tiles)
    assert enough.record.warnings == ()
    np.testing.assert_array_equal(plenty.image, enough.image)


def test_the_default_budget_is_the_same_on_every_machine(free):
    """Only the number of bytes is compared; nothing is planned or restored."""
    from ppgan_mpr.inference import InferenceOptions

    budgets = set()
    for amount in (64 << 30, 1 << 30, 350 << 20):
        free(amount)
        budgets.add(InferenceOptions().memory_bytes)
    assert budgets == {600 << 20}


@pytest.mark.parametrize("options", [{"memory": BUDGET}, {"tile": 128}])
def test_tiles_that_surely_do_not_fit_become_smaller_with_a_warning(free, image, options):
    free(8 << 30)
    planned = restore(image, **options)
    free(8 << 20)
    short = restore(image, **options)
    assert short.ok
    wide, tall = short.record.tile
    assert wide * tall < planned.record.tile[0] * planned.record.tile[1]
    (warning,) = short.record.warnings
    assert f"restored in tiles of {wide}x{tall} pixels instead of" in warning
    assert "memory was short" in warning
    free(8 << 30)
    np.testing.assert_array_equal(restore(image, **options).image, planned.image)


def test_a_failed_allocation_is_reported_with_the_size_of_the_tiles(model, photo, monkeypatch):
    restorer = Restorer(model, backend="paddle", device="cpu")
    run, failing = restorer.backend.run, [True]

    def scarce(picture, statistics=None):
        if failing[0] and picture.shape[2] * picture.shape[3] > 5_000:
            raise MemoryError
        return run(picture, statistics)

    def tiles():
        used = TileUse()
        height, width = photo.shape[:2]
        list(restorer.strips(height, width, lambda y, x: photo[y, x], used=used))
        return used

    monkeypatch.setattr(restorer.backend, "run", scarce)
    used = tiles()
    assert used.planned == (96, 144)
    assert used.smallest[0] * used.smallest[1] <= 5_000
    assert "instead of 144x96" in used.warning
    failing[0] = False
    used = tiles()  # the shortage does not affect the next picture
    assert used.smallest == used.planned
    assert used.warning is None


def test_a_smaller_limit_never_gives_larger_tiles():
    planner = Planner(bytes_per_pixel=1000.0, budget=100 << 20, tile=None, overlap=32, multiple=8)
    areas = []
    for limit in (float("inf"), 1e6, 3e5, 1e5, 3e4, 1e4):
        tall, wide = planner.grid(3000, 4000, limit).tile
        areas.append(tall * wide)
    assert areas == sorted(areas, reverse=True)
    assert areas[-2] <= 3e4


@pytest.fixture(scope="module")
def documented(root):
    """The tool that documents the tile plans of GPUs, and the plans."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    tool = runpy.run_path(str(root / "tools" / "document_gpu_plans.py"))
    return tool, tool["plans"]()


def test_large_gpus_restore_twelve_megapixels_in_few_calls(documented):
    """Deblurring has tensors with 192 numbers for each pixel, so 11 megapixels are the limit."""
    _, plans = documented
    counts = {gigabytes: [count for count, *_ in tiles] for gigabytes, tiles in plans.items()}
    assert counts[139] == [1, 1, 2]
    assert counts[80] == [1, 1, 3]


def test_documented_plans_of_gpus_are_those_of_the_program(documented, root):
    tool, plans = documented
    for name, words in tool["PAGES"].items():
        page = (root / "docs" / name).read_text(encoding="utf-8")
        assert "| 80 GB |" in page
        assert tool["updated"](page, words, plans) == page, "run tools/document_gpu_plans.py"


@pytest.mark.parametrize("gigabytes", [24, 1024], ids=["memory", "32-bit indices"])
def test_batches_are_as_large_as_memory_and_32_bit_indices_allow_and_of_equal_size(gigabytes):
    planner = gpu_planner(803, 192, gigabytes, tile=512)
    grid = planner.grid(3000, 4000)
    batch = planner.batch(grid)
    calls = -(-grid.count // batch)
    assert batch > 1
    assert calls * batch - grid.count < calls  # the last batch is hardly smaller
    assert batch * grid.tile[0] * grid.tile[1] * planner.bytes_per_pixel <= planner.budget
    assert batch * grid.tile[0] * grid.tile[1] <= planner.pixel_limit


def test_a_cpu_takes_one_tile_at_a_time():
    planner = Planner(bytes_per_pixel=10.0, budget=1 << 40, tile=512, overlap=32, multiple=8)
    assert planner.batch(planner.grid(3000, 4000)) == 1


def gpu_planner(alive, largest, gigabytes, tile=None):
    """A planner as for ONNX Runtime on a GPU.

    The network has ``alive`` numbers for each pixel alive at once, ``largest`` of them in one
    tensor.
    """
    return Planner(
        bytes_per_pixel=8 * alive,
        budget=gpu_budget(gigabytes << 30),
        tile=tile,
        overlap=32,
        multiple=8,
        pixel_limit=INT32_ELEMENTS / largest,
        batches=True,
    )
