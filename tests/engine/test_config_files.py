"""Names and paths of configurations."""

from __future__ import annotations

import pytest

from ppgan_mpr.engine.config_files import find_config, packaged_configs
from ppgan_mpr.errors import UsageError

NAME = "mprnet_deblurring"


@pytest.mark.parametrize("path", [NAME, f"{NAME}.yaml", f"configs/{NAME}.yaml"])
def test_packaged_file_is_found_by_name_and_by_path(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    assert find_config(path) == packaged_configs()[NAME]
    assert find_config(tmp_path / path) == packaged_configs()[NAME]


@pytest.mark.parametrize("path", [NAME, f"{NAME}.yaml", f"configs/{NAME}.yaml"])
def test_file_on_disk_wins_over_the_packaged_one(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / path).touch()
    assert (tmp_path / find_config(path)).samefile(tmp_path / path)


def test_folder_of_the_same_name_does_not_hide_the_packaged_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert find_config(NAME) == packaged_configs()[NAME]


def test_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="is a folder: name a yaml file in it"):
        find_config(tmp_path)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match=f"did you mean {NAME}?"):
        find_config("mprnet_deblur.yaml")


def test_unreadable_path_is_an_error():
    with pytest.raises(UsageError, match="cannot be read: File name too long"):
        find_config("a" * 300)
