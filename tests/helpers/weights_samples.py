"""Writes weights files by hand, and compares loaded weights."""

import pickle
import zipfile

import numpy as np


def dump(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def same(weights, state):
    assert list(weights.tensors) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(weights.tensors[name], value)


def _opcodes(value):
    """The pickle opcodes that push a simple value on the unpickler's stack."""
    return pickle.dumps(value, 2)[2:-1]


def dump_torch(path, tensors):
    """Write float32 arrays by name in the format of ``torch.save``, without PyTorch.

    The file is an uncompressed zip archive of flat storages and a pickle that refers to them.
    """
    body = b"\x80\x02}("
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, value) in enumerate(tensors.items()):
            value = np.ascontiguousarray(value, "<f4")
            strides = tuple(stride // 4 for stride in value.strides)
            body += _opcodes(name) + b"ctorch._utils\n_rebuild_tensor_v2\n("
            body += b"(" + _opcodes("storage") + b"ctorch\nFloatStorage\n"
            body += _opcodes(str(number)) + _opcodes("cpu") + _opcodes(value.size) + b"tQ"
            body += _opcodes(0) + _opcodes(value.shape) + _opcodes(strides) + _opcodes(False)
            body += b"ccollections\nOrderedDict\n)RtR"
            archive.writestr(f"archive/data/{number}", value.tobytes())
        archive.writestr("archive/data.pkl", body + b"u.")
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
    return path
