import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppgan_mpr.inference.tiling import blend, plan, plan_side

sizes = st.integers(1, 120).map(lambda n: 8 * n)


@given(sizes, sizes, st.integers(4_000, 300_000))
def test_blended_tiles_of_a_picture_equal_it(height, width, pixels):
    grid = plan(height, width, pixels, 16, 8)
    image = np.random.default_rng(0).random([height, width, 3], np.float32)
    tiles = [image[place] for place in grid.places()]
    assert {tile.shape[:2] for tile in tiles} == {grid.tile}
    assert len(tiles) == grid.count
    strips = list(blend(grid, tiles))
    assert [rows.start for rows, _ in strips] == [0, *(rows.stop for rows, _ in strips[:-1])]
    joined = np.concatenate([strip for _, strip in strips])
    np.testing.assert_allclose(joined, image, atol=1e-6)


@given(sizes, sizes, st.integers(20_000, 300_000))
def test_plan_respects_size_overlap_and_multiple(height, width, pixels):
    grid = plan(height, width, pixels, 16, 8)
    assert grid.tile[0] * grid.tile[1] <= max(pixels, 8 * 8)
    for axis in (grid.rows, grid.columns):
        assert axis.tile % 8 == 0
        assert all(start % 8 == 0 for start in axis.starts)
        assert axis.starts[-1] + axis.tile == axis.size
        for first, second in zip(axis.starts, axis.starts[1:]):
            assert first + axis.tile - second >= 16


def test_a_picture_that_fits_is_one_tile():
    grid = plan(720, 1280, 720 * 1280, 32, 8)
    assert grid.count == 1
    assert grid.tile == (720, 1280)


def test_tiles_have_no_narrow_remainders():
    grid = plan(3000, 4000, 1_000_000, 32, 8)
    assert grid.count * grid.tile[0] * grid.tile[1] < 1.12 * 3000 * 4000


@pytest.mark.parametrize(("side", "tile"), [(512, 512), (1000, 1000), (4000, 3000)])
def test_longest_side_of_a_tile_is_the_given_one_or_slightly_less(side, tile):
    grid = plan_side(3000, 4000, side, 32, 8)
    assert max(grid.tile) <= side
    assert max(grid.tile) > 0.8 * side


def test_three_tiles_may_overlap():
    axis = plan_side(448, 448, 300, 65, 8).rows
    assert axis.starts[2] < axis.tile  # otherwise nothing is tested
    total = np.zeros(axis.size)
    for index, start in enumerate(axis.starts):
        total[start : start + axis.tile] += axis.weights(index)
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_planning_takes_little_memory():
    tracemalloc.start()
    try:
        grid = plan(200, 400_000, 60_000, 32, 8)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert grid.tile[0] * grid.tile[1] <= 60_000
    assert grid.columns.starts[-1] + grid.tile[1] == 400_000
