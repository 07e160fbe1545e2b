"""Data sets in a single file."""

from __future__ import annotations

import multiprocessing
import tarfile

import numpy as np
import pytest

from ppgan_mpr.datasets import MPRTest, MPRTrain, MPRVal
from ppgan_mpr.datasets.packed import Packed, pack
from ppgan_mpr.datasets.pairs import find_pairs
from ppgan_mpr.datasets.prepare.cut import cut
from ppgan_mpr.errors import UsageError


@pytest.fixture
def packed(pair_folder, tmp_path):
    """A folder of pairs, and the same pairs in a file."""
    folder = pair_folder(height=40, width=56)
    file = tmp_path / "set.tar"
    pack(folder, file, [[path for path, _ in pair.files] for pair in find_pairs(folder)])
    return folder, file


@pytest.mark.parametrize("cache_gb", [0.0, 0.1])
def test_packed_pictures_give_the_samples_of_the_folder(packed, cache_gb):
    folder, file = packed
    options = {"patch_size": 16, "cache_gb": cache_gb}
    one, other = MPRTrain(folder, options), MPRTrain(file, options)
    for index in range(len(one)):
        samples = []
        for dataset in (one, other):
            np.random.seed(index)
            samples.append(dataset[index])
        assert all(np.array_equal(a, b) for a, b in zip(*samples))
    assert [name for name, _ in MPRVal(file).headers()] == [n for n, _ in MPRVal(folder).headers()]


def test_test_set_may_be_packed(packed):
    folder, file = packed
    assert len(MPRTest(folder)) == len(MPRTest(file)) > 0
    for one, other in zip(MPRTest(folder), MPRTest(file)):
        assert one[2] == other[2]
        assert all(np.array_equal(a, b) for a, b in zip(one[:2], other[:2]))


@pytest.mark.parametrize("work", [cut, lambda source, path: pack(source, f"{path}.tar", [])])
def test_packed_data_set_is_neither_cut_nor_packed_again(packed, tmp_path, work):
    with pytest.raises(UsageError, match="is a packed data set: unpack it with tar"):
        work(packed[1], tmp_path / "new")


def test_pythons_tarfile_unpacks_the_folders(packed, tmp_path):
    folder, file = packed
    with tarfile.open(file) as archive:
        for member in archive.getmembers()[1:]:
            assert archive.extractfile(member).read() == (folder / member.name).read_bytes()


def _read_all(file, start, results):
    packed = Packed(file)
    start.wait()
    results.put([packed.read(name) for name in sorted(packed.entries)])


def test_processes_read_at_the_same_time(packed):
    folder, file = packed
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    readers = [context.Process(target=_read_all, args=(file, start, results)) for _ in range(2)]
    for reader in readers:
        reader.start()
    one, other = results.get(timeout=600), results.get(timeout=600)
    for reader in readers:
        reader.join()
    assert one == other == [path.read_bytes() for path in sorted(folder.glob("*/*.png"))]


def test_long_names_are_found(pair_folder, tmp_path):
    folder = pair_folder(1)
    for part in ("input", "target"):
        (folder / part / "0.png").rename(folder / part / f"{'x' * 120}.png")
    (pair,) = find_pairs(folder)
    pack(folder, tmp_path / "set.tar", [[path for path, _ in pair.files]])
    (found,) = find_pairs(tmp_path / "set.tar")
    assert found.name == "x" * 120
    assert len(MPRVal(tmp_path / "set.tar")[0][2]) == 120


def test_other_files_are_refused_by_name(packed, tmp_path):
    _, file = packed
    short = tmp_path / "short.tar"
    short.write_bytes(file.read_bytes()[:-5000])
    plain = tmp_path / "plain.tar"
    with tarfile.open(plain, "w") as archive:
        archive.add(file.parent / "set" / "input" / "0.png", "input/0.png")
    for path, reason in ((short, "ends too early"), (plain, "not the index")):
        with pytest.raises(UsageError, match=rf"{path.name} is not a packed data set.*{reason}"):
            MPRVal(path)
    with pytest.raises(UsageError, match=r"ends in \.tar"):
        pack(file.parent / "set", tmp_path / "set.zip", [])
