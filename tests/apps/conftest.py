import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for ``apps_samples``


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
