"""Files written by PyTorch are read without PyTorch."""

import pickle
import zipfile

import numpy as np
import pytest

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.formats import read_file


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_files_written_by_pytorch_are_read(root, form):
    # {'state_dict': {'module.…'}} of three tensors, one a strided view, one float16
    content, _ = read_file(root / "tests" / "data" / f"torch_{form}.pth")
    tensors = content["state_dict"]
    np.testing.assert_array_equal(
        tensors["module.view"], np.arange(12, dtype="f4").reshape(3, 4).T[1:]
    )
    assert tensors["module.half"].dtype == np.float16
    np.testing.assert_array_equal(tensors["module.half"], [0.5, 1.5])
    np.testing.assert_array_equal(tensors["module.brain"], np.float32([1.0, -2.0]))
    assert content["epoch"] == 3


def test_tensor_outside_its_storage_is_refused(tmp_path, root):
    shape = b"K\x02\x85"  # the tuple (2,) of a tensor's shape
    original = zipfile.ZipFile(root / "tests" / "data" / "torch_zip.pth")
    with original, zipfile.ZipFile(tmp_path / "w.pth", "w") as forged:
        for name in original.namelist():
            content = original.read(name)
            if name.endswith("data.pkl"):
                assert shape in content
                content = content.replace(shape, b"K\x63\x85")
            forged.writestr(name, content)
    with pytest.raises(WeightsError, match=r"w\.pth"):
        load_weights(tmp_path / "w.pth")


def repack(source, target, compression=zipfile.ZIP_STORED, **changed):
    """Copy a .pth with another compression or with changed members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, changed.get(name.rpartition("/")[2], lambda same: same)(content))
    return target


@pytest.fixture
def torch_zip(root):
    return root / "tests" / "data" / "torch_zip.pth"


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused_before_they_are_expanded(tmp_path, torch_zip, compression):
    path = repack(torch_zip, tmp_path / "w.pth", compression)
    with pytest.raises(WeightsError, match=r"w\.pth .*is compressed, which PyTorch never does"):
        load_weights(path)


def test_small_file_of_compressed_gigabytes_is_refused(tmp_path):
    path = tmp_path / "w.pth"
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    with packed, packed.open("w/data.pkl", "w", force_zip64=True) as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 17
    with pytest.raises(WeightsError, match="is compressed"):
        load_weights(path)


def test_members_larger_than_the_file_are_refused(tmp_path, torch_zip):
    content = bytearray(repack(torch_zip, tmp_path / "w.pth").read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 20 : entry + 28] = b"\xff\xff\xff\x7f" * 2  # both sizes of the first member
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match="larger than the file"):
        load_weights(tmp_path / "w.pth")


def test_many_views_of_one_storage_are_refused(tmp_path, torch_zip):
    """Each view is as large as the file."""
    size, count = 1 << 20, 40
    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuJ"
    storage += size.to_bytes(4, "little") + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage
    tensor += b"K\0J" + size.to_bytes(4, "little") + b"\x85K\1\x85\x89}tR"
    items = b"".join(b"K" + bytes([index]) + tensor for index in range(count))
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}(" + items + b"u.")
        archive.writestr("w/data/0", bytes(4 * size))
    with pytest.raises(WeightsError, match="many times its own size"):
        read_file(path)


def test_pickle_inside_an_archive_is_checked(tmp_path, torch_zip):
    class Hostile:
        def __reduce__(self):
            import os

            return os.system, ("touch should_not_exist",)

    path = repack(
        torch_zip, tmp_path / "w.pth", **{"data.pkl": lambda _: pickle.dumps(Hostile(), 2)}
    )
    with pytest.raises(WeightsError, match="could run code"):
        load_weights(path)
