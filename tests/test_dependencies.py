"""The installation commands that error messages give."""

import shutil
import subprocess
import sys
from pathlib import Path

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
