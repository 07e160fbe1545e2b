"""``mprnet-install-ppgan`` installs what is missing and nothing else."""

from __future__ import annotations

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")

from ppgan_mpr.commands import install_ppgan


@pytest.fixture
def pip_calls(monkeypatch):
    calls = []
    monkeypatch.setattr(install_ppgan, "pip_install", lambda *wanted: not calls.append(wanted))
    return calls


def test_complete_installation_downloads_nothing(pip_calls, capsys):
    assert install_ppgan.main([]) == 0
    assert pip_calls == []
    assert "is ready" in capsys.readouterr().out


def test_only_missing_packages_are_installed_and_numpy_stays(pip_calls, monkeypatch):
    installed = install_ppgan.installed
    monkeypatch.setattr(
        install_ppgan,
        "installed",
        lambda name: None if name in ("six", "ppgan") else installed(name),
    )
    install_ppgan.main([])
    requirements, ppgan = pip_calls
    assert requirements == ("six", f"numpy=={installed('numpy')}")
    assert ppgan == ("--no-deps", "ppgan>=2.1.0")


def test_failure_of_pip_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(install_ppgan, "installed", lambda name: None)
    monkeypatch.setattr(install_ppgan, "pip_install", lambda *wanted: False)
    assert install_ppgan.main([]) == 1
    assert "pip could not install easydict" in capsys.readouterr().err
