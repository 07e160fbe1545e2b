from __future__ import annotations

from pathlib import Path

import pytest

from ppgan_mpr.cache_dir import cache_dir
from ppgan_mpr.errors import UsageError


def test_environment_variable_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "weights"))
    assert cache_dir() == tmp_path / "weights"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PPGAN_MPR_HOME", "~/weights")
    assert cache_dir() == tmp_path / "weights"


@pytest.mark.parametrize("value", [None, ""])
def test_default_is_the_users_cache(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PPGAN_MPR_HOME")
    if value is not None:
        monkeypatch.setenv("PPGAN_MPR_HOME", value)
    assert cache_dir().name == "ppgan_mpr"
    assert cache_dir() != Path("ppgan_mpr")


def test_error_without_a_home_folder_names_the_variable_to_set(monkeypatch):
    def homeless(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("PPGAN_MPR_HOME")
    monkeypatch.setattr("platformdirs.user_cache_dir", homeless)
    with pytest.raises(UsageError, match="set PPGAN_MPR_HOME to a folder"):
        cache_dir()
