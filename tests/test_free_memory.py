import subprocess
import sys

import psutil
import pytest

from ppgan_mpr import free_memory


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def free_in(tmp_path, monkeypatch):
    """A function: control groups of a process → its free memory, on a machine with 8 GiB free."""
    machine = psutil.virtual_memory()._replace(available=8 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)

    def measure(membership):
        own = tmp_path / "own"
        own.write_text(membership)
        return free_memory.available(tmp_path, own)

    return measure


def test_limit_of_a_control_group_of_version_2_counts(free_in, tmp_path):
    write(tmp_path / "box", memory__max="max", memory__current=1, memory__stat="file 0")
    write(
        tmp_path,
        memory__max=1000 << 20,
        memory__current=600 << 20,
        memory__stat=f"anon 5\ninactive_file {100 << 20}",
    )
    assert free_in("0::/box\n") == 500 << 20


def test_limit_of_cgroup_v1_counts_in_a_container_that_sees_its_own_root(free_in, tmp_path):
    write(
        tmp_path / "memory",
        memory__limit_in_bytes=900 << 20,
        memory__usage_in_bytes=100 << 20,
        memory__stat="total_inactive_file 0",
    )
    assert free_in("4:memory:/docker/abc\n3:cpuset:/\n") == 800 << 20


def test_outside_a_container_the_machines_memory_counts(free_in):
    assert free_in("0::/\n") == 8 << 30


def test_limit_of_the_address_space_counts(root):
    """The limit of ``ulimit -v``, less the memory that the process has mapped."""
    pytest.importorskip("resource", reason="Windows has no such limit")
    code = (
        "import resource; from ppgan_mpr.free_memory import available\n"
        "hard = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, hard)); print(available())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert 1 << 28 < int(done.stdout) < 1 << 30
