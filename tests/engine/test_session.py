"""What surrounds a run: the checkpoint to resume from, its folder, its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine import processes
from ppgan_mpr.engine.session import check_same_checkpoint
from ppgan_mpr.errors import UsageError


@pytest.mark.parametrize("theirs", [5, -1])  # -1: the other process has found none
def test_processes_that_find_different_checkpoints_do_not_start(monkeypatch, theirs):
    """As on machines without a common disk."""
    found = Path("runs/iter_20_checkpoint.pdparams")

    def largest(number):  # both processes ask for the number first, then for its negative
        return max(number, theirs if number > 0 else -theirs)

    monkeypatch.setattr(processes, "largest", largest)
    with pytest.raises(UsageError, match="on a disk that all machines share"):
        check_same_checkpoint(found)


def test_one_process_resumes_what_it_finds():
    check_same_checkpoint(Path("runs/iter_20_checkpoint.pdparams"))
    check_same_checkpoint(None)
