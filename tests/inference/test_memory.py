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


def test_budget_is_half_of_what_is_free_but_never_more_than_is_useful(monkeypatch):
    machine = psutil.virtual_memory()
    for free, budget in ((200 << 20, 100 << 20), (64 << 30, 600 << 20)):
        left = machine._replace(available=free)
        monkeypatch.setattr(psutil, "virtual_memory", lambda left=left: left)
        assert memory.default_budget() <= budget
    assert memory.default_budget() > 0
