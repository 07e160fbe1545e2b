import signal
import types

import pytest

from ppgan_mpr.cluster import nodes
from ppgan_mpr.cluster.nodes import connected, last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [("trace\n  why\n\n", "why"), ("", "ArithmeticError"), (" \n", "ArithmeticError")],
)
def test_error_is_described_by_its_last_line_or_its_type(text, line):
    assert last_line(ArithmeticError(text)) == line


def test_handlers_of_ending_signals_stay_when_ray_installs_its_own(monkeypatch):
    def install(**_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    ray = types.SimpleNamespace(
        is_initialized=lambda: False, init=install, shutdown=lambda: None
    )  # fmt: skip
    monkeypatch.setattr(nodes, "require", lambda name: ray)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with connected("auto"):
            assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, before)
