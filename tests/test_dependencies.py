"""Imports of optional packages, and the errors for missing and broken ones."""

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ppgan_mpr.dependencies import require

_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from ppgan_mpr.dependencies import install_extra
print(install_extra("cpu"))
"""


def install_command(folder: Path) -> str:
    """The install command that the package in a folder gives in a Python without other packages."""
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", _CODE, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_installed_package_is_named(root, tmp_path):
    shutil.copytree(root / "ppgan_mpr", tmp_path / "ppgan_mpr")
    metadata = tmp_path / "ppgan_mpr-0.1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: ppgan_mpr\nVersion: 0.1.0\n")
    assert install_command(tmp_path) == "pip install 'ppgan_mpr[cpu]'"


def test_checkout_that_is_not_installed_is_named_by_its_folder(root, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(root / "ppgan_mpr", checkout / "ppgan_mpr")
    shutil.copy(root / "pyproject.toml", checkout)
    assert install_command(checkout) == f"pip install '{checkout}[cpu]'"
    # The .egg-info folder of a build is no installation.
    left_over = checkout / "ppgan_mpr.egg-info" / "PKG-INFO"
    left_over.parent.mkdir()
    left_over.write_text("Metadata-Version: 2.1\nName: ppgan_mpr\nVersion: 0.1.0\n")
    assert install_command(checkout) == f"pip install '{checkout}[cpu]'"


STATISTICS = {
    "gradio": {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"},
    "huggingface_hub": {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"},
    "onnxruntime": {"ORT_DISABLE_TELEMETRY": "1"},
    "ray": {"RAY_USAGE_STATS_ENABLED": "0"},
    "scarf": {"SCARF_NO_ANALYTICS": "true", "DO_NOT_TRACK": "1"},
}


def run_python(code: str, *path: Path, **environment: str) -> str:
    """Run code in a new Python that searches these folders first; returns what it prints."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "DO_NOT"))}
    variables["PYTHONPATH"] = os.pathsep.join(map(str, path))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("package", STATISTICS)
@pytest.mark.parametrize("asked", [False, True], ids=["by default", "asked for"])
def test_usage_statistics_are_off_before_the_import_unless_asked_for(
    root, tmp_path, package, asked
):
    (tmp_path / f"{package}.py").write_text("import os\nseen = dict(os.environ)\n")
    given = dict.fromkeys(STATISTICS[package], "as the user set it") if asked else {}
    code = f"from ppgan_mpr.dependencies import require; print(require({package!r}).seen)"
    seen = ast.literal_eval(run_python(code, tmp_path, root, **given))
    assert {name: seen.get(name) for name in STATISTICS[package]} == (given or STATISTICS[package])


def test_openvino_is_imported_without_the_package_that_sends_its_statistics(root, tmp_path):
    (tmp_path / "openvino_telemetry.py").write_text("raise SystemExit('statistics are sent')")
    (tmp_path / "openvino.py").write_text(
        "try:\n    import openvino_telemetry\nexcept ImportError:\n    print('none')\n"
    )
    code = "from ppgan_mpr.dependencies import require; require('openvino')"
    assert run_python(code, tmp_path, root).startswith("none")


def test_doctor_switches_usage_statistics_off_too(root, tmp_path):
    (tmp_path / "onnxruntime.py").write_text(
        "import os\nprint('ORT_DISABLE_TELEMETRY' in os.environ)"
    )
    code = "from ppgan_mpr.commands.probes import main; main('onnxruntime')"
    assert run_python(code, tmp_path, root).startswith("True")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("raise ImportError('libgomp.so.1: cannot open shared object file')", "libgomp.so.1"),
        ("import a_package_it_needs", "a_package_it_needs"),
        ("raise OSError('invalid ELF header')", "invalid ELF header"),
        ("raise AttributeError('numpy has no attribute bool8')", "bool8"),
    ],
)
def test_error_of_a_broken_paddle_does_not_blame_the_weights(root, tmp_path, failure, reason):
    (tmp_path / "paddle.py").write_text(failure)
    weights = root / "tests" / "fixtures" / "swz30_mprnet_small.pth"
    code = f"""
from ppgan_mpr.errors import MissingDependencyError
from ppgan_mpr.weights import load_weights
for source in ({str(weights)!r}, "lite:Denoising"):
    try:
        load_weights(source)
    except MissingDependencyError as error:
        print(error)
"""
    lines = run_python(code, tmp_path, root).splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("paddle is installed but cannot be loaded")
        assert reason in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_does_not_break_an_import(tmp_path, monkeypatch, number):
    """An interrupted import of OpenVINO, for example, looks like a damaged library."""
    (tmp_path / "onnxruntime.py").write_text(
        f"import signal\n"
        f"try:\n"
        f"    signal.raise_signal({int(number)})\n"
        f"except KeyboardInterrupt:\n"
        f"    raise ImportError('initialization failed') from None\n"
    )

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            require("onnxruntime")
        assert signal.getsignal(number) is interrupt
        assert sys.modules.pop("onnxruntime").__file__ == str(tmp_path / "onnxruntime.py")
    finally:
        signal.signal(number, before)


SIGTERM = """
import os, signal, sys, threading, time
from ppgan_mpr.dependencies import require

# Like the threads of BLAS, this thread may receive the signal instead of the main thread.
threading.Thread(target=time.sleep, args=[60], daemon=True).start()

class Importing:
    "Sends the signal after Paddle has installed its handlers, but before its import has ended."
    def find_spec(self, name, *_):
        if name == "paddle.vision" and "during" in sys.argv[2:]:
            os.kill(os.getpid(), signal.SIGTERM)

if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: print("handled"))
sys.meta_path.insert(0, Importing())
require("paddle")
if "after" in sys.argv[2:]:
    os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("handler", "moments"),
    [("handled", ["during", "after"]), ("default", ["during"]), ("default", ["after"])],
)
def test_paddle_leaves_sigterm_alone(root, handler, moments):
    pytest.importorskip("paddle")
    done = subprocess.run(
        [sys.executable, "-c", SIGTERM, handler, *moments], capture_output=True, text=True, cwd=root
    )
    assert done.stdout == ("handled\n" * len(moments) if handler == "handled" else "")
    assert done.returncode == (0 if handler == "handled" else -signal.SIGTERM)
    assert "FatalError" not in done.stderr


# Stands in for Paddle. During its import, another thread imports a module, as a log handler may.
IMPORTS_IN_A_THREAD = """
import importlib, threading
failed = []
def work():
    try:
        importlib.import_module("colorsys")
    except Exception as error:
        failed.append(error)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(failed)
"""


def test_other_threads_may_import_while_paddle_is_imported(root, tmp_path):
    (tmp_path / "paddle").mkdir()
    (tmp_path / "paddle" / "__init__.py").write_text(IMPORTS_IN_A_THREAD)
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from ppgan_mpr.dependencies import require\n"
        "require('paddle')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(root)], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_paddle_imported_in_a_thread_stays_in_its_dynamic_mode(root):
    pytest.importorskip("paddle")
    code = """
import threading
from ppgan_mpr.dependencies import require
def build():
    paddle = require("paddle")
    assert paddle.in_dynamic_mode()
    return paddle.nn.Linear(2, 2)(paddle.ones([1, 2])).shape
for _ in range(2):
    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
assert list(build()) == [1, 2]
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
