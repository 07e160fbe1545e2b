"""Hostile pickles run no code."""

import pickle
import subprocess
import sys

import pytest
from weights_samples import dump

from ppgan_mpr.errors import WeightsError
from ppgan_mpr.weights import load_weights


class Hostile:
    def __reduce__(self):
        import os

        return os.system, ("touch should_not_exist",)


class HostileEval:
    def __reduce__(self):
        return eval, ("__import__('os').system('touch should_not_exist')",)


@pytest.mark.parametrize("payload", [Hostile(), HostileEval()])
@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_pickle_runs_no_code(tmp_path, monkeypatch, state, payload, protocol):
    monkeypatch.chdir(tmp_path)
    path = dump(tmp_path / "evil.pdparams", {**state, "x": payload}, protocol)
    with pytest.raises(WeightsError, match=r"evil\.pdparams"):
        load_weights(path)
    assert not (tmp_path / "should_not_exist").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "getattr"), ("numpy", "load"), ("numpy.core.multiarray", "fromfile"),
     ("os", "system"), ("torch", "load"), ("numpy", "ndarray.tofile")],
)  # fmt: skip
def test_only_listed_globals_can_be_named(tmp_path, module, name):
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"\x80\x02c" + f"{module}\n{name}\n".encode() + b".")
    with pytest.raises(WeightsError, match=f"asks for {module}"):
        load_weights(path)


OBJECT_TYPE = b"cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R"
# The same type with forged flags, which hide from NumPy that it holds pointers.
FORGED_TYPE = (
    b"cnumpy\ndtype\n" + pickle.dumps(("O8", False, True), 2)[2:-1] + b"R"
    + pickle.dumps((3, "|", None, None, None, -1, -1, 0), 2)[2:-1] + b"b"
)  # fmt: skip
EMPTY_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"


@pytest.mark.parametrize(
    "body",
    [
        b"cnumpy\nndarray\n(K\x01\x85" + OBJECT_TYPE + b"C\x08AAAAAAAAtR",
        b"cnumpy\nndarray\n(K\x01\x85" + FORGED_TYPE + b"C\x08AAAAAAAAtR",
        b"cnumpy.core.multiarray\nscalar\n" + FORGED_TYPE + b"C\x08AAAAAAAA\x86R",
        EMPTY_ARRAY + b"(K\x01K\x01\x85" + FORGED_TYPE + b"\x89C\x08AAAAAAAAtb",
        b"\x8e" + (1 << 46).to_bytes(8, "little") + b"abc",  # 64 TiB of bytes
        b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00itemK\x01sb",  # an attribute of a class
        b"cnumpy\ndtype\n(N}X\x08\x00\x00\x00functionNstb",  # an attribute of a stand-in
        b"(" * 100_000 + b"t" * 100_000,
    ],
    ids=["object", "forged", "scalar", "state", "huge", "class", "stand-in", "deep"],
)
def test_forged_arrays_and_types_are_refused(tmp_path, body):
    """In a separate process, because a failure would be a crash."""
    path = tmp_path / "w.pdparams"
    path.write_bytes(b"\x80\x04" + body + b".")
    code = (
        "import sys; from ppgan_mpr.weights import load_weights\n"
        "try: load_weights(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "WeightsError\n"


def test_content_that_refers_to_itself_is_refused(tmp_path):
    endless: dict = {}
    endless["generator"] = endless
    with pytest.raises(WeightsError):
        load_weights(dump(tmp_path / "loop.pdparams", endless))
    doubled: list = []
    for _ in range(60):
        doubled = [doubled, doubled]
    with pytest.raises(WeightsError):
        load_weights(dump(tmp_path / "doubled.pdparams", {"generator": {"a": doubled}}))
