"""Checkpoints in the folder of a run."""

from __future__ import annotations

import os

from ppgan_mpr.engine.checkpoints import Checkpoints, read_state, write_state
from ppgan_mpr.files import atomic_write


def test_unfinished_files_of_a_killed_run_are_deleted_at_the_start(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)  # it would leave no files
    with atomic_write(tmp_path / "unused"):
        (name,) = os.listdir(tmp_path)
    (tmp_path / "unused").unlink()
    (tmp_path / name).write_bytes(b"half a checkpoint")
    checkpoint = tmp_path / "iter_2_checkpoint.pdparams"
    write_state(checkpoint, {"epoch": 2})
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    Checkpoints(tmp_path).begin(2)
    assert os.listdir(tmp_path) == [checkpoint.name]
    assert read_state(checkpoint)["epoch"] == 2
