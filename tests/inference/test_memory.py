import psutil
import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("800M", 800 << 20), ("1.5g", 3 << 29), (" 2 GiB ", 2 << 30), (700, 700 << 20)],
)
def test_amount_of_memory_is_understood_with_any_unit(text, size):
    assert memory.parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "1X", "9" * 400, "1e9"])
def test_senseless_amount_of_memory_is_refused(text):
    with pytest.raises(UsageError, match=r"1\.5G"):
        memory.parse_memory(text)


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def free_in(tmp_path, monkeypatch):
    """Free memory of a process in a control group, on a machine with 8 GiB left."""
    machine = psutil.virtual_memory()._replace(available=8 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)

    def measure(membership):
        own = tmp_path / "own"
        own.write_text(membership)
        return memory.available(tmp_path, own)

    return measure


def test_container_of_version_2(free_in, tmp_path):
    write(tmp_path / "box", memory__max="max", memory__current=1, memory__stat="file 0")
    write(
        tmp_path,
        memory__max=1000 << 20,
        memory__current=600 << 20,
        memory__stat=f"anon 5\ninactive_file {100 << 20}",
    )
    assert free_in("0::/box\n") == 500 << 20


def test_container_of_version_1_that_sees_its_own_root(free_in, tmp_path):
    write(
        tmp_path / "memory",
        memory__limit_in_bytes=900 << 20,
        memory__usage_in_bytes=100 << 20,
        memory__stat="total_inactive_file 0",
    )
    assert free_in("4:memory:/docker/abc\n3:cpuset:/\n") == 800 << 20


def test_outside_a_container_the_machines_memory_counts(free_in):
    assert free_in("0::/\n") == 8 << 30


@pytest.mark.parametrize(
    ("free", "in_use", "instead"),
    [(8 << 30, 0, None), (800 << 20, 0, None), (700 << 20, 0, 350 << 20), (0, 800 << 20, None)],
)
def test_half_of_what_is_free_is_used_where_the_need_does_not_fit(
    monkeypatch, free, in_use, instead
):
    machine = psutil.virtual_memory()._replace(available=free)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert memory.instead_of(600 << 20, in_use) == instead
