"""Training on two nodes, simulated by two launchers on the loopback interface."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.weights import load_weights

pytestmark = pytest.mark.usefixtures("undrawn_curves")
ITERATIONS = 24
LIMIT = 300  # seconds; two busy cores take under a minute
OPTIONS = [
    f"total_iters={ITERATIONS}",
    "validate.interval=-1",
    "snapshot_config.interval=2",
    "log_config.interval=1",
    "dataset.train.img_options.patch_size=16",
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A folder of noisy pictures and their originals."""
    root, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    for number in range(4):
        clean = np.full((40, 48, 3), 60.0 * number + 30)
        for part, picture in (("target", clean), ("input", clean + rng.normal(0, 25, clean.shape))):
            (root / part).mkdir(exist_ok=True)
            pixels = picture.clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(root / part / f"{number}.png")
    return root


@pytest.fixture
def launch(root, pairs, tmp_path):
    """A function that starts a job on both nodes: output folder → the two launchers."""
    started = []

    def launch(output_dir):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            master = f"127.0.0.1:{probe.getsockname()[1]}"
        nodes = []
        for rank in range(2):
            log = tmp_path / f"node{rank}"
            program = [str(root / "tools" / "main.py"), "-c", "nafnet_tiny_denoising", "--no-cuda"]
            folders = [f"dataset.{part}.rgb_dir={pairs}" for part in ("train", "test")]
            options = ["-o", *OPTIONS, *folders, f"output_dir={output_dir}"]
            launcher = ["-m", "paddle.distributed.launch", f"--master={master}", "--nnodes=2"]
            launcher += [f"--rank={rank}", "--nproc_per_node=1", f"--log_dir={log}"]
            command = [sys.executable, "-u", *launcher, *program, "--resume", "auto", *options]
            nodes.append(
                subprocess.Popen(
                    command,
                    cwd=tmp_path,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        started.extend(nodes)
        return nodes

    yield launch
    for node in started:
        end(node)


def workers(node):
    """The training processes of a node."""
    return psutil.Process(node.pid).children(recursive=True)


def end(node):
    """End a launcher and all its processes, as the scheduler of a cluster does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [*workers(node), psutil.Process(node.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    node.wait(LIMIT)


def final_weights(output_dir):
    (path,) = output_dir.glob(f"*/iter_{ITERATIONS}_weight.pdparams")
    return load_weights(path).tensors


def wait_for_checkpoint(output_dir, nodes):
    while not list(output_dir.glob("*/iter_*_checkpoint.pdparams")):
        assert all(node.poll() is None for node in nodes)
        time.sleep(0.01)


def iterations_logged(output_dir):
    """Number of iterations that the run has logged."""
    logged = [path.read_text() for path in output_dir.glob("*/log.txt")]
    found = re.findall(rf" iter (\d+)/{ITERATIONS} ", "".join(logged))
    return max(map(int, found), default=0)


def wait_for(moment, output_dir, nodes, startup):
    """Wait for a moment of a run.

    Args:
        moment: number of finished iterations, plus a fraction of the next one. A negative number is
            minus a fraction of the time until the first iteration.
        output_dir: output folder of the run.
        nodes: launchers of the run.
        startup: seconds until the first iteration.
    """
    while not all(map(workers, nodes)):
        assert all(node.poll() is None for node in nodes)
        time.sleep(0.01)
    if moment < 0:
        time.sleep(-moment * startup)
        return
    while iterations_logged(output_dir) < int(moment) and all(n.poll() is None for n in nodes):
        time.sleep(0.01)
    time.sleep(moment % 1 / 10)


def test_requeued_job_ends_with_the_weights_of_an_undisturbed_one(launch, tmp_path):
    seed = int(os.environ.get("PPGAN_MPR_SEED") or random.SystemRandom().randrange(2**32))
    chance = random.Random(seed)
    # One time in five while the processes start, else at any iteration, the last included.
    moment = -chance.random() if chance.random() < 0.2 else chance.uniform(0, ITERATIONS + 1)
    number = chance.randrange(2)
    print(f"PPGAN_MPR_SEED={seed} kills the worker of node {number} at moment {moment:.2f}")

    nodes, began = launch(tmp_path / "whole"), time.monotonic()
    while not iterations_logged(tmp_path / "whole"):
        assert all(node.poll() is None for node in nodes)
        time.sleep(0.01)
    startup = time.monotonic() - began
    assert [node.wait(LIMIT) for node in nodes] == [0, 0]

    disturbed = tmp_path / "disturbed"
    nodes = launch(disturbed)
    wait_for(moment, disturbed, nodes, startup)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has finished
        for worker in workers(nodes[number]):
            worker.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        for node in nodes:
            node.wait(5)  # the other node may wait for ever
    for node in nodes:
        end(node)
    saved = list(disturbed.glob("*/iter_*_checkpoint.pdparams"))

    assert [node.wait(LIMIT) for node in launch(disturbed)] == [0, 0]
    if saved:  # the run went on in its folder
        assert len(list(disturbed.iterdir())) == 1
    expected, got = final_weights(tmp_path / "whole"), final_weights(disturbed)
    assert all(np.array_equal(got[name], expected[name]) for name in expected)


def test_sigterm_to_the_launchers_saves_a_checkpoint(launch, tmp_path):
    nodes = launch(tmp_path / "out")
    wait_for_checkpoint(tmp_path / "out", nodes)
    children = [process for node in nodes for process in workers(node)]
    for node in nodes:
        node.send_signal(signal.SIGTERM)
    for node in nodes:
        node.wait(LIMIT)
    psutil.wait_procs(children)
    (log,) = (tmp_path / "out").glob("*/log.txt")
    assert "Stopped by a signal; resume from" in log.read_text()
