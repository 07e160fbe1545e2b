import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("800M", 800 << 20), ("1.5g", 3 << 29), (" 2 GiB ", 2 << 30), (700, 700 << 20)],
)
def test_sizes(text, size):
    assert memory.parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "1X", "9" * 400, "1e9"])
def test_senseless_sizes(text):
    with pytest.raises(UsageError, match=r"1\.5G"):
        memory.parse_memory(text)


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A machine whose control groups lie in tmp_path; returns a setter of this process's."""
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_machine", lambda: 8 << 30)
    own = tmp_path / "own"
    monkeypatch.setattr(memory, "_OWN", own)
    return own.write_text


def test_container_of_version_2(group, tmp_path):
    group("0::/box\n")
    write(tmp_path / "box", memory__max="max", memory__current=1, memory__stat="file 0")
    write(
        tmp_path,
        memory__max=1000 << 20,
        memory__current=600 << 20,
        memory__stat=f"anon 5\ninactive_file {100 << 20}",
    )
    assert memory.available() == 500 << 20
    assert memory.default_budget() == 250 << 20


def test_container_of_version_1_that_sees_its_own_root(group, tmp_path):
    group("4:memory:/docker/abc\n3:cpuset:/\n")
    write(
        tmp_path / "memory",
        memory__limit_in_bytes=900 << 20,
        memory__usage_in_bytes=100 << 20,
        memory__stat="total_inactive_file 0",
    )
    assert memory.available() == 800 << 20


def test_no_container(group):
    group("0::/\n")
    assert memory.available() == 8 << 30
    assert memory.default_budget() <= 1 << 30
