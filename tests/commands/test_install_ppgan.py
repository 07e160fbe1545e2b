from __future__ import annotations

import subprocess
import sys

import pytest

from ppgan_mpr.commands import install_ppgan


@pytest.fixture
def pip_calls(monkeypatch):
    """The arguments of each call of pip, which does nothing and succeeds."""
    calls = []
    monkeypatch.setattr(install_ppgan, "pip_install", lambda *wanted: not calls.append(wanted))
    return calls


def test_nothing_is_downloaded_when_everything_is_there(pip_calls, capsys):
    pytest.importorskip("paddle")
    pytest.importorskip("ppgan")
    assert install_ppgan.main([]) == 0
    assert pip_calls == []
    assert "is ready" in capsys.readouterr().out


def test_only_missing_packages_are_installed_and_numpy_stays(pip_calls, monkeypatch):
    versions = {"numpy": "1.26.4", "six": None, "ppgan": None}
    monkeypatch.setattr(install_ppgan, "installed_version", lambda name: versions.get(name, "1"))
    monkeypatch.setattr(install_ppgan, "ppgan_imports", lambda: True)
    install_ppgan.main([])
    requirements, ppgan = pip_calls
    assert requirements == ("six", "numpy==1.26.4")
    assert ppgan == ("--no-deps", "ppgan>=2.1.0")


def test_failure_of_pip_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(install_ppgan, "installed_version", lambda name: None)
    monkeypatch.setattr(install_ppgan, "pip_install", lambda *wanted: False)
    assert install_ppgan.main([]) == 1
    assert "pip could not install easydict" in capsys.readouterr().err


def test_script_in_a_checkout_needs_no_installed_package(root):
    """It runs first in a new environment, so it may import only the standard library."""
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(root / "tools" / "install_ppgan.py"), "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "mprnet-install-ppgan" in done.stdout
