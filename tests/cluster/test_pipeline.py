import pytest

from ppgan_mpr.cluster.items import Item

pytest.importorskip("pyarrow")

from ppgan_mpr.cluster.pipeline import Groups


def sizes(count, nbytes, workers=1):
    groups = Groups()
    for number in range(count):
        groups.add(Item(f"{number}.png", "", "", nbytes=nbytes))
    assert groups.count == count
    return [len(table) for table in groups.tables(workers)]


def test_small_pictures_form_groups_of_32():
    assert sizes(1000, 10_000) == [32] * 31 + [8]


def test_groups_hold_a_bounded_number_of_bytes():
    assert set(sizes(40, 6 << 20)) == {2}


@pytest.mark.parametrize("workers", [1, 8])
def test_every_worker_gets_several_groups(workers):
    assert len(sizes(64, 10, workers)) >= 4 * workers
