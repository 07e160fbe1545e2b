"""The installation commands that error messages give, and what imports leave alone."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from ppgan_mpr.dependencies import install_extra
print(install_extra("cpu"))
"""


def install_command(folder: Path) -> str:
    """The command given by the package in a folder, in a Python without any other package."""
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
    # What a build leaves behind is no installation.
    left_over = checkout / "ppgan_mpr.egg-info" / "PKG-INFO"
    left_over.parent.mkdir()
    left_over.write_text("Metadata-Version: 2.1\nName: ppgan_mpr\nVersion: 0.1.0\n")
    assert install_command(checkout) == f"pip install '{checkout}[cpu]'"


SIGTERM = """
import os, signal, sys, time
from ppgan_mpr.dependencies import require
if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: print("handled"))
require("paddle")
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("handler", ["handled", "default"])
def test_paddle_leaves_sigterm_alone(root, handler):
    pytest.importorskip("paddle")
    done = subprocess.run(
        [sys.executable, "-c", SIGTERM, handler], capture_output=True, text=True, cwd=root
    )
    assert done.stdout == ("handled\n" if handler == "handled" else "")
    assert done.returncode == (0 if handler == "handled" else -signal.SIGTERM)
    assert "FatalError" not in done.stderr
