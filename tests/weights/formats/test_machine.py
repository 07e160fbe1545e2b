"""Small pickles that would take the standard unpickler huge amounts of memory or time."""

import io
import pickle
import subprocess
import sys
from collections import OrderedDict

import pytest

from ppgan_mpr.weights.formats.pickles import RestrictedUnpickler

TEXT = b"X" + (1 << 20).to_bytes(4, "little") + b"a" * (1 << 20) + b"q\x00"
LATIN1 = b"X\x06\x00\x00\x00latin1q\x01"
ENCODE = b"c_codecs\nencode\nq\x02"
COPY = b"h\x02h\x00h\x01\x86R"

BOMBS = {
    "memo of 32 GB": b"K\x01r\xff\xff\xff\x7f",
    "a key that is hashed for ever": b"}K\x01" + b"q\x00h\x00\x86" * 60 + b"K\x01s",
    "a member that is hashed for ever": b"\x8f(K\x01" + b"q\x00h\x00\x86" * 60 + b"\x90",
    "a text copied 4000 times": TEXT + LATIN1 + ENCODE + b"](" + COPY * 4000 + b"e",
    "millions of containers": b"(" + b"}" * 3_000_000 + b"t",
    "containers below the limit of parts": b"(" + b"}" * 1_900_000 + b"t",
    "sets below the limit of parts": b"(" + b"\x8f" * 1_900_000 + b"t",
    "a memo below the limit of parts": b"]" + b"\x94" * 1_900_000,
    "marks below the limit of parts": b"(" * 1_900_000,
    "bytes without an end": b"\x8e" + (1 << 62).to_bytes(8, "little"),
    "a number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n",
    "an object doubled": b"]" + b"2" * 1000,
    "an extension": b"\x82\x01",
    "an old instance": b"(ios\nsystem\n",
    "a call of a name": b"X\x01\x00\x00\x00a)R",
    "items of a list": b"]K\x01K\x02s",
    "a state for a list": b"]K\x01b",
}
CODE = """
import resource, sys
from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_weights(sys.argv[1])
except WeightsError as error:
    print(error)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
"""


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_within_100_mb(tmp_path, root, kind):
    pytest.importorskip("resource")
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"\x80\x04" + BOMBS[kind] + b".")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)],
        capture_output=True, text=True, timeout=60, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "w.pdparams" in done.stdout
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_read_as_by_pickle(protocol):
    shared = ["shared", (1, 2)]
    data = {
        "numbers": [0, 1, 255, 65536, -1, 1 << 40, 1 << 2000, 0.5, float("inf"), True, None],
        "texts": ["", "é", "\udcff", "a" * 300, b"", b"\xff\x00", b"b" * 300],
        "twice": [shared, shared],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "ordered": OrderedDict(b=1, a=2),
        3: {None: {}, (1, "x"): []},
        "set": {1, 2},
    }
    read = RestrictedUnpickler(io.BytesIO(pickle.dumps(data, protocol))).load()
    assert read == data
    assert list(read["ordered"]) == ["b", "a"]
    assert read["twice"][0] is read["twice"][1]


def test_versions_that_pytorch_attaches_to_a_dict_are_ignored():
    ordered = OrderedDict(weight=1)
    ordered._metadata = {"": {"version": 1}}
    assert RestrictedUnpickler(io.BytesIO(pickle.dumps(ordered))).load() == {"weight": 1}
