"""Files that are truncated, of unknown formats, or in bfloat16."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from weights_samples import dump

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.formats import write_file


def test_bfloat16_safetensors_are_read(tmp_path, state):

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
    assert weights.task is None  # the file's task is unknown here
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


def test_files_that_are_not_weights_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(WeightsError, match=r"notes\.txt is not a weights file"):
        load_weights(tmp_path / "notes.txt")
    with pytest.raises(WeightsError, match=r"none\.pdparams cannot be read: No such file"):
        load_weights(tmp_path / "none.pdparams")
    with pytest.raises(WeightsError, match="folder"):
        load_weights(tmp_path)
    with pytest.raises(WeightsError, match="no state dict"):
        load_weights(dump(tmp_path / "list.pdparams", [1, 2]))


@pytest.mark.parametrize("length", [1 << 62, 1 << 30, 1 << 10])
def test_header_longer_than_the_file_is_refused(tmp_path, length):
    path = tmp_path / "w.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + b'{"a":{"dtype":"F32"}}')
    with pytest.raises(WeightsError, match=rf"w\.safetensors .*header claims {length} bytes"):
        load_weights(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b"{}",
        b'{"a":{"dtype":"F32","shape":[99999999,99999999],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    ],
    ids=["braces", "nested", "empty", "huge", "negative", "overlapping"],
)
def test_damaged_headers_are_refused_in_one_sentence(tmp_path, header):
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        load_weights(path)


def test_header_of_very_many_tensors_is_refused(tmp_path):
    tensors = {
        f"{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(30_000)
    }
    text = json.dumps(tensors).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(WeightsError, match=r"w\.safetensors names more tensors than a network has"):
        load_weights(path)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are counted in kB on Linux")
@pytest.mark.parametrize(("kind", "itemsize"), [("BF16", 2), ("F16", 2), ("F32", 4)])
def test_reading_takes_no_more_memory_than_promised(tmp_path, kind, itemsize):
    size = 32 << 20
    header = {"w": {"dtype": kind, "shape": [size // itemsize], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(size))
    code = (
        "import resource, sys; from ppgan_mpr.errors import WeightsError;"
        "from ppgan_mpr.weights import load_weights; import numpy, safetensors\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try: load_weights(sys.argv[1])\n"
        "except WeightsError: print(peak() - before)"
    )
    command = [sys.executable, "-c", code, str(path)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert int(output) << 10 < 4 * size


@pytest.mark.parametrize("start", [b"\x80\x04", b"PK\x03\x04", (9).to_bytes(8, "little") + b"{"])
def test_file_larger_than_the_memory_is_not_read(tmp_path, start):
    path = tmp_path / "w.pdparams"
    path.write_bytes(start)
    try:
        os.truncate(path, 1 << 42)
    except OSError:
        pytest.skip("this file system has no sparse files of 4 TB")
    with pytest.raises(WeightsError, match=r"w\.pdparams has 4194304 MB"):
        load_weights(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "w.pdparams")
    with pytest.raises(WeightsError, match="not an ordinary file"):
        load_weights(tmp_path / "w.pdparams")
