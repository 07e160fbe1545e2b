from __future__ import annotations

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr import host, plugin


def test_earlier_name_of_the_plugin_still_imports():
    assert host.register is plugin.register
