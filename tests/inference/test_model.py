from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ppgan_mpr.inference import Cache, Model
from ppgan_mpr.inference.model import load_model
from ppgan_mpr.networks import find_network
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.formats import write_file

pytest.importorskip("onnx")
pytest.importorskip("paddle", "3.0", reason="exporting needs PaddlePaddle 3")


@pytest.fixture
def build_tiny():
    """A function that builds a very small network and counts its calls."""
    spec = find_network("MIRNet")

    def build():
        build.count += 1
        network = spec.build({"n_feat": 8, "n_RRG": 1, "n_MSRB": 1})
        network.eval()
        return network

    build.count = 0
    return build


def test_memory_per_pixel_does_not_depend_on_the_sizes_exported_before(cache, tmp_path):
    spec = find_network("MPRNet")
    build = load_weights("lite:Deraining").build
    fresh = Model("a", spec, build, cache, local=True).floats_per_pixel
    used = Cache(tmp_path / "used")
    Model("a", spec, build, used, local=True).load_onnx((64, 64), bytes)
    assert Model("a", spec, build, used, local=True).floats_per_pixel == fresh


def test_exported_network_comes_from_the_cache_without_building(build_tiny, cache):
    spec = find_network("MIRNet")
    first = Model("a", spec, build_tiny, cache)
    graph, memory = first.load_onnx((64, 64), bytes), first.floats_per_pixel
    again = Model("a", spec, build_tiny, cache)
    assert again.load_onnx((96, 32), bytes) == graph
    assert again.floats_per_pixel == memory
    assert build_tiny.count == 1
    Model("b", spec, build_tiny, cache).load_onnx((64, 64), bytes)  # other weights
    assert build_tiny.count == 2


def test_windowed_statistics_are_exported_for_each_size(build_tiny, cache):
    spec = find_network("MIRNet")
    graphs = {}
    for size in ((64, 64), (64, 96), (64, 64)):
        model = Model("a", spec, build_tiny, cache, local=True)
        graphs.setdefault(size, model.load_onnx(size, bytes))
        assert model.load_onnx(size, bytes) == graphs[size]
    assert build_tiny.count == 2
    assert graphs[64, 64] != graphs[64, 96]
    assert Model("a", spec, build_tiny, cache).load_onnx((64, 64), bytes) not in graphs.values()


def test_loaded_model_has_the_network_and_channels_of_its_weights(tmp_path):
    model = load_model("lite:Deraining", Cache(tmp_path), local=True)
    assert model.spec is find_network("MPRNet")
    assert (model.channels, model.local, model.identity) == (3, True, "lite:Deraining")


TWO_THREADS = """
import sys, threading
import numpy as np
from ppgan_mpr import Predictor

def restore(weights):
    predictor = Predictor(None, weights, task="Denoising", backend=sys.argv[1])
    predictor.restore(np.zeros([8, 8, 3], np.uint8))

worker = threading.Thread(target=restore, args=[sys.argv[2]])
worker.start()
worker.join()
restore(sys.argv[3])
"""


@pytest.mark.parametrize("backend", ["openvino", "paddle"])
def test_networks_can_be_built_in_any_thread(backend, tmp_path):
    files = [tmp_path / f"{width}.pdparams" for width in (4, 8)]
    for width, file in zip((4, 8), files):
        size = {"width": width, "enc_blk_nums": (1,), "middle_blk_num": 1, "dec_blk_nums": (1,)}
        state = find_network("NAFNet").build(size).state_dict()
        write_file(file, {name: np.asarray(value) for name, value in state.items()})
    environment = {**os.environ, "PPGAN_MPR_HOME": str(tmp_path)}
    command = [sys.executable, "-c", TWO_THREADS, backend, *map(str, files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
