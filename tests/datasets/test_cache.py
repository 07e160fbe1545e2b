from __future__ import annotations

import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="Paddle has workers on Linux only")
def test_workers_share_the_cache(loader_runs):
    before, after = loader_runs["shared"]
    assert len(before) == 7 and after == before
