"""Fixtures that tests of several folders use.

Outputs of other implementations are in ``tests/fixtures``. Real photographs are in the folder
``shared/pairs`` beside the checkout (``PPGAN_MPR_SHARED`` names another place for ``shared``);
tests that need them are skipped without it.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

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
def changed_network():
    """A function that changes facts in the spec of a network, until the test ends."""
    from ppgan_mpr.networks import find_network, networks, register_network, unregister_network

    originals = networks()

    def register(specs):
        """Make these the networks that are known, in their order: the first is the default."""
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
    """A function that replaces the weights a network states, until the test ends."""

    def replace_weights(network, *records):
        changed_network(network, weights=records)

    return replace_weights


# Paddle's DataLoader forks its workers, and a fork of a process in which OpenVINO has started
# threads may hang. So these tests run in a process of their own, whatever the order of tests.
FORKING = ("tests/engine/", "tests/test_configs.py", "tests/commands/test_train.py")
OWN_PROCESS = "PPGAN_MPR_TESTS_THAT_FORK"


def _forks(item: pytest.Item) -> bool:
    return item.nodeid.startswith(FORKING)


class _Outcomes:
    """Outcomes of the session's forking tests, which run together when the first is wanted."""

    def __init__(self, session: pytest.Session):
        self._session = session
        self._found: dict[tuple[str, str], ElementTree.Element] | None = None

    def of(self, item: pytest.Item) -> ElementTree.Element:
        if self._found is None:
            self._found = self._run()
        module = item.nodeid.partition("::")[0].removesuffix(".py").replace("/", ".")
        return self._found[module, item.name]

    def _run(self) -> dict[tuple[str, str], ElementTree.Element]:
        tests = [item.nodeid for item in self._session.items if _forks(item)]
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tests]
            environment = {**os.environ, OWN_PROCESS: "1"}
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            if not report.exists():
                raise RuntimeError(f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
            cases = ElementTree.parse(report).iter("testcase")
            return {(case.get("classname", ""), case.get("name", "")): case for case in cases}


def pytest_sessionstart(session: pytest.Session) -> None:
    session.stash[_OUTCOMES] = _Outcomes(session)


_OUTCOMES = pytest.StashKey[_Outcomes]()


def _runs_elsewhere(item: pytest.Item) -> bool:
    """Whether a test runs in the other process; if all tests fork, none needs it."""
    elsewhere = _forks(item) and OWN_PROCESS not in os.environ
    return elsewhere and not all(map(_forks, item.session.items))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _runs_elsewhere(item):
        item.fixturenames.clear()  # they are made in the other process


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _runs_elsewhere(pyfuncitem):
        return None
    _repeat(pyfuncitem.session.stash[_OUTCOMES].of(pyfuncitem))
    return True


def _repeat(case: ElementTree.Element) -> None:
    """Fail or skip as the test did in its own process."""
    for kind in ("failure", "error"):
        for problem in case.iter(kind):
            pytest.fail(problem.text or problem.get("message", ""), pytrace=False)
    for skipped in case.iter("skipped"):
        pytest.skip(skipped.get("message", ""))
