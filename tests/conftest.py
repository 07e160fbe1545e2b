"""Fixtures that tests of several folders use.

Outputs of other implementations are in ``tests/fixtures``. Real photographs are in the folder
``shared/pairs`` beside the checkout (``PPGAN_MPR_SHARED`` names another place for ``shared``);
tests that need them are skipped without it.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no failure

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PPGAN_MPR_SHARED", ROOT.parent / "shared"))

if str(ROOT) not in sys.path:  # tests run on the checkout, installed or not
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def fixtures_dir() -> Path:
    """Outputs of other implementations; see the README there."""
    return ROOT / "tests" / "fixtures"


@pytest.fixture(scope="session")
def pairs_dir() -> Path:
    """Real degraded/clean photographs by task (research use; never committed)."""
    folder = SHARED / "pairs"
    if not folder.is_dir():
        pytest.skip(f"research photographs not found: {folder}")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Exported networks go to a folder of the test run, not to the user's."""
    before = os.environ.get("PPGAN_MPR_HOME")
    os.environ["PPGAN_MPR_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    if before is None:
        del os.environ["PPGAN_MPR_HOME"]
    else:
        os.environ["PPGAN_MPR_HOME"] = before


@pytest.fixture(scope="session")
def state():
    """A small MPRNet's state dict as arrays."""
    import numpy as np

    from ppgan_mpr.networks import find_network

    network = find_network("MPRNet").build(
        {"n_feat": 8, "scale_unetfeats": 4, "scale_orsnetfeats": 4, "num_cab": 1}
    )
    return {name: np.asarray(value) for name, value in network.state_dict().items()}


@pytest.fixture
def known_weights():
    """A function that replaces the weights a network states, until the test ends."""
    from ppgan_mpr.networks import find_network, register_network, unregister_network

    originals = {}

    def replace_weights(network, *records):
        spec = find_network(network)
        originals.setdefault(spec.name, spec)
        unregister_network(spec.name)
        register_network(dataclasses.replace(spec, weights=records))

    yield replace_weights
    for name, spec in originals.items():
        unregister_network(name)
        register_network(spec)


def pytest_collection_modifyitems(items):
    """Tests that run OpenVINO come last: Paddle's DataLoader forks, and threads do not survive."""
    inference = {"apps", "inference", "test_samples.py"}
    items.sort(key=lambda item: not inference.isdisjoint(item.path.relative_to(ROOT).parts))
