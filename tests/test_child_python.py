import json
import subprocess
import sys

from ppgan_mpr.child_python import python_command


def test_child_has_the_import_path_and_the_arguments(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "more")])
    code = "import json; print(json.dumps([sys.path, sys.argv[1:]]))"
    done = subprocess.run(python_command(code, "a b", "-c"), capture_output=True, check=True)
    assert json.loads(done.stdout) == [sys.path, ["a b", "-c"]]


def test_child_imports_nothing_from_the_current_folder(tmp_path):
    # Modules that Python's start-up and the code import.
    for name in ("json", "runpy", "site", "encodings", "sitecustomize", "struct", "ppgan_mpr"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    code = "import json, runpy, struct, ppgan_mpr"
    subprocess.run(python_command(code), cwd=tmp_path, check=True)
    assert not (tmp_path / "executed").exists()


def test_frozen_program_has_no_command_for_a_child_python(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert python_command("pass") == []
