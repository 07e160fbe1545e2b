"""Files that are cut, foreign, or in bfloat16."""

import json

import numpy as np
import pytest
from weights_samples import dump

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.formats import write_file


def test_bfloat16_safetensors(tmp_path, state):

    header, body = {}, b""
    for name, value in state.items():
        raw = (np.ascontiguousarray(value).view("<u4") >> 16).astype("<u2").tobytes()
        offsets = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": "BF16", "shape": value.shape, "data_offsets": offsets}
        body += raw
    text = json.dumps({"__metadata__": {"task": "image-restoration"}, **header}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    weights = load_weights(path)
    assert weights.task is None  # the file's task is not one of ours
    np.testing.assert_allclose(
        weights.tensors["tail.weight"], state["tail.weight"], rtol=1 / 128, atol=1e-6
    )


def test_truncated_file_is_refused_by_name(tmp_path, state, root):
    for suffix in (".pdparams", ".pth", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        if suffix == ".pth":
            path.write_bytes((root / "tests" / "data" / "torch_zip.pth").read_bytes())
        else:
            write_file(path, state)
        content = path.read_bytes()
        for size in (0, 3, 40, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:size])
            with pytest.raises(WeightsError, match=rf"w\{suffix}"):
                load_weights(path)


def test_not_weights_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(WeightsError, match=r"notes\.txt is not a weights file"):
        load_weights(tmp_path / "notes.txt")
    with pytest.raises(WeightsError, match=r"none\.pdparams cannot be read: No such file"):
        load_weights(tmp_path / "none.pdparams")
    with pytest.raises(WeightsError, match="folder"):
        load_weights(tmp_path)
    with pytest.raises(WeightsError, match="no state dict"):
        load_weights(dump(tmp_path / "list.pdparams", [1, 2]))
