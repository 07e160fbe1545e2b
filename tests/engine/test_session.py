"""The checkpoint that processes resume from."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.engine import processes
from ppgan_mpr.engine.session import check_same_checkpoint
from ppgan_mpr.errors import UsageError


@pytest.mark.parametrize("theirs", [5, -1])  # -1: the other process has found no checkpoint
def test_processes_that_find_different_checkpoints_do_not_start(monkeypatch, theirs):
    """This happens on machines without a common disk."""
    found = Path("runs/iter_20_checkpoint.pdparams")

    def largest(number):  # it is called with the number first, then with its negative
        return max(number, theirs if number > 0 else -theirs)

    monkeypatch.setattr(processes, "largest", largest)
    with pytest.raises(UsageError, match="on a disk that all machines share"):
        check_same_checkpoint(found)


def test_a_single_process_resumes_the_checkpoint_that_it_finds():
    check_same_checkpoint(Path("runs/iter_20_checkpoint.pdparams"))
    check_same_checkpoint(None)
