"""A Ray cluster of one node that all tests share."""

import os

import pytest
from cluster_samples import environment_with_killer


@pytest.fixture(scope="session")
def killing(tmp_path_factory, root):
    """Makes the picture called ``killer`` kill the process that restores it."""
    before = os.environ.get("PYTHONPATH")
    os.environ.update(environment_with_killer(tmp_path_factory.mktemp("site"), root))
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def cluster(killing, own_cache):
    """The address of the cluster, to which this process is connected."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ppgan_mpr[cluster]'")
    from ppgan_mpr.dependencies import require

    ray = require("ray")
    from ray.cluster_utils import Cluster

    memory = 100 << 20
    node = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=node)
    ray.init(address=started.address, log_to_driver=False)
    yield started.address
    ray.shutdown()
    started.shutdown()
