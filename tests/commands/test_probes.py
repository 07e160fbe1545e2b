"""Libraries that make Python crash, exit or hang are reported."""

from __future__ import annotations

import pytest

from ppgan_mpr.commands.probes import ProbeError, run_probe


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise OSError('libfoo.so is missing')", "OSError: libfoo.so is missing"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os; os._exit(0)", "it makes Python exit"),
        ("import time; time.sleep(600)", "no result within 1 seconds"),
    ],
    ids=["exception", "crash", "exit", "hang"],
)
def test_library_that_cannot_be_imported_is_reported(source, reason, tmp_path, monkeypatch):
    (tmp_path / "harmful.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ProbeError, match=reason):
        run_probe("harmful", limit=1 if "sleep" in source else 60)
