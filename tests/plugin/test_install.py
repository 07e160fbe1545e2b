from __future__ import annotations

import importlib.util

import pytest

pytest.importorskip("paddle")
pytest.importorskip("ppgan")


@pytest.fixture
def script(root):
    spec = importlib.util.spec_from_file_location("install", root / "tools" / "install_ppgan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip_calls(script, monkeypatch):
    calls = []
    monkeypatch.setattr(script, "pip_install", lambda *wanted: not calls.append(wanted))
    return calls


def test_nothing_is_fetched_when_all_is_there(script, pip_calls, capsys):
    assert script.main() == 0
    assert pip_calls == []
    assert "is ready" in capsys.readouterr().out


def test_only_what_is_missing_is_installed_and_numpy_stays(script, pip_calls, monkeypatch):
    installed = script.installed
    monkeypatch.setattr(
        script, "installed", lambda name: None if name in ("six", "ppgan") else installed(name)
    )
    script.main()
    requirements, ppgan = pip_calls
    assert requirements == ("six", f"numpy=={installed('numpy')}")
    assert ppgan == ("--no-deps", "ppgan>=2.1.0")


def test_failure_of_pip_is_told_by_the_exit_code(script, monkeypatch, capsys):
    monkeypatch.setattr(script, "installed", lambda name: None)
    monkeypatch.setattr(script, "pip_install", lambda *wanted: False)
    assert script.main() == 1
    assert "pip could not install easydict" in capsys.readouterr().err
