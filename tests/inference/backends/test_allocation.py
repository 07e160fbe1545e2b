"""Exceptions of the backends that mean that memory ran out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ppgan_mpr.inference.backends.allocation import is_allocation_failure


class OutOfMemoryError(Exception):
    """An exception with a name like those of libraries."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("Exception from src/inference/src/cpp/core.cpp:97:\nbad allocation\n"),
        RuntimeError("[CPU] Failed to allocate 3221225472 bytes of memory"),
        RuntimeError("could not create a memory object"),
        RuntimeError("Exception from src/inference/src/dev/plugin.cpp:54:\ncan't alloc\n"),
        RuntimeError("Exception from src/inference/src/dev/plugin.cpp:54:\ncan't alloc\n"),
        RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for "
                     "requested buffer of size 4718592000"),
        SystemError("(ResourceExhausted) Fail to alloc memory of 12582912000 size, error code 12."),
        RuntimeError("CUDA error(2), out of memory."),
        RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
        OSError(12, "Cannot allocate memory"),
        OutOfMemoryError(),
    ],
)  # fmt: skip
def test_allocation_failures_are_recognised(error):
    assert is_allocation_failure(error)
    wrapped = RuntimeError("inference failed")
    wrapped.__cause__ = error
    assert is_allocation_failure(wrapped)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("surprise"),
        ValueError("shapes [1, 3, 8, 8] and [1, 3, 9, 8] do not match"),
        OSError(28, "No space left on device"),
    ],
)
def test_other_errors_are_not_allocation_failures(error):
    error.__cause__ = error  # a chain of causes may be circular
    assert not is_allocation_failure(error)


RESTORE = """
import resource, sys
import numpy as np, psutil
from ppgan_mpr import MPRPredictor
options = dict(task="Deraining", model="lite", backend=sys.argv[1], precision="f32", threads=2)
predictor = MPRPredictor(None, tile=2048, overlap=32, **options)
predictor.restore(np.full([64, 64, 3], 90, np.uint8))  # loads the network and libraries
mapped = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, [mapped + (int(sys.argv[2]) << 20)] * 2)
(result,) = predictor.run(np.full([int(sys.argv[3])] * 2 + [3], 90, np.uint8))
print(result.error, result.record.tiles)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address space")
@pytest.mark.parametrize(
    ("backend", "megabytes", "side"),
    [("openvino", 500, 704), ("onnxruntime", 300, 640), ("paddle", 120, 256)],
)
def test_a_tile_that_does_not_fit_is_divided(backend, megabytes, side, root):
    pytest.importorskip(backend)
    if backend != "paddle":
        pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")
    done = subprocess.run(
        [sys.executable, "-c", RESTORE, backend, str(megabytes), str(side)],
        capture_output=True, text=True, cwd=root,
        check=False,
    )  # fmt: skip
    error, tiles = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert error == "None", done.stderr
    assert int(tiles) > 1
