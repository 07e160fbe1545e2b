"""Only one process at a time can use the folder of a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.run_lock import RunLock
from ppgan_mpr.errors import UsageError

HOLDER = """
import sys
from pathlib import Path
from ppgan_mpr.engine.run_lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path, root):
    """A process that locks the folder until it ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"locked\n"
    yield process
    process.kill()
    process.communicate()


def test_folder_of_a_running_process_is_refused_with_its_number(tmp_path, holder):
    with pytest.raises(UsageError, match=f"in use by process {holder.pid} on "), RunLock(tmp_path):
        pass


def test_killed_process_leaves_no_lock(tmp_path, holder):
    holder.kill()
    holder.wait()
    with RunLock(tmp_path):
        pass


def test_folder_is_free_after_the_block(tmp_path):
    for _ in range(2):
        with RunLock(tmp_path):
            pass
