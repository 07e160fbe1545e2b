"""Files that PyTorch wrote, read without it."""

import zipfile

import numpy as np
import pytest

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_files_written_by_pytorch(root, form):
    # {'state_dict': {'module.…'}} of three tensors, one a strided view, one float16
    from ppgan_mpr.weights.formats import read_file

    content, _ = read_file(root / "tests" / "data" / f"torch_{form}.pth")
    tensors = content["state_dict"]
    np.testing.assert_array_equal(
        tensors["module.view"], np.arange(12, dtype="f4").reshape(3, 4).T[1:]
    )
    assert tensors["module.half"].dtype == np.float16
    np.testing.assert_array_equal(tensors["module.half"], [0.5, 1.5])
    np.testing.assert_array_equal(tensors["module.brain"], np.float32([1.0, -2.0]))
    assert content["epoch"] == 3


def test_torch_tensor_outside_its_storage(tmp_path, root):
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
