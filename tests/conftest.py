"""Fixtures that tests of several folders use.

Outputs of other implementations are in ``tests/fixtures``. Real photographs are in the folder
``shared/pairs`` next to the checkout (``PPGAN_MPR_SHARED`` names another ``shared`` folder).
Without them, tests that need them are skipped.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # tests must not fail on a busy machine

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PPGAN_MPR_SHARED", ROOT.parent / "shared"))

if str(ROOT) not in sys.path:  # tests run on the checkout, installed or not
    sys.path.insert(0, str(ROOT))

from ppgan_mpr.dependencies import cpu_count  # noqa: E402
from ppgan_mpr.ending_signals import ENDING  # noqa: E402

# Programs keep ignoring signals that ``nohup`` made them ignore, and so do their child processes.
# Tests need the default handlers.
for number in ENDING:
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )

# The networks in tests are so small that waking a second thread takes longer than it saves.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """The test run caches exported networks in its own folder instead of the user's.

    Test workers share it, so that each network is exported once.
    """
    before = os.environ.get("PPGAN_MPR_HOME")
    folder = tmp_path_factory.getbasetemp()
    home = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "home"
    home.mkdir(exist_ok=True)
    os.environ["PPGAN_MPR_HOME"] = str(home)
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


@pytest.fixture(scope="session")
def without_matplotlib(tmp_path_factory):
    """A folder for PYTHONPATH: processes that search it find no Matplotlib and plot no curves."""
    folder = tmp_path_factory.mktemp("without_matplotlib")
    (folder / "matplotlib.py").write_text("raise ImportError('this process plots nothing')")
    return folder


@pytest.fixture
def undrawn_curves(monkeypatch, without_matplotlib):
    """Runs do not plot their curves, which would take as long as training a tiny network.

    Neither do the processes that a test starts with its own environment.
    """
    monkeypatch.setattr("ppgan_mpr.engine.curves.Curves.draw", lambda self: None)
    monkeypatch.setenv("PYTHONPATH", str(without_matplotlib), prepend=os.pathsep)


@pytest.fixture
def changed_network():
    """A function that changes facts in the spec of a network, until the test ends."""
    from ppgan_mpr.networks import find_network, networks, register_network, unregister_network

    originals = networks()

    def register(specs):
        """Replace all known networks by these, in this order; the first is the default."""
        for spec in networks():
            unregister_network(spec.name)
        for spec in specs:
            register_network(spec)

    def change(name, **facts):
        changed = find_network(name)
        register(
            dataclasses.replace(spec, **facts) if spec is changed else spec for spec in networks()
        )

    yield change
    register(originals)


@pytest.fixture
def known_weights(changed_network):
    """A function that replaces the weights in a network's spec until the test ends."""

    def replace_weights(network, *records):
        changed_network(network, weights=records)

    return replace_weights


# Paddle's DataLoader forks its workers. A fork of a process in which OpenVINO has started threads
# may hang. So these files come before all others: test workers take the files in order, and a
# worker has run no other test when it takes one of these.
FORKING = ("tests/commands/test_train.py", "tests/test_configs.py", "tests/engine/")
# These files start early, so that no worker is still busy with a long one at the end.
LONG = (
    "tests/commands/test_two_nodes.py", "tests/soak/", "tests/commands/",
    "tests/test_documented_commands.py", "tests/apps/",
)  # fmt: skip
MEMORY_PER_WORKER = 3 * 2**30  # bytes


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    starts = (*FORKING, *LONG, "")
    items.sort(key=lambda item: next(n for n, s in enumerate(starts) if item.nodeid.startswith(s)))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker per core, if the memory suffices; a single file runs in this process."""
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) == 1 and files.pop().endswith(".py"):
        return 0
    workers = min(cpu_count(), psutil.virtual_memory().available // MEMORY_PER_WORKER)
    return workers if workers > 1 else 0
