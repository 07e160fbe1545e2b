"""A Ray cluster of one node that all tests share, and a picture that kills its process."""

import os

import pytest
from cluster_samples import environment_with_killer
from s3_server import ENVIRONMENT

try:
    import pyarrow  # noqa: F401
except ImportError:  # not installed, or too new for NumPy 1, which Paddle 2 needs
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def cluster(own_cache):
    """The address of a cluster to which this process is connected."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ppgan_mpr[cluster]'")
    from ppgan_mpr.dependencies import require

    ray = require("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():  # for workers that read from an S3 server
            patch.setenv(name, value)
        memory = 100 << 20
        node = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=node)
        ray.init(address=started.address, log_to_driver=False)
        yield started.address
        ray.shutdown()
        started.shutdown()


@pytest.fixture
def killing(tmp_path, root, monkeypatch):
    """Makes the picture called ``killer`` kill the process that restores it."""
    before = os.environ.get("PYTHONPATH", "")
    environment = environment_with_killer(tmp_path / "site", root)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([environment["PYTHONPATH"], before]))
