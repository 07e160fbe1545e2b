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
def test_invalid_amount_of_memory_is_refused(text):
    with pytest.raises(UsageError, match=r"1\.5G"):
        memory.parse_memory(text)


@pytest.mark.parametrize(
    ("free", "in_use", "instead"),
    [(8 << 30, 0, None), (800 << 20, 0, None), (700 << 20, 0, 350 << 20), (0, 800 << 20, None)],
)
def test_half_of_the_free_memory_is_used_if_more_than_four_fifths_of_it_is_needed(
    monkeypatch, free, in_use, instead
):
    machine = psutil.virtual_memory()._replace(available=free)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert memory.reduced_budget(600 << 20, in_use) == instead
